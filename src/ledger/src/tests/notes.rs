//! Signed notes, keys and checkpoints.

use aws_lc_rs::signature::Ed25519KeyPair;
use zeroize::Zeroizing;

use super::fixtures::{checkpoint, example, other_key, signing_key, v};
use crate::{
    Checkpoint, Hash, KeyError, NOTE_BYTES_MAX, NoteError, NoteSignature, Origin, SIGNATURES_MAX,
    SignedCheckpoint, SigningKey, Verifier,
};

fn keys() -> Vec<Verifier> {
    vec![signing_key().verifier().clone()]
}

fn open(note: &str) -> Result<SignedCheckpoint, NoteError> {
    SignedCheckpoint::open(note, &keys())
}

#[test]
fn the_signature_and_key_id_are_those_of_the_public_specification() {
    // The example of C2SP signed-note v1 for Go's `note` package: the key PeterNeumann.
    let peter: Verifier = v("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
    assert_eq!(peter.to_string(), "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
    let text = "If you think cryptography is the answer to your problem,\n\
                then you don't know what your problem is.\n";
    let signature = NoteSignature::parse(
        "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=",
    )
    .unwrap();
    assert!(peter.claims(&signature));
    assert!(peter.verifies(text.as_bytes(), &signature));
    assert!(!peter.verifies(text.trim().as_bytes(), &signature));
}

#[test]
fn a_signed_checkpoint_opens_and_prints_as_it_was_written() {
    let leaves = example();
    let signed = checkpoint(&leaves, 3);
    let opened = open(&signed.to_string()).unwrap();
    assert_eq!(opened, signed);
    assert_eq!(opened.checkpoint().size, 3);
    assert_eq!(opened.to_string(), signed.to_string());
}

#[test]
fn any_changed_byte_of_a_note_is_refused() {
    let note = checkpoint(&example(), 3).to_string().into_bytes();
    for at in 0..note.len() {
        for bit in 0..8 {
            let mut changed = note.clone();
            changed[at] ^= 1 << bit;
            if let Ok(changed) = String::from_utf8(changed) {
                assert!(open(&changed).is_err(), "byte {at}, bit {bit}");
            }
        }
    }
    for length in 0..note.len() {
        if let Ok(cut) = std::str::from_utf8(&note[..length]) {
            assert!(open(cut).is_err(), "cut at {length}");
        }
    }
}

#[test]
fn signatures_of_unknown_keys_are_kept_and_not_believed() {
    let leaves = example();
    let mut signed = checkpoint(&leaves, 3);
    let head = signed.checkpoint().clone();
    let other = other_key().sign(head.size, head.root).unwrap();
    signed.add_signature(other.signatures()[0].clone()).unwrap();
    let witness = NoteSignature::parse("— witness.example/w1 AAAAAQID").unwrap();
    signed.add_signature(witness.clone()).unwrap();

    let opened = open(&signed.to_string()).unwrap();
    assert_eq!(opened.to_string(), signed.to_string());
    assert_eq!(opened.signatures()[2], witness);
    assert_eq!(opened.signatures().len(), 3);

    let unknown = SignedCheckpoint::open(&other.to_string(), &keys());
    assert_eq!(unknown, Err(NoteError::NoKnownKey));
    assert_eq!(SignedCheckpoint::open(&signed.to_string(), &[]), Err(NoteError::NoKnownKey));
    let rotated = [other_key().verifier().clone()];
    assert!(SignedCheckpoint::open(&signed.to_string(), &rotated).is_ok());
}

#[test]
fn one_wrong_signature_of_a_known_key_condemns_the_note() {
    let leaves = example();
    let mut signed = checkpoint(&leaves, 3);
    signed.add_signature(checkpoint(&leaves, 2).signatures()[0].clone()).unwrap();
    assert_eq!(open(&signed.to_string()), Err(NoteError::WrongSignature));
}

#[test]
fn a_note_of_another_form_is_refused() {
    let note = checkpoint(&example(), 3).to_string();
    let line = note.lines().last().unwrap();
    for (bad, error) in [
        (String::new(), NoteError::Form),
        (note.trim_end().to_owned(), NoteError::Form),
        (note.replace("\n\n", "\n"), NoteError::Form),
        (note.replace('\n', "\r\n"), NoteError::Form),
        (note.replace("ledger\n3", "ledger\t\n3"), NoteError::Form),
        (format!("{note}\n"), NoteError::Form),
        (note.replace('—', "-"), NoteError::SignatureLine { line: 1 }),
        (note.replace("— ", "—  "), NoteError::SignatureLine { line: 1 }),
        (format!("{note}— a+b AAAAAQID\n"), NoteError::SignatureLine { line: 2 }),
        (format!("{note}— a AAAAAA==\n"), NoteError::SignatureLine { line: 2 }),
        (format!("{note}— a AAAAAQJ=\n"), NoteError::SignatureLine { line: 2 }),
        (note.replace(line, [line; 65].join("\n").as_str()), NoteError::SignatureLine { line: 65 }),
        (" ".repeat(NOTE_BYTES_MAX + 1), NoteError::TooLong),
    ] {
        assert_eq!(open(&bad), Err(error), "{bad}");
    }
}

#[test]
fn a_note_takes_as_many_signatures_as_it_may_carry() {
    let mut signed = checkpoint(&example(), 3);
    let witness = NoteSignature::parse("— w AAAAAQID").unwrap();
    for _ in 1..SIGNATURES_MAX {
        signed.add_signature(witness.clone()).unwrap();
    }
    assert!(signed.add_signature(witness).is_err());
    assert!(open(&signed.to_string()).is_ok());
}

#[test]
fn a_text_that_is_not_exactly_a_checkpoint_is_refused() {
    let root = Hash::of(b"").to_base64();
    let good = format!("clinic.example/ledger\n3\n{root}\n");
    assert!(good.parse::<Checkpoint>().is_ok());
    for bad in [
        good.replace("\n3\n", "\n03\n"),
        good.replace("\n3\n", "\n+3\n"),
        good.replace("\n3\n", "\n\n"),
        good.replace("\n3\n", "\n9007199254740992\n"),
        good.replace("clinic.example", "clinic example"),
        good.replace('=', ""),
        format!("{good}extension\n"),
        good.trim_end().to_owned(),
    ] {
        assert_eq!(bad.parse::<Checkpoint>(), Err(NoteError::NotACheckpoint), "{bad}");
    }
}

#[test]
fn a_key_speaks_for_its_own_log_only() {
    let seed = [7; 32];
    let elsewhere = SigningKey::from_seed(v("other.example"), Zeroizing::new(seed)).unwrap();
    let foreign = Checkpoint { origin: v("clinic.example/ledger"), size: 0, root: Hash::of(b"") };
    let text = foreign.to_string();
    let signature = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap().sign(text.as_bytes());
    let key_id = elsewhere.sign(0, foreign.root).unwrap().signatures()[0].key_id();
    let signature = NoteSignature::new("other.example", key_id, signature.as_ref().to_vec());
    let opened = SignedCheckpoint::open(&format!("{text}\n{signature}\n"), &[elsewhere.verifier().clone()]);
    assert_eq!(opened, Err(NoteError::OtherOrigin));
}

#[test]
fn a_vkey_is_read_back_and_a_damaged_one_refused() {
    let vkey = signing_key().verifier().to_string();
    assert_eq!(vkey.parse::<Verifier>().unwrap(), *signing_key().verifier());
    let (name, rest) = vkey.split_once('+').unwrap();
    let (id, key) = rest.split_once('+').unwrap();
    assert_eq!(format!("other+{id}+{key}").parse::<Verifier>(), Err(KeyError::KeyId));
    assert_eq!(format!("{name}+00000000+{key}").parse::<Verifier>(), Err(KeyError::KeyId));
    let upper = format!("{name}+{}+{key}", id.to_uppercase());
    assert_eq!(upper.parse::<Verifier>(), Err(KeyError::KeyId));
    for bad in [name.to_owned(), format!("{name}+{id}"), format!("{name}+{id}+AQ=="), format!("{name}+{id}+")]
    {
        assert_eq!(bad.parse::<Verifier>(), Err(KeyError::Vkey), "{bad}");
    }
    assert_eq!(format!("+{id}+{key}").parse::<Verifier>(), Err(KeyError::Origin));
}

#[test]
fn names_that_notes_do_not_allow_are_refused() {
    for name in ["", "a b", "a\u{a0}b", "a+b", "a\nb", &"a".repeat(256)] {
        assert_eq!(name.parse::<Origin>(), Err(KeyError::Origin));
    }
}

#[test]
fn the_signing_key_does_not_print() {
    let printed = format!("{:?}", signing_key());
    let seed: Vec<u8> = (0..32).collect();
    assert!(!printed.contains(&hex::encode(&seed)));
    assert!(printed.starts_with("SigningKey(clinic.example/ledger+"));
}
