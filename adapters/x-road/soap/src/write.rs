//! Envelopes as they are written.
//!
//! Prefixes are declared where they are used, so that the body inherits none but that of the envelope itself.

use std::io::{self, Write};

use bytes::Bytes;

use super::element::Element;
use super::error::Field;
use super::headers::{Headers, SecurityToken};
use super::names::{Client, RepresentedParty, ServerId, Service};
use super::xml::write_escaped;
use super::{IDENTIFIERS, PROTOCOL_VERSION, REPRESENTATION, SECURITY_TOKEN, SOAP, X_ROAD};
use crate::address::Part;

/// What a header takes, about: enough not to allocate twice.
const HEADER_BYTES: usize = 2048;

/// The envelope with this header and the child `body` of its body.
pub(super) fn envelope(headers: &Headers, body: &Element) -> Bytes {
    let mut out = Vec::with_capacity(HEADER_BYTES + body.xml().len());
    // INVARIANT: writing into memory does not fail.
    let written = write_envelope(headers, body, &mut out);
    debug_assert!(written.is_ok());
    out.into()
}

fn write_envelope(headers: &Headers, body: &Element, out: &mut Vec<u8>) -> io::Result<()> {
    write!(out, r#"<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="{SOAP}">"#)?;
    write!(out, r#"<s:Header xmlns:x="{X_ROAD}" xmlns:id="{IDENTIFIERS}">"#)?;
    write_headers(headers, out)?;
    out.write_all(b"</s:Header><s:Body>")?;
    out.write_all(body.xml())?;
    out.write_all(b"</s:Body></s:Envelope>")
}

/// The elements in the order of the protocol's examples.
fn write_headers(headers: &Headers, out: &mut Vec<u8>) -> io::Result<()> {
    write_client(&headers.client, out)?;
    write_service(&headers.service, out)?;
    if let Some(server) = &headers.security_server {
        write_server(server, out)?;
    }
    if let Some(party) = &headers.represented_party {
        write_party(party, out)?;
    }
    if let Some(token) = &headers.security_token {
        write_token(token, out)?;
    }
    write_field(Field::Id, headers.id.as_str(), out)?;
    if let Some(user) = &headers.user_id {
        write_field(Field::UserId, user.as_str(), out)?;
    }
    if let Some(issue) = &headers.issue {
        write_field(Field::Issue, issue.as_str(), out)?;
    }
    write_field(Field::ProtocolVersion, PROTOCOL_VERSION, out)?;
    if let Some(hash) = &headers.request_hash {
        out.write_all(b"<x:requestHash algorithmId=\"")?;
        write_escaped(hash.algorithm(), out)?;
        out.write_all(b"\">")?;
        write_escaped(hash.value(), out)?;
        out.write_all(b"</x:requestHash>")?;
    }
    headers.others.iter().try_for_each(|other| out.write_all(other.xml()))
}

fn write_client(client: &Client, out: &mut Vec<u8>) -> io::Result<()> {
    let kind = if client.subsystem.is_some() { "SUBSYSTEM" } else { "MEMBER" };
    write!(out, r#"<x:client id:objectType="{kind}">"#)?;
    write_member(client, out)?;
    out.write_all(b"</x:client>")
}

fn write_service(service: &Service, out: &mut Vec<u8>) -> io::Result<()> {
    out.write_all(br#"<x:service id:objectType="SERVICE">"#)?;
    write_member(&service.provider, out)?;
    write_part("serviceCode", &service.code, out)?;
    if let Some(version) = &service.version {
        write_part("serviceVersion", version, out)?;
    }
    out.write_all(b"</x:service>")
}

fn write_member(client: &Client, out: &mut Vec<u8>) -> io::Result<()> {
    write_part("xRoadInstance", &client.instance, out)?;
    write_part("memberClass", &client.class, out)?;
    write_part("memberCode", &client.member, out)?;
    client.subsystem.as_ref().map_or(Ok(()), |subsystem| write_part("subsystemCode", subsystem, out))
}

fn write_server(server: &ServerId, out: &mut Vec<u8>) -> io::Result<()> {
    out.write_all(br#"<x:securityServer id:objectType="SERVER">"#)?;
    write_part("xRoadInstance", &server.instance, out)?;
    write_part("memberClass", &server.class, out)?;
    write_part("memberCode", &server.member, out)?;
    write_part("serverCode", &server.code, out)?;
    out.write_all(b"</x:securityServer>")
}

fn write_party(party: &RepresentedParty, out: &mut Vec<u8>) -> io::Result<()> {
    write!(out, r#"<r:representedParty xmlns:r="{REPRESENTATION}">"#)?;
    if let Some(class) = &party.class {
        out.write_all(b"<r:partyClass>")?;
        write_escaped(class.as_str(), out)?;
        out.write_all(b"</r:partyClass>")?;
    }
    out.write_all(b"<r:partyCode>")?;
    write_escaped(party.code.as_str(), out)?;
    out.write_all(b"</r:partyCode></r:representedParty>")
}

fn write_token(token: &SecurityToken, out: &mut Vec<u8>) -> io::Result<()> {
    write!(out, r#"<t:securityToken xmlns:t="{SECURITY_TOKEN}""#)?;
    if let Some(token_type) = &token.token_type {
        out.write_all(b" tokenType=\"")?;
        write_escaped(token_type.as_str(), out)?;
        out.write_all(b"\"")?;
    }
    out.write_all(b">")?;
    write_escaped(token.token.as_str(), out)?;
    out.write_all(b"</t:securityToken>")
}

fn write_field(field: Field, value: &str, out: &mut Vec<u8>) -> io::Result<()> {
    write!(out, "<x:{field}>")?;
    write_escaped(value, out)?;
    write!(out, "</x:{field}>")
}

fn write_part(name: &str, part: &Part, out: &mut Vec<u8>) -> io::Result<()> {
    write!(out, "<id:{name}>")?;
    write_escaped(part.as_str(), out)?;
    write!(out, "</id:{name}>")
}
