//! Tampering of every kind at every place: it is found, and the record that is named is the right one.

use super::fixtures::{busy, checkpoint, example, records, signing_key};
use crate::export::{self, ExportError, ExportVerification};
use crate::verify::{Fault, Finding, Record, Report, verify};
use crate::{Hash, SignedCheckpoint};

/// A checkpoint for each size from 1 on.
fn checkpoints(leaves: &[Vec<u8>]) -> Vec<SignedCheckpoint> {
    (1..=leaves.len()).map(|size| checkpoint(leaves, size)).collect()
}

/// The records with no hashes beside them.
fn bare(leaves: &[Vec<u8>]) -> Vec<Record<'_>> {
    records(leaves).into_iter().map(|record| Record { hash: None, ..record }).collect()
}

/// The records numbered anew, as someone who hides a change would.
fn renumbered(records: Vec<Record<'_>>) -> Vec<Record<'_>> {
    (0..).zip(records).map(|(index, record)| Record { index, ..record }).collect()
}

fn finding(records: Vec<Record<'_>>, checkpoints: &[SignedCheckpoint]) -> Finding {
    verify(records, checkpoints).unwrap_err()
}

/// Each bit of each leaf flipped: the index, and the leaves then.
fn each_flip(leaves: &[Vec<u8>]) -> impl Iterator<Item = (usize, Vec<Vec<u8>>)> {
    (0..leaves.len()).flat_map(move |index| {
        (0..leaves[index].len() * 8).map(move |bit| {
            let mut changed = leaves.to_vec();
            changed[index][bit / 8] ^= 1 << (bit % 8);
            (index, changed)
        })
    })
}

#[test]
fn any_flipped_bit_of_a_leaf_is_found_by_its_stored_hash() {
    let leaves = busy();
    let hashes: Vec<_> = records(&leaves).iter().map(|record| record.hash).collect();
    for (index, changed) in each_flip(&leaves) {
        let rows = bare(&changed).into_iter().zip(&hashes);
        let rows = rows.map(|(record, hash)| Record { hash: *hash, ..record }).collect();
        assert_eq!(finding(rows, &[]), Finding { index: index as u64, fault: Fault::Altered });
    }
}

#[test]
fn any_flipped_bit_of_a_leaf_is_found_by_the_checkpoint_after_it() {
    let leaves = example();
    let checkpoints = checkpoints(&leaves);
    for (index, changed) in each_flip(&leaves) {
        // The hash beside the leaf is altered as well.
        let finding = finding(records(&changed), &checkpoints);
        assert_eq!(finding.index, index as u64, "{finding}");
    }
}

#[test]
fn without_stored_hashes_a_flipped_bit_is_narrowed_down_to_between_two_checkpoints() {
    let leaves = busy();
    let signed = [checkpoint(&leaves, 4), checkpoint(&leaves, 9)];
    let mut narrowed = [0, 0];
    // The lowest bit of each byte: digits and letters become others, and the leaf often stays an entry.
    for (index, changed) in each_flip(&leaves[..9]).step_by(8) {
        let finding = finding(bare(&changed), &signed);
        if let Fault::Root { size } = finding.fault {
            assert!((finding.index..size).contains(&(index as u64)), "{finding}");
            narrowed[usize::from(size == 9)] += 1;
        } else {
            assert_eq!(finding.index, index as u64, "{finding}");
        }
    }
    assert!(narrowed.iter().all(|flips| *flips > 100), "{narrowed:?}");
}

#[test]
fn any_flipped_bit_of_a_stored_hash_is_found() {
    let leaves = example();
    for index in 0..leaves.len() {
        for bit in 0..256 {
            let mut rows = records(&leaves);
            let mut bytes = *rows[index].hash.unwrap().as_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            rows[index].hash = Some(Hash::from_bytes(bytes));
            assert_eq!(finding(rows, &[]), Finding { index: index as u64, fault: Fault::Altered });
        }
    }
}

#[test]
fn a_deleted_record_is_named() {
    let leaves = busy();
    let checkpoints = checkpoints(&leaves);
    let last = leaves.len() - 1;
    for index in 0..last {
        let mut rows = records(&leaves);
        rows.remove(index);
        let found = index as u64 + 1;
        let expected = Finding { index: index as u64, fault: Fault::Misplaced { found } };
        assert_eq!(finding(rows.clone(), &[]), expected);
        assert_eq!(finding(renumbered(rows), &checkpoints).index, index as u64);
    }
    let expected = Finding { index: last as u64, fault: Fault::Missing { size: leaves.len() as u64 } };
    assert_eq!(finding(records(&leaves[..last]), &checkpoints), expected);
}

#[test]
fn swapped_records_are_named_by_the_first_of_them() {
    let leaves = busy();
    let checkpoints = checkpoints(&leaves);
    for second in 1..leaves.len() {
        for first in 0..second {
            let index = first as u64;
            let mut rows = records(&leaves);
            rows.swap(first, second);
            let expected = Finding { index, fault: Fault::Misplaced { found: second as u64 } };
            assert_eq!(finding(rows.clone(), &[]), expected);
            assert_eq!(finding(renumbered(rows), &checkpoints).index, index);

            // Only the leaves were exchanged: the hashes that stayed behind name the first.
            let mut rows = records(&leaves);
            (rows[first].leaf, rows[second].leaf) = (rows[second].leaf, rows[first].leaf);
            assert_eq!(finding(rows, &[]), Finding { index, fault: Fault::Altered });
        }
    }
}

#[test]
fn a_record_put_in_or_repeated_is_named() {
    let leaves = busy();
    let checkpoints = checkpoints(&leaves);
    for from in 0..leaves.len() {
        for at in 0..leaves.len() {
            let mut rows = records(&leaves);
            rows.insert(at, rows[from]);
            // A record repeated right before itself shows at its second place.
            let index = if from == at { at + 1 } else { at } as u64;
            assert_eq!(finding(rows.clone(), &checkpoints).index, index);
            assert_eq!(finding(renumbered(rows), &checkpoints).index, index);
        }
    }
}

#[test]
fn a_truncated_ledger_is_missing_its_first_lost_record() {
    let leaves = busy();
    let signed = [checkpoint(&leaves, leaves.len())];
    for length in 0..leaves.len() {
        let (index, size) = (length as u64, leaves.len() as u64);
        let expected = Finding { index, fault: Fault::Missing { size } };
        assert_eq!(finding(records(&leaves[..length]), &signed), expected);
    }
}

#[test]
fn a_rollback_with_all_its_checkpoints_cannot_be_shown_from_inside() {
    // The limit that `docs/format.md` section 8 states. A checkpoint held outside shows it.
    let leaves = busy();
    let rolled_back = &leaves[..6];
    assert!(verify(records(rolled_back), &checkpoints(rolled_back)).is_ok());
    let held = checkpoint(&leaves, 8);
    let finding = finding(records(rolled_back), &[held]);
    assert_eq!(finding, Finding { index: 6, fault: Fault::Missing { size: 8 } });
}

/// An export with a checkpoint after each of the given sizes.
pub(super) fn exported(leaves: &[Vec<u8>], checkpoint_sizes: &[usize]) -> Vec<u8> {
    let mut file = export::head(signing_key().verifier().origin()).into_bytes();
    for (index, leaf) in leaves.iter().enumerate() {
        file.extend(export::entry(index as u64, leaf));
        if checkpoint_sizes.contains(&(index + 1)) {
            file.extend(export::checkpoint(&checkpoint(leaves, index + 1)).into_bytes());
        }
    }
    file.extend(export::end(leaves.len() as u64).into_bytes());
    file
}

fn read(file: &[u8]) -> Result<Report, Finding> {
    let lines = file.strip_suffix(b"\n").unwrap_or(file).split(|byte| *byte == b'\n');
    let verification = ExportVerification::new(vec![signing_key().verifier().clone()]);
    lines.into_iter().try_fold(verification, ExportVerification::line)?.finish()
}

#[test]
fn an_export_is_read_back_whole() {
    let leaves = busy();
    let report = read(&exported(&leaves, &[4, 11])).unwrap();
    assert_eq!((report.size, report.checkpoints, report.signed_size), (15, 2, 11));
    assert_eq!(read(&exported(&[], &[])).unwrap().size, 0);
}

#[test]
fn any_flipped_bit_of_an_export_is_found_at_the_record_it_hits() {
    let leaves = example();
    let file = exported(&leaves, &[3]);
    let mut index = 0;
    for at in 0..file.len() {
        for bit in 0..8 {
            let mut changed = file.clone();
            changed[at] ^= 1 << bit;
            // The newline at the very end is the one byte that may be lost.
            if at + 1 == file.len() {
                continue;
            }
            let finding = read(&changed).expect_err(&format!("byte {at}, bit {bit}"));
            assert_eq!(finding.index, index, "byte {at}, bit {bit}: {finding}");
        }
        let entry_ended =
            file[at] == b'\n' && file[..at].rsplit(|b| *b == b'\n').next().unwrap().starts_with(b"entry");
        index += u64::from(entry_ended);
    }
}

#[test]
fn an_export_that_was_cut_off_is_not_taken_for_a_shorter_one() {
    let file = exported(&example(), &[2]);
    for length in 0..file.len() - 1 {
        assert!(read(&file[..length]).is_err(), "cut at {length}");
    }
}

#[test]
fn an_export_states_its_own_end() {
    let leaves = example();
    let text = String::from_utf8(exported(&leaves, &[])).unwrap();
    let found = |text: String| read(text.as_bytes()).unwrap_err();
    let fault = |error| Finding { index: 3, fault: Fault::Export(error) };
    assert_eq!(found(text.replace("end 3", "end 2")), fault(ExportError::End { size: 2 }));
    let missing = Finding { index: 3, fault: Fault::Missing { size: 4 } };
    assert_eq!(found(text.replace("end 3", "end 4")), missing);
    assert_eq!(found(text.clone() + "end 3\n"), fault(ExportError::AfterEnd));
    assert_eq!(found(text.replace("end 3\n", "")), fault(ExportError::CutOff));
    assert_eq!(found(text.replace("end 3", "fin 3")), fault(ExportError::Line));
    let other = text.replace("origin clinic", "origin other");
    assert_eq!(found(other), Finding { index: 0, fault: Fault::Export(ExportError::Head) });
}
