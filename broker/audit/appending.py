"""Entries get their places in the log: the last step of a unit, under the one lock that every writer waits for.

Plain SQL by hand, a few short strings for each kind of database: building the same statements from mapped classes costs
more than the database needs to carry them out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import cast

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

from broker.audit import tree
from broker.audit.entry import encode
from broker.audit.models import AuditEntry, AuditHead

COLUMNS = tuple(column.name for column in cast("Table", AuditEntry.__table__).columns)


@dataclass(frozen=True)
class Statements:
    """The same few statements in a database's own words."""

    lock: str
    insert: str
    grow: str
    store: str
    both: str | None
    """One entry and the head in one: a way to the server less, where the database knows how."""
    naive: bool
    """Times are kept as UTC text, as SQLAlchemy keeps them."""


@cache
def statements(dialect: str) -> Statements:
    """For `sqlite` or `postgresql`."""
    mark, locked = ("%s", " FOR UPDATE") if dialect == "postgresql" else ("?", "")
    names = ", ".join(f'"{name}"' for name in COLUMNS)
    insert = f"INSERT INTO audit_entry ({names}) VALUES ({', '.join([mark] * len(COLUMNS))})"  # noqa: S608 - our own names
    grow = f"UPDATE audit_head SET size = {mark}, frontier = {mark} WHERE id = 1"  # noqa: S608
    return Statements(
        lock=f"SELECT size, frontier FROM audit_head WHERE id = 1{locked}",  # noqa: S608
        insert=insert,
        grow=grow,
        store=f"INSERT INTO audit_subtree (height, number, root_hash) VALUES ({mark}, {mark}, {mark})",  # noqa: S608
        both=f"WITH entry AS ({insert}) {grow}" if dialect == "postgresql" else None,
        naive=dialect != "postgresql",
    )


def append(connection: Connection, pending: Sequence[Mapping[str, object]]) -> None:
    """Write these entries behind the last one, in this transaction."""
    said = statements(connection.dialect.name)
    size, packed = _lock_head(connection, said)
    frontier = split(packed)
    rows: list[tuple[object, ...]] = []
    full: list[tuple[int, int, bytes]] = []
    for fields in pending:
        leaf = encode({**fields, "index": size})
        hashed = tree.leaf_hash(leaf.encode())
        full += tree.completed(frontier, size, hashed)
        rows.append(_row(fields, size, leaf, hashed, naive=said.naive))
        frontier = tree.append(frontier, size, hashed)
        size += 1
    if full:
        connection.exec_driver_sql(said.store, full)
    grown = (size, b"".join(frontier))
    if len(rows) == 1 and said.both is not None:
        connection.exec_driver_sql(said.both, rows[0] + grown)
        return
    connection.exec_driver_sql(said.insert, rows)
    connection.exec_driver_sql(said.grow, grown)


def _row(fields: Mapping[str, object], index: int, leaf: str, hashed: bytes, *, naive: bool) -> tuple[object, ...]:
    """In the order of COLUMNS (a test compares)."""
    actor, thing = fields["actor"], fields["thing"]
    assert isinstance(actor, dict)
    assert isinstance(thing, dict)
    at = datetime.fromisoformat(str(fields["at"])).astimezone(UTC)
    return (
        index,
        fields["id"],
        f"{at:%Y-%m-%d %H:%M:%S.%f}" if naive else at,
        fields["act"],
        actor["kind"],
        actor["id"],
        thing["kind"],
        thing["id"],
        fields["account"],
        fields["location"],
        leaf,
        hashed,
    )


def _lock_head(connection: Connection, said: Statements) -> tuple[int, bytes]:
    head = connection.exec_driver_sql(said.lock).one_or_none()
    if head is None:  # the very first entry: whoever inserts second finds the first one's row
        insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        connection.execute(insert(AuditHead).values(id=1, size=0, frontier=b"").on_conflict_do_nothing())
        head = connection.exec_driver_sql(said.lock).one()
    return int(head[0]), bytes(head[1])


def split(frontier: bytes) -> list[bytes]:
    """The frontier's hashes."""
    return [frontier[start : start + tree.HASH_SIZE] for start in range(0, len(frontier), tree.HASH_SIZE)]
