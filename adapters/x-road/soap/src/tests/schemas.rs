//! What is written is valid against the schemas of X-Road, as `xmllint` sees it.

use std::path::Path;
use std::process::Command;

use super::{headers, request};
use crate::{
    Client, HashAlgorithm, Headers, Message, RepresentedParty, RequestHash, SecurityToken, ServerId, Text,
};

/// An envelope whose header elements must be those of the schemas.
const ENVELOPE: &str = r###"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" elementFormDefault="qualified"
    targetNamespace="http://schemas.xmlsoap.org/soap/envelope/">
  <xs:import namespace="http://x-road.eu/xsd/xroad.xsd" schemaLocation="xroad.xsd"/>
  <xs:import namespace="http://x-road.eu/xsd/representation.xsd" schemaLocation="representation.xsd"/>
  <xs:element name="Envelope"><xs:complexType><xs:sequence>
    <xs:element name="Header"><xs:complexType><xs:sequence>
      <xs:any maxOccurs="unbounded" processContents="strict" namespace="##other"/>
    </xs:sequence></xs:complexType></xs:element>
    <xs:element name="Body"><xs:complexType><xs:sequence>
      <xs:any processContents="lax" namespace="##any"/>
    </xs:sequence></xs:complexType></xs:element>
  </xs:sequence></xs:complexType></xs:element>
</xs:schema>"###;

/// `xml:lang` for `xroad.xsd`, which would have it from the network.
const XML: &str = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"
    targetNamespace="http://www.w3.org/XML/1998/namespace"><xs:attribute name="lang" type="xs:language"/></xs:schema>"#;

#[test]
fn every_header_that_is_written_is_valid_against_the_schemas() {
    let Some(samples) = super::samples::folder() else { return };
    if Command::new("xmllint").arg("--version").output().is_err() {
        println!("SKIPPED: `xmllint` is not installed (Debian package libxml2-utils)");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    lay_out(folder.path(), &samples.join("schemas"));
    assert!(is_valid(folder.path(), &request().to_xml()), "the least");
    assert!(
        is_valid(folder.path(), &Message::new(full(), request().body().clone()).unwrap().to_xml()),
        "the most"
    );
    let spoilt = super::envelope().replace("memberCode", "memberCodes");
    assert!(!is_valid(folder.path(), spoilt.as_bytes()), "the check finds nothing");
}

/// A header with all that the schemas know; they do not know the extension for tokens.
fn full() -> Headers {
    let code = |text: &str| text.parse().unwrap();
    Headers {
        client: Client { subsystem: None, ..headers().client },
        user_id: Some(Text::new("EE39901012239").unwrap()),
        issue: Some(Text::new("<bill> & \"more\"\n").unwrap()),
        security_server: Some(ServerId {
            instance: code("ee-test"),
            class: code("GOV"),
            member: code("70000001"),
            code: code("TS1"),
        }),
        represented_party: Some(RepresentedParty { class: Some(code("COM")), code: code("10000001") }),
        security_token: None::<SecurityToken>,
        request_hash: Some(RequestHash::of(HashAlgorithm::Sha512, b"request")),
        ..headers()
    }
}

fn lay_out(folder: &Path, schemas: &Path) {
    for file in ["identifiers.xsd", "representation.xsd", "xroad.xsd"] {
        let schema = std::fs::read_to_string(schemas.join(file)).unwrap();
        let local = schema.replace("http://www.w3.org/2001/xml.xsd", "xml.xsd");
        std::fs::write(folder.join(file), local).unwrap();
    }
    std::fs::write(folder.join("envelope.xsd"), ENVELOPE).unwrap();
    std::fs::write(folder.join("xml.xsd"), XML).unwrap();
}

fn is_valid(folder: &Path, envelope: &[u8]) -> bool {
    std::fs::write(folder.join("envelope.xml"), envelope).unwrap();
    let mut xmllint = Command::new("xmllint");
    xmllint.current_dir(folder).args(["--nonet", "--noout", "--schema", "envelope.xsd", "envelope.xml"]);
    let output = xmllint.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!said.contains("failed to compile"), "{said}");
    println!("{said}");
    output.status.success()
}
