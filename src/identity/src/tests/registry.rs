//! The registry as configured: what it takes, and what it says about what it does not take.

use rustls_pki_types::CertificateDer;
use serde::Deserialize;

use super::world::{Lab, Shown};
use crate::{
    Certificate, Client, Fingerprint, IdentityError, Pin, Registry, RegistryFault, RevocationPolicy,
    Revocations, SubjectSerial,
};

#[test]
fn an_entry_is_written_like_this() {
    #[derive(Deserialize)]
    struct File {
        clients: Vec<Client>,
    }
    let digest = "00".repeat(32);
    let text = format!(
        r#"
        [[clients]]
        id = "ehr"
        spki_sha256 = [
            {{ sha256 = "{digest}", not_after = "2026-06-30T21:00:00Z" }},
            {{ sha256 = "{}", not_before = "2026-06-01T00:00:00Z" }},
        ]
        organisation_identifier = "NTREE-10303948"
        "#,
        "01:".repeat(32).trim_end_matches(':')
    );
    let file: File = toml::from_str(&text).unwrap();
    assert_eq!(file.clients[0].id.as_str(), "ehr");
    assert_eq!(file.clients[0].spki_sha256.len(), 2);
    Registry::new(file.clients).unwrap();

    for (part, other) in [
        ("organisation_identifier", "organization_identifier"),
        ("not_after", "until"),
        ("\"ehr\"", "\"EHR\""),
        (digest.as_str(), "00"),
    ] {
        let text = text.replace(part, other);
        assert!(toml::from_str::<File>(&text).is_err(), "{other}");
    }
}

#[test]
fn every_fault_of_a_registry_is_told_at_once() {
    let shared = Pin::of(Fingerprint::of(b"shared"));
    let late = Pin {
        not_before: Some("2026-02-01T00:00:00Z".parse().unwrap()),
        not_after: Some("2026-01-01T00:00:00Z".parse().unwrap()),
        ..Pin::of(Fingerprint::of(b"late"))
    };
    let client = |id: &str| Client {
        id: id.parse().unwrap(),
        spki_sha256: vec![shared],
        certificate_sha256: Vec::new(),
        organisation_identifier: Some("NTREE-10303948".to_owned()),
        dns_name: None,
        serial_number: None,
    };
    let error = Registry::new(vec![
        client("ehr"),
        Client { spki_sha256: Vec::new(), ..client("ehr") },
        Client { spki_sha256: vec![shared, late], organisation_identifier: None, ..client("pacs") },
        Client {
            spki_sha256: vec![Pin::of(Fingerprint::of(b"billing"))],
            organisation_identifier: Some("NTREE 10303948".to_owned()),
            dns_name: Some("*.clinic.example".to_owned()),
            serial_number: Some(SubjectSerial::new("")),
            ..client("billing")
        },
    ])
    .unwrap_err();
    let named = |id: &str| id.parse().unwrap();
    assert_eq!(
        error.faults,
        [
            RegistryFault::Twice { client: named("ehr") },
            RegistryFault::NoPin { client: named("ehr") },
            RegistryFault::NoCrossCheck { client: named("pacs") },
            RegistryFault::EmptyWindow { client: named("pacs"), sha256: late.sha256 },
            RegistryFault::Unmatchable { client: named("billing"), key: "organisation_identifier" },
            RegistryFault::Unmatchable { client: named("billing"), key: "dns_name" },
            RegistryFault::Unmatchable { client: named("billing"), key: "serial_number" },
            RegistryFault::SharedPin { sha256: shared.sha256, first: named("ehr"), second: named("pacs") },
        ]
    );
    assert_eq!(error.to_string().matches("; ").count(), 7);
}

#[test]
fn a_certificate_pinned_for_one_client_with_a_key_pinned_for_another_is_nobodys() {
    let lab = Lab::new();
    let shown = lab.issue(|_| {});
    let by_certificate = Client {
        spki_sha256: Vec::new(),
        certificate_sha256: vec![Pin::of(Fingerprint::of(&shown.chain[0]))],
        ..shown.registered("ehr")
    };
    let registry = Registry::new(vec![by_certificate, shown.registered("pacs")]).unwrap();
    let error = registry.identify(&shown.chain[0], lab.world.now).unwrap_err();
    let (by_certificate, by_key) = ("ehr".parse().unwrap(), "pacs".parse().unwrap());
    assert_eq!(error, IdentityError::Ambiguous { by_certificate, by_key });
}

#[test]
fn where_the_code_stands_in_the_serial_number_it_is_checked_there() {
    let lab = Lab::new();
    let shown = lab.issue(|params| {
        let serial_number = rcgen::DnType::CustomDnType(vec![2, 5, 4, 5]);
        params.distinguished_name.push(serial_number, "10303948");
    });
    let identify = |number: &str| {
        let client = Client {
            organisation_identifier: None,
            serial_number: Some(SubjectSerial::new(number)),
            ..shown.registered("ehr")
        };
        let registry = Registry::new(vec![client]).unwrap();
        registry.identify(&shown.chain[0], lab.world.now).map(|_| ())
    };
    assert_eq!(identify("10303948"), Ok(()));
    let client = "ehr".parse().unwrap();
    assert_eq!(identify("19999992"), Err(IdentityError::OtherSerialNumber { client }));
}

/// In a personal certificate the serial number is the person's code and the common name the
/// person's name.
#[test]
fn neither_errors_nor_debug_output_repeat_a_person() {
    let lab = Lab::new();
    let personal = lab.issue(|params| {
        let serial_number = rcgen::DnType::CustomDnType(vec![2, 5, 4, 5]);
        params.distinguished_name.push(serial_number, "PNOEE-60001017869");
        params.distinguished_name.push(rcgen::DnType::CommonName, "MAASIKAS,MARI");
    });
    let stranger = Registry::default().identify(&personal.chain[0], lab.world.now).unwrap_err();
    let other =
        Client { serial_number: Some(SubjectSerial::new("PNOEE-39901012239")), ..personal.registered("ehr") };
    let registry = Registry::new(vec![other]).unwrap();
    let mismatch = registry.identify(&personal.chain[0], lab.world.now).unwrap_err();
    let known = Registry::new(vec![personal.registered("ehr")]).unwrap();
    let peer = known.identify(&personal.chain[0], lab.world.now).unwrap();
    for text in [
        format!("{stranger} {stranger:?}"),
        format!("{mismatch} {mismatch:?} {registry:?}"),
        format!("{peer:?} {}", peer.certificate().summary()),
    ] {
        for person in ["6000101", "3990101", "MARI", "MAASIKAS"] {
            assert!(!text.contains(person), "{text}");
        }
    }
}

/// Every byte of a certificate and of a list comes from outside.
#[test]
fn no_broken_certificate_or_list_makes_reading_panic() {
    let lab = Lab::new();
    let Shown { chain, .. } = lab.issue(|_| {});
    for der in broken(&chain[0]) {
        let der = CertificateDer::from(der);
        let _ = Certificate::read(&der).map(|certificate| certificate.check_as_client());
    }
    let window = super::world::days_from(lab.world.now, 1, 30);
    let list = lab.authority.revocation_list(&[1.into(), 2.into()], window).unwrap();
    let list = crate::files::revocation_lists_in(list.into_bytes()).unwrap();
    for der in broken(&list[0]) {
        let _ = Revocations::of(vec![der.into()], RevocationPolicy::default(), lab.world.now);
    }
}

/// Each byte changed in several ways, and every beginning.
fn broken(der: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let changed = (0..der.len()).flat_map(move |at| {
        [0x00, 0x01, 0x7f, 0x80, 0xff].map(|change| {
            let mut der = der.to_vec();
            der[at] = if change == 1 { der[at] ^ 1 } else { change };
            der
        })
    });
    changed.chain((0..der.len()).map(|end| der[..end].to_vec()))
}
