"""The statements by hand write what the mapped class would: each column what the entry's own text says, on both databases."""

import json

from sqlalchemy import inspect, select

from broker.audit import appending
from broker.audit import service as audit
from broker.audit.acts import Act
from broker.audit.models import AuditEntry, AuditHead
from broker.base.actor import system
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
