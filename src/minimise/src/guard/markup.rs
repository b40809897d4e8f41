//! Finds in a text what a reader's program could act upon, and what is an attachment in disguise.
//!
//! Markup is judged by what FHIR's narrative allows (R5, section 2.4.0): anything else is refused, not cleaned.

use super::survey::Survey;

/// What is wrong with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finding {
    /// Script, foreign markup, an address that runs.
    Active,
    /// A `data:` address, or base64 by the yard.
    Attachment,
    /// A control character.
    Control,
}

impl Finding {
    pub(super) const fn rule(self) -> &'static str {
        match self {
            Self::Active => "active-content",
            Self::Attachment => "attachment",
            Self::Control => "control-character",
        }
    }

    pub(super) const fn says(self) -> &'static str {
        match self {
            Self::Active => {
                "a text that would leave holds active content or markup outside of FHIR's narrative"
            }
            Self::Attachment => {
                "a text that would leave holds an attachment that the profile does not name as one"
            }
            Self::Control => "a text that would leave holds a control character",
        }
    }

    pub(super) const fn remedy(self) -> &'static str {
        match self {
            Self::Active => "send plain text or FHIR narrative; put a space behind a `<` that is no markup",
            Self::Attachment => "leave the attachment out",
            Self::Control => "leave the control character out",
        }
    }
}

/// The elements of FHIR's narrative.
const ELEMENTS: [&str; 58] = [
    "a",
    "abbr",
    "acronym",
    "address",
    "b",
    "bdo",
    "big",
    "blockquote",
    "br",
    "caption",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "del",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
    "map",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "samp",
    "small",
    "span",
    "strike",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "tt",
    "u",
    "ul",
    "var",
    "area",
];

/// Its attributes that only describe.
const ATTRIBUTES: [&str; 34] = [
    "abbr",
    "align",
    "alt",
    "axis",
    "bgcolor",
    "border",
    "cellpadding",
    "cellspacing",
    "char",
    "charoff",
    "class",
    "clear",
    "colspan",
    "compact",
    "dir",
    "headers",
    "height",
    "hreflang",
    "id",
    "lang",
    "name",
    "noshade",
    "nowrap",
    "rowspan",
    "rules",
    "scope",
    "size",
    "span",
    "start",
    "summary",
    "title",
    "type",
    "valign",
    "xml:lang",
];

/// No word, code or address is a run of so many base64 characters.
const BASE64_RUN: usize = 256;

/// The first thing that may not leave in `text`.
pub(super) fn find(text: &str, survey: &Survey, is_base64: bool) -> Option<Finding> {
    let allowed_controls = ['\t', '\n', '\r'];
    if survey.may_hold_controls() && text.chars().any(|c| c.is_control() && !allowed_controls.contains(&c)) {
        return Some(Finding::Control);
    }
    if is_base64 {
        return None;
    }
    let may_have_scheme = survey.has_colon() && may_have_scheme(text);
    let has_scheme = |schemes: &[&str]| may_have_scheme && has_scheme(text, schemes);
    if has_scheme(&["javascript:", "vbscript:", "livescript:"])
        || (survey.has_markup() && has_active_markup(text))
    {
        return Some(Finding::Active);
    }
    let is_base64 = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
    let has_run = || text.as_bytes().split(|b| !is_base64(b)).map(<[u8]>::len).max() >= Some(BASE64_RUN);
    (has_scheme(&["data:"]) || (text.len() >= BASE64_RUN && has_run())).then_some(Finding::Attachment)
}

/// Whether an address with one of these schemes begins a word in `text`, or the text itself: there, browsers skip white space
/// within the scheme, and so does this.
fn has_scheme(text: &str, schemes: &[&str]) -> bool {
    let lower = text.to_lowercase();
    let dense: String = lower.chars().filter(|c| !c.is_whitespace()).collect();
    let begins_word =
        |at: usize| !lower.get(..at).is_some_and(|before| before.ends_with(char::is_alphanumeric));
    schemes.iter().any(|scheme| {
        let found = lower.match_indices(scheme).filter(|(at, _)| begins_word(*at));
        let mut rests =
            found.filter_map(|(at, _)| lower.get(at + scheme.len()..)).chain(dense.strip_prefix(scheme));
        rests.any(|rest| *scheme != "data:" || is_data(rest))
    })
}

/// Whether some colon follows the last letter of one of the schemes, white space left out.
fn may_have_scheme(text: &str) -> bool {
    memchr::memchr_iter(b':', text.as_bytes()).any(|colon| {
        let before = text.get(..colon).unwrap_or_default();
        before.trim_end().ends_with(['t', 'T', 'a', 'A'])
    })
}

/// Whether `rest` goes on like a `data:` address (RFC 2397); otherwise it was a word before a colon. Media types are short: looking
/// no further keeps a text of nothing but `data:` linear.
fn is_data(rest: &str) -> bool {
    let near: String = rest.trim_start().chars().take(128).collect();
    let media = near.split_once(',').map(|(media, _)| media);
    media.is_some_and(|media| {
        !media.contains(char::is_whitespace) && (media.is_empty() || media.contains(['/', ';']))
    })
}

/// Whether markup in `text` is other than FHIR's narrative, or acts. A tag that is not written as XML has it is read differently by
/// different programs, and counts as acting.
fn has_active_markup(text: &str) -> bool {
    let mut rest = text;
    while let Some((_, tag)) = rest.split_once('<') {
        rest = tag;
        if tag.starts_with(|c: char| c.is_alphabetic() || "/!?".contains(c)) {
            let Some(after) = harmless_tag(tag) else { return true };
            rest = after;
        }
    }
    false
}

/// What follows the tag that begins behind its `<`, if it is one of FHIR's narrative and does nothing.
fn harmless_tag(tag: &str) -> Option<&str> {
    let (name, mut rest) = word(tag.strip_prefix('/').unwrap_or(tag));
    ELEMENTS.contains(&name.to_ascii_lowercase().as_str()).then_some(())?;
    loop {
        let next = rest.trim_start();
        if let Some(after) = next.strip_prefix("/>").or_else(|| next.strip_prefix('>')) {
            return Some(after);
        }
        // Attributes stand apart from one another and from the name.
        (next.len() < rest.len()).then_some(())?;
        let (name, after) = word(next);
        let value = after.trim_start().strip_prefix('=')?.trim_start();
        let quote = value.chars().next().filter(|c| "\"'".contains(*c))?;
        let (value, after) = value.strip_prefix(quote)?.split_once(quote)?;
        is_harmless(&name.to_ascii_lowercase(), &value.to_ascii_lowercase()).then_some(())?;
        rest = after;
    }
}

fn word(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != ':' && c != '-');
    text.split_at(end.unwrap_or(text.len()))
}

fn is_harmless(name: &str, value: &str) -> bool {
    let starts = |allowed: &[&str]| allowed.iter().any(|start| value.starts_with(start));
    let loads = ["url", "expression", "@import", "behavior", "&", "\\", "/*"];
    let fits = match name {
        "xmlns" => value == "http://www.w3.org/1999/xhtml",
        "href" => starts(&["#", "http://", "https://", "mailto:"]),
        // A picture from elsewhere tells that elsewhere who reads the document, and when.
        "src" => starts(&["#"]),
        "style" => !loads.iter().any(|word| value.contains(word)),
        _ => ATTRIBUTES.contains(&name),
    };
    fits && !value.contains('<')
}

#[cfg(test)]
mod tests {
    use super::super::survey::Survey;
    use super::Finding;

    fn find(text: &str, is_base64: bool) -> Option<Finding> {
        super::find(text, &Survey::of(text), is_base64)
    }

    #[test]
    fn active_content_is_found() {
        for text in [
            "<script>x</script>",
            "a <SCRIPT src=x>",
            "<div onclick=\"x()\">",
            "<div\nonmouseover = 'x'>",
            "<img src=x onerror=alert(1)",
            "<p/onclick=x>",
            "<a href=\"javascript:x\">",
            "java\tscript:x",
            "<a href=\"&#106;avascript:x\">",
            "<a href='vbscript:x'>",
            "<a href=\"//evil\">",
            "<img src=\"https://tracker/x.png\"/>",
            "<iframe/>",
            "<svg:script>",
            "<div style=\"background:url(http://x)\">",
            "<!-- hidden -->",
            "<![CDATA[x]]>",
            "<?xml-stylesheet href='x'?>",
            "<!DOCTYPE x>",
            "<p title=\">\" onclick=\"x()\">",
            "<p ' ><script>x</script> '>",
            "<p class=\"a\"onclick=\"x\">",
            "<p class=a>",
            "<p>never closed <b",
            "<a href=\"#x\" xlink:href=\"#y\">",
            "<div xmlns=\"http://www.w3.org/2000/svg\">",
        ] {
            assert_eq!(find(text, false), Some(Finding::Active), "{text}");
        }
    }

    #[test]
    fn attachments_and_control_characters_are_found() {
        for text in ["data:application/pdf;base64,AAAA", "see DATA: text/html,x", &"QUJD".repeat(64)] {
            assert_eq!(find(text, false), Some(Finding::Attachment), "{text}");
        }
        assert_eq!(find(&"QUJD".repeat(64), true), None);
        assert_eq!(find("a\u{0}b", false), Some(Finding::Control));
        assert_eq!(find("a\u{1b}[31m", true), Some(Finding::Control));
    }

    #[test]
    fn hostile_texts_take_linear_time() {
        // Anything quadratic would take minutes here, and be noticed.
        for part in [
            "data:",
            "data: ",
            "<",
            "<a ",
            "<a href=",
            "href=",
            "on a",
            "<p title='",
            ":",
            "javascript",
            "&#",
        ] {
            let _found = find(&part.repeat((256 << 10) / part.len()), false);
        }
    }

    #[test]
    fn narrative_and_plain_text_pass() {
        for text in [
            "<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>Ei sobi <b>müra</b> tingimustes</p><br/></div>",
            "<a href=\"#x\" title=\"on\">vt</a>",
            "<td style=\"color: red\" colspan='2'>a &lt; b</td >",
            "p < 0.05 and 3 <4",
            "see data: none, one on the list",
            "https://fhir.ee/sid/pid/est/ni",
            "line\r\n\tnext",
            "sobib & töötab",
        ] {
            assert_eq!(find(text, false), None, "{text}");
        }
    }
}
