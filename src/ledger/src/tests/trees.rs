//! The tree against its definition, and against values computed elsewhere.

use std::convert::Infallible;
use std::ops::Range;

use crate::Hash;
use crate::tree::{ConsistencyProof, Frontier, HashSource, InclusionProof, ProofError, leaf_hash, node_hash};

const SIZES: u64 = 130;

/// MTH of RFC 6962 section 2.1, by its definition.
fn naive_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::of(b""),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            node_hash(&naive_root(left), &naive_root(right))
        }
    }
}

/// PATH of RFC 6962 section 2.1.1, by its definition.
fn naive_path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() <= 1 {
        return Vec::new();
    }
    let k = leaves.len().next_power_of_two() / 2;
    let (left, right) = leaves.split_at(k);
    let (mut path, sibling) =
        if index < k { (naive_path(index, left), right) } else { (naive_path(index - k, right), left) };
    path.push(naive_root(sibling));
    path
}

/// SUBPROOF of RFC 6962 section 2.1.2, by its definition.
fn naive_subproof(old: usize, leaves: &[Hash], known: bool) -> Vec<Hash> {
    if old == leaves.len() {
        return if known { Vec::new() } else { vec![naive_root(leaves)] };
    }
    let k = leaves.len().next_power_of_two() / 2;
    let (left, right) = leaves.split_at(k);
    let (mut path, other) = if old <= k {
        (naive_subproof(old, left, known), right)
    } else {
        (naive_subproof(old - k, right, false), left)
    };
    path.push(naive_root(other));
    path
}

fn leaf_hashes() -> Vec<Hash> {
    (0..SIZES).map(|i| leaf_hash(&i.to_be_bytes())).collect()
}

/// A source that, as tiles do, holds the nodes of every second level and hashes the others from them.
struct Tiles(Vec<Vec<Hash>>);

impl Tiles {
    fn of(leaves: &[Hash]) -> Self {
        let level = |level: usize| leaves.chunks_exact(1 << level).map(naive_root).collect();
        Self((0..8).step_by(2).map(level).collect())
    }
}

impl HashSource for Tiles {
    type Error = Infallible;

    fn leaves(&self, _: Range<u64>) -> Result<Vec<Hash>, Infallible> {
        panic!("a proof needs no leaf hashes when there are tiles")
    }

    fn subtree(&self, level: u32, index: u64) -> Result<Hash, Infallible> {
        let width = 1 << (level % 2);
        let start = index as usize * width;
        Ok(naive_root(&self.0[level as usize / 2][start..start + width]))
    }
}

#[test]
fn roots_are_those_computed_elsewhere() {
    // The leaves and roots that the reference implementations of RFC 6962 test with.
    let leaves: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut frontier = Frontier::new();
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(frontier.root().to_hex(), empty);
    for (leaf, root) in leaves.iter().zip(roots) {
        frontier.append(leaf_hash(leaf));
        assert_eq!(frontier.root().to_hex(), root);
    }
}

#[test]
fn a_frontier_has_the_root_of_the_definition_and_survives_storage() {
    let leaves = leaf_hashes();
    let mut frontier = Frontier::new();
    for (size, leaf) in leaves.iter().enumerate() {
        assert_eq!(frontier.size(), size as u64);
        assert_eq!(frontier.root(), naive_root(&leaves[..size]));
        let stored = frontier.encode();
        assert_eq!(stored.len() as u32, 8 + 32 * size.count_ones());
        frontier = Frontier::decode(&stored).unwrap();
        assert!(Frontier::decode(&stored[1..]).is_err());
        assert!(Frontier::decode(&[stored.as_slice(), &[0]].concat()).is_err());
        assert!(Frontier::decode(&[stored, vec![0; 32]].concat()).is_err());
        frontier.append(*leaf);
    }
}

#[test]
fn a_frontier_too_large_to_count_is_refused() {
    let bytes = [[0xff; 8].as_slice(), &[0; 32 * 64]].concat();
    assert!(Frontier::decode(&bytes).is_err());
    assert!(Frontier::decode(b"").is_err());
}

#[test]
fn inclusion_proofs_are_those_of_the_definition_from_leaves_and_from_tiles() {
    let leaves = leaf_hashes();
    let tiles = Tiles::of(&leaves);
    for size in 1..=SIZES {
        let tree = &leaves[..size as usize];
        let root = naive_root(tree);
        for index in 0..size {
            let proof = InclusionProof::generate(leaves.as_slice(), index, size).unwrap();
            assert_eq!(proof.path, naive_path(index as usize, tree));
            assert_eq!(Ok(&proof), InclusionProof::generate(&tiles, index, size).as_ref());
            let leaf = &leaves[index as usize];
            assert!(proof.verify(leaf, &root).is_ok());

            let next = InclusionProof { index: (index + 1) % size, ..proof.clone() };
            assert_eq!(next.verify(leaf, &root).is_ok(), size == 1);
            assert!(proof.verify(&root, &root).is_err() || size == 1);
            for at in 0..proof.path.len() {
                let mut changed = proof.clone();
                changed.path[at] = root;
                assert!(changed.verify(leaf, &root).is_err());
                let mut shorter = proof.clone();
                shorter.path.remove(at);
                assert!(shorter.verify(leaf, &root).is_err());
            }
            let mut longer = proof.clone();
            longer.path.push(root);
            assert!(longer.verify(leaf, &root).is_err());
        }
    }
}

#[test]
fn consistency_proofs_are_those_of_the_definition_from_leaves_and_from_tiles() {
    let leaves = leaf_hashes();
    let tiles = Tiles::of(&leaves);
    let roots: Vec<_> = (0..=SIZES as usize).map(|size| naive_root(&leaves[..size])).collect();
    for new in 1..=SIZES {
        let tree = &leaves[..new as usize];
        for old in 1..=new {
            let proof = ConsistencyProof::generate(leaves.as_slice(), old, new).unwrap();
            assert_eq!(proof.path, naive_subproof(old as usize, tree, true));
            assert_eq!(Ok(&proof), ConsistencyProof::generate(&tiles, old, new).as_ref());
            let (old_root, new_root) = (&roots[old as usize], &roots[new as usize]);
            assert!(proof.verify(old_root, new_root).is_ok());

            assert!(proof.verify(&roots[old as usize - 1], new_root).is_err());
            assert!(proof.verify(old_root, &roots[new as usize - 1]).is_err());
            for at in 0..proof.path.len() {
                let mut changed = proof.clone();
                changed.path[at] = Hash::of(b"");
                assert!(changed.verify(old_root, new_root).is_err());
            }
            let mut longer = proof.clone();
            longer.path.push(*new_root);
            assert!(longer.verify(old_root, new_root).is_err());
        }
    }
}

#[test]
fn a_proof_from_the_empty_tree_is_made_for_witnesses_and_proves_nothing() {
    let leaves = leaf_hashes();
    let proof = ConsistencyProof::generate(leaves.as_slice(), 0, 5).unwrap();
    assert!(proof.path.is_empty());
    assert!(proof.verify(&naive_root(&[]), &naive_root(&leaves[..5])).is_err());
}

#[test]
fn proofs_outside_the_tree_are_not_made() {
    let leaves = leaf_hashes();
    let source = leaves.as_slice();
    assert_eq!(InclusionProof::generate(source, 5, 5), Err(ProofError::OutOfRange));
    assert_eq!(InclusionProof::generate(source, 0, 1 << 53), Err(ProofError::OutOfRange));
    assert_eq!(ConsistencyProof::generate(source, 6, 5), Err(ProofError::OutOfRange));
}

#[test]
fn a_path_longer_than_the_tree_is_high_is_refused_though_it_leads_to_the_root() {
    let leaves = leaf_hashes();
    let root = naive_root(&leaves[..2]);
    let path = vec![leaves[0]];
    assert!(InclusionProof { index: 0, size: 1, path }.verify(&leaves[1], &root).is_err());
}

#[test]
fn extreme_numbers_in_a_proof_are_refused() {
    let hash = Hash::of(b"");
    for (index, size) in [(0, 0), (1, 1), (u64::MAX, u64::MAX), (u64::MAX - 1, u64::MAX)] {
        for length in [0, 1, 64, 65] {
            let proof = InclusionProof { index, size, path: vec![hash; length] };
            assert!(proof.verify(&hash, &hash).is_err());
        }
    }
    for (old_size, new_size) in [(0, 0), (2, 1), (1, u64::MAX), (u64::MAX - 1, u64::MAX)] {
        for length in [0, 1, 64, 65] {
            let proof = ConsistencyProof { old_size, new_size, path: vec![hash; length] };
            assert!(proof.verify(&hash, &hash).is_err());
        }
    }
}

#[test]
fn a_subtree_is_read_from_the_leaves_in_pieces() {
    let leaves: Vec<Hash> = (0..4096u64).map(|i| leaf_hash(&i.to_be_bytes())).collect();
    assert_eq!(leaves.as_slice().subtree(11, 1), Ok(naive_root(&leaves[2048..])));
}
