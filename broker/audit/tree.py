"""The Merkle tree of the log: pure hashing and proofs (RFC 9162, sections 2.1.1 to 2.1.4; SHA-256)."""

import hashlib
from collections.abc import Callable, Sequence

HASH_SIZE = 32
HashAt = Callable[[int, int], bytes]
"""(start, end) → root hash of the leaves start..end-1."""


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


def inclusion_proof(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Audit path of leaf `index` in the tree over `leaves` (RFC 9162, 2.1.3.1), lowest node first.

    Raises ValueError when the index is outside the tree.
    """
    if not 0 <= index < len(leaves):
        raise ValueError("index is not in the tree")
    if len(leaves) == 1:
        return []
    middle = _split(len(leaves))
    if index < middle:
        return [*inclusion_proof(index, leaves[:middle]), root(leaves[middle:])]
    return [*inclusion_proof(index - middle, leaves[middle:]), root(leaves[:middle])]


def consistency_proof(old: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Proof that the tree over the first `old` leaves is a prefix of the tree over all (RFC 9162, 2.1.4.1).

    Raises ValueError unless 0 < old <= size.
    """
    if not 0 < old <= len(leaves):
        raise ValueError("there is no such older tree")
    return _subproof(old, leaves, whole=True)


def _subproof(old: int, leaves: Sequence[bytes], *, whole: bool) -> list[bytes]:
    if old == len(leaves):
        return [] if whole else [root(leaves)]
    middle = _split(len(leaves))
    if old <= middle:
        return [*_subproof(old, leaves[:middle], whole=whole), root(leaves[middle:])]
    return [*_subproof(old - middle, leaves[middle:], whole=False), root(leaves[:middle])]


class Hashes:
    """Many proofs over the same leaves: each subtree's root is worked out once (ranges as RFC 9162 splits them)."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self._leaves = leaves
        self._roots: dict[tuple[int, int], bytes] = {}

    def root(self, start: int, end: int) -> bytes:
        """Root over the leaves start..end-1."""
        if end - start == 1:
            return self._leaves[start]
        known = self._roots.get((start, end))
        if known is None:
            known = self._roots[start, end] = root(self._leaves[start:end])
        return known

    def inclusion(self, index: int) -> list[bytes]:
        """As `inclusion_proof`."""
        if not 0 <= index < len(self._leaves):
            raise ValueError("index is not in the tree")
        start, end, path = 0, len(self._leaves), []
        while end - start > 1:
            middle = start + _split(end - start)
            if index < middle:
                path.append(self.root(middle, end))
                end = middle
            else:
                path.append(self.root(start, middle))
                start = middle
        return path[::-1]

    def consistency(self, old: int) -> list[bytes]:
        """As `consistency_proof`."""
        if not 0 < old <= len(self._leaves):
            raise ValueError("there is no such older tree")
        start, end, path, whole = 0, len(self._leaves), [], True
        while old != end:
            middle = start + _split(end - start)
            if old <= middle:
                path.append(self.root(middle, end))
                end = middle
            else:
                path.append(self.root(start, middle))
                start, whole = middle, False
        return ([] if whole else [self.root(start, end)]) + path[::-1]


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
