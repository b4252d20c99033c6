"""Entries get their places in the log: the last step of a unit, under the one lock that every writer waits for.

Plain SQL by hand, a few short strings for each kind of database: building the same statements from mapped classes costs
more than the database needs to carry them out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import cast
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, Table
from sqlalchemy.dialects import postgresql, sqlite

from broker.audit import tree
from broker.audit.entry import encode
from broker.audit.models import AuditEntry, AuditHead

COLUMNS = tuple(column.name for column in cast("Table", AuditEntry.__table__).columns)


@dataclass(frozen=True)
class Statements:
    """The same few statements in a database's own words."""

    lock: str
    grow: str
    """From the head that is given last to the one that is given first; no row where another writer was there before."""
    insert: str
    store: str
    both: str | None
    """`grow` and one entry in one: a way to the server less, where the database knows how."""
    naive: bool
    """Times are kept as UTC text, as SQLAlchemy keeps them."""


@cache
def statements(dialect: str) -> Statements:
    """For `sqlite` or `postgresql`."""
    mark, locked = ("%s", " FOR UPDATE") if dialect == "postgresql" else ("?", "")
    names, marks = ", ".join(f'"{name}"' for name in COLUMNS), ", ".join([mark] * len(COLUMNS))
    grow = (
        f"UPDATE audit_head SET size = {mark}, frontier = {mark} WHERE id = 1 AND size = {mark} AND frontier = {mark}"  # noqa: S608 - our own names
    )
    both = f"WITH grown AS ({grow} RETURNING id) INSERT INTO audit_entry ({names}) SELECT {marks} FROM grown"  # noqa: S608
    return Statements(
        lock=f"SELECT size, frontier FROM audit_head WHERE id = 1{locked}",  # noqa: S608
        grow=grow,
        insert=f"INSERT INTO audit_entry ({names}) VALUES ({marks})",  # noqa: S608
        store=f"INSERT INTO audit_subtree (height, number, root_hash) VALUES ({mark}, {mark}, {mark})",  # noqa: S608
        both=both if dialect == "postgresql" else None,
        naive=dialect != "postgresql",
    )


Head = tuple[int, bytes]
"""Size and packed frontier."""
_left: WeakKeyDictionary[Engine, Head] = WeakKeyDictionary()
"""The head as this process last left it: mostly nobody else wrote since, and it need not be asked for."""


def append(connection: Connection, pending: Sequence[Mapping[str, object]]) -> None:
    """Write these entries behind the last one, in this transaction."""
    said = statements(connection.dialect.name)
    head = _left.get(connection.engine)
    grown = _grown(connection, said, pending, head) if head is not None else None
    if grown is None:
        grown = _grown(connection, said, pending, _locked_head(connection, said))
    assert grown is not None  # nobody else writes a locked head
    _left[connection.engine] = grown


def _grown(
    connection: Connection, said: Statements, pending: Sequence[Mapping[str, object]], head: Head
) -> Head | None:
    """The entries behind this head, which is the new one's beginning; None, and nothing written, where it is the head no more."""
    size, frontier = head[0], split(head[1])
    rows: list[tuple[object, ...]] = []
    full: list[tuple[int, int, bytes]] = []
    for fields in pending:
        leaf = encode({**fields, "index": size})
        hashed = tree.leaf_hash(leaf.encode())
        full += tree.completed(frontier, size, hashed)
        rows.append(_row(fields, size, leaf, hashed, naive=said.naive))
        frontier = tree.append(frontier, size, hashed)
        size += 1
    grown = (size, b"".join(frontier))
    if len(rows) == 1 and said.both is not None:
        if connection.exec_driver_sql(said.both, grown + head + rows[0]).rowcount != 1:
            return None
    else:
        if connection.exec_driver_sql(said.grow, grown + head).rowcount != 1:
            return None
        connection.exec_driver_sql(said.insert, rows)
    if full:
        connection.exec_driver_sql(said.store, full)
    return grown


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


def _locked_head(connection: Connection, said: Statements) -> Head:
    head = connection.exec_driver_sql(said.lock).one_or_none()
    if head is None:  # the very first entry: whoever inserts second finds the first one's row
        insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        connection.execute(insert(AuditHead).values(id=1, size=0, frontier=b"").on_conflict_do_nothing())
        head = connection.exec_driver_sql(said.lock).one()
    return int(head[0]), bytes(head[1])


def split(frontier: bytes) -> list[bytes]:
    """The frontier's hashes."""
    return [frontier[start : start + tree.HASH_SIZE] for start in range(0, len(frontier), tree.HASH_SIZE)]
