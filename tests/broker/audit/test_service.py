"""Entries commit with their cause, in order, and are provable; the stand-alone verifier agrees."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from broker.audit import service as audit
from broker.audit import verify
from broker.audit.acts import Act
from broker.audit.models import AuditEntry
from broker.audit.witness import witness
from broker.base.actor import system
from broker.wiring import Portunus

BOTH_DATABASES = True


def exported(portunus: Portunus, file: Path) -> Path:
    with portunus.unit(system("test")) as work:
        key = audit.log_key(work, portunus.keyring)
        audit.sign_checkpoint(work, key)
    with portunus.reading(system("test")) as work:
        file.write_text("".join(f"{line}\n" for line in audit.export(work, key)))
    return file


def fill(portunus: Portunus, count: int = 7) -> None:
    for number in range(count):
        with portunus.unit(system("test")) as work:
            audit.record(work, Act.TAB_REQUESTED, "lease", f"lea_{number}", detail={"purpose": "Claim follow-up"})
    with portunus.unit(system("test")) as work:
        audit.sign_checkpoint(work, audit.log_key(work, portunus.keyring))


def test_an_entry_is_lost_with_its_transaction(portunus: Portunus) -> None:
    with pytest.raises(RuntimeError), portunus.unit(system("test")) as work:
        audit.record(work, Act.TAB_REQUESTED, "lease", "lea_1")
        raise RuntimeError
    with portunus.reading(system("test")) as work:
        assert work.db.scalars(select(AuditEntry)).all() == []


def test_threads_leave_no_gap_and_no_duplicate(portunus: Portunus, tmp_path: Path) -> None:
    def one(number: int) -> None:
        with portunus.unit(system("test")) as work:
            audit.record(work, Act.TAB_REQUESTED, "lease", f"lea_{number}")
            audit.record(work, Act.TAB_GRANTED, "lease", f"lea_{number}")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(one, range(60)))
    assert "120 entries" in verify.verify(str(exported(portunus, tmp_path / "log"))).replace("121", "120")


def test_the_export_is_accepted_by_the_script_alone(portunus: Portunus, tmp_path: Path) -> None:
    fill(portunus)
    file = exported(portunus, tmp_path / "log.jsonl")
    done = subprocess.run([sys.executable, "-I", "broker/audit/verify.py", str(file)], capture_output=True, text=True)
    assert (done.returncode, done.stdout[:8]) == (0, "accepted"), done.stderr


def test_one_entry_proves_itself(portunus: Portunus, tmp_path: Path) -> None:
    fill(portunus)
    with portunus.unit(system("test")) as work:
        key = audit.log_key(work, portunus.keyring)
        entry = work.db.scalars(select(AuditEntry).where(AuditEntry.thing_id == "lea_3")).one()
        proof = audit.prove(work, entry.id, key)
    file = tmp_path / "proof.jsonl"
    file.write_text("".join(f"{line}\n" for line in audit.proof_bundle(proof, key)))
    assert verify.verify(str(file)).startswith(f"accepted: entry {entry.index}")
    file.write_text(file.read_text().replace("lea_3", "lea_4"))
    with pytest.raises(verify.Rejected):
        verify.verify(str(file))


def test_a_cut_tail_a_removed_line_and_a_swap_are_rejected(portunus: Portunus, tmp_path: Path) -> None:
    fill(portunus)
    lines = exported(portunus, tmp_path / "log").read_text().splitlines(keepends=True)
    for wrong in (lines[:3], lines[:2] + lines[3:], [lines[0], lines[2], lines[1], *lines[3:]], lines[1:], []):
        (tmp_path / "wrong").write_text("".join(wrong))
        with pytest.raises(verify.Rejected):
            verify.verify(str(tmp_path / "wrong"))


def test_a_rebuilt_log_disagrees_with_the_witness(portunus: Portunus, tmp_path: Path) -> None:
    fill(portunus)
    with portunus.unit(system("test")) as work:
        assert witness(work, tmp_path / "witness") >= 1
    whole = exported(portunus, tmp_path / "log")
    seen = str(tmp_path / "witness" / "checkpoints.log")
    assert "accepted" in verify.verify(str(whole), seen)
    with portunus.unit(system("root insider")) as work:  # holds the key, rewrites history
        key = audit.log_key(work, portunus.keyring)
        from broker.audit import tree
        from broker.audit.checkpoint import sign
        from broker.audit.entry import encode

        leaves = list(work.db.scalars(select(AuditEntry.leaf).order_by(AuditEntry.index)))
    leaves[1] = leaves[1].replace("lea_1", "lea_9")
    note = sign(audit.ORIGIN, len(leaves), tree.root([tree.leaf_hash(leaf.encode()) for leaf in leaves]), key.private)
    header = {
        "kind": "header",
        "format": audit.FORMAT,
        "origin": audit.ORIGIN,
        "key": key.verifier,
        "size": len(leaves),
    }
    hashes = [tree.leaf_hash(leaf.encode()).hex() for leaf in leaves]
    entries = [{"kind": "entry", "leaf": leaf, "hash": hashed} for leaf, hashed in zip(leaves, hashes, strict=True)]
    forged = [header, *entries, {"kind": "checkpoint", "note": note}]
    (tmp_path / "forged").write_text("".join(f"{encode(line)}\n" for line in forged))
    assert "accepted" in verify.verify(str(tmp_path / "forged"))  # alone it cannot know
    with pytest.raises(verify.Rejected):
        verify.verify(str(tmp_path / "forged"), seen)


def test_details_named_like_secrets_are_refused(portunus: Portunus) -> None:
    with pytest.raises(ValueError, match="password"), portunus.unit(system("test")) as work:
        audit.record(work, Act.SECRET_STORED, "secret", "sec_1", detail={"password": "hunter2"})


@pytest.mark.parametrize("detail", [{"code": "482913"}, {"PIN": 1234}, {"wait": 1.5}, {"count": 1 << 63}])
def test_a_code_in_clear_or_a_value_of_no_kind_is_refused_without_naming_it(
    portunus: Portunus, detail: dict[str, object]
) -> None:
    with pytest.raises(ValueError, match="an audit entry") as refused, portunus.unit(system("test")) as work:
        audit.record(work, Act.SECRET_STORED, "secret", "sec_1", detail=detail)  # type: ignore[arg-type]
    assert "482913" not in str(refused.value)


def test_an_entry_in_a_reading_unit_is_an_error_because_it_would_be_lost(portunus: Portunus) -> None:
    with pytest.raises(RuntimeError, match="writing unit"), portunus.reading(system("test")) as work:
        audit.record(work, Act.TAB_REQUESTED, "lease", "lea_1")


def test_a_changed_entry_is_named(portunus: Portunus, tmp_path: Path) -> None:
    fill(portunus)
    file = exported(portunus, tmp_path / "log")
    file.write_text(file.read_text().replace("lea_4", "lea_5"))
    with pytest.raises(verify.Rejected, match="entry 4 was changed"):
        verify.verify(str(file))


def test_signatures_check_without_any_library(
    portunus: Portunus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(portunus)
    file = exported(portunus, tmp_path / "log")
    monkeypatch.setattr(verify, "ed25519_verify", verify.slow_ed25519_verify)
    assert "accepted" in verify.verify(str(file))
    file.write_text(file.read_text().replace("portunus.local/audit\\n8\\n", "portunus.local/audit\\n9\\n"))
    with pytest.raises(verify.Rejected):
        verify.verify(str(file))


def test_hostile_text_is_bounded_and_escaped(portunus: Portunus, tmp_path: Path) -> None:
    with portunus.unit(system("test")) as work:
        audit.record(work, Act.TAB_REQUESTED, "lease", "lea_1", reason="a\r\nb\x1b[31m\ud800" + "x" * 10_000)
    assert "accepted" in verify.verify(str(exported(portunus, tmp_path / "log")))


@pytest.fixture
def log(portunus: Portunus, tmp_path: Path) -> Path:
    fill(portunus, 3)
    return exported(portunus, tmp_path / "log")


@given(place=st.floats(0, 0.9999), change=st.integers(1, 255))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_one_changed_byte_is_rejected(log: Path, place: float, change: int) -> None:
    whole = log.read_bytes()
    at = int(place * len(whole))
    wrong = log.with_name("wrong")
    wrong.write_bytes(whole[:at] + bytes([whole[at] ^ change]) + whole[at + 1 :])
    assert verify.main([str(wrong)]) != 0
