//! Who is let in, and for what reason everybody else is not.

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, KeyUsagePurpose, SanType,
};
use rustls::{CertRevocationListError, CertificateError, Error};
use rustls_pki_types::CertificateDer;

use super::world::{CLINIC, Lab, Refused, Shown, World, days, knock};
use crate::example::{BadCertificate, ExampleClient, registration};
use crate::{
    AdmissionError, Certificate, CertificateFault, ChainError, Client, IdentityError, NameFault, NameField,
    Pin, Purpose, Sources,
};

#[test]
fn every_registered_client_is_known_by_its_certificate() {
    let world = World::new();
    let trust = world.reloader().current();
    for client in ExampleClient::ALL {
        let shown = Shown::from(&world.pki.client(client));
        let admitted = knock(&world, trust.server(), &shown).unwrap();
        assert_eq!(admitted.peer().client().as_str(), client.name());
    }
    let ehr = Shown::from(&world.pki.client(ExampleClient::Ehr));
    let admitted = knock(&world, trust.server(), &ehr).unwrap();
    let certificate = admitted.peer().certificate();
    assert_eq!(certificate.organisation_identifier.as_deref(), Some(CLINIC));
    assert_eq!(certificate.dns_names, ["ehr.clinic.example"]);
    assert_eq!(certificate.summary(), "O=Example Clinic, organizationIdentifier=NTREE-10303948");
}

/// All five are registered: no registration makes up for a bad certificate.
#[test]
fn every_bad_certificate_is_refused_for_its_own_reason() {
    let world = World::new();
    let mut sources = world.sources();
    for bad in BadCertificate::ALL {
        let client = registration(bad.name(), &world.pki.bad(bad)).unwrap();
        sources.clients.push(client);
    }
    let trust = world.reloader_of(sources).current();
    for bad in BadCertificate::ALL {
        let shown = Shown::from(&world.pki.bad(bad));

        let Err(Refused::Handshake(Error::InvalidCertificate(error))) = knock(&world, trust.server(), &shown)
        else {
            panic!("{bad:?} passed the handshake");
        };
        let in_the_handshake = match bad {
            BadCertificate::Expired => matches!(error, CertificateError::ExpiredContext { .. }),
            BadCertificate::Revoked => error == CertificateError::Revoked,
            BadCertificate::WrongPurpose => {
                matches!(error, CertificateError::InvalidPurposeContext { .. })
            }
            BadCertificate::ForeignAuthority => error == CertificateError::BadSignature,
            BadCertificate::SelfSigned => error == CertificateError::UnknownIssuer,
        };
        assert!(in_the_handshake, "{bad:?}: {error:?}");

        // The same by our own decision, which resumed sessions meet alone.
        let decided = trust.server().admit(&shown.chain, world.now).unwrap_err();
        let expected = match bad {
            BadCertificate::Expired => ChainError::Expired,
            BadCertificate::Revoked => ChainError::Revoked,
            BadCertificate::WrongPurpose => ChainError::Purpose(Purpose::Client),
            BadCertificate::ForeignAuthority => ChainError::Signature,
            BadCertificate::SelfSigned => ChainError::UnknownIssuer,
        };
        assert_eq!(decided, AdmissionError::Chain(expected), "{bad:?}");
        assert_eq!(decided.is_revocation(), bad == BadCertificate::Revoked);
    }
}

#[test]
fn nobody_comes_in_without_a_certificate() {
    let world = World::new();
    let trust = world.reloader().current();
    let empty = trust.server().admit(&[], world.now).unwrap_err();
    assert_eq!(empty, AdmissionError::Chain(ChainError::Empty));
    assert_eq!(empty.reason(), "no-certificate");
}

/// Same subject, same authority, other key: the common name is worth nothing.
#[test]
fn a_name_alone_is_nobody() {
    let lab = Lab::new();
    let (known, stranger) = (lab.issue(|_| {}), lab.issue(|_| {}));
    let trust = lab.reloader(vec![known.registered("ehr")]).current();
    knock(&lab.world, trust.server(), &known).unwrap();
    let error = refused_by_us(&lab, vec![known.registered("ehr")], &stranger);
    let fingerprint = crate::Fingerprint::of(&stranger.chain[0]);
    assert_eq!(error, IdentityError::Unregistered { fingerprint });
}

#[test]
fn a_registered_key_under_another_organisation_is_refused() {
    let lab = Lab::new();
    let id = || "ehr".parse().unwrap();
    let with = |identifier: Option<&'static str>| {
        lab.issue(move |params| {
            let mut name = DistinguishedName::new();
            name.push(DnType::CommonName, "ehr");
            if let Some(identifier) = identifier {
                name.push(DnType::CustomDnType(vec![2, 5, 4, 97]), identifier);
            }
            params.distinguished_name = name;
        })
    };
    for shown in [with(Some("NTREE-19999992")), with(Some("ntree-10303948")), with(None)] {
        let error = refused_by_us(&lab, vec![shown.registered("ehr")], &shown);
        assert_eq!(error, IdentityError::OtherOrganisation { client: id() });
    }
    knock_registered(&lab, &with(Some(CLINIC))).unwrap();
}

#[test]
fn a_registered_dns_name_has_to_be_in_the_certificate_letter_by_letter() {
    let lab = Lab::new();
    let with = |name: &'static str| {
        lab.issue(move |params| {
            params.subject_alt_names = vec![SanType::DnsName(name.try_into().unwrap())];
        })
    };
    let register =
        |shown: &Shown| Client { dns_name: Some("ehr.clinic.example".to_owned()), ..shown.registered("ehr") };
    for other in ["*.clinic.example", "clinic.example", "ehr.clinic.example.evil.example"] {
        let shown = with(other);
        let error = refused_by_us(&lab, vec![register(&shown)], &shown);
        let client = "ehr".parse().unwrap();
        assert_eq!(error, IdentityError::OtherDnsName { client }, "{other}");
    }
    let shown = with("EHR.clinic.example");
    let trust = lab.reloader(vec![register(&shown)]).current();
    knock(&lab.world, trust.server(), &shown).unwrap();
}

/// webpki looks at no name of a client: these pass the handshake and fail here.
#[test]
fn names_that_hide_something_are_refused() {
    let lab = Lab::new();
    let dns_name = |name: &'static [u8]| {
        move |params: &mut CertificateParams| {
            params.subject_alt_names.clear();
            params.custom_extensions.push(alternative_name(2, name));
        }
    };
    let subject = |attribute: DnType, text: &'static str| {
        move |params: &mut CertificateParams| params.distinguished_name.push(attribute, text)
    };
    let identifier = || DnType::CustomDnType(vec![2, 5, 4, 97]);
    let (alternative, in_subject) = (NameField::AlternativeName, NameField::Subject);
    for (shown, field, fault) in [
        (lab.issue(dns_name(b"ehr.clinic.example\0.evil.example")), alternative, NameFault::Control),
        (lab.issue(dns_name("\u{0435}hr.clinic.example".as_bytes())), alternative, NameFault::Confusable),
        (lab.issue(dns_name(b"ehr.\xff.example")), alternative, NameFault::NotText),
        (lab.issue(subject(DnType::CommonName, "ehr\0")), in_subject, NameFault::Control),
        (lab.issue(subject(DnType::OrganizationName, "\u{202e}cinilC")), in_subject, NameFault::Invisible),
        (lab.issue(subject(DnType::OrganizationName, "Cl\u{0456}nic")), in_subject, NameFault::Confusable),
        (
            lab.issue(subject(identifier(), "NTREE-10303948\u{200b}")),
            NameField::OrganisationIdentifier,
            NameFault::Invisible,
        ),
    ] {
        let error = refused_by_us(&lab, vec![shown.registered("ehr")], &shown);
        let expected = CertificateFault::Name { field, fault };
        assert_eq!(error, IdentityError::Unfit(expected));
    }
}

/// Two organisations in one subject: readers differ in which of them they see.
#[test]
fn an_identifier_given_twice_is_refused() {
    // rcgen holds an attribute once, so a neighbouring one is made into it by hand. The signature
    // breaks, and reading does not look at it.
    let shown = Lab::new().issue(|params| {
        let neighbour = DnType::CustomDnType(vec![2, 5, 4, 96]);
        params.distinguished_name.push(neighbour, "NTREE-19999992");
    });
    let der = patched(&shown, &[0x06, 3, 0x55, 4, 96], &[0x06, 3, 0x55, 4, 97]);
    let expected =
        CertificateFault::Name { field: NameField::OrganisationIdentifier, fault: NameFault::Twice };
    assert_eq!(Certificate::read(&der), Err(expected));
}

#[test]
fn an_rsa_key_below_2048_bits_is_refused() {
    let lab = Lab::new();
    let key = KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let params = lab.leaf().params(&key).unwrap();
    let shown = Shown::of(&lab.authority.sign(params, &key).unwrap());
    let strong = Certificate::read(&shown.chain[0]).unwrap();
    assert_eq!(strong.check_as_client(), Ok(()));

    // The modulus starts with a zero for the sign; a second one takes eight bits away.
    let modulus = [&[0x02, 0x82, 0x01, 0x01, 0x00], &key.public_key_raw()[9..11]].concat();
    let shorter = [&modulus[..5], &[0x00], &modulus[6..]].concat();
    let weak = Certificate::read(&patched(&shown, &modulus, &shorter)).unwrap();
    assert_eq!(weak.check_as_client(), Err(CertificateFault::WeakKey));
}

#[test]
fn only_certificates_made_for_clients_are_taken() {
    let lab = Lab::new();
    let purpose = CertificateFault::Purpose { purpose: Purpose::Client };
    for (shown, expected) in [
        (lab.issue(|params| params.extended_key_usages.clear()), purpose.clone()),
        (
            lab.issue(|params| {
                params.key_usages = vec![KeyUsagePurpose::KeyAgreement];
            }),
            CertificateFault::KeyUsage,
        ),
        (
            lab.issue(|params| params.key_usages.push(KeyUsagePurpose::KeyCertSign)),
            CertificateFault::Authority,
        ),
    ] {
        let error = refused_by_us(&lab, vec![shown.registered("ehr")], &shown);
        assert_eq!(error, IdentityError::Unfit(expected));
    }

    let any = lab.issue(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any]);
    assert_eq!(Certificate::read(&any.chain[0]).unwrap().check_as_client(), Err(purpose));
}

#[test]
fn an_authority_is_no_client() {
    let lab = Lab::new();
    let authority = lab.issue(|params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    });
    let trust = lab.reloader(vec![authority.registered("ehr")]).current();
    let decided = trust.server().admit(&authority.chain, lab.world.now);
    assert_eq!(decided.unwrap_err(), ChainError::Authority.into());
    assert!(matches!(knock(&lab.world, trust.server(), &authority), Err(Refused::Handshake(_))));
}

/// basicConstraints is there once already: a second one, whatever it says, condemns the certificate.
#[test]
fn a_certificate_with_an_unreadable_or_doubled_extension_is_refused() {
    let lab = Lab::new();
    let basic_constraints = [2, 5, 29, 19];
    for content in [vec![0x30, 0x03, 0x01, 0x01, 0x07], vec![0x04, 0x00], vec![0x30, 0x00]] {
        let shown = lab.issue(|params| {
            let extension = CustomExtension::from_oid_content(&basic_constraints, content);
            params.custom_extensions.push(extension);
        });
        assert_eq!(Certificate::read(&shown.chain[0]), Err(CertificateFault::Malformed));
    }
    let garbled = lab.issue(|params| {
        params.is_ca = IsCa::NoCa;
        let extension = CustomExtension::from_oid_content(&basic_constraints, vec![0x04, 0x00]);
        params.custom_extensions.push(extension);
    });
    assert_eq!(Certificate::read(&garbled.chain[0]), Err(CertificateFault::Malformed));
}

#[test]
fn two_certificates_of_a_client_are_valid_side_by_side_each_in_its_time() {
    let lab = Lab::new();
    let (old, new) = (lab.issue(|_| {}), lab.issue(|_| {}));
    let pin = |shown: &Shown| Pin::of(crate::Fingerprint::of(&shown.chain[0]));
    let client = Client {
        spki_sha256: Vec::new(),
        certificate_sha256: vec![
            Pin { not_after: Some(lab.world.now + days(2)), ..pin(&old) },
            Pin { not_before: Some(lab.world.now - days(1)), ..pin(&new) },
        ],
        ..old.registered("ehr")
    };
    let trust = lab.reloader(vec![client]).current();
    for shown in [&old, &new] {
        let admitted = knock(&lab.world, trust.server(), shown).unwrap();
        assert_eq!(admitted.peer().client().as_str(), "ehr");
    }
    let outside = IdentityError::OutsidePin { client: "ehr".parse().unwrap() };
    let registry = trust.server().registry();
    for (shown, now) in [(&old, lab.world.now + days(3)), (&new, lab.world.now - days(2))] {
        let error = registry.identify(&shown.chain[0], now).unwrap_err();
        assert_eq!(error, outside);
    }
}

#[test]
fn a_certificate_counts_only_within_its_validity() {
    let lab = Lab::new();
    let shown = lab.issue(|_| {});
    let trust = lab.reloader(vec![shown.registered("ehr")]).current();
    let registry = trust.server().registry();
    let identify = |days_later| {
        let now = lab.world.now + days(days_later);
        registry.identify(&shown.chain[0], now).map(|_| ())
    };
    assert_eq!(identify(10), Ok(()));
    assert!(matches!(identify(11), Err(IdentityError::Expired { .. })));
    assert!(matches!(identify(-11), Err(IdentityError::NotYetValid { .. })));
}

/// webpki would go on believing it: a trust anchor has no validity there.
#[test]
fn an_authority_that_has_expired_is_no_longer_believed() {
    let lab = Lab::new();
    let forever = lab.issue(|params| params.not_after = rcgen::date_time_ymd(2040, 1, 1));
    let trust = lab.reloader(vec![forever.registered("ehr")]).current();
    let admit = |days_later| {
        let now = lab.world.now + days(days_later);
        trust.server().admit(&forever.chain, now)
    };
    let admitted = admit(59).unwrap();
    assert_eq!(admit(61).unwrap_err(), ChainError::UnknownIssuer.into());
    let later = trust.server().still_valid(&admitted, lab.world.now + days(61));
    assert_eq!(later.unwrap_err(), ChainError::UnknownIssuer.into());
}

#[test]
fn with_lists_configured_a_certificate_of_which_none_speaks_is_refused() {
    let lab = Lab::new();
    let shown = lab.issue(|_| {});
    let sources = Sources {
        client_authorities: lab.world.path("lab.crt"),
        clients: vec![shown.registered("ehr")],
        ..lab.world.sources()
    };
    let mut lenient = sources.clone();
    lenient.tls.revocation.dangerous_allow_unknown = true;

    let strict = lab.world.reloader_of(sources).current();
    let refused = knock(&lab.world, strict.server(), &shown);
    let unknown = Error::InvalidCertificate(CertificateError::UnknownRevocationStatus);
    assert!(matches!(refused, Err(Refused::Handshake(error)) if error == unknown));
    let decided = strict.server().admit(&shown.chain, lab.world.now);
    assert_eq!(decided.unwrap_err(), ChainError::UnknownRevocation.into());

    let lenient = lab.world.reloader_of(lenient).current();
    knock(&lab.world, lenient.server(), &shown).unwrap();
}

/// The lab's name, another lab's key: such a list says nothing, and certainly not "all fine".
#[test]
fn a_list_that_the_authority_has_not_signed_is_not_believed() {
    let lab = Lab::new();
    let shown = lab.issue(|_| {});
    let window = super::world::days_from(lab.world.now, 1, 30);
    let forger = crate::example::Authority::root("Lab", window).unwrap();
    let list = forger.revocation_list(&[], window).unwrap();
    std::fs::write(lab.world.path("forged.crl"), list).unwrap();
    let trust = lab
        .world
        .reloader_of(Sources {
            client_authorities: lab.world.path("lab.crt"),
            revocation_lists: vec![lab.world.path("forged.crl")],
            clients: vec![shown.registered("ehr")],
            ..lab.world.sources()
        })
        .current();
    let refused = knock(&lab.world, trust.server(), &shown);
    let forged = Error::InvalidCertRevocationList(CertRevocationListError::BadSignature);
    assert!(matches!(refused, Err(Refused::Handshake(error)) if error == forged));
    let decided = trust.server().admit(&shown.chain, lab.world.now);
    assert_eq!(decided.unwrap_err(), ChainError::RevocationListUntrusted.into());
}

/// Passes the handshake, fails our check.
fn refused_by_us(lab: &Lab, clients: Vec<Client>, shown: &Shown) -> IdentityError {
    let trust = lab.reloader(clients).current();
    match knock(&lab.world, trust.server(), shown) {
        Err(Refused::Admission(AdmissionError::Identity(error))) => error,
        other => panic!("not refused by the registry: {other:?}"),
    }
}

fn knock_registered(lab: &Lab, shown: &Shown) -> Result<(), Refused> {
    let trust = lab.reloader(vec![shown.registered("ehr")]).current();
    knock(&lab.world, trust.server(), shown).map(|_| ())
}

/// A subject alternative name with one entry of these bytes.
fn alternative_name(tag: u8, bytes: &[u8]) -> CustomExtension {
    let length = u8::try_from(bytes.len()).unwrap();
    let mut content = vec![0x30, length + 2, 0x80 | tag, length];
    content.extend_from_slice(bytes);
    CustomExtension::from_oid_content(&[2, 5, 29, 17], content)
}

/// The certificate with some of its bytes replaced.
fn patched(shown: &Shown, from: &[u8], to: &[u8]) -> CertificateDer<'static> {
    let mut der = shown.chain[0].to_vec();
    let at = der.windows(from.len()).position(|window| window == from);
    let at = at.expect("the bytes to be replaced are there");
    der[at..at + from.len()].copy_from_slice(to);
    der.into()
}
