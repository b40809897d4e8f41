//! Paths and queries as sent: split first, percent-decoded after, so that an encoded separator stays part of a value.

/// Decodes `text`; none when an escape or the result is not well-formed.
pub fn decoded(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let high = char::from(bytes.next()?).to_digit(16)?;
            let low = char::from(bytes.next()?).to_digit(16)?;
            decoded.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).ok()
}

/// The parameters of a query, in order; none when one is not well-formed.
pub fn parameters(query: Option<&str>) -> Option<Vec<(String, String)>> {
    query
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decoded(name)?, decoded(&value.replace('+', " "))?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoded_separator_is_part_of_the_value() {
        let query = Some("identifier=https%3A%2F%2Ffhir.ee%7C1%262&x=%C3%B6+a");
        let expected = [("identifier", "https://fhir.ee|1&2"), ("x", "ö a")];
        let found = parameters(query).unwrap();
        assert_eq!(found, expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
        assert!(parameters(Some("a=%f")).is_none() && parameters(Some("a=%ff")).is_none());
        assert!(parameters(None).unwrap().is_empty());
    }
}
