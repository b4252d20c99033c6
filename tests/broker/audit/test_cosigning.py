"""A witness elsewhere signs the log's heads over HTTP; a log that does not continue what it saw cannot be shown to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, text

from broker.adapters.http_witness import HttpWitness
from broker.audit import cosigning, proofs, tree, verify
from broker.audit import service as audit
from broker.audit.acts import Act
from broker.audit.appending import split
from broker.audit.models import AuditCheckpoint, AuditEntry, AuditHead
from broker.base.actor import system
from broker.base.errors import Unavailable
from broker.wiring import Portunus
from tests.fakes.witness import FakeWitness, running_witness
from workers import witness as task


@pytest.fixture
def elsewhere() -> Iterator[FakeWitness]:
    with running_witness() as witness:
        yield witness


@pytest.fixture
def log(portunus: Portunus, elsewhere: FakeWitness) -> Portunus:
    """A log with that witness."""
    with portunus.unit(system("test")) as work:
        elsewhere.verifier = audit.log_key(work, portunus.keyring).verifier
    portunus.__dict__["cosigner"] = HttpWitness(elsewhere.url, elsewhere.key)
    grow(portunus, 5)
    return portunus


def grow(portunus: Portunus, count: int) -> None:
    for number in range(count):
        with portunus.unit(system("test")) as work:
            audit.record(work, Act.TAB_REQUESTED, "lease", f"lea_{number}", account_id="acc_1")


def heads(portunus: Portunus) -> list[AuditCheckpoint]:
    with portunus.reading(system("test")) as work:
        return list(work.db.scalars(select(AuditCheckpoint).order_by(AuditCheckpoint.size)))


def alarms(portunus: Portunus) -> list[str]:
    with portunus.reading(system("test")) as work:
        return list(work.db.scalars(select(AuditEntry.leaf).where(AuditEntry.act == Act.LOG_ALARM)))


def cut(portunus: Portunus, size: int) -> None:
    """As an attacker with every right: the end is gone, and the head row fits what is left."""
    with portunus.unit(system("attacker")) as work:
        work.db.execute(text('DELETE FROM audit_entry WHERE "index" >= :size'), {"size": size})
        work.db.execute(text("DELETE FROM audit_checkpoint"))
        frontier: list[bytes] = []
        for place, hashed in enumerate(work.db.scalars(select(AuditEntry.leaf_hash).order_by(AuditEntry.index))):
            frontier = tree.append(frontier, place, hashed)
        head = work.db.get_one(AuditHead, 1)
        head.size, head.frontier = size, b"".join(frontier)
        assert split(head.frontier) == frontier


def test_each_head_gets_the_witness_signature_and_the_next_one_continues_it(
    log: Portunus, elsewhere: FakeWitness
) -> None:
    for _ in range(3):
        task.run(log)
        grow(log, 3)
    assert [head.cosignature is not None for head in heads(log)] == [True, True, True]
    assert elsewhere.size == heads(log)[-1].size
    assert alarms(log) == []


def test_a_restored_copy_is_an_alarm_that_names_the_first_missing_entry(log: Portunus) -> None:
    task.run(log)
    cut(log, 3)
    for _ in range(2):  # the second time nothing new is said
        task.run(log)
    (alarm,) = alarms(log)
    assert '"entry":3' in alarm
    assert "an older copy was restored" in alarm


def test_another_history_of_the_same_length_is_an_alarm(log: Portunus) -> None:
    task.run(log)
    cut(log, 3)
    grow(log, 9)
    task.run(log)
    (alarm,) = alarms(log)
    assert "not those that the witness saw" in alarm


def test_a_lost_note_of_the_last_head_is_asked_of_the_witness(log: Portunus, elsewhere: FakeWitness) -> None:
    task.run(log)
    with log.unit(system("test")) as work:
        work.db.execute(text("UPDATE audit_checkpoint SET cosignature = NULL"))
    grow(log, 2)
    task.run(log)
    assert heads(log)[-1].cosignature is not None
    assert alarms(log) == []


def test_a_signature_that_does_not_hold_is_not_kept(log: Portunus, elsewhere: FakeWitness) -> None:
    elsewhere.broken_signature = True
    with pytest.raises(Unavailable, match="does not hold"):
        task.run(log)
    assert heads(log)[-1].cosignature is None


def test_a_witness_that_is_away_is_asked_again_and_is_no_alarm(log: Portunus, elsewhere: FakeWitness) -> None:
    log.__dict__["cosigner"] = HttpWitness("http://127.0.0.1:9", elsewhere.key)
    with pytest.raises(Unavailable, match="did not answer"):
        task.run(log)
    assert alarms(log) == []
    log.__dict__["cosigner"] = HttpWitness(elsewhere.url, elsewhere.key)
    task.run(log)
    assert heads(log)[-1].cosignature is not None


def test_a_key_that_is_no_witness_key_is_refused(log: Portunus, elsewhere: FakeWitness) -> None:
    _, answer = elsewhere.answer(_request(log))
    with pytest.raises(Unavailable, match="no key of a cosigning witness"):
        cosigning.checked(answer, heads(log)[-1].note, elsewhere.verifier)


def test_an_outsider_finds_the_witness_signature_in_export_and_proof(
    log: Portunus, elsewhere: FakeWitness, tmp_path: Path
) -> None:
    task.run(log)
    with log.unit(system("test")) as work:
        key = audit.log_key(work, log.keyring)
        audit.sign_checkpoint(work, key)
    with log.reading(system("outsider")) as work:
        (tmp_path / "export").write_text("".join(f"{line}\n" for line in audit.export(work, key)))
        entries = work.db.scalars(select(AuditEntry).where(AuditEntry.index < 3)).all()
        (tmp_path / "proof").write_text("".join(f"{line}\n" for line in proofs.bundle(work, key, entries)))
    for file in ("export", "proof"):
        assert "1 signed by witness.example.test too" in verify.verify(
            str(tmp_path / file), None, key.verifier, elsewhere.key
        )
    with pytest.raises(verify.Rejected, match="no head in this file is signed by the witness other.test"):
        verify.verify(str(tmp_path / "proof"), None, key.verifier, FakeWitness(name="other.test").key)
    stranger = FakeWitness().key
    with pytest.raises(verify.Rejected, match="the witness's own signature of a head does not hold"):
        verify.verify(str(tmp_path / "proof"), None, key.verifier, stranger)


def _request(log: Portunus) -> str:
    with log.unit(system("test")) as work:
        audit.sign_checkpoint(work, audit.log_key(work, log.keyring))
    with log.reading(system("test")) as work:
        return cosigning.request(work, work.db.scalars(select(AuditCheckpoint)).one(), 0)
