//! The message is valid against the schemas of the health information system, as `xmllint` sees it.
//!
//! `RCMR_IN000030UV01.xsd` includes schemas that are not public; what it takes from them is declared here, with no more than
//! names and attributes.

use std::process::Command;

use crate::testing::{EPICRISIS, Stage, deliver, piece, reply};

/// The types that the schema includes.
const TYPES: &str = r###"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="urn:hl7-org:v3"
    targetNamespace="urn:hl7-org:v3" elementFormDefault="qualified">
  <xs:attributeGroup name="InfrastructureRootAttributes"/>
  <xs:group name="InfrastructureRootElements"><xs:sequence>
    <xs:element name="realmCode" type="CS" minOccurs="0" maxOccurs="unbounded"/>
    <xs:element name="typeId" type="II" minOccurs="0"/>
    <xs:element name="templateId" type="II" minOccurs="0" maxOccurs="unbounded"/>
  </xs:sequence></xs:group>
  <xs:complexType name="II"><xs:attribute name="root" use="required"/><xs:attribute name="extension"/></xs:complexType>
  <xs:complexType name="TS"><xs:attribute name="value" use="required"/></xs:complexType>
  <xs:complexType name="CS"><xs:attribute name="code" use="required"/></xs:complexType>
  <xs:complexType name="device"><xs:sequence><xs:element name="device"><xs:complexType><xs:sequence>
    <xs:element name="id" type="II"/></xs:sequence><xs:attribute name="classCode" use="required"/>
    <xs:attribute name="determinerCode" use="required"/></xs:complexType></xs:element></xs:sequence>
    <xs:attribute name="typeCode" use="required"/></xs:complexType>
  <xs:complexType name="MCCI_MT000300UV01.Receiver"><xs:complexContent><xs:extension base="device"/></xs:complexContent></xs:complexType>
  <xs:complexType name="MCCI_MT000300UV01.Sender"><xs:complexContent><xs:extension base="device"/></xs:complexContent></xs:complexType>
  <xs:complexType name="QUQI_MT120001UV01.QueryAck"><xs:sequence>
    <xs:element name="queryResponseCode" type="CS"/></xs:sequence></xs:complexType>
  <xs:complexType name="RCMR_MT000001UV.ClinicalDocument" mixed="true"><xs:sequence>
    <xs:any processContents="skip" maxOccurs="unbounded"/></xs:sequence>
    <xs:attribute name="classCode"/><xs:attribute name="moodCode"/></xs:complexType>
  ANY
  <xs:simpleType name="NullFlavor"><xs:restriction base="xs:token"/></xs:simpleType>
  <xs:simpleType name="ActClassControlAct"><xs:restriction base="xs:token"><xs:enumeration value="CACT"/></xs:restriction></xs:simpleType>
  <xs:simpleType name="x_ActMoodIntentEvent"><xs:restriction base="xs:token"><xs:enumeration value="EVN"/><xs:enumeration value="RQO"/></xs:restriction></xs:simpleType>
  <xs:simpleType name="ActRelationshipType"><xs:restriction base="xs:token"/></xs:simpleType>
  <xs:simpleType name="bl"><xs:restriction base="xs:boolean"/></xs:simpleType>
</xs:schema>"###;
/// Types that the message has no element of.
const UNUSED: [&str; 14] = [
    "ST",
    "ED",
    "CD",
    "CE",
    "IVL_TS",
    "MCCI_MT000300UV01.RespondTo",
    "MCCI_MT000300UV01.AttentionLine",
    "MCCI_MT000300UV01.Acknowledgement",
    "QUQI_MT120001UV01.Overseer",
    "QUQI_MT120001UV01.AuthorOrPerformer",
    "QUQI_MT120001UV01.DataEnterer",
    "QUQI_MT120001UV01.InformationRecipient",
    "QUQI_MT120001UV01.Reason",
    "RCMR_MT000003UV.QueryByParameter",
];

#[tokio::test]
async fn the_message_is_valid_against_the_schemas() {
    let Ok(samples) = std::env::var("CLEARANCE_SAMPLES") else {
        println!("skipped: CLEARANCE_SAMPLES is not set");
        return;
    };
    if Command::new("xmllint").arg("--version").output().is_err() {
        println!("skipped: `xmllint` is not installed (Debian package libxml2-utils)");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let schema = std::fs::read_to_string(format!("{samples}/digilugu/RCMR_IN000030UV01.xsd")).unwrap();
    let (before, after) =
        (schema.find("<xs:include").unwrap(), schema.find("<xs:element name=\"RCMR").unwrap());
    let ours = format!(
        "{}<xs:include schemaLocation=\"types.xsd\"/>{}",
        piece(&schema, ..before),
        piece(&schema, after..)
    );
    std::fs::write(folder.path().join("message.xsd"), ours).unwrap();
    let unused: String = UNUSED.iter().map(|name| format!("<xs:complexType name=\"{name}\"/>")).collect();
    std::fs::write(folder.path().join("types.xsd"), TYPES.replace("ANY", &unused)).unwrap();

    let message = message().await;
    assert!(is_valid(folder.path(), &message));
    for (from, to) in [
        ("<processingCode code=\"T\"/>", ""),
        ("ITSVersion=\"XML_1.0\"", ""),
        ("<queryAck>", "<queryAcks>"),
        ("moodCode=\"EVN\"><subject", "moodCode=\"GOL\"><subject"),
    ] {
        assert!(message.contains(from), "{from}");
        let spoilt = message
            .replace(from, to)
            .replace("</queryAck>", if to == "<queryAcks>" { "</queryAcks>" } else { "</queryAck>" });
        assert!(!is_valid(folder.path(), &spoilt), "the check finds nothing: {from}");
    }
    body_is_valid(&samples, folder.path()).await;
}

/// The body against the schema in the WSDL.
async fn body_is_valid(samples: &str, folder: &std::path::Path) {
    let wsdl = std::fs::read_to_string(format!("{samples}/digilugu/digilugu.wsdl")).unwrap();
    let types = |name: &str, kind: &str| {
        let from = wsdl.find(&format!("<{kind} name=\"{name}\"")).unwrap();
        let end = format!("</{kind}>");
        let to = from + piece(&wsdl, from..).find(&format!("\n      {end}")).unwrap() + 7 + end.len();
        piece(&wsdl, from..to).to_owned()
    };
    let schema = format!(
        "<schema targetNamespace=\"http://digilugu.x-road.ee/producer/\" xmlns=\"http://www.w3.org/2001/XMLSchema\" \
         xmlns:tns=\"http://digilugu.x-road.ee/producer/\" xmlns:xrd=\"http://x-road.eu/xsd/xroad.xsd\">{}{}{}</schema>",
        types("xml", "simpleType"),
        types("hl7Paring", "complexType"),
        types("hl7", "element"),
    );
    std::fs::write(folder.join("message.xsd"), schema).unwrap();
    let body = body().await;
    assert!(is_valid(folder, &body));
    assert!(!is_valid(folder, &body.replace("request>", "paring>")), "the check finds nothing");
}

fn is_valid(folder: &std::path::Path, document: &str) -> bool {
    std::fs::write(folder.join("message.xml"), document).unwrap();
    let mut xmllint = Command::new("xmllint");
    xmllint.current_dir(folder).args(["--nonet", "--noout", "--schema", "message.xsd", "message.xml"]);
    let output = xmllint.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!said.contains("failed to compile"), "{said}");
    println!("{said}");
    output.status.success()
}

/// The child of the SOAP body.
async fn body() -> String {
    let stage = Stage::answering([reply(503, "")]);
    deliver("ambulatory-epicrisis", EPICRISIS, false, &stage.means()).await;
    let sent = String::from_utf8(stage.calls().pop().unwrap().body.in_memory().unwrap().to_vec()).unwrap();
    let body = sent.split("<s:Body>").nth(1).unwrap();
    body.split("</s:Body>").next().unwrap().to_owned()
}

/// The HL7 v3 message in it.
async fn message() -> String {
    let body = body().await;
    let escaped = body.split("<hl7InputMessage>").nth(1).unwrap().split("</hl7InputMessage>").next().unwrap();
    escaped
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}
