"""The Merkle tree of the log: pure hashing and proofs (RFC 9162, sections 2.1.1 to 2.1.4; SHA-256)."""

import hashlib
from collections.abc import Callable, Iterator, Sequence

HASH_SIZE = 32
RootAt = Callable[[int, int], bytes]
"""(start, end) → root hash of the leaves start..end-1, a range as RFC 9162 splits trees."""
STORED = 8
"""Subtrees this many levels high, twice as many, … are stored: of 256, 65,536, … leaves."""


def leaf_hash(leaf: bytes) -> bytes:
    """Hash of one entry: SHA-256(0x00 || leaf)."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node: SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def append(frontier: Sequence[bytes], size: int, leaf: bytes) -> list[bytes]:
    """The frontier after one more leaf.

    The frontier holds the roots of the perfect subtrees that make up a tree of `size` leaves, largest first: one per
    set bit of `size`. `leaf` is a leaf *hash*.
    """
    nodes = [*frontier, leaf]
    while size & 1:
        right = nodes.pop()
        nodes.append(node_hash(nodes.pop(), right))
        size >>= 1
    return nodes


def completed(frontier: Sequence[bytes], size: int, leaf: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(height, number from the left, root) of each subtree to be stored that this leaf completes."""
    nodes, height = [*frontier, leaf], 0
    while size >> height & 1:
        right = nodes.pop()
        nodes.append(node_hash(nodes.pop(), right))
        height += 1
        if height % STORED == 0:
            yield height, size >> height, nodes[-1]


def root_of(frontier: Sequence[bytes]) -> bytes:
    """Root hash of the tree with this frontier; an empty tree's is SHA-256 of nothing."""
    if not frontier:
        return hashlib.sha256(b"").digest()
    root = frontier[-1]
    for left in reversed(frontier[:-1]):
        root = node_hash(left, root)
    return root


def root(leaves: Sequence[bytes]) -> bytes:
    """Root hash over leaf hashes."""
    frontier: list[bytes] = []
    for size, leaf in enumerate(leaves):
        frontier = append(frontier, size, leaf)
    return root_of(frontier)


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)


def inclusion_proof(index: int, size: int, root_at: RootAt) -> list[bytes]:
    """Audit path of leaf `index` in the tree of `size` leaves (RFC 9162, 2.1.3.1), lowest node first.

    Raises ValueError when the index is outside the tree.
    """
    if not 0 <= index < size:
        raise ValueError("index is not in the tree")
    start, end, path = 0, size, []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(root_at(middle, end))
            end = middle
        else:
            path.append(root_at(start, middle))
            start = middle
    return path[::-1]


def consistency_proof(old: int, size: int, root_at: RootAt) -> list[bytes]:
    """Proof that the tree of `old` leaves is the beginning of the tree of `size` (RFC 9162, 2.1.4.1).

    Raises ValueError unless 0 < old <= size.
    """
    if not 0 < old <= size:
        raise ValueError("there is no such older tree")
    start, end, path, whole = 0, size, [], True
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(root_at(middle, end))
            end = middle
        else:
            path.append(root_at(start, middle))
            start, whole = middle, False
    return ([] if whole else [root_at(start, end)]) + path[::-1]


def includes(leaf: bytes, index: int, size: int, path: Sequence[bytes], expected_root: bytes) -> bool:
    """Whether the audit path leads from the leaf hash to the root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size or any(len(node) != HASH_SIZE for node in path):
        return False
    fn, sn, r = index, size - 1, leaf
    for node in path:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            r = node_hash(node, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node_hash(r, node)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and r == expected_root


def is_consistent(old: int, old_root: bytes, size: int, new_root: bytes, path: Sequence[bytes]) -> bool:
    """Whether the proof shows that the older tree is a prefix of the newer (RFC 9162, 2.1.4.2)."""
    if not 0 < old <= size:
        return False
    if old == size:
        return not path and old_root == new_root
    nodes = list(path)
    if old & (old - 1) == 0:
        nodes.insert(0, old_root)
    if not nodes:
        return False
    fn, sn = old - 1, size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = nodes[0]
    for node in nodes[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node_hash(node, fr), node_hash(node, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, node)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == old_root and sr == new_root
