//! Each fault of a file is told exactly: which file, what is wrong, what would mend it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use rcgen::ExtendedKeyUsagePurpose;

use super::world::{Lab, World, days, days_from};
use crate::example::{Authority, BadCertificate, ExampleClient, Issued, Leaf};
use crate::{Authorities, FileError, Material, MaterialFiles, Purpose, RevocationPolicy, Revocations};

/// Applies `spoil` to the server's folder and returns what loading it says, without the path.
fn told(spoil: impl FnOnce(&World, &MaterialFiles)) -> (String, String) {
    let world = World::new();
    let files = world.pki.server();
    Material::load(&files, Purpose::Server, world.now).unwrap();
    spoil(&world, &files);
    let error = Material::load(&files, Purpose::Server, world.now).unwrap_err();
    (file_name(&error), sentence(&error, &world))
}

fn file_name(error: &FileError) -> String {
    error.file.file_name().unwrap().to_string_lossy().into_owned()
}

fn sentence(error: &FileError, world: &World) -> String {
    let folder = format!("{}/", world.folder.path().display());
    let text = error.to_string().replace(&folder, "");
    text.split_once(": ").unwrap().1.to_owned()
}

#[test]
fn a_file_that_is_not_there_or_not_readable() {
    let (file, text) = told(|_, files| fs::remove_file(&files.chain).unwrap());
    assert_eq!(file, "tls.crt");
    assert_eq!(text, "there is no such file; check the path in the configuration, or put the file there");

    let (file, text) = told(|_, files| {
        fs::remove_file(&files.key).unwrap();
        fs::create_dir(&files.key).unwrap();
    });
    assert_eq!(file, "tls.key");
    assert_eq!(text, "the file cannot be read; let the gateway's user read it");
}

#[test]
fn a_file_that_holds_something_else() {
    for (content, expected) in [
        (
            "",
            "there is no certificate in the file; put the certificate there as PEM, followed by its intermediates",
        ),
        (
            "-----BEGIN CERTIFICATE-----\nMIIB",
            "the file is not well-formed PEM; copy the file again, whole, as PEM",
        ),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "certificate 1 in the file will not do; have a fit certificate issued",
        ),
    ] {
        let (file, text) = told(|_, files| fs::write(&files.chain, content).unwrap());
        assert_eq!((file.as_str(), text.as_str()), ("tls.crt", expected));
    }
}

#[test]
fn a_key_that_is_missing_encrypted_doubled_or_exposed() {
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    for (content, expected) in [
        (
            "",
            "there is no private key in the file; put the unencrypted private key there as PEM (PKCS#8, PKCS#1 or SEC1)",
        ),
        (encrypted, "the private key is encrypted; store it decrypted and readable by the gateway alone"),
    ] {
        let (file, text) = told(|_, files| fs::write(&files.key, content).unwrap());
        assert_eq!((file.as_str(), text.as_str()), ("tls.key", expected));
    }

    let (_, text) = told(|_, files| {
        let key = fs::read_to_string(&files.key).unwrap();
        fs::write(&files.key, key.repeat(2)).unwrap();
    });
    assert_eq!(text, "there is more than one private key in the file; leave only the key of the certificate");

    let (_, text) = told(|_, files| {
        fs::set_permissions(&files.key, fs::Permissions::from_mode(0o644)).unwrap();
    });
    assert_eq!(
        text,
        "the private key is open to every user of the machine (mode 644); take the rights of \
         others away, for instance `chmod 0600`"
    );
}

#[test]
fn a_key_of_another_certificate() {
    let (file, text) = told(|world, files| {
        fs::copy(world.pki.client(ExampleClient::Ehr).key, &files.key).unwrap();
    });
    assert_eq!(file, "tls.key");
    assert_eq!(
        text,
        "the private key does not belong to the first certificate of `server/tls.crt`; replace \
         certificate and key together"
    );
}

#[test]
fn a_certificate_before_and_after_its_time() {
    let world = World::new();
    let files = world.pki.server();
    let load = |now| Material::load(&files, Purpose::Server, now).unwrap_err();
    assert_eq!(
        sentence(&load(world.now + days(91)), &world),
        "certificate 1 in the file expired on 2026-05-31T09:00:00Z; put the renewed certificate there"
    );
    assert_eq!(
        sentence(&load(world.now - days(1)), &world),
        "certificate 1 in the file is valid only from 2026-03-02T08:00:00Z; wait for it, or check \
         the clock of this machine"
    );
}

#[test]
fn a_chain_out_of_order_or_with_a_stranger_in_it() {
    let mend = "begin with the certificate of the key and let each be followed by its issuer";
    let (_, text) = told(|_, files| {
        let chain = fs::read_to_string(&files.chain).unwrap();
        let (first, second) = chain.split_at(chain.rfind("-----BEGIN").unwrap());
        fs::write(&files.chain, second.to_owned() + first).unwrap();
    });
    let expected = format!("certificate 1 in the file is not issued by certificate 2; {mend}");
    assert_eq!(text, expected);

    let (_, text) = told(|world, files| {
        let mut chain = fs::read_to_string(&files.chain).unwrap();
        chain += &fs::read_to_string(world.pki.partner_authorities()).unwrap();
        fs::write(&files.chain, chain).unwrap();
    });
    let expected = format!("certificate 2 in the file is not issued by certificate 3; {mend}");
    assert_eq!(text, expected);
}

#[test]
fn a_chain_that_does_not_lead_to_its_authority() {
    let (file, text) = told(|world, files| {
        fs::copy(world.pki.partner_authorities(), files.issuers.as_ref().unwrap()).unwrap();
    });
    assert_eq!(file, "tls.crt");
    assert_eq!(
        text,
        "the chain does not hold against `server/ca.crt`; add the missing intermediates, or name \
         the right authorities"
    );
}

#[test]
fn a_certificate_that_is_not_for_this_use() {
    let world = World::new();
    let error = Material::load(&world.pki.client(ExampleClient::Ehr), Purpose::Server, world.now);
    let error = error.unwrap_err();
    assert_eq!(
        std::error::Error::source(&error).unwrap().to_string(),
        "the extended key usage of the certificate does not allow `serverAuth`"
    );
    let wrong = world.pki.bad(BadCertificate::WrongPurpose);
    let error = Material::load(&wrong, Purpose::Client, world.now).unwrap_err();
    assert_eq!(
        std::error::Error::source(&error).unwrap().to_string(),
        "the extended key usage of the certificate does not allow `clientAuth`"
    );

    let lab = Lab::new();
    let nameless = lab.authority.issue(&Leaf {
        names: Vec::new().into(),
        purposes: &[ExtendedKeyUsagePurpose::ServerAuth],
        ..lab.leaf()
    });
    let files = written(&lab.world, &nameless.unwrap());
    let error = Material::load(&files, Purpose::Server, lab.world.now).unwrap_err();
    assert_eq!(
        sentence(&error, &lab.world),
        "the certificate has no DNS name and no IP address as subject alternative name; have one \
         issued with the names the gateway is reached by"
    );
}

#[test]
fn authorities_that_are_none() {
    let world = World::new();
    let file = world.path("some.crt");
    let told = |content: String| {
        fs::write(&file, content).unwrap();
        sentence(&Authorities::load(&file, world.now).unwrap_err(), &world)
    };
    assert_eq!(
        told(String::new()),
        "there is no certificate of an authority in the file; put the certificates of the trusted \
         authorities there as PEM"
    );
    assert_eq!(
        told(fs::read_to_string(world.pki.server().chain).unwrap()),
        "certificate 1 in the file is not that of an authority; trust the authority that issued \
         it, and pin the certificate in the registry instead"
    );
    let over = Authority::root("Over", days_from(world.now - days(20), 10, 10)).unwrap();
    assert_eq!(
        told(over.pem()),
        "no authority in the file is valid at this time; put the present certificates of the \
         authorities there"
    );
    let present = fs::read_to_string(world.pki.client_authorities()).unwrap();
    fs::write(&file, over.pem() + &present).unwrap();
    let both = Authorities::load(&file, world.now).unwrap();
    assert_eq!(both.anchors_at(world.now).len(), 1, "the old one is left out");
}

#[test]
fn revocation_lists_that_will_not_do() {
    let world = World::new();
    let file = world.path("some.crl");
    let load = |policy, now| Revocations::load(std::slice::from_ref(&file), policy, now);
    let strict = RevocationPolicy::default();
    let told = |content: &str| {
        fs::write(&file, content).unwrap();
        sentence(&load(strict, world.now).unwrap_err(), &world)
    };
    assert_eq!(
        told("nothing"),
        "there is no revocation list in the file; put the authority's list there as PEM or DER"
    );
    assert_eq!(
        told("-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"),
        "revocation list 1 in the file cannot be used; fetch the authority's complete list; delta \
         and indirect lists cannot be used"
    );
    fs::copy(world.pki.revocation_list(), &file).unwrap();
    let late = world.now + days(30);
    assert_eq!(
        sentence(&load(strict, late).unwrap_err(), &world),
        "revocation list 1 in the file was to be renewed by 2026-04-01T09:00:00Z; fetch the \
         authority's present list"
    );
    let lenient = RevocationPolicy { dangerous_allow_expired_lists: true, ..strict };
    assert_eq!(load(lenient, late).unwrap().parsed().count(), 2);
}

#[test]
fn a_list_in_der_is_read_like_one_in_pem_and_the_newest_comes_first() {
    let lab = Lab::new();
    let now = lab.world.now;
    let files: Vec<PathBuf> = [("old.crl", 5), ("new.crl", 1)]
        .into_iter()
        .map(|(name, days_ago)| {
            let pem = lab.authority.revocation_list(&[], days_from(now, days_ago, 30)).unwrap();
            let der = crate::files::revocation_lists_in(pem.into_bytes()).unwrap();
            fs::write(lab.world.path(name), &der[0]).unwrap();
            lab.world.path(name)
        })
        .collect();
    let lists = Revocations::load(&files, RevocationPolicy::default(), now).unwrap();
    let newest = fs::read(&files[1]).unwrap();
    assert_eq!(lists.ders()[0].as_ref(), newest);
    assert_eq!(lists.ders().len(), 2);
}

fn written(world: &World, issued: &Issued) -> MaterialFiles {
    let files =
        MaterialFiles { chain: world.path("issued.crt"), key: world.path("issued.key"), issuers: None };
    fs::write(&files.chain, &issued.chain_pem).unwrap();
    fs::write(&files.key, issued.key_pem.as_bytes()).unwrap();
    fs::set_permissions(&files.key, fs::Permissions::from_mode(0o600)).unwrap();
    files
}
