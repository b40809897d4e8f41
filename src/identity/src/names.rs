//! Which names a certificate may carry: text that reads the same to a person, to a log and to the
//! code that compares it.
//!
//! Nothing here decides who a peer is. A name that hides something (a NUL, a control or invisible
//! character, letters of two scripts in one word) condemns the certificate that carries it,
//! whether or not the name would have been looked at.

/// The place of a name in a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameField {
    /// Any attribute of the subject.
    Subject,
    /// The subject's organizationIdentifier, OID 2.5.4.97.
    OrganisationIdentifier,
    /// The subject's serialNumber, OID 2.5.4.5.
    SerialNumber,
    /// A subject alternative name.
    AlternativeName,
}

impl std::fmt::Display for NameField {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Subject => "subject",
            Self::OrganisationIdentifier => "organisation identifier",
            Self::SerialNumber => "subject serial number",
            Self::AlternativeName => "subject alternative name",
        })
    }
}

/// What is wrong with a name. The name itself is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameFault {
    /// A string type other than UTF8String, PrintableString, IA5String or NumericString, or
    /// bytes that are not what the type promises.
    #[error("is not readable text")]
    NotText,
    /// Nothing in it.
    #[error("is empty")]
    Empty,
    /// More than RFC 5280 or RFC 1035 allows.
    #[error("is too long")]
    TooLong,
    /// NUL, line ends, escape and the like.
    #[error("holds a control character")]
    Control,
    /// Zero-width and direction-changing characters.
    #[error("holds an invisible or direction-changing character")]
    Invisible,
    /// Letters that look alike from two scripts within a word, or styled copies of letters.
    #[error("mixes look-alike letters")]
    Confusable,
    /// An identifier or host name with something else than plain ASCII in it.
    #[error("holds a character that may not stand in it")]
    NotPlain,
    /// The same attribute twice: readers differ in which of them they take.
    #[error("appears more than once")]
    Twice,
}

/// Upper bounds of the subject's attributes in RFC 5280 appendix A.1 are 64 and, for names, 32,768;
/// no honest one is longer than this.
const SUBJECT_TEXT_CHARS_MAX: usize = 256;

/// `ub-serial-number` of RFC 5280; organizationIdentifier is held to the same.
const IDENTIFIER_BYTES_MAX: usize = 64;

/// RFC 1035 § 2.3.4.
const DNS_NAME_BYTES_MAX: usize = 253;
const DNS_LABEL_BYTES_MAX: usize = 63;

/// Text for people: the subject's common name, organisation and so on.
pub(crate) fn check_text(text: &str) -> Result<(), NameFault> {
    if text.chars().count() > SUBJECT_TEXT_CHARS_MAX {
        return Err(NameFault::TooLong);
    }
    if text.chars().any(char::is_control) {
        return Err(NameFault::Control);
    }
    if text.chars().any(is_invisible) {
        return Err(NameFault::Invisible);
    }
    if text.chars().any(is_styled_letter) || text.split(|c: char| !c.is_alphabetic()).any(mixes_scripts) {
        return Err(NameFault::Confusable);
    }
    Ok(())
}

/// An identifier that is compared byte by byte: printable ASCII without spaces.
pub(crate) fn check_identifier(text: &str) -> Result<(), NameFault> {
    check_text(text)?;
    match text.len() {
        0 => Err(NameFault::Empty),
        1..=IDENTIFIER_BYTES_MAX if text.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(()),
        1..=IDENTIFIER_BYTES_MAX => Err(NameFault::NotPlain),
        _ => Err(NameFault::TooLong),
    }
}

/// A host name as it stands in a certificate: letters, digits, hyphens and underscores in labels;
/// a wildcard may stand as the first label, where it is text and matches nothing of ours.
pub(crate) fn check_dns_name(text: &str) -> Result<(), NameFault> {
    check_text(text)?;
    let host = text.strip_prefix("*.").unwrap_or(text);
    if host.is_empty() {
        return Err(NameFault::Empty);
    }
    if text.len() > DNS_NAME_BYTES_MAX || host.split('.').any(|label| label.len() > DNS_LABEL_BYTES_MAX) {
        return Err(NameFault::TooLong);
    }
    if host.split('.').all(is_dns_label) { Ok(()) } else { Err(NameFault::NotPlain) }
}

/// A URI or mail address: ASCII, as RFC 5280 § 4.2.1.6 demands.
pub(crate) fn check_ascii(text: &str) -> Result<(), NameFault> {
    check_text(text)?;
    if text.is_ascii() { Ok(()) } else { Err(NameFault::NotPlain) }
}

fn is_dns_label(label: &str) -> bool {
    !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Characters without a glyph of their own, or that change the order in which others are shown.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff9}'..='\u{fffc}' | '\u{e0000}'..='\u{e0fff}')
}

/// Full-width and mathematical copies of the Latin letters.
fn is_styled_letter(c: char) -> bool {
    matches!(c, '\u{ff00}'..='\u{ff60}' | '\u{1d400}'..='\u{1d7ff}' | '\u{24b6}'..='\u{24e9}')
}

fn mixes_scripts(word: &str) -> bool {
    let mut scripts = word.chars().filter_map(look_alike_script);
    scripts.next().is_some_and(|first| scripts.any(|script| script != first))
}

/// The scripts whose letters pass for one another.
#[derive(PartialEq, Eq)]
enum Script {
    Latin,
    Greek,
    Cyrillic,
    Armenian,
    Cherokee,
}

fn look_alike_script(c: char) -> Option<Script> {
    match c {
        'a'..='z' | 'A'..='Z' | '\u{00c0}'..='\u{02af}' | '\u{1e00}'..='\u{1eff}' => Some(Script::Latin),
        '\u{0370}'..='\u{03ff}' | '\u{1f00}'..='\u{1fff}' => Some(Script::Greek),
        '\u{0400}'..='\u{052f}'
        | '\u{1c80}'..='\u{1c8f}'
        | '\u{2de0}'..='\u{2dff}'
        | '\u{a640}'..='\u{a69f}' => Some(Script::Cyrillic),
        '\u{0530}'..='\u{058f}' => Some(Script::Armenian),
        '\u{13a0}'..='\u{13ff}' | '\u{ab70}'..='\u{abbf}' => Some(Script::Cherokee),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn honest_names_pass() {
        for name in ["Kliinik OÜ", "Õhtu & Päev AS", "ООО Ромашка", "Clinic Αθήνα", ""] {
            assert_eq!(check_text(name), Ok(()), "{name}");
        }
        for name in ["NTREE-10303948", "GO:EE-70009770"] {
            assert_eq!(check_identifier(name), Ok(()), "{name}");
        }
        for name in ["pacs.clinic.example", "*.clinic.example", "a_b.example", "xn--80ak6aa92e.example"] {
            assert_eq!(check_dns_name(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn names_that_hide_something_do_not() {
        for (name, fault) in [
            ("Clinic\0", NameFault::Control),
            ("Clinic\r\nadmin", NameFault::Control),
            ("Clinic\u{1b}[2K", NameFault::Control),
            ("Clinic\u{85}", NameFault::Control),
            ("Cli\u{200b}nic", NameFault::Invisible),
            ("\u{202e}cinilC", NameFault::Invisible),
            ("Cl\u{0456}nic", NameFault::Confusable),
            ("\u{0391}lpha", NameFault::Confusable),
            ("\u{ff23}linic", NameFault::Confusable),
        ] {
            assert_eq!(check_text(name), Err(fault), "{name:?}");
        }
    }

    #[test]
    fn identifiers_and_host_names_are_plain() {
        for (name, fault) in [
            ("", NameFault::Empty),
            ("NTREE-10303948\0", NameFault::Control),
            ("NTREE 10303948", NameFault::NotPlain),
            ("NTREE-1030394\u{0668}", NameFault::NotPlain),
            (&"1".repeat(65), NameFault::TooLong),
        ] {
            assert_eq!(check_identifier(name), Err(fault), "{name:?}");
        }
        for (name, fault) in [
            ("", NameFault::Empty),
            ("*.", NameFault::Empty),
            ("pacs.clinic.example\0.evil.example", NameFault::Control),
            ("p\u{0430}cs.clinic.example", NameFault::Confusable),
            ("\u{0440}\u{0430}\u{0441}.example", NameFault::NotPlain),
            ("a..b", NameFault::NotPlain),
            ("a.*.example", NameFault::NotPlain),
            (&"a".repeat(64), NameFault::TooLong),
        ] {
            assert_eq!(check_dns_name(name), Err(fault), "{name:?}");
        }
    }
}
