"""The statements by hand write what the mapped class would: each column what the entry's own text says, on both databases."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect, select
from sqlalchemy.orm import Session

from broker.audit import appending, monitor, verify
from broker.audit import service as audit
from broker.audit.acts import Act
from broker.audit.models import AuditEntry, AuditHead
from broker.base.actor import system
from broker.base.clock import SystemClock
from broker.base.db import make_engine
from broker.base.unit import Unit
from broker.wiring import Portunus

BOTH_DATABASES = True


def test_each_column_holds_what_the_entry_says(portunus: Portunus) -> None:
    for count in (1, 3):  # one alone goes another way than several
        with portunus.unit(system("test")) as work:
            for _ in range(count):
                audit.record(work, Act.TAB_REQUESTED, "lease", "lea_1", account_id="acc_1", location_id="loc_1")
    with portunus.reading(system("test")) as work:
        rows = work.db.scalars(select(AuditEntry).order_by(AuditEntry.index)).all()
        assert work.db.get_one(AuditHead, 1).size == len(rows) == 4
    for index, row in enumerate(rows):
        said = json.loads(row.leaf)
        assert (row.index, row.id, row.act) == (index, said["id"], said["act"])
        assert row.at.isoformat(timespec="milliseconds") == said["at"]
        assert {"kind": row.actor_kind, "id": row.actor_id}.items() <= said["actor"].items()
        assert {"kind": row.thing_kind, "id": row.thing_id} == said["thing"]
        assert (row.account_id, row.location_id) == (said["account"], said["location"])


def test_the_columns_are_the_tables(portunus: Portunus) -> None:
    there = {column["name"] for column in inspect(portunus.engine).get_columns("audit_entry")}
    assert set(appending.COLUMNS) == there


def test_a_unit_that_fails_after_its_entries_leaves_no_gap(portunus: Portunus) -> None:
    def broken(_: Unit) -> None:
        raise RuntimeError

    one(portunus.engine)
    with pytest.raises(RuntimeError), portunus.unit(system("test")) as work:
        audit.record(work, Act.TAB_REQUESTED, "lease", "lea_lost")
        work.last_steps.append(broken)
    one(portunus.engine)
    assert indexes(portunus) == [0, 1]


def test_writers_that_take_turns_find_each_others_entries(portunus: Portunus) -> None:
    other = make_engine(portunus.engine.url.render_as_string(hide_password=False))
    for count in (1, 2, 1, 1, 3):
        one(portunus.engine, count)
        one(other, count)
    other.dispose()
    assert indexes(portunus) == list(range(16))
    with portunus.unit(system("test")) as work:
        key = audit.log_key(work, portunus.keyring)
    with portunus.reading(system("test")) as work:
        found = monitor.check(work, key, portunus.settings.witness)
    assert [one.kind for one in found] == ["unknown"], "nothing but the sink, which has not begun"


def one(engine: Engine, count: int = 1) -> None:
    with Session(engine) as db:
        work = Unit(db=db, actor=system("test"), clock=SystemClock())
        for _ in range(count):
            audit.record(work, Act.TAB_REQUESTED, "lease", "lea_1")
        work.commit()


def indexes(portunus: Portunus) -> list[int]:
    with portunus.reading(system("test")) as work:
        return list(work.db.scalars(select(AuditEntry.index).order_by(AuditEntry.index)))


APPENDER = """
import sys
from sqlalchemy.orm import Session
from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.actor import system
from broker.base.clock import SystemClock
from broker.base.db import make_engine
from broker.base.unit import Unit

engine = make_engine(sys.argv[1])
for number in range(int(sys.argv[2])):
    with Session(engine) as db:
        work = Unit(db=db, actor=system("test"), clock=SystemClock())
        for part in range(int(sys.argv[3])):
            audit.record(work, Act.TAB_REQUESTED, "lease", f"lea_{number}")
        work.commit()
    print(number, flush=True)
"""


def test_al16_processes_append_while_one_is_killed_and_the_log_has_no_gap(portunus: Portunus, tmp_path: Path) -> None:
    """What was acknowledged before the kill is there, whole units only, each index once."""
    count, rounds, parts = 8, 290, 50  # the seven that live append more than 100,000 entries
    where = portunus.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", APPENDER, where, str(rounds), str(parts)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(count)]
    victim = running[0]
    assert victim.stdout is not None
    acknowledged = [victim.stdout.readline() for _ in range(5)]
    victim.kill()
    for one in running:
        acknowledged += one.communicate()[0].splitlines()
    with portunus.unit(system("test")) as work:
        key = audit.log_key(work, portunus.keyring)
        audit.sign_checkpoint(work, key)
    with portunus.reading(system("test")) as work:
        lines = list(audit.export(work, key))
    (tmp_path / "export").write_text("".join(f"{line}\n" for line in lines))
    assert verify.verify(str(tmp_path / "export")).startswith("accepted")
    units, rest = divmod(sum(Act.TAB_REQUESTED.value in line for line in lines), parts)
    assert rest == 0
    assert units >= len(acknowledged) >= (count - 1) * rounds + 5
