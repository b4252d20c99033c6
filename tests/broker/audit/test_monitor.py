"""Whoever changes the log in the database, with every right and even with the key, is noticed, and the entry is named."""

import shutil
from pathlib import Path

import pytest
from sqlalchemy import String, select, text

from broker.audit import monitor, tree
from broker.audit import service as audit
from broker.audit.acts import Act
from broker.audit.models import AuditCheckpoint, AuditEntry, AuditHead
from broker.audit.witness import CHECKPOINTS, ENTRIES, witness
from broker.base.actor import system
from broker.wiring import Portunus
from tests.fakes.clock import ManualClock
from workers import monitor as task

BOTH_DATABASES = True


class Log:
    """A log of some entries, all of them witnessed."""

    def __init__(self, portunus: Portunus) -> None:
        self.portunus = portunus
        self.sink = portunus.settings.witness
        with portunus.unit(system("test")) as work:
            self.key = audit.log_key(work, portunus.keyring)
        self.grow(6)

    def grow(self, count: int) -> None:
        for number in range(count):
            with self.portunus.unit(system("test")) as work:
                audit.record(work, Act.TAB_REQUESTED, "lease", f"lea_{number}", account_id="acc_1", location_id="loc_1")
        with self.portunus.unit(system("test")) as work:
            audit.sign_checkpoint(work, self.key)
            witness(work, self.sink)

    def sql(self, statement: str, **values: object) -> None:
        """As an attacker with full rights on the database."""
        with self.portunus.unit(system("attacker")) as work:
            work.db.execute(text(statement), values)

    def found(self) -> list[monitor.Finding]:
        with self.portunus.reading(system("monitor")) as work:
            return monitor.check(work, self.key, self.sink)

    def named(self) -> list[int | None]:
        return [one.index for one in self.found()]


@pytest.fixture
def log(portunus: Portunus) -> Log:
    return Log(portunus)


def test_an_untouched_log_has_no_findings(log: Log) -> None:
    assert log.found() == []
    log.grow(70)
    assert log.found() == []


TEXTS = [
    column.name for column in AuditEntry.__table__.columns if isinstance(column.type, String) and column.name != "leaf"
]


@pytest.mark.parametrize("column", TEXTS)
def test_a_change_in_any_column_of_any_row_names_the_row(log: Log, column: str) -> None:
    log.sql(f'UPDATE audit_entry SET "{column}" = :changed WHERE "index" = 3', changed="changed")
    assert log.named() == [3]
    assert column in log.found()[0].words


def test_a_changed_stored_subtree_names_its_entries(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "STORED", 2)
    log.sql("DELETE FROM audit_entry")
    log.sql("DELETE FROM audit_head")
    log.sql("DELETE FROM audit_checkpoint")
    shutil.rmtree(log.sink)
    log.grow(9)
    assert log.found() == []
    log.sql(
        "UPDATE audit_subtree SET root_hash = (SELECT root_hash FROM audit_subtree WHERE number = 0) WHERE number = 1"
    )
    assert log.named() == [4]
    assert "entries 4 to 7" in log.found()[0].words


def test_a_changed_time_names_the_row(log: Log) -> None:
    log.sql('UPDATE audit_entry SET at = (SELECT at FROM audit_checkpoint LIMIT 1) WHERE "index" = 3')
    with log.portunus.unit(system("attacker")) as work:
        row = work.db.get_one(AuditEntry, 3)
        row.at = row.at.replace(year=2020)
    assert log.named() == [3]


def test_one_flipped_bit_in_a_stored_entry_names_it(log: Log) -> None:
    with log.portunus.unit(system("cosmic ray")) as work:
        row = work.db.get_one(AuditEntry, 4)
        row.leaf = row.leaf.replace("lea_", "leb_")
    assert set(log.named()) == {4}


def test_an_edit_with_a_fitting_hash_is_noticed_by_the_witness(log: Log) -> None:
    from broker.audit import tree

    with log.portunus.unit(system("attacker")) as work:
        row = work.db.get_one(AuditEntry, 2)
        row.leaf = row.leaf.replace('"acc_1"', '"acc_2"')
        row.account_id, row.leaf_hash = "acc_2", tree.leaf_hash(row.leaf.encode())
    assert log.found()[0] == monitor.Finding(2, "entry 2 is not the one the witness saw: changed, or another history.")


def test_a_deleted_row_is_named(log: Log) -> None:
    log.sql('DELETE FROM audit_entry WHERE "index" = 3')
    assert log.found()[0].words == "entry 3 is missing: deleted or renumbered."


def test_renumbering_after_a_deletion_is_noticed(log: Log) -> None:
    log.sql('DELETE FROM audit_entry WHERE "index" = 3')
    for index in (4, 5, 6):
        log.sql('UPDATE audit_entry SET "index" = :to WHERE "index" = :index', to=index - 1, index=index)
    assert log.named()[0] == 3


def test_two_swapped_rows_are_noticed(log: Log) -> None:
    for index, to in ((2, 90), (3, 2), (90, 3)):
        log.sql('UPDATE audit_entry SET "index" = :to WHERE "index" = :index', to=to, index=index)
    assert log.named()[0] == 2


def test_a_cut_end_is_noticed_even_when_head_and_checkpoints_are_cut_too(log: Log) -> None:
    log.sql('DELETE FROM audit_entry WHERE "index" >= 5')
    log.sql("DELETE FROM audit_checkpoint")
    with log.portunus.unit(system("attacker")) as work:
        from broker.audit import tree

        frontier: list[bytes] = []
        for size, hashed in enumerate(work.db.scalars(select(AuditEntry.leaf_hash).order_by(AuditEntry.index))):
            frontier = tree.append(frontier, size, hashed)
        head = work.db.get_one(AuditHead, 1)
        head.size, head.frontier = 5, b"".join(frontier)
    (finding,) = log.found()
    assert finding.index == 5
    assert "cut" in finding.words


def test_a_restored_copy_that_goes_on_is_a_fork_at_its_first_new_entry(log: Log) -> None:
    with log.portunus.reading(system("test")) as work:
        size = work.db.get_one(AuditHead, 1).size
    test_a_cut_end_is_noticed_even_when_head_and_checkpoints_are_cut_too(log)
    log.grow(4)
    assert size > 5
    assert log.named()[0] == 5
    assert any("fork" in one.words for one in log.found())


def test_a_log_rebuilt_with_the_key_is_noticed_by_the_witness(log: Log, tmp_path: Path) -> None:
    """A root insider: edits, hashes, head and signed heads all fit each other."""
    from broker.audit import tree
    from broker.audit.checkpoint import sign

    with log.portunus.unit(system("root insider")) as work:
        row = work.db.get_one(AuditEntry, 2)
        row.leaf = row.leaf.replace('"acc_1"', '"acc_2"')
        row.account_id, row.leaf_hash = "acc_2", tree.leaf_hash(row.leaf.encode())
        work.db.flush()
        frontier: list[bytes] = []
        for size, hashed in enumerate(work.db.scalars(select(AuditEntry.leaf_hash).order_by(AuditEntry.index))):
            frontier = tree.append(frontier, size, hashed)
        work.db.get_one(AuditHead, 1).frontier = b"".join(frontier)
        for signed in work.db.scalars(select(AuditCheckpoint)):
            signed.root_hash = tree.root_of(frontier)
            signed.note = sign(audit.ORIGIN, signed.size, signed.root_hash, log.key.private)
    assert log.named() == [2]


def test_a_head_with_a_time_in_the_future_is_flagged(log: Log) -> None:
    with log.portunus.unit(system("attacker")) as work:
        row = work.db.scalars(select(AuditCheckpoint)).one()
        row.at = row.at.replace(year=2031)
    assert "future" in log.found()[0].words


def test_a_clock_set_back_is_flagged(log: Log, clock: ManualClock) -> None:
    clock.advance(hours=-2)
    log.grow(1)
    assert any("set back" in one.words for one in log.found())


def test_a_forged_signed_head_is_noticed(log: Log) -> None:
    with log.portunus.unit(system("attacker")) as work:
        row = work.db.scalars(select(AuditCheckpoint)).one()
        row.note = row.note.replace("portunus.local/audit\n7\n", "portunus.local/audit\n8\n")
    assert "signature" in log.found()[0].words


def test_a_torn_line_in_the_sink_is_written_again_and_harms_nothing(log: Log) -> None:
    with (log.sink / ENTRIES).open("ab") as sink:
        sink.write(b'{"act":"tab:lease:req')
    with (log.sink / CHECKPOINTS).open("ab") as sink:
        sink.write(b"portunus.local/audit\n9")
    log.grow(2)
    assert log.found() == []


def test_a_changed_sink_is_noticed_too(log: Log) -> None:
    file = log.sink / ENTRIES
    file.write_text(file.read_text().replace("lea_2", "lea_9"))
    assert log.named() == [3]


def test_a_lost_sink_is_no_accusation(log: Log) -> None:
    shutil.rmtree(log.sink)
    assert log.found() == []


def test_the_task_leaves_an_alarm_that_names_the_entry(log: Log) -> None:
    log.sql("UPDATE audit_entry SET actor_id = 'nobody' WHERE \"index\" = 3")
    task.run(log.portunus)
    with log.portunus.reading(system("test")) as work:
        alarm = work.db.scalars(select(AuditEntry).where(AuditEntry.act == Act.LOG_ALARM)).one()
    assert '"entry":3' in alarm.leaf
