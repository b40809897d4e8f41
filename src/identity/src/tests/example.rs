//! The example PKI: what it promises, and the chain check tried on it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::world::{Shown, World, days};
use crate::example::{
    BadCertificate, ExampleClient, ExampleError, ExampleNames, ExamplePki, Holder, HolderError, registration,
};
use crate::{ChainError, CheckError, Fingerprint, Material, MaterialFiles, Purpose, check_chain};

#[test]
fn keys_are_their_owners_alone() {
    let world = World::new();
    let mut keys = 0;
    let mut rest = vec![world.folder.path().to_owned()];
    while let Some(folder) = rest.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
            if path.is_dir() {
                assert_eq!(mode, 0o700, "{}", path.display());
                rest.push(path);
            } else if path.extension().unwrap() == "key" {
                assert_eq!(mode, 0o600, "{}", path.display());
                keys += 1;
            }
        }
    }
    assert_eq!(keys, 3 + 1 + 4 + 4 + 5, "authorities, gateway, clients, destinations, bad");
}

#[test]
fn nothing_is_overwritten_and_nothing_half_written() {
    let folder = tempfile::tempdir().unwrap();
    let now = super::world::moment();
    let names = ExampleNames::default();
    fs::create_dir(folder.path().join("bad")).unwrap();
    fs::create_dir(folder.path().join("bad/expired")).unwrap();
    let mine = folder.path().join("bad/expired/tls.key");
    fs::write(&mine, "mine").unwrap();
    let Err(ExampleError::Exists { path }) = ExamplePki::create(folder.path(), now, &names) else {
        panic!("the example was made over a file");
    };
    assert_eq!(path, mine);
    assert_eq!(fs::read_to_string(mine).unwrap(), "mine");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn names_and_lifetimes_that_cannot_be_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let now = super::world::moment();
    let create = |names: &ExampleNames| ExamplePki::create(folder.path(), now, names);

    let mut names = ExampleNames::default();
    names.destinations.insert("../outside".to_owned(), Vec::new());
    assert!(matches!(create(&names), Err(ExampleError::Name(_))));

    let mut names = ExampleNames::default();
    names.lifetimes.authorities_days = u32::MAX;
    assert!(matches!(create(&names), Err(ExampleError::Lifetime(_))));

    let names = ExampleNames { server: vec!["gätewäy".to_owned()], ..ExampleNames::default() };
    assert!(matches!(create(&names), Err(ExampleError::Issue(_))));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn what_the_gateway_uses_is_fit() {
    let world = World::new();
    for (files, purpose) in [
        (world.pki.server(), Purpose::Server),
        (world.pki.destination_server("employer"), Purpose::Server),
        (world.pki.destination_client("employer"), Purpose::Client),
        (world.pki.client(ExampleClient::Ehr), Purpose::Client),
    ] {
        Material::load(&files, purpose, world.now).unwrap();
    }
}

#[test]
fn a_chain_can_be_checked_before_it_is_rolled_out() {
    let world = World::new();
    let authorities = fs::read(world.pki.client_authorities()).unwrap();
    let lists = [fs::read(world.pki.revocation_list()).unwrap()];
    let check = |chain: &[u8], now| check_chain(chain, &authorities, &lists, now);
    let files = world.pki.client(ExampleClient::Ehr);
    let chain = fs::read(&files.chain).unwrap();

    let summary = check(&chain, world.now).unwrap();
    assert_eq!(summary.organisation_identifier.as_deref(), Some("NTREE-10303948"));
    assert_eq!(summary.fingerprint, Fingerprint::of(&Shown::from(&files).chain[0]));
    assert_eq!(summary.spki, registration("ehr", &files).unwrap().spki_sha256[0].sha256);

    let untrusted = |chain: &[u8]| match check(chain, world.now) {
        Err(CheckError::Untrusted(error)) => error,
        other => panic!("{other:?}"),
    };
    for (bad, reason) in [
        (BadCertificate::Expired, ChainError::Expired),
        (BadCertificate::Revoked, ChainError::Revoked),
        (BadCertificate::WrongPurpose, ChainError::Purpose(Purpose::Client)),
        (BadCertificate::ForeignAuthority, ChainError::Signature),
        (BadCertificate::SelfSigned, ChainError::UnknownIssuer),
    ] {
        assert_eq!(untrusted(&fs::read(world.pki.bad(bad).chain).unwrap()), reason);
    }
    // Without its intermediate.
    let text = String::from_utf8(chain.clone()).unwrap();
    let alone = text.split_at(text.rfind("-----BEGIN").unwrap()).0;
    assert_eq!(untrusted(alone.as_bytes()), ChainError::UnknownIssuer);

    assert!(matches!(check(b"", world.now), Err(CheckError::Chain(_))));
    let late = check(&chain, world.now + days(40));
    assert!(matches!(late, Err(CheckError::Revocations(_))));
    let nobody = check_chain(&chain, b"", &lists, world.now);
    assert!(matches!(nobody, Err(CheckError::Authorities(_))));
}

#[test]
fn what_is_certified_anew_has_another_key_and_says_the_same() {
    let world = World::new();
    let now = super::world::moment();
    let read = |files: &MaterialFiles| Material::load(files, Purpose::Server, now).unwrap();
    let before = read(&world.pki.server());
    let after = read(&world.pki.issue(&Holder::Server, &[], 30, now).unwrap());
    assert_ne!(before.certificate().spki, after.certificate().spki);
    assert_eq!(before.certificate().dns_names, after.certificate().dns_names);
    assert!(after.certificate().has_ip_address);
    assert!(!world.pki.server().chain.with_extension("new").exists());
}

#[test]
fn a_client_that_was_not_there_is_certified_for_the_clinic_and_believed() {
    let world = World::new();
    let now = super::world::moment();
    let holder: Holder = "clients/laboratory".parse().unwrap();
    let names = ["laboratory.clinic.example".to_owned()];
    let files = world.pki.issue(&holder, &names, 30, now).unwrap();
    let pem = |path: &std::path::Path| fs::read(path).unwrap();
    let (chain, ca) = (pem(&files.chain), pem(&world.pki.client_authorities()));
    let summary = check_chain(&chain, &ca, &[pem(&world.pki.revocation_list())], now).unwrap();
    assert_eq!(summary.dns_names, names);
    let clinic = world.pki.registration(ExampleClient::Ehr).unwrap().organisation_identifier;
    assert_eq!(summary.organisation_identifier, clinic);

    // Revoked, and those revoked before stay so.
    world.pki.revoke(&[files.chain], 30, now).unwrap();
    let list = [pem(&world.pki.revocation_list())];
    for chain in [chain, pem(&world.pki.bad(BadCertificate::Revoked).chain)] {
        let refused = check_chain(&chain, &ca, &list, now).unwrap_err();
        assert!(matches!(refused, CheckError::Untrusted(ChainError::Revoked)), "{refused:?}");
    }
    assert!(check_chain(&pem(&world.pki.client(ExampleClient::Ehr).chain), &ca, &list, now).is_ok());
}

#[test]
fn what_names_no_certificate_of_an_example_is_refused() {
    for text in ["", "clients", "clients/", "clients/../server", "bad/expired", "destinations/employer"] {
        assert_eq!(text.parse::<Holder>(), Err(HolderError), "{text}");
    }
}
