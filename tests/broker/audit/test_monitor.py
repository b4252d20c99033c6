"""Whoever changes the log in the database, with every right and even with the key, is noticed, and the entry is named."""

import json
import shutil
from pathlib import Path

import pytest
from sqlalchemy import String, select, text

from broker.audit import alarms, monitor, tree, verify
from broker.audit import service as audit
from broker.audit import witness as sink
from broker.audit.acts import Act
from broker.audit.models import AuditCheckpoint, AuditEntry, AuditHead
from broker.audit.witness import CHECKPOINTS, ENTRIES, begin_anew, witness
from broker.base.actor import system
from broker.base.errors import Conflict, Incomplete, Unavailable
from broker.wiring import Portunus
from tests.fakes.clock import ManualClock
from workers import monitor as task
from workers import witness as signing

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
    (found,) = log.found()
    assert (found.index, found.words) == (2, "entry 2 is not the one the witness saw: changed, or another history.")


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


def cut(log: Log, size: int) -> None:
    """As an attacker with every right on the database: the end is gone, head row and signed heads fit what is left."""
    log.sql('DELETE FROM audit_entry WHERE "index" >= :size', size=size)
    log.sql("DELETE FROM audit_checkpoint WHERE size > :size", size=size)
    with log.portunus.unit(system("attacker")) as work:
        frontier: list[bytes] = []
        for place, hashed in enumerate(work.db.scalars(select(AuditEntry.leaf_hash).order_by(AuditEntry.index))):
            frontier = tree.append(frontier, place, hashed)
        head = work.db.get_one(AuditHead, 1)
        head.size, head.frontier = size, b"".join(frontier)


def test_a_lost_sink_is_unknown_and_not_all_well(log: Log) -> None:
    shutil.rmtree(log.sink)
    (found,) = log.found()
    assert (found.kind, found.index) == ("unknown", None)
    assert "does not hold 1 of the signed heads" in found.words


def test_a_cut_end_with_the_sink_removed_is_unknown_and_not_all_well(log: Log) -> None:
    log.grow(14)
    shutil.rmtree(log.sink)
    cut(log, 10)
    assert [one.kind for one in log.found()] == ["unknown"]


def test_a_cut_end_whose_heads_were_never_witnessed_by_the_databases_word_is_unknown_too(log: Log) -> None:
    shutil.rmtree(log.sink)
    log.sql("UPDATE audit_checkpoint SET witnessed_at = NULL")
    (found,) = log.found()
    assert found.words == "unknown: the second sink holds no signed head yet: nothing could be compared."


def test_nothing_more_is_written_to_a_sink_that_lost_what_it_held(log: Log) -> None:
    """A volume that is not mounted: the empty folder below it must not become the sink."""
    shutil.rmtree(log.sink)
    log.sink.mkdir()
    with pytest.raises(Unavailable, match="does not hold the head of 7 entries that it took"):
        log.grow(1)
    assert list(log.sink.iterdir()) == []


def test_a_sink_and_all_heads_taken_away_together_are_missed_by_the_log_itself(log: Log) -> None:
    log.sql("UPDATE audit_checkpoint SET witnessed_at = NULL")
    shutil.rmtree(log.sink)
    signing.run(log.portunus)  # a first sink, as on a new machine
    log.grow(14)
    assert log.found() == []
    shutil.rmtree(log.sink)
    cut(log, 12)
    log.sql("DELETE FROM audit_checkpoint")
    with pytest.raises(Unavailable, match="was begun by entry 7"):
        signing.run(log.portunus)
    assert not log.sink.exists()
    told = stands(log)
    assert told is not None
    assert "it never took a head" in told.words


def test_a_head_far_back_in_a_long_sink_is_found(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink, "TAIL", 10)
    log.grow(3)
    log.grow(3)
    assert log.found() == []


def test_a_new_sink_gets_the_whole_log_and_its_beginning_is_on_record(log: Log) -> None:
    log.grow(5)
    shutil.rmtree(log.sink)
    with log.portunus.unit(system("operator")) as work:
        begin_anew(work, log.sink, "The disk broke.")
    log.grow(1)
    assert log.found() == []
    lines = (log.sink / ENTRIES).read_text().splitlines()
    assert [json.loads(line)["index"] for line in lines] == list(range(len(lines)))
    assert any('"audit:sink:begin"' in line and "The disk broke." in line for line in lines)


def alarms_in(log: Log) -> list[str]:
    with log.portunus.reading(system("test")) as work:
        return list(work.db.scalars(select(AuditEntry.leaf).where(AuditEntry.act == Act.LOG_ALARM)))


def stands(log: Log) -> alarms.Alarm | None:
    with log.portunus.reading(system("test")) as work:
        return alarms.standing(work)


def acknowledged(log: Log, reason: str = "Restored from Tuesday's backup, disk failure.") -> None:
    with log.portunus.unit(system("operator")) as work:
        alarms.acknowledge(work, log.key, log.sink, reason)


def test_the_task_leaves_one_alarm_that_names_the_entry_and_stands_until_a_person_says_why(
    log: Log, clock: ManualClock
) -> None:
    log.sql("UPDATE audit_entry SET actor_id = 'nobody' WHERE \"index\" = 3")
    for _ in range(3):
        task.run(log.portunus)
        clock.advance(minutes=10)
    (alarm,) = alarms_in(log)
    assert '"entry":3' in alarm
    told = stands(log)
    assert told is not None
    assert (told.entry, told.words) == (3, "entry 3: the column actor_id was changed.")
    acknowledged(log, "We look into it.")
    assert stands(log) is None
    clock.advance(days=1)
    task.run(log.portunus)
    assert len(alarms_in(log)) == 2, "what was changed stays changed: it is told again every day"


def test_an_entry_further_ahead_is_an_alarm_of_its_own(log: Log) -> None:
    log.sql("UPDATE audit_entry SET actor_id = 'nobody' WHERE \"index\" = 3")
    task.run(log.portunus)
    log.sql("UPDATE audit_entry SET actor_id = 'nobody' WHERE \"index\" = 2")
    task.run(log.portunus)
    assert ['"entry":3' in alarms_in(log)[0], '"entry":2' in alarms_in(log)[1]] == [True, True]


def test_another_change_after_an_acknowledged_one_is_told_at_once(log: Log) -> None:
    log.sql("UPDATE audit_entry SET actor_id = 'nobody' WHERE \"index\" = 3")
    task.run(log.portunus)
    acknowledged(log, "A test by the auditor.")
    log.sql("UPDATE audit_entry SET actor_id = 'nobody' WHERE \"index\" = 2")
    task.run(log.portunus)
    assert len(alarms_in(log)) == 2


def test_a_restored_backup_is_told_once_and_then_it_is_all_well(log: Log, clock: ManualClock) -> None:
    log.grow(6)
    cut(log, 10)
    log.grow(2)
    task.run(log.portunus)
    assert len(alarms_in(log)) == 1
    acknowledged(log)
    for _ in range(3):
        log.grow(3)
        clock.advance(days=2)
        task.run(log.portunus)
    assert (log.found(), len(alarms_in(log)), stands(log)) == ([], 1, None)


def test_after_an_acknowledged_restore_the_next_cut_and_the_next_edit_are_found(log: Log) -> None:
    log.grow(6)
    cut(log, 10)
    log.grow(2)
    task.run(log.portunus)
    acknowledged(log)
    log.grow(5)
    assert log.found() == []
    with log.portunus.reading(system("test")) as work:
        size = work.db.get_one(AuditHead, 1).size
    log.sql("UPDATE audit_entry SET actor_id = 'nobody' WHERE \"index\" = 11")
    assert 11 in log.named()
    cut(log, size - 2)
    assert any("are gone" in one.words for one in log.found())


def test_an_acknowledgement_without_the_logs_key_excuses_nothing(log: Log) -> None:
    log.grow(6)
    cut(log, 10)
    with log.portunus.unit(system("attacker")) as work:
        detail = {"start": 10, "end": 99, "lines": 99, "heads": 99, "signature": "A" * 86 + "=="}
        audit.record(work, Act.LOG_ALARM_KNOWN, "audit_log", "all", outcome="known", reason="restored", detail=detail)
    assert any(one.kind == "forked" for one in log.found())


def test_there_must_be_a_reason_and_an_alarm(log: Log) -> None:
    with pytest.raises(Conflict):
        acknowledged(log)
    log.sql("UPDATE audit_entry SET actor_id = 'nobody' WHERE \"index\" = 3")
    task.run(log.portunus)
    with pytest.raises(Incomplete):
        acknowledged(log, " ")


def test_a_lost_sink_does_not_hide_a_change_that_is_found_later(log: Log) -> None:
    shutil.rmtree(log.sink)
    task.run(log.portunus)
    log.sql("UPDATE audit_entry SET actor_id = 'nobody' WHERE \"index\" = 5")
    for _ in range(2):
        task.run(log.portunus)
    told = stands(log)
    assert told is not None
    assert (told.entry, told.words, len(alarms_in(log))) == (5, "entry 5: the column actor_id was changed.", 2)


def exported(log: Log, file: Path) -> str:
    log.grow(1)
    with log.portunus.reading(system("auditor")) as work:
        file.write_text("".join(f"{line}\n" for line in audit.export(work, log.key)))
    return str(file)


def test_an_export_after_an_acknowledged_restore_is_accepted_with_the_old_sink_and_says_so(
    log: Log, tmp_path: Path
) -> None:
    witnessed = str(log.sink / CHECKPOINTS)
    log.grow(6)
    cut(log, 10)
    log.grow(1)
    task.run(log.portunus)
    with pytest.raises(verify.Rejected, match="head of 13 entries does not fit|the end is cut"):
        verify.verify(exported(log, tmp_path / "before"), witnessed)
    acknowledged(log)
    after = exported(log, tmp_path / "after")
    with pytest.raises(verify.Rejected, match="If you know of that restore: --restored") as unknown:
        verify.verify(after, witnessed)  # whoever holds the key could have written that entry
    told = verify.verify(after, witnessed, None, None, str(unknown.value).rsplit(" ", 1)[1])
    assert "of a history that ended at entry 10: restored, entry" in told
    assert "Restored from Tuesday's backup, disk failure." in told


def test_a_restore_told_of_without_the_key_or_after_the_last_witnessed_head_excuses_nothing(
    log: Log, tmp_path: Path
) -> None:
    log.grow(6)
    cut(log, 10)
    log.grow(1)
    detail = {"start": 10, "end": 99, "lines": 99, "heads": 99, "signature": "A" * 86 + "=="}
    with log.portunus.unit(system("attacker")) as work:
        audit.record(work, Act.LOG_ALARM_KNOWN, "audit_log", "all", outcome="known", reason="restored", detail=detail)
    with pytest.raises(verify.Rejected):
        verify.verify(exported(log, tmp_path / "forged"), str(log.sink / CHECKPOINTS))
    old = tmp_path / "old.log"
    old.write_text((log.sink / CHECKPOINTS).read_text())
    task.run(log.portunus)
    acknowledged(log)
    file = exported(log, tmp_path / "told")
    with pytest.raises(verify.Rejected):
        verify.verify(file, str(old))


def test_a_cut_after_an_acknowledged_restore_is_still_rejected(log: Log, tmp_path: Path) -> None:
    log.grow(6)
    cut(log, 10)
    log.grow(1)
    task.run(log.portunus)
    acknowledged(log)
    log.grow(8)
    whole = Path(exported(log, tmp_path / "whole")).read_text().splitlines()
    sink = str(log.sink / CHECKPOINTS)
    restored = verify.judge(str(tmp_path / "whole"), sink)[1].rsplit(" ", 1)[1]
    assert verify.judge(str(tmp_path / "whole"), sink, None, None, restored)[0] == 0
    with log.portunus.reading(system("test")) as work:
        heads = sorted(work.db.scalars(select(AuditCheckpoint.size)))
    ends = [place for place, line in enumerate(whole) if '"kind":"checkpoint"' in line]
    short = [json.dumps(json.loads(whole[0]) | {"size": heads[-2]}, sort_keys=True, separators=(",", ":"))]
    short += whole[1 : ends[-2] + 1]
    (tmp_path / "short").write_text("".join(f"{line}\n" for line in short))
    with pytest.raises(verify.Rejected, match="the end is cut"):
        verify.verify(str(tmp_path / "short"), sink, None, None, restored)
