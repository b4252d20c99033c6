"""Every kind of tampering with the log, done with full rights on the database: the export's verifier or the monitor names the entry.

One row a kind; `AL…` are the rows of the project's list of attacks. The log holds 7 entries (0 to 6), all witnessed.
"""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from broker.audit import service as audit
from broker.audit import tree, verify
from broker.audit.checkpoint import sign
from broker.audit.entry import encode
from broker.audit.models import AuditCheckpoint, AuditEntry, AuditHead
from broker.audit.witness import CHECKPOINTS
from broker.base.actor import system
from broker.base.unit import Unit
from broker.wiring import Portunus
from tests.broker.audit.test_monitor import Log

BOTH_DATABASES = True
Tampering = Callable[[Unit, Log], object]


def edit(index: int, **changed: object) -> Tampering:
    return lambda work, log: work.db.execute(update(AuditEntry).where(AuditEntry.index == index).values(**changed))


def rewrite(work: Unit, index: int, *, fitting: bool) -> None:
    """Another location in the entry's text; `fitting`: its hash and column too."""
    row = work.db.get_one(AuditEntry, index)
    row.leaf = row.leaf.replace('"loc_1"', '"loc_2"')
    if fitting:
        row.location_id, row.leaf_hash = "loc_2", tree.leaf_hash(row.leaf.encode())
    work.db.flush()


def rebuild(work: Unit, log: Log, *, with_key: bool) -> None:
    """Head and signed heads as this database's entries now have them."""
    frontier: list[bytes] = []
    for size, hashed in enumerate(work.db.scalars(select(AuditEntry.leaf_hash).order_by(AuditEntry.index))):
        frontier = tree.append(frontier, size, hashed)
    count = size + 1
    head = work.db.get_one(AuditHead, 1)
    head.size, head.frontier = count, b"".join(frontier)
    for row in work.db.scalars(select(AuditCheckpoint)):
        row.root_hash, row.size = tree.root_of(frontier), count
        if with_key:
            row.note = sign(audit.ORIGIN, count, row.root_hash, log.key.private)


def renumber(work: Unit, index: int) -> None:
    """Close the gap behind a deleted entry, in the texts too."""
    for row in work.db.scalars(select(AuditEntry).where(AuditEntry.index > index).order_by(AuditEntry.index)).all():
        fields = json.loads(row.leaf) | {"index": row.index - 1}
        leaf = encode(fields)
        work.db.execute(
            update(AuditEntry)
            .where(AuditEntry.index == row.index)
            .values(index=row.index - 1, leaf=leaf, leaf_hash=tree.leaf_hash(leaf.encode()))
        )


def deleted(work: Unit, index: int) -> None:
    work.db.delete(work.db.get_one(AuditEntry, index))
    work.db.flush()


def al2_middle(work: Unit, log: Log) -> None:
    deleted(work, 3)


def al2_middle_renumbered(work: Unit, log: Log) -> None:
    deleted(work, 3)
    renumber(work, 3)
    rebuild(work, log, with_key=True)


def al2_tail(work: Unit, log: Log) -> None:
    deleted(work, 5)
    deleted(work, 6)
    rebuild(work, log, with_key=True)


def al4(work: Unit, log: Log) -> None:
    rewrite(work, 2, fitting=True)
    rebuild(work, log, with_key=False)


def al5(work: Unit, log: Log) -> None:
    rewrite(work, 2, fitting=True)
    rebuild(work, log, with_key=True)


def al10(work: Unit, log: Log) -> None:
    """Two entries change places, each with all of its columns but the index."""
    texts = {index: work.db.get_one(AuditEntry, index).leaf for index in (2, 4)}
    for index, other in ((2, 4), (4, 2)):
        work.db.execute(
            update(AuditEntry)
            .where(AuditEntry.index == index)
            .values(leaf=texts[other], leaf_hash=tree.leaf_hash(texts[other].encode()))
        )


def al14(work: Unit, log: Log) -> None:
    row = work.db.get_one(AuditEntry, 4)
    row.leaf = row.leaf[:50] + chr(ord(row.leaf[50]) ^ 1) + row.leaf[51:]


def inserted(work: Unit, log: Log) -> None:
    """An entry that never happened, behind the last one, with a head that fits."""
    last = work.db.get_one(AuditEntry, 6)
    fields = json.loads(last.leaf) | {"index": 7, "id": "aud_" + "0" * 32}
    values = {column.key: getattr(last, column.key) for column in AuditEntry.__table__.columns}
    leaf = encode(fields)
    hashed = tree.leaf_hash(leaf.encode())
    work.db.add(AuditEntry(**values | {"index": 7, "id": fields["id"], "leaf": leaf, "leaf_hash": hashed}))


COLUMNS = [
    ("id", "aud_changed"),
    ("act", "tab:lease:end"),
    ("actor_kind", "user"),
    ("actor_id", "nobody"),
    ("thing_kind", "recording"),
    ("thing_id", "lea_changed"),
    ("account_id", "acc_2"),
    ("location_id", "loc_2"),
    ("leaf_hash", bytes(32)),
]
KINDS: list[tuple[str, Tampering, int]] = [
    *[(f"AL1 {name}", edit(3, **{name: value}), 3) for name, value in COLUMNS],
    ("AL1 leaf", lambda work, log: rewrite(work, 3, fitting=False), 3),
    ("AL1 leaf and hash", lambda work, log: rewrite(work, 3, fitting=True), 3),
    ("AL2 middle row", al2_middle, 3),
    ("AL2 middle row, renumbered, head and heads signed again", al2_middle_renumbered, 3),
    ("AL2 tail after a witnessed head, head and heads signed again", al2_tail, 5),
    ("AL4 edited and rebuilt without the key", al4, 2),
    ("AL5 edited and rebuilt with the key", al5, 2),
    ("AL10 two rows swapped", al10, 2),
    ("AL14 one flipped bit", al14, 4),
    ("an entry added without the head", inserted, 7),
]


@pytest.mark.parametrize(("tampering", "index"), [pytest.param(does, at, id=name) for name, does, at in KINDS])
def test_the_entry_is_named(portunus: Portunus, tmp_path: Path, tampering: Tampering, index: int) -> None:
    log = Log(portunus)
    assert _verified(log, tmp_path).startswith("accepted")
    assert log.found() == []
    with portunus.unit(system("attacker")) as work:
        tampering(work, log)
    named = [one.index for one in log.found()]
    assert index in named, log.found()
    assert min(one for one in named if one is not None) == index, "nothing before it is accused"


EXPORTED = {"AL1 leaf", "AL1 leaf_hash", "AL2 middle row", "AL10 two rows swapped", "AL14 one flipped bit"}
WITH_HEADS = {kind for kind, _, _ in KINDS if kind.startswith(("AL2", "AL4", "AL5"))} | {"AL1 leaf and hash"}


@pytest.mark.parametrize(
    ("kind", "tampering", "index"), [pytest.param(*row, id=row[0]) for row in KINDS if row[0] in EXPORTED | WITH_HEADS]
)
def test_the_offline_verifier_rejects_the_export(
    portunus: Portunus, tmp_path: Path, kind: str, tampering: Tampering, index: int
) -> None:
    """With the witness's heads; it names the entry, or the few entries under the head that no longer fits."""
    log = Log(portunus)
    with portunus.unit(system("attacker")) as work:
        tampering(work, log)
    said = _verified(log, tmp_path)
    assert said.startswith("REJECTED")
    if kind in EXPORTED:
        assert f"entry {index} " in said
    else:
        assert any(words in said for words in ("one of entries 0 to 6", "signature of checkpoint", "the end is cut"))


def _verified(log: Log, folder: Path) -> str:
    with log.portunus.reading(system("outsider")) as work:
        text = "".join(f"{line}\n" for line in audit.export(work, log.key))
    (folder / "export").write_text(text)
    try:
        return verify.verify(str(folder / "export"), str(log.sink / CHECKPOINTS))
    except verify.Rejected as wrong:
        return f"REJECTED: {wrong}"


def test_a_long_export_is_read_by_several_processes_to_the_same_end(
    portunus: Portunus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In parts of a few lines: whatever is done to any line, the same is said of it."""
    log = Log(portunus)
    for _ in range(3):
        log.grow(3)
    whole = _verified(log, tmp_path)
    lines = (tmp_path / "export").read_bytes().splitlines(keepends=True)
    text = b"".join(lines)
    changed = [text[:-1], text.replace(b"\n", b"\r\n"), text + b"\n"]
    for number, line in enumerate(lines):
        others = (line.replace(b"ok", b"no"), line.replace(b":", b": ", 1), line * 2, b"", b"\n" + line)
        changed += [
            b"".join([*lines[:number], other, *lines[number + 1 :]]) for other in others if b'"kind":"entry"' in line
        ]
    said = []
    for part, hands in ((verify.PART, 1), (1500, 2), (len(lines[0]), 2)):
        monkeypatch.setattr(verify, "PART", part)
        assert verify.verify(str(tmp_path / "export"), str(log.sink / CHECKPOINTS), hands=hands) == whole
        said.append([])
        for other in changed if part != len(lines[0]) else changed[:9]:
            (tmp_path / "changed").write_bytes(other)
            said[-1].append(verify.judge(str(tmp_path / "changed"), str(log.sink / CHECKPOINTS), hands=hands))
    assert all(code == 1 for code, _ in said[0])
    assert (said[1], said[2]) == (said[0], said[0][:9])


@pytest.mark.parametrize(("ahead", "words"), [(timedelta(days=400), "future"), (timedelta(days=-400), "set back")])
def test_al7_a_head_with_another_time_is_flagged(portunus: Portunus, ahead: timedelta, words: str) -> None:
    log = Log(portunus)
    log.grow(1)
    with portunus.unit(system("attacker")) as work:
        newest = work.db.scalars(select(AuditCheckpoint).order_by(AuditCheckpoint.size.desc())).first()
        assert newest is not None
        newest.at += ahead
    assert any(words in one.words and one.index == 7 for one in log.found())


def lengthened(proof: dict[str, object]) -> None:
    proof["path"] = [*proof["path"], "00" * 32]  # type: ignore[misc]


NOT_IN_IT = "entry 2 is not in the signed log"
FORGED: list[tuple[str, Callable[[dict[str, object]], object], str]] = [
    ("wrong index", lambda proof: proof.update(index=3), "line 2: entry 2 stands where entry 3 belongs"),
    ("index as text", lambda proof: proof.update(index="2"), "line 2: the entry has no index"),
    ("negative index", lambda proof: proof.update(index=-1), "line 2: entry 2 stands where entry -1 belongs"),
    ("index 2^63", lambda proof: proof.update(index=2**63), f"line 2: entry 2 stands where entry {2**63} belongs"),
    ("extra node", lengthened, "a proof has a wrong length"),
    ("missing node", lambda proof: proof.update(path=proof["path"][:-1]), "a proof is too short"),  # type: ignore[index]
    ("no node", lambda proof: proof.update(path=[]), "a proof is too short"),
    (
        "short node",
        lambda proof: proof.update(path=[node[:-2] for node in proof["path"]]),  # type: ignore[union-attr]
        "a proof has a wrong length",
    ),
    ("swapped nodes", lambda proof: proof.update(path=proof["path"][::-1]), NOT_IN_IT),  # type: ignore[index]
    (
        "a node as leaf",
        lambda proof: proof.update(leaf="\x01" + str(proof["leaf"])),
        "line 2: the entry is not JSON",
    ),
    ("another leaf", lambda proof: proof.update(leaf=str(proof["leaf"]).replace("loc_1", "loc_2")), NOT_IN_IT),
]


@pytest.mark.parametrize(("forgery", "words"), [pytest.param(does, words, id=name) for name, does, words in FORGED])
def test_al8_a_forged_inclusion_proof_is_rejected_in_words_that_say_why(
    portunus: Portunus, tmp_path: Path, forgery: Callable[[dict[str, object]], object], words: str
) -> None:
    log = Log(portunus)
    assert _proof(log, tmp_path)[0] == 0
    assert _proof(log, tmp_path, forgery) == (1, f"REJECTED: {words}")


UNSIGNED = "the signature of checkpoint %s does not hold"
SIZES: list[tuple[int, str, str]] = [
    (0, UNSIGNED % 0, "the proof's index is outside its tree"),
    (2, UNSIGNED % 2, "the proof's index is outside its tree"),
    (2**63, UNSIGNED % 2**63, "a proof is too short"),
    (-7, "a checkpoint is malformed or of another log", "a checkpoint is malformed or of another log"),
    (True, "the header's size is not a whole number", "the header's size is not a whole number"),
]


@pytest.mark.parametrize(("size", "words", "words_when_signed"), SIZES)
def test_al8_a_proof_in_a_tree_of_another_size_is_rejected_even_when_the_log_signed_it(
    portunus: Portunus, tmp_path: Path, size: int, words: str, words_when_signed: str
) -> None:
    log = Log(portunus)
    with portunus.reading(system("test")) as work:
        root = work.db.scalars(select(AuditCheckpoint).where(AuditCheckpoint.size == 7)).one().root_hash
    signed = sign(audit.ORIGIN, size, root, log.key.private)
    assert _proof(log, tmp_path, size=size) == (1, f"REJECTED: {words}")
    assert _proof(log, tmp_path, size=size, note=signed) == (1, f"REJECTED: {words_when_signed}")


def _proof(
    log: Log,
    folder: Path,
    forgery: Callable[[dict[str, object]], object] = lambda proof: None,
    *,
    size: int | None = None,
    note: str | None = None,
) -> tuple[int, str]:
    """The stand-alone script's exit code and words for one entry's proof, forged."""
    with log.portunus.unit(system("test")) as work:
        entry = work.db.get_one(AuditEntry, 2)
        lines = [json.loads(line) for line in audit.proof_bundle(audit.prove(work, entry.id, log.key), log.key)]
    forgery(lines[1])
    if size is not None:
        lines[0]["size"] = size
        lines[2]["note"] = note or lines[2]["note"].replace("\n7\n", f"\n{size}\n")
    (folder / "proof").write_text("".join(encode(line) + "\n" for line in lines))
    return verify.judge(str(folder / "proof"))
