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
///
/// INVARIANT: `rest` has at most `MOST - LEAST` parts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Address<const LEAST: usize, const MOST: usize> {
    first: [Part; LEAST],
    rest: Vec<Part>,
}

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

impl Part {
    /// A constant of the protocol, or a name that a provider has published. It is not checked.
    pub fn published(text: &'static str) -> Self {
        Self(text.into())
    }

    /// The part as it is, not encoded.
    pub fn as_str(&self) -> &str {
        &self.0
    }
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
        let mut parts = text.split('/').map(str::parse).collect::<Result<Vec<Part>, _>>()?;
        let miscounted = AddressError::Count { found: parts.len(), least: LEAST, most: MOST };
        if parts.len() > MOST {
            return Err(miscounted);
        }
        let rest = parts.drain(LEAST.min(parts.len())..).collect();
        let first = parts.try_into().map_err(|_| miscounted)?;
        Ok(Self { first, rest })
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
        for (place, part) in self.first.iter().chain(&self.rest).enumerate() {
            let slash = if place == 0 { "" } else { "/" };
            write!(f, "{slash}{}", percent_encoded(part.as_str()))?;
        }
        Ok(())
    }
}

impl ClientPath {
    /// The instance, the class and the member, and the subsystem if there is one.
    pub fn parts(&self) -> (&[Part; 3], Option<&Part>) {
        (&self.first, self.rest.first())
    }

    /// The service `code` of this client; `None` for a member, since REST reaches services of subsystems only.
    pub fn service(&self, code: Part) -> Option<ServiceId> {
        let [instance, class, member] = self.first.clone();
        let subsystem = self.rest.first()?.clone();
        Some(Address { first: [instance, class, member, subsystem, code], rest: Vec::new() })
    }
}

impl ServiceId {
    /// The instance, the class, the member, the subsystem and the service.
    pub fn parts(&self) -> &[Part; 5] {
        &self.first
    }
}

impl LocalClient {
    /// The client in `instance`.
    pub fn within(&self, instance: &Part) -> ClientPath {
        let [class, member] = self.first.clone();
        Address { first: [instance.clone(), class, member], rest: self.rest.clone() }
    }
}

impl LocalService {
    /// A service under the address that its provider has published; one from settings is parsed.
    pub fn published(parts: [&'static str; 4]) -> Self {
        Self { first: parts.map(Part::published), rest: Vec::new() }
    }

    /// The service in `instance`.
    pub fn within(&self, instance: &Part) -> ServiceId {
        let [class, member, subsystem, code] = self.first.clone();
        Address { first: [instance.clone(), class, member, subsystem, code], rest: Vec::new() }
    }
}

/// `text` with everything but the unreserved characters of RFC 3986, section 2.3, percent-encoded.
pub fn percent_encoded(text: &str) -> String {
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
