//! `multipart/related` (RFC 2387, RFC 2046 §5.1) as PS3.18 §8.6.1 has it, cut at its boundary, read from a body that is all there.

/// One part: its headers by lower-case name, and its content.
#[derive(Debug)]
pub(crate) struct Part<'a> {
    headers: Vec<(String, String)>,
    pub(crate) content: &'a [u8],
}

impl Part<'_> {
    /// The media type, without parameters.
    pub(crate) fn media_type(&self) -> Option<String> {
        let mut types = self.headers.iter().filter(|(name, _)| name == "content-type");
        let (_, value) = types.next()?;
        types.next().is_none().then(|| {
            let end = value.find(';').unwrap_or(value.len());
            value.get(..end).unwrap_or_default().trim().to_ascii_lowercase()
        })
    }
}

/// A header value of the form `type/subtype; name=value; name="value"`: its type, and the parameter `name`.
pub(crate) fn parameter(header: &str, name: &str) -> Option<String> {
    header.split(';').skip(1).find_map(|parameter| {
        let (key, value) = parameter.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"').to_owned())
    })
}

/// The parts between the boundaries.
pub(crate) fn parts<'a>(body: &'a [u8], boundary: &str) -> Result<Vec<Part<'a>>, &'static str> {
    if boundary.is_empty() || boundary.len() > 70 {
        return Err("a boundary has 1 to 70 characters");
    }
    let delimiter = format!("--{boundary}");
    let mut parts = Vec::new();
    let mut rest = body.strip_prefix(delimiter.as_bytes()).ok_or("the body begins with the boundary")?;
    let inner = format!("\r\n{delimiter}");
    loop {
        match rest {
            [b'-', b'-'] | [b'-', b'-', b'\r', b'\n'] => return Ok(parts),
            [b'\r', b'\n', after @ ..] => rest = after,
            _ => return Err("after the boundary comes a line's end, or the end"),
        }
        let end = find(rest, inner.as_bytes()).ok_or("the last boundary is missing")?;
        let (part, after) = rest.split_at_checked(end).ok_or("the last boundary is missing")?;
        parts.push(part_of(part)?);
        rest = after.get(inner.len()..).unwrap_or_default();
    }
}

fn part_of(bytes: &[u8]) -> Result<Part<'_>, &'static str> {
    let end = find(bytes, b"\r\n\r\n").ok_or("a part has no empty line after its headers")?;
    let (headers, content) = bytes.split_at_checked(end).ok_or("a part has no content")?;
    let headers = std::str::from_utf8(headers).map_err(|_| "a header is not text")?;
    let headers = headers.split("\r\n").map(|line| {
        let (name, value) = line.split_once(':').ok_or("a header has no colon")?;
        Ok((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
    });
    Ok(Part {
        headers: headers.collect::<Result<_, &'static str>>()?,
        content: content.get(4..).unwrap_or_default(),
    })
}

/// Jumps from one possible beginning to the next: bodies are large, and most of them are pixels.
fn find(within: &[u8], what: &[u8]) -> Option<usize> {
    let first = *what.first()?;
    let mut from = 0;
    loop {
        let rest = within.get(from..)?;
        let at = from + rest.iter().position(|byte| *byte == first)?;
        if within.get(at..)?.starts_with(what) {
            return Some(at);
        }
        from = at + 1;
    }
}
