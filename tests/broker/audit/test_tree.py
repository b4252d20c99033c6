"""The tree against RFC vectors and against itself."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from broker.audit import tree

# RFC 6962 reference leaves, as used by the certificate-transparency test suites
LEAVES = [
    bytes.fromhex(leaf)
    for leaf in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOT_OF_EIGHT = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"

many = st.lists(st.binary(max_size=8), min_size=1, max_size=70)


def test_the_reference_root_of_eight_leaves() -> None:
    assert tree.root([tree.leaf_hash(leaf) for leaf in LEAVES]).hex() == ROOT_OF_EIGHT


def test_an_empty_tree_hashes_nothing() -> None:
    assert tree.root([]) == hashlib.sha256(b"").digest()


def over(hashes: list[bytes]) -> tree.RootAt:
    return lambda start, end: tree.root(hashes[start:end])


@given(many, st.data())
def test_every_leaf_is_included_and_no_other(leaves: list[bytes], data: st.DataObject) -> None:
    hashes = [tree.leaf_hash(leaf) for leaf in leaves]
    index = data.draw(st.integers(0, len(hashes) - 1))
    path, root = tree.inclusion_proof(index, len(hashes), over(hashes)), tree.root(hashes)
    assert tree.includes(hashes[index], index, len(hashes), path, root)
    assert not tree.includes(tree.leaf_hash(b"another leaf"), index, len(hashes), path, root)
    assert not tree.includes(hashes[index], index, len(hashes), [*path, root], root)
    assert not tree.includes(hashes[index], len(hashes), len(hashes), path, root)


@given(many, st.data())
def test_an_older_tree_is_a_prefix_and_a_changed_one_is_not(leaves: list[bytes], data: st.DataObject) -> None:
    hashes = [tree.leaf_hash(leaf) for leaf in leaves]
    old = data.draw(st.integers(1, len(hashes)))
    path = tree.consistency_proof(old, len(hashes), over(hashes))
    old_root, root = tree.root(hashes[:old]), tree.root(hashes)
    assert tree.is_consistent(old, old_root, len(hashes), root, path)
    assert not tree.is_consistent(old, tree.leaf_hash(b"forged"), len(hashes), root, path)


@given(st.integers(1, 300))
def test_each_full_subtree_is_told_once_when_its_last_leaf_comes(leaves: int) -> None:
    hashes = [tree.leaf_hash(b"%d" % number) for number in range(leaves)]
    frontier: list[bytes] = []
    told: list[tuple[int, int, bytes]] = []
    for size, leaf in enumerate(hashes):
        told += tree.completed(frontier, size, leaf)
        frontier = tree.append(frontier, size, leaf)
    assert told == [(8, number, tree.root(hashes[number << 8 : number + 1 << 8])) for number in range(leaves >> 8)]
