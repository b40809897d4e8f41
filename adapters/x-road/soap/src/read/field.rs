//! What header elements are made of: text, and identifiers of named parts.

use std::io::BufRead;

use crate::IDENTIFIERS;
use crate::address::Part;
use crate::error::{EnvelopeError, Field};
use crate::names::{Client, ServerId, Service};
use crate::text::Text;
use crate::xml::{Scanner, Token};

/// Goes to the next child element and says whether there is one before the parent ends. For anything but white space and
/// comments before it, `stray` is the error.
pub(super) fn next_child<R: BufRead>(
    scanner: &mut Scanner<R>,
    stray: EnvelopeError,
) -> Result<bool, EnvelopeError> {
    loop {
        match scanner.next()? {
            Token::Start => return Ok(true),
            Token::End | Token::EndOfDocument => return Ok(false),
            Token::Text if !scanner.is_blank() => return Err(stray),
            Token::Text | Token::Aside => {}
        }
    }
}

/// Goes to the end of the element that has begun.
pub(super) fn skip<R: BufRead>(scanner: &mut Scanner<R>) -> Result<(), EnvelopeError> {
    let mut depth = 1_usize;
    while depth > 0 {
        match scanner.next()? {
            Token::Start => depth += 1,
            Token::End => depth -= 1,
            Token::Text | Token::Aside | Token::EndOfDocument => {}
        }
    }
    Ok(())
}

/// The text of the element that has begun; elements in it are not allowed.
pub(super) fn read_string<R: BufRead>(
    scanner: &mut Scanner<R>,
    error: EnvelopeError,
) -> Result<String, EnvelopeError> {
    let mut value = String::new();
    loop {
        match scanner.next()? {
            Token::Text => value.push_str(&scanner.characters()),
            Token::End | Token::EndOfDocument => return Ok(value),
            Token::Start => return Err(error),
            Token::Aside => {}
        }
    }
}

pub(super) fn read_text<R: BufRead>(scanner: &mut Scanner<R>, field: Field) -> Result<Text, EnvelopeError> {
    let error = EnvelopeError::InvalidField(field);
    Text::new(&read_string(scanner, error)?).map_err(|_| error)
}

/// The parts of the element that has begun, by `names` in `namespace`: in any order, each once at most, and no others.
pub(super) fn read_parts<R: BufRead, const N: usize>(
    scanner: &mut Scanner<R>,
    field: Field,
    namespace: &str,
    names: [&str; N],
) -> Result<[Option<Part>; N], EnvelopeError> {
    let invalid = EnvelopeError::InvalidField(field);
    let mut parts = [const { None }; N];
    while next_child(scanner, invalid)? {
        let (found_in, found) = scanner.name();
        let known = names.iter().position(|name| (found_in, found) == (namespace, name));
        let part = known.and_then(|place| parts.get_mut(place)).ok_or(invalid)?;
        if part.is_some() {
            return Err(EnvelopeError::DuplicateField(field));
        }
        *part = Some(read_string(scanner, invalid)?.parse().map_err(|_| invalid)?);
    }
    Ok(parts)
}

/// The type of the identifier that has begun (`objectType`).
fn object_type<R: BufRead>(scanner: &Scanner<R>, field: Field) -> Result<Box<str>, EnvelopeError> {
    let attributes = scanner.attributes()?.into_iter();
    let mut types = attributes.filter(|attribute| &*attribute.namespace == IDENTIFIERS);
    match (types.next(), types.next()) {
        (Some(only), None) if &*only.local == "objectType" => Ok(only.value),
        _ => Err(EnvelopeError::InvalidField(field)),
    }
}

pub(super) fn read_client<R: BufRead>(scanner: &mut Scanner<R>) -> Result<Client, EnvelopeError> {
    let invalid = EnvelopeError::InvalidField(Field::Client);
    let kind = object_type(scanner, Field::Client)?;
    let names = ["xRoadInstance", "memberClass", "memberCode", "subsystemCode"];
    let parts = read_parts(scanner, Field::Client, IDENTIFIERS, names)?;
    let [Some(instance), Some(class), Some(member), subsystem] = parts else { return Err(invalid) };
    match (&*kind, &subsystem) {
        ("MEMBER", None) | ("SUBSYSTEM", Some(_)) => Ok(Client { instance, class, member, subsystem }),
        _ => Err(invalid),
    }
}

/// The service whose identifier has begun.
pub(super) fn read_service<R: BufRead>(scanner: &mut Scanner<R>) -> Result<Service, EnvelopeError> {
    let invalid = EnvelopeError::InvalidField(Field::Service);
    let kind = object_type(scanner, Field::Service)?;
    let names =
        ["xRoadInstance", "memberClass", "memberCode", "subsystemCode", "serviceCode", "serviceVersion"];
    let parts = read_parts(scanner, Field::Service, IDENTIFIERS, names)?;
    let [Some(instance), Some(class), Some(member), subsystem, Some(code), version] = parts else {
        return Err(invalid);
    };
    if &*kind != "SERVICE" {
        return Err(invalid);
    }
    Ok(Service { provider: Client { instance, class, member, subsystem }, code, version })
}

pub(super) fn read_server<R: BufRead>(scanner: &mut Scanner<R>) -> Result<ServerId, EnvelopeError> {
    let invalid = EnvelopeError::InvalidField(Field::SecurityServer);
    let kind = object_type(scanner, Field::SecurityServer)?;
    let names = ["xRoadInstance", "memberClass", "memberCode", "serverCode"];
    let parts = read_parts(scanner, Field::SecurityServer, IDENTIFIERS, names)?;
    let [Some(instance), Some(class), Some(member), Some(code)] = parts else { return Err(invalid) };
    if &*kind == "SERVER" { Ok(ServerId { instance, class, member, code }) } else { Err(invalid) }
}
