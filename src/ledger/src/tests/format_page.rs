//! The worked example of `docs/format.md` is what this crate computes.

use std::collections::BTreeMap;

use super::fixtures::{checkpoint, example, frontier, pseudonym, signing_key};
use super::receipts::{receipt, succession};
use super::tampering::exported;
use crate::tree::leaf_hash;
use crate::{Hash, Hindrance, Kind, State, commit};

const PAGE: &str = include_str!("../../docs/format.md");

/// The fenced blocks that follow an `example` comment, by its name.
fn examples() -> BTreeMap<String, String> {
    let mut examples = BTreeMap::new();
    for part in PAGE.split("<!-- example: ").skip(1) {
        let (name, rest) = part.split_once(" -->\n```").unwrap();
        let (_, rest) = rest.split_once('\n').unwrap();
        let (block, _) = rest.split_once("```").unwrap();
        examples.insert(name.to_owned(), block.to_owned());
    }
    examples
}

/// The same, computed.
fn computed() -> BTreeMap<String, String> {
    let leaves = example();
    let mut computed = BTreeMap::new();
    let mut add = |name: &str, block: String| computed.insert(name.to_owned(), block);
    for (index, leaf) in leaves.iter().enumerate() {
        let text = String::from_utf8(leaf.clone()).unwrap();
        add(&format!("leaf {index}"), text + "\n");
        add(&format!("leaf hash {index}"), leaf_hash(leaf).to_base64() + "\n");
    }
    add("frontier", hex::encode(frontier(&leaves).encode()) + "\n");
    add("vkey", format!("{}\n", signing_key().verifier()));
    add("checkpoint 2", checkpoint(&leaves, 2).to_string());
    add("checkpoint 3", checkpoint(&leaves, 3).to_string());
    add("receipt", receipt(&leaves, 0, 3).to_string());
    add("succession", succession(&leaves, 2, 3).to_string());
    add("export", String::from_utf8(exported(&leaves, &[2, 3])).unwrap());
    add("commitment", commit(&[7; 32], &Hash::of(b"fit")).to_hex() + "\n");
    add("pseudonym", pseudonym("38001085718").value.to_hex() + "\n");
    computed
}

#[test]
fn the_worked_example_is_what_is_computed() {
    let (written, computed) = (examples(), computed());
    for (name, block) in &computed {
        assert_eq!(written.get(name), Some(block), "example `{name}` should be:\n{block}");
    }
    assert_eq!(written.len(), computed.len());
}

#[test]
fn the_page_names_every_kind_state_and_hindrance() {
    for kind in Kind::ALL {
        assert!(PAGE.contains(&format!("**`{kind}`**")), "kind `{kind}`");
    }
    for state in State::ALL {
        assert!(PAGE.contains(&format!("`{state}`")), "state `{state}`");
    }
    for hindrance in Hindrance::ALL {
        assert!(PAGE.contains(&format!("`{hindrance}`")), "hindrance `{hindrance}`");
    }
}
