//! Receipts and successions: what holds is read back, what does not is refused.

use zeroize::Zeroizing;

use super::fixtures::{busy, checkpoint, example, other_key, signing_key, v};
use crate::tree::{ConsistencyProof, InclusionProof, leaf_hash};
use crate::{Entry, Hash, NoteError, Receipt, ReceiptError, SigningKey, Succession, Verifier};

fn keys() -> Vec<Verifier> {
    vec![signing_key().verifier().clone()]
}

fn hashes(leaves: &[Vec<u8>]) -> Vec<Hash> {
    leaves.iter().map(|leaf| leaf_hash(leaf)).collect()
}

/// The receipt of the leaf at `index` in the tree of the first `size` leaves.
pub(super) fn receipt(leaves: &[Vec<u8>], index: usize, size: usize) -> Receipt {
    let proof = InclusionProof::generate(hashes(leaves).as_slice(), index as u64, size as u64);
    let entry = Entry::decode(&leaves[index]).unwrap();
    Receipt::new(entry, proof.unwrap(), checkpoint(leaves, size)).unwrap()
}

/// The succession from the first `old` to the first `new` leaves.
pub(super) fn succession(leaves: &[Vec<u8>], old: usize, new: usize) -> Succession {
    let proof = ConsistencyProof::generate(hashes(leaves).as_slice(), old as u64, new as u64);
    Succession::new(&checkpoint(leaves, old), checkpoint(leaves, new), proof.unwrap().path).unwrap()
}

#[test]
fn every_entry_has_a_receipt_that_opens() {
    let leaves = busy();
    for size in 1..=leaves.len() {
        for (index, leaf) in leaves[..size].iter().enumerate() {
            let text = receipt(&leaves, index, size).to_string();
            let opened = Receipt::open(&text, &keys()).unwrap();
            assert_eq!((opened.index(), opened.entry().encode()), (index as u64, leaf.clone()));
            assert_eq!(opened.checkpoint(), &checkpoint(&leaves, size));
            assert_eq!(opened.to_string(), text);
        }
    }
}

#[test]
fn any_changed_byte_of_a_receipt_is_refused() {
    let text = receipt(&busy(), 3, 7).to_string();
    refuse_all_changes(&text, |changed| Receipt::open(changed, &keys()).is_err());
}

#[test]
fn any_changed_byte_of_a_succession_is_refused() {
    let leaves = busy();
    let text = succession(&leaves, 3, 7).to_string();
    let old = checkpoint(&leaves, 3);
    refuse_all_changes(&text, |changed| Succession::open(changed, &old, &keys()).is_err());
}

fn refuse_all_changes(text: &str, is_refused: impl Fn(&str) -> bool) {
    for at in 0..text.len() {
        let mut changed = text.as_bytes().to_vec();
        changed[at] ^= 1;
        if let Ok(changed) = String::from_utf8(changed) {
            assert!(is_refused(&changed), "byte {at}");
        }
        assert!(text.get(..at).is_none_or(&is_refused), "cut at {at}");
    }
}

#[test]
fn a_receipt_is_not_made_of_parts_that_do_not_belong_together() {
    let leaves = busy();
    let proof = |index, size| InclusionProof::generate(hashes(&leaves).as_slice(), index, size).unwrap();
    let entry = Entry::decode(&leaves[3]).unwrap();
    let head = || checkpoint(&leaves, 7);
    assert!(Receipt::new(entry.clone(), proof(3, 7), head()).is_ok());
    assert!(Receipt::new(entry.clone(), proof(2, 7), head()).is_err());
    assert!(Receipt::new(entry.clone(), proof(3, 6), head()).is_err());
    // The path of this index is the same length in a tree of 8.
    let of_another_size = InclusionProof { size: 8, ..proof(3, 7) };
    assert!(Receipt::new(entry, of_another_size, head()).is_err());
}

#[test]
fn a_receipt_signed_by_nobody_known_is_refused() {
    let text = receipt(&busy(), 3, 7).to_string();
    let refused = Receipt::open(&text, &[other_key().verifier().clone()]).unwrap_err();
    assert_eq!(refused, ReceiptError::Checkpoint(NoteError::NoKnownKey));
}

#[test]
fn checkpoints_of_one_history_succeed_each_other() {
    let leaves = busy();
    for new in 1..=leaves.len() {
        for old in 1..=new {
            let text = succession(&leaves, old, new).to_string();
            let held = checkpoint(&leaves, old);
            let opened = Succession::open(&text, &held, &keys()).unwrap();
            assert_eq!(opened.old_size(), old as u64);
            assert_eq!(opened.checkpoint(), &checkpoint(&leaves, new));
            assert_eq!(opened.to_string(), text);
        }
    }
}

#[test]
fn a_rewritten_history_cannot_succeed_the_checkpoint_one_holds() {
    let leaves = busy();
    let held = checkpoint(&leaves, 3);
    let mut rewritten = leaves.clone();
    rewritten.swap(0, 1);
    let text = succession(&rewritten, 3, 7).to_string();
    assert!(Succession::open(&text, &held, &keys()).is_err());
    let other_size = succession(&leaves, 2, 7).to_string();
    assert!(Succession::open(&other_size, &held, &keys()).is_err());
    assert!(Succession::new(&checkpoint(&leaves, 0), held, Vec::new()).is_err());
}

#[test]
fn a_checkpoint_of_another_log_succeeds_nothing() {
    let elsewhere = SigningKey::from_seed(v("other.example"), Zeroizing::new([1; 32])).unwrap();
    let held = checkpoint(&busy(), 3);
    let same_root = elsewhere.sign(3, held.checkpoint().root).unwrap();
    let refused = Succession::new(&held, same_root, Vec::new()).unwrap_err();
    assert_eq!(refused, ReceiptError::OtherOrigin);
}

#[test]
fn a_proof_with_more_hashes_than_a_tree_has_levels_is_refused() {
    let hash = Hash::of(b"").to_base64();
    let old = checkpoint(&example(), 1);
    let text = format!("old 1\n{}\n", format!("{hash}\n").repeat(64));
    assert_eq!(Succession::open(&text, &old, &keys()), Err(ReceiptError::Line { line: 65 }));
    assert_eq!(Succession::open(&"x".repeat(500_000), &old, &keys()), Err(ReceiptError::TooLong));
}
