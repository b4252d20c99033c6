#!/usr/bin/env python3
"""Check an export of the Portunus audit log on any machine: python verify.py FILE --key VERIFIER [--witness FILE] [--witness-key VERIFIER] [--restored ENTRY,…]

Stands alone: Python 3.8 or newer, nothing else. Checks that every entry is where the signed tree heads say (RFC 9162 Merkle tree, C2SP
checkpoints, Ed25519), and names the entry or line that is wrong. A proof file holds a few entries (the way of one code, say); what they say
is told, and which links of the way are not there. --key: the log must be signed by that very key; without, it could be anybody's.
--witness: every head that the second sink saw must be a prefix of this log, and of a proof file at least one head must be one that it saw:
that finds edits, cuts, forks and restored copies even by someone who holds the key. --witness-key: at least one head must be signed by that
witness elsewhere too. --restored: the entries that tell of a backup that was put back, signed, and that you know of: what they end is let pass.
Who holds the log's key could write such an entry, so one that you do not name is a reason to reject. Exit codes: 0 accepted, 1 rejected, 2 not readable.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import sys
from itertools import islice
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    Point = tuple[int, int, int, int]
    Run = list[Any]  # entries in a row: the first one's index, all their hashes, the first and the last time
    Line = dict[str, Any]
    Heads = list[tuple[int, bytes]]

FORMAT = "portunus-audit-1"
HEADER = {"kind", "format", "origin", "key", "size"}
SUBJECT = {"kind", "code_request", "recording", "recording_digest", "recording_offset_ms"}
RELEASED, CONFIRMED, RESTORED = "code:value:release", "code:request:confirm", "audit:log:acknowledge"
MATCHED, CAME = "code:request:match", ("code:message:arrive", "code:desk:give")
WAY = "asked code:request:open|arrived code:message:arrive code:desk:give|matched code:request:match|released code:value:release code:request:confirm|typed code:value:type|answered code:request:answer|session session:proof:accept"
LEADS = {"code_message": "request", "portal_session": "attempt", "recording": "lease"}  # what names the request's own
OPTIONS = ("--witness", "--key", "--witness-key", "--restored")
DIFFERS = "%s head of %d entries does not fit: one of entries %d to %d was changed, removed or added"
MISPLACED = "line %d: entry %d stands where entry %d belongs"
CUT = "the witness saw %d entries, this log has %d: the end is cut"
RESTORING = b'"act":"%s"' % RESTORED.encode()
PART, LONGEST = 8 << 20, 16 << 20  # bytes of a large export that a process takes at a time; of a line
PLAIN = bytes(range(32, 127))  # what stands for itself in a JSON string of ASCII


class Rejected(Exception):
    """The file does not prove what it says."""


# Ed25519 verification (RFC 8032, section 5.1), for machines without a cryptography library
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D, SQRT_M1 = -121665 * pow(121666, P - 2, P) % P, pow(2, (P - 1) // 4, P)


def recover_x(y: int, sign: int) -> int | None:
    if y >= P:
        return None
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    if x2 == 0:
        return None if sign else 0
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * SQRT_M1 % P
    if (x * x - x2) % P:
        return None
    return P - x if (x & 1) != sign else x


def add(a: Point, b: Point) -> Point:
    s, t = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    c, d = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = t - s, d - c, d + c, t + s
    return e * f % P, g * h % P, f * g % P, e * h % P


def multiply(scalar: int, point: Point) -> Point:
    total: Point = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            total = add(total, point)
        point, scalar = add(point, point), scalar >> 1
    return total


def decompress(data: bytes) -> Point | None:
    sign, y = divmod(int.from_bytes(data, "little"), 1 << 255)
    x = recover_x(y, sign)
    return None if x is None else (x, y, 1, x * y % P)


def ed25519_verify(public: bytes, message: bytes, signature: bytes) -> bool:
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        return slow_ed25519_verify(public, message, signature)
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def slow_ed25519_verify(public: bytes, message: bytes, signature: bytes) -> bool:
    a, r, base = decompress(public), decompress(signature[:32]), decompress(b"\x58" + b"\x66" * 31)
    s = int.from_bytes(signature[32:], "little")
    if len(public) != 32 or len(signature) != 64 or a is None or r is None or base is None or s >= L:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    left, right = multiply(s, base), add(r, multiply(h, a))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0


def leaf_hash(leaf: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """Grows leaf by leaf; at most 64 hashes are kept."""

    def __init__(self) -> None:
        self.size = 0
        self.frontier: list[bytes] = []

    def append(self, hashed: bytes) -> None:
        size = self.size
        while size & 1:
            hashed = hashlib.sha256(b"\x01" + self.frontier.pop() + hashed).digest()
            size >>= 1
        self.frontier.append(hashed)
        self.size += 1

    def root(self) -> bytes:
        if not self.frontier:
            return hashlib.sha256(b"").digest()
        root = self.frontier[-1]
        for left in reversed(self.frontier[:-1]):
            root = node_hash(left, root)
        return root


def climb(fn: int, sn: int, old: bytes, new: bytes, nodes: list[bytes]) -> tuple[bytes, bytes]:
    """From a leaf to the roots of two trees (RFC 9162, 2.1.3.2 and 2.1.4.2): a node on the left is in the older one too."""
    for node in nodes:
        if sn == 0 or len(node) != 32:
            raise Rejected("a proof has a wrong length")
        if fn & 1 or fn == sn:
            old, new = node_hash(node, old), node_hash(node, new)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            new = node_hash(new, node)
        fn, sn = fn >> 1, sn >> 1
    if sn:
        raise Rejected("a proof is too short")
    return old, new


def root_from_path(hashed: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    if not 0 <= index < size:
        raise Rejected("the proof's index is outside its tree")
    return climb(index, size - 1, hashed, hashed, path)[1]


def is_prefix(old: int, old_root: bytes, size: int, root: bytes, path: list[bytes]) -> bool:
    """Whether the proof shows that the older tree is the beginning of the newer."""
    if old == size:
        return not path and old_root == root
    nodes = ([old_root] if old & (old - 1) == 0 else []) + path
    if not 0 < old < size or not nodes:
        return False
    fn, sn = old - 1, size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    return climb(fn, sn, nodes[0], nodes[0], nodes[1:]) == (old_root, root)


def b64(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        data = b""
    if base64.b64encode(data).decode() != text:
        raise Rejected("a line is not proper base64")
    return data


def public_key(verifier: str, algorithm: bytes = b"\x01") -> tuple[str, bytes, bytes]:
    """The raw key out of `name+hash+key`."""
    parts = verifier.split("+", 2)
    if len(parts) != 3:
        raise Rejected("the key is malformed")
    name, named_hash, data = parts[0], parts[1], b64(parts[2])
    expected = hashlib.sha256(name.encode() + b"\n" + data).digest()[:4]
    if data[:1] != algorithm or len(data) != 33 or expected.hex() != named_hash or not name.isprintable():
        raise Rejected("the key does not match its name")
    return name, expected, data[1:]


def open_checkpoint(note: str, verifier: str) -> tuple[int, bytes]:
    """(size, root) of a checkpoint note, once its signature holds."""
    name, named_hash, public = public_key(verifier)
    text, split, signatures = note.partition("\n\n")
    lines = text.split("\n")
    if not split or len(lines) != 3 or lines[0] != name or not lines[1].isdigit() or lines[1] != str(int(lines[1])):
        raise Rejected("a checkpoint is malformed or of another log")
    prefix, rows = "\u2014 " + name + " ", signatures.split("\n")
    signed = [row[len(prefix) :] for row in rows if row.startswith(prefix)]
    if len(signed) != 1 or rows.pop() or not all(row.startswith("\u2014 ") for row in rows):
        raise Rejected("checkpoint %s is not signed once by the log" % lines[1])
    blob, root = b64(signed[0]), b64(lines[2])
    canonical = base64.b64encode(blob).decode() == signed[0] and base64.b64encode(root).decode() == lines[2]
    if not canonical or blob[:4] != named_hash or not ed25519_verify(public, (text + "\n").encode(), blob[4:]):
        raise Rejected("the signature of checkpoint %s does not hold" % lines[1])
    return int(lines[1]), root


def cosigned(note: str, key: str | None) -> bool:
    """Whether the witness elsewhere signed this head too (c2sp.org/tlog-cosignature)."""
    name, named_hash, public = public_key(key, b"\x04") if key else ("", b"", b"")
    text, _, signatures = note.partition("\n\n")
    for row in signatures.split("\n") if key else ():
        if row.startswith("\u2014 " + name + " "):
            blob = b64(row.rpartition(" ")[2])
            message = "cosignature/v1\ntime %d\n%s\n" % (int.from_bytes(blob[4:12], "big"), text)
            if blob[:4] != named_hash or not ed25519_verify(public, message.encode(), blob[12:]):
                raise Rejected("the witness's own signature of a head does not hold")
            return True
    return False


def quick_entry(raw: bytes) -> tuple[bytes, int, bytes] | None:
    """Hash, index and time of an entry as Portunus writes it, not parsed: its only escapes are of quotes. None for any other line."""
    if raw[:9] != b'{"hash":"' or raw[73:98] != b'","kind":"entry","leaf":"' or raw[-3:] != b'"}\n':
        return None
    escaped = raw[98:-3]
    leaf = escaped.translate(None, b"\\")
    quotes = len(escaped) - len(leaf)
    if escaped.count(b'\\"') != quotes or leaf.count(b'"') != quotes or leaf.translate(None, PLAIN):
        return None
    if leaf.count(b'"at":"') != 1 or leaf.count(b'"index":') != 1 or RESTORING in leaf:
        return None
    at, index = leaf.find(b'"at":"') + 6, leaf.find(b'"index":') + 8
    number, time, hashed = leaf[index : leaf.find(b",", index)], leaf[at : leaf.find(b'"', at)], leaf_hash(leaf)
    plain = number.isdigit() and len(number) < 20 and number == b"%d" % int(number)
    return (hashed, int(number), time) if plain and hashed.hex().encode() == raw[9:73] else None


def runs(lines: IO[bytes], left: float) -> Iterator[Run | bytes]:
    """So many bytes of lines: entries that need no second look, run by run; any other line as it is."""
    run: Run = []
    while left > 0 and (raw := lines.readline(LONGEST)):
        left -= len(raw)
        found = quick_entry(raw)
        behind = found is not None and run and found[1] == run[0] + len(run[1]) // 32 and found[2][:13] >= run[3][:13]
        if run and (not behind or len(run[1]) > PART):
            yield run
            run = []
        if found is None:
            yield raw
        elif run:
            run[1] += found[0]
            run[3] = max(run[3], found[2])
        else:
            run = [found[1], bytearray(found[0]), found[2], found[2]]
    if run:
        yield run


def part(file: str, start: int, end: int) -> list[Run | bytes]:
    """The lines that begin in one part of the file."""
    with open(file, "rb") as lines:
        lines.seek(max(start - 1, 0))
        if start:
            lines.readline(LONGEST)
        return list(runs(lines, end - lines.tell()))


def parts(file: str, hands: int) -> Iterator[Run | bytes]:
    """The whole file, by so many processes: a few parts of it at a time, so that little is kept."""
    from concurrent.futures import ProcessPoolExecutor

    starts = iter(range(0, os.path.getsize(file), PART))
    with ProcessPoolExecutor(hands) as pool:
        ahead = [pool.submit(part, file, start, start + PART) for start in islice(starts, 2 * hands)]
        while ahead:
            yield from ahead.pop(0).result()
            ahead += [pool.submit(part, file, start, start + PART) for start in islice(starts, 1)]


def read(file: str, hands: int) -> Iterator[tuple[int, Line | Run]]:
    """The lines of an export, each exactly as Portunus writes it (so that no byte can change unnoticed)."""
    number = 1
    with open(file, "rb") as lines:
        for one in parts(file, hands) if hands > 1 else runs(lines, float("inf")):
            yield number, careful_line(one, number) if isinstance(one, bytes) else one
            number += 1 if isinstance(one, bytes) else len(one[1]) // 32


def careful_line(raw: bytes, number: int) -> Line:
    try:
        line = json.loads(raw.decode("ascii"))
    except (ValueError, RecursionError):
        raise Rejected("line %d is not one JSON object" % number)
    exact = json.dumps(line, sort_keys=True, separators=(",", ":"), ensure_ascii=True) + "\n"
    if not isinstance(line, dict) or exact.encode() != raw:
        raise Rejected("line %d is not in the form Portunus writes" % number)
    return line


def notes_in(file: str) -> list[str]:
    """The heads the second sink kept. Notes end with a line of `--`; one torn by a crash has none, or says so."""
    with open(file, encoding="utf-8") as text:
        notes = text.read().split("--\n")
    return [note for note in notes[:-1] if note.strip() and "\n\n" in note and not note.endswith("\n(torn)\n")]


def verify(
    file: str,
    witness: str | None = None,
    key: str | None = None,
    witness_key: str | None = None,
    restored: str | None = None,
    *,
    hands: int = 1,
) -> str:
    """What was proved, in a sentence. Raises Rejected."""
    granted = {int(entry) for entry in (restored or "").split(",") if entry.strip().isdigit()}
    lines = read(file, hands)
    number, header = next(lines, (0, {}))
    if isinstance(header, list) or set(header) != HEADER or (header["kind"], header["format"]) != ("header", FORMAT):
        raise Rejected("the first line is not the header of a Portunus audit export")
    verifier, size = header["key"], header["size"]
    if not isinstance(verifier, str) or header["origin"] != verifier.split("+")[0]:
        raise Rejected("the header's origin is not its key's name")
    if type(size) is not int:
        raise Rejected("the header's size is not a whole number")
    if key is not None and key != verifier:
        raise Rejected("the log is signed by another key than the one you trust")
    public_key(verifier)
    whose = "key %s%s" % (verifier, "" if key else " (compared with none that you trust: give --key)")
    seen = [open_checkpoint(note, verifier) for note in notes_in(witness)] if witness else []
    if witness and not seen:
        raise Rejected("the witness's file holds no head of this log: nothing could be compared")
    tree, proved, signed, approved = Tree(), 0, 0, 0
    newest, flagged, met, restores = b"", [], 0, []
    apart: list[tuple[int, int, str]] = []  # witnessed heads that do not fit: place, size, what that means
    witnessed: dict[int, Heads] = {}
    for place, head in enumerate(seen):
        witnessed.setdefault(head[0], []).append((place, head[1]))
    for number, line in lines:
        kind = line.get("kind") if isinstance(line, dict) else "entry"
        if isinstance(line, list):
            first, hashes, at, last = line[0], bytes(line[1]), line[2], line[3]
            if first != tree.size:
                raise Rejected(MISPLACED % (number, first, tree.size))
        elif kind == "entry" and set(line) == {"kind", "leaf", "hash"}:
            leaf = str(line["leaf"]).encode()
            fields, hashes = check_leaf(leaf, tree.size, number), leaf_hash(leaf)
            at = last = str(fields.get("at")).encode()
            if hashes.hex() != line["hash"]:
                raise Rejected("entry %d was changed: its text does not fit its hash" % tree.size)
            restores += [fields] if RESTORING in leaf else []
        elif kind == "checkpoint" and set(line) == {"kind", "note"}:
            head = open_checkpoint(line["note"], verifier)
            if head != (tree.size, tree.root()):
                raise Rejected(DIFFERS % ("the signed", head[0], proved, max(head[0], tree.size) - 1))
            proved, signed = tree.size, signed + 1
            approved += cosigned(line["note"], witness_key)
            continue
        elif kind in ("proof", "subject") and tree.size == signed == 0:
            rest = [one if isinstance(one, dict) else {} for _, one in lines]
            notes, words, told_of = check_proofs([line, *rest], header, seen)
            approved = sum(cosigned(note, witness_key) for note in notes)
            return "accepted: %s%s, %s%s" % (words, check_cosigned(approved, witness_key), whose, told_of)
        else:
            raise Rejected("line %d is of no known kind, or has no place there" % number)
        if at[:13] < newest[:13]:
            flagged.append(tree.size)  # by the hour: two transactions may commit in the other order
        newest = max(newest, last)
        for begin in range(0, len(hashes), 32):
            tree.append(hashes[begin : begin + 32])
            for place, root in witnessed.pop(tree.size, ()):
                met = tree.size if root == tree.root() else met
                if root != tree.root():
                    apart.append((place, tree.size, DIFFERS % ("a witnessed", tree.size, proved, tree.size - 1)))
    if not signed:
        raise Rejected("nothing in this file is signed")
    if not tree.size == size == proved:
        raise Rejected("%d entries of %d are there, %d are signed: the end is cut" % (tree.size, size, proved))
    apart += [(place, one, CUT % (one, size)) for one, heads in witnessed.items() for place, _ in heads if one > size]
    ended = check_ended(apart, [one for one in restores if one["index"] < met], granted, verifier)
    clock = "; the clock was set back before entry %s" % flagged[0] if flagged else ""
    words = "%d entries, %d signed heads, %d witnessed" % (size, signed, len(seen))
    return "accepted: %s%s, %s%s" % (words, check_cosigned(approved, witness_key), whose, clock + ended)


def check_ended(apart: list[tuple[int, int, str]], restores: list[Line], granted: set[int], verifier: str) -> str:
    """What does not fit is let pass only where the log told of a restore, signed, before the witness saw this log again, and you know of it."""
    words = ""
    for fields in restores:
        told = dict(fields["detail"])
        signature = b64(told.pop("signature", ""))
        text = b"portunus restore\n" + json.dumps(told, sort_keys=True, separators=(",", ":")).encode()
        if fields["act"] == RESTORED and told and ed25519_verify(public_key(verifier)[2], text, signature):
            before = [one for one in apart if one[0] < told["heads"] and one[1] > told["start"]]
            apart = [one for one in apart if one not in before]
            what = (len(before), told["start"], fields["index"], fields["actor"]["name"], fields["reason"])
            words += "; %d witnessed heads are of a history that ended at entry %d: restored, entry %d, %s: %s" % what
            if before and fields["index"] not in granted:
                raise Rejected("%s. If you know of that restore: --restored %d" % (words[2:], fields["index"]))
    if apart:
        raise Rejected(min(apart, key=lambda one: one[1])[2])
    return words


def check_cosigned(count: int, key: str | None) -> str:
    if key and not count:
        raise Rejected("no head in this file is signed by the witness %s" % key.split("+")[0])
    return ", %d signed by %s too" % (count, key.split("+")[0]) if key else ""


def check_leaf(leaf: Any, index: Any, number: int) -> Line:
    try:
        fields = json.loads(leaf)
    except (TypeError, ValueError, RecursionError):
        raise Rejected("line %d: the entry is not JSON" % number)
    if not isinstance(fields, dict) or type(index) is not int or type(fields.get("index")) is not int:
        raise Rejected("line %d: the entry has no index" % number)
    if fields["index"] != index:
        raise Rejected(MISPLACED % (number, fields["index"], index))
    return fields


def check_proofs(lines: list[Line], header: Line, seen: Heads) -> tuple[list[str], str, str]:
    """A proof file: perhaps a subject, entries, older heads, one signed head. Returns its notes, what is proved, what it says."""
    head = lines[-1]
    if head.get("kind") != "checkpoint" or set(head) != {"kind", "note"}:
        raise Rejected("a proof file ends with one signed head")
    size, root = open_checkpoint(head["note"], header["key"])
    if size != header["size"]:
        raise Rejected("the header names another size than the signed head")
    subject: Line = {}
    entries: list[Line] = []
    heads, notes = [(size, root)], [head["note"]]
    for number, line in enumerate(lines[:-1], 2):
        kind, path = line.get("kind"), [bytes.fromhex(node) for node in line.get("path", [])]
        if [node.hex() for node in path] != line.get("path", []):
            raise Rejected("line %d: a hash is not written in small hexadecimal digits" % number)
        if kind == "subject" and number == 2:
            subject = line
        elif kind == "proof" and set(line) == {"kind", "leaf", "index", "path"} and len(heads) == 1:
            fields = check_leaf(line["leaf"], line["index"], number)
            if root_from_path(leaf_hash(line["leaf"].encode()), line["index"], size, path) != root:
                raise Rejected("entry %d is not in the signed log" % line["index"])
            if entries and fields["index"] <= entries[-1]["index"]:
                raise Rejected("line %d: the entries are not in the log's order" % number)
            entries.append(fields)
        elif kind == "consistency" and set(line) == {"kind", "note", "path"}:
            old, old_root = open_checkpoint(line["note"], header["key"])
            if not is_prefix(old, old_root, size, root, path):
                raise Rejected("the signed head of %d entries is not the beginning of this log" % old)
            heads.append((old, old_root))
            notes.append(line["note"])
        else:
            raise Rejected("line %d is of no known kind, or has no place there" % number)
    if not entries:
        raise Rejected("the file proves no entry")
    told = check_subject(subject, entries) + "".join(map(said, entries))
    what = "entry %d is" % entries[0]["index"] if len(entries) == 1 else "%d entries are" % len(entries)
    where = "in the log of %d entries (consistent with %d older signed heads)" % (size, len(heads) - 1)
    return notes, "%s %s%s" % (what, where, check_witnessed(heads, seen, entries)), told


def check_witnessed(heads: Heads, seen: Heads, entries: list[Line]) -> str:
    """Of a few heads at least one must be one that the witness saw, or the file could be of a fork that it never saw."""
    if not seen:
        return ""
    for size, root in heads:
        if any(other != root for same, other in seen if same == size):
            raise Rejected("the witness saw another log of %d entries" % size)
    matched = sorted(set(heads) & set(seen))
    if not matched:
        raise Rejected("the witness saw none of this file's heads: it may be of another log than the witness's")
    later = [fields["index"] for fields in entries if fields["index"] >= matched[-1][0]]
    after = "; entry %d and later ones are newer than what it saw" % later[0] if later else ""
    return ", %d heads witnessed, the newest of %d entries%s" % (len(matched), matched[-1][0], after)


def said(fields: Line) -> str:
    actor, thing = fields.get("actor") or {}, fields.get("thing") or {}
    more = ", ".join("%s %s" % pair for pair in sorted((fields.get("detail") or {}).items()) if pair[1] is not None)
    names = (*map(fields.get, ("index", "at", "act", "outcome")), actor.get("name"), thing.get("kind"), thing.get("id"))
    return "\n  entry %s  %s %s (%s) by %s on %s %s%s" % (*names, ": " + more if more else "")


def check_subject(subject: Line, entries: list[Line]) -> str:
    """What the file says it proves must be what its entries say. Returns for whom the code was, and what is not in the file."""
    if not subject:
        return ""
    if set(subject) != SUBJECT:
        raise Rejected("the subject is malformed")
    request = subject["code_request"]
    own = [fields for fields in entries if fields["thing"] == {"kind": "code_request", "id": request}]
    if not own or own[0]["act"] != "code:request:open":
        raise Rejected("the file does not begin with the request that it is about")
    known = {request} | {fields["detail"].get(name) for fields in own for name in ("attempt", "lease", "message")}
    known.discard(None)
    for fields in entries:
        thing, detail = fields["thing"], fields["detail"]
        if detail.get(LEADS.get(thing["kind"])) in known:
            known.add(thing["id"])
        if thing["id"] not in known:
            raise Rejected("entry %d has nothing to do with this code request" % fields["index"])
        if thing["kind"] == "portal_session" and detail.get("lease") is not None:
            known.add(detail["lease"])
    if subject["recording"] is not None and subject["recording"] not in known:
        raise Rejected("the recording is not that of this code request")
    if subject["recording_digest"] is not None:
        closed = [fields["detail"] for fields in entries if fields["thing"]["id"] == subject["recording"]]
        if not any(detail.get("digest") == subject["recording_digest"] for detail in closed):
            raise Rejected("the recording's digest is not the one in the log")
    told = own[0]["detail"]
    asker = (told.get("for_name"), told.get("for_kind"), told.get("for"))
    return "\n  code request %s, for %s (%s %s)\n  %s" % (request, *asker, whole(told, entries))


def whole(told: Line, entries: list[Line]) -> str:
    """Nothing is typed for a push or a key, and an authenticator's code neither arrives nor is matched."""
    acts = {fields["act"] for fields in entries} - unlinked(entries)
    by_hand = told.get("way") in ("push", "passkey") and RELEASED not in acts
    if by_hand or (CONFIRMED in acts and RELEASED not in acts):
        skipped = {"arrived", "matched", "typed"}
    else:
        skipped = {"arrived", "matched"} if told.get("channel") in ("totp", "recovery") else set()
    missing = [part for part, *of in map(str.split, WAY.split("|")) if part not in skipped and not acts & set(of)]
    return "NOT IN THIS FILE: " + ", ".join(missing) if missing else "every link of its way is here"


def unlinked(entries: list[Line]) -> set[str]:
    """Acts of another code than the last one that was released: they are no links of its way. How it came is told by how it was matched."""
    released = [fields for fields in entries if fields["act"] == RELEASED]
    matches = [fields for fields in entries if fields["act"] == MATCHED]
    own = [one for one in matches if released and one["detail"].get("code") == released[-1]["detail"].get("code")]
    if not released:
        return set()
    if not own:
        return {MATCHED, *CAME}
    before = max([one["index"] for one in matches if one["index"] < own[0]["index"]], default=-1)
    message = own[0]["detail"].get("message")
    by_message = [one for one in entries if one["act"] == CAME[0] and message and one["thing"]["id"] == message]
    by_hand = [one for one in entries if one["act"] == CAME[1] and before < one["index"] < own[0]["index"]]
    return set() if by_message or (by_hand and not message) else set(CAME)


def judge(file: str, *given: str | None, hands: int = 1) -> tuple[int, str]:
    """The exit code and what to say: 0 accepted, 1 rejected, 2 not to be read. `given` as `verify` takes it."""
    try:
        return 0, verify(file, *given, hands=hands)
    except Rejected as wrong:
        return 1, "REJECTED: %s" % wrong
    except (OSError, ValueError, TypeError, KeyError, AttributeError, ImportError, RuntimeError) as unreadable:
        if hands > 1:  # perhaps it is the machine that has none for several
            return judge(file, *given)
        return 2, "REJECTED: the file cannot be read (%s)" % type(unreadable).__name__


def several(file: str) -> int:
    """How many processes to read the file with: one for a short one, and for what is no file on a disk."""
    long = os.path.isfile(file) and not file.startswith(("/dev/", "/proc/")) and os.path.getsize(file) > 2 * PART
    return min(4, os.cpu_count() or 1) if long else 1


def main(arguments: list[str]) -> int:
    options = dict(zip(arguments[1::2], arguments[2::2]))
    if len(arguments) % 2 == 0 or arguments[0] == "-h" or set(options) - set(OPTIONS):
        print(__doc__)
        return 2
    given = [options.get(name) for name in OPTIONS]
    code, words = judge(arguments[0], *given, hands=several(arguments[0]))
    print(words, file=sys.stderr if code else sys.stdout)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
