//! Names of members, subsystems and services: checked once, written percent-encoded part by part.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

/// One part of an identifier, such as a member code.
///
/// INVARIANT: 1 to 255 characters; none that X-Road forbids in identifiers (control and zero-width characters, `:`, `;`,
/// `/`, `\`, `%`), and neither `.` nor `..`, so that a part can never change the path it stands in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Part(Box<str>);

/// `LEAST` to `MOST` parts, parted by slashes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Address<const LEAST: usize, const MOST: usize>(Vec<Part>);

/// `instance/class/member[/subsystem]`: who calls.
pub type ClientPath = Address<3, 4>;
/// `instance/class/member/subsystem/service`: what is called.
pub type ServiceId = Address<5, 5>;
/// A client within an instance: `class/member[/subsystem]`.
pub type LocalClient = Address<2, 3>;
/// A service within an instance: `class/member/subsystem/service`.
pub type LocalService = Address<4, 4>;

/// Text that is not an X-Road identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// A part is empty, too long or has a character that identifiers must not have.
    #[error("a part of an X-Road identifier is empty, too long or has a forbidden character")]
    Part,
    /// Too few or too many parts.
    #[error("the X-Road identifier has {found} parts instead of {least} to {most}")]
    Count {
        /// As many as there are.
        found: usize,
        /// The fewest.
        least: usize,
        /// The most.
        most: usize,
    },
}

impl FromStr for Part {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let length = text.chars().count();
        if (1..=255).contains(&length) && text != "." && text != ".." && !text.contains(is_forbidden) {
            Ok(Self(text.into()))
        } else {
            Err(AddressError::Part)
        }
    }
}

fn is_forbidden(character: char) -> bool {
    matches!(character, ':' | ';' | '/' | '\\' | '%' | '\u{200B}' | '\u{FEFF}') || character.is_control()
}

impl TryFrom<String> for Part {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl<const LEAST: usize, const MOST: usize> FromStr for Address<LEAST, MOST> {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let parts = text.split('/').map(str::parse).collect::<Result<Vec<Part>, _>>()?;
        if !(LEAST..=MOST).contains(&parts.len()) {
            return Err(AddressError::Count { found: parts.len(), least: LEAST, most: MOST });
        }
        Ok(Self(parts))
    }
}

impl<const LEAST: usize, const MOST: usize> TryFrom<String> for Address<LEAST, MOST> {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl<const LEAST: usize, const MOST: usize> fmt::Display for Address<LEAST, MOST> {
    /// As in URLs and headers: each part percent-encoded on its own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, part) in self.0.iter().enumerate() {
            let slash = if place == 0 { "" } else { "/" };
            write!(f, "{slash}{}", percent_encoded(&part.0))?;
        }
        Ok(())
    }
}

impl LocalClient {
    /// The client in `instance`.
    pub fn within(&self, instance: &Part) -> ClientPath {
        Address(std::iter::once(instance).chain(&self.0).cloned().collect())
    }
}

impl LocalService {
    /// The service `code` of the health information system.
    pub(crate) fn of_tis(code: &str) -> Self {
        Address(["GOV", "70009770", "tis", code].map(|part| Part(part.into())).to_vec())
    }

    /// The service in `instance`.
    pub fn within(&self, instance: &Part) -> ServiceId {
        Address(std::iter::once(instance).chain(&self.0).cloned().collect())
    }
}

/// `text` with everything but the unreserved characters of RFC 3986, section 2.3, percent-encoded.
pub(crate) fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_has_its_number_of_parts() {
        assert!("ee-test/GOV/70009770/tis/fhir".parse::<ServiceId>().is_ok());
        assert!("ee-test/COM/10303948".parse::<ClientPath>().is_ok());
        let error = "ee-test/GOV/70009770/tis".parse::<ServiceId>().unwrap_err();
        assert_eq!(error, AddressError::Count { found: 4, least: 5, most: 5 });
        assert!("ee-test/GOV/70009770/a/b".parse::<ClientPath>().is_err());
    }

    #[test]
    fn no_part_can_change_the_path_it_stands_in() {
        for part in ["", ".", "..", "a\\b", "a%2Fb", "a;b", "a:b", "a\u{200B}b", "a\r\nb", &"x".repeat(256)] {
            assert_eq!(part.parse::<Part>(), Err(AddressError::Part), "{part:?}");
        }
    }

    #[test]
    fn each_part_is_percent_encoded_on_its_own() {
        let client: ClientPath = "EE/COM/10303948/õe süsteem?#".parse().unwrap();
        assert_eq!(client.to_string(), "EE/COM/10303948/%C3%B5e%20s%C3%BCsteem%3F%23");
    }

    #[test]
    fn an_instance_completes_a_local_address() {
        let instance = "ee-dev".parse().unwrap();
        let service: LocalService = "GOV/70009770/tis/auth".parse().unwrap();
        assert_eq!(service.within(&instance).to_string(), "ee-dev/GOV/70009770/tis/auth");
    }
}
