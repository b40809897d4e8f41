//! The proofs of transparency-dev/merkle, good and bad, when `CLEARANCE_SAMPLES` names the folder that holds them.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::Hash;
use crate::tree::{ConsistencyProof, InclusionProof, leaf_hash};

/// All cases below `merkle/<kind>`, with their paths.
fn cases(kind: &str) -> Vec<(PathBuf, Value)> {
    let Some(samples) = std::env::var_os("CLEARANCE_SAMPLES") else {
        println!("skipped: CLEARANCE_SAMPLES is not set");
        return Vec::new();
    };
    let mut cases = Vec::new();
    collect(&Path::new(&samples).join("merkle").join(kind), &mut cases);
    assert!(cases.len() > 40, "only {} cases in `merkle/{kind}`", cases.len());
    cases
}

fn collect(folder: &Path, cases: &mut Vec<(PathBuf, Value)>) {
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            collect(&path, cases);
        } else {
            let case = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            cases.push((path, case));
        }
    }
}

fn bytes(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().unwrap()).unwrap()
}

/// A hash of the wrong length cannot be held: `None`.
fn hash(value: &Value) -> Option<Hash> {
    bytes(value).try_into().ok().map(Hash::from_bytes)
}

fn path(case: &Value) -> Option<Vec<Hash>> {
    case["proof"].as_array().map_or(Some(Vec::new()), |path| path.iter().map(hash).collect())
}

/// Roots of the wrong length are given stand-ins: the cases ask only whether they are equal.
fn root(value: &Value) -> Hash {
    hash(value).unwrap_or_else(|| leaf_hash(&bytes(value)))
}

#[test]
fn every_inclusion_proof_of_the_samples_is_judged_as_it_should_be() {
    for (file, case) in cases("inclusion") {
        let verified = || {
            let (index, size) = (case["leafIdx"].as_u64()?, case["treeSize"].as_u64()?);
            let proof = InclusionProof { index, size, path: path(&case)? };
            proof.verify(&hash(&case["leafHash"])?, &hash(&case["root"])?).ok()
        };
        assert_eq!(verified().is_none(), case["wantErr"], "{}", file.display());
    }
}

#[test]
fn every_consistency_proof_of_the_samples_is_judged_as_it_should_be() {
    for (file, case) in cases("consistency") {
        let verified = || {
            let (old_size, new_size) = (case["size1"].as_u64()?, case["size2"].as_u64()?);
            let proof = ConsistencyProof { old_size, new_size, path: path(&case)? };
            proof.verify(&root(&case["root1"]), &root(&case["root2"])).ok()
        };
        assert_eq!(verified().is_none(), case["wantErr"], "{}", file.display());
    }
}
