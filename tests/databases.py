"""A database for each test, quickly: its tables are made once per process, and so is the engine, which keeps its compiled statements."""

import atexit
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Engine, event, inspect, text

from broker.base.db import Base, make_engine


def sqlite_engine(content: bytes | None = None) -> Engine:
    """This process's SQLite database, with `content` (empty tables: None) instead of what an earlier test left."""
    engine, file = _sqlite()
    engine.dispose()
    for one in (file, Path(f"{file}-wal"), Path(f"{file}-shm")):
        one.unlink(missing_ok=True)  # who still has the old one open writes to nobody's
    file.write_bytes(content if content is not None else _made())
    return engine


def sqlite_content() -> bytes:
    """What it holds now, for tests that begin with it."""
    engine, file = _sqlite()
    engine.dispose()  # the last connection to close brings everything into the one file
    return file.read_bytes()


@cache
def postgres_engine(url: str) -> Engine:
    """This process's PostgreSQL database."""
    return make_engine(url)


@cache
def _sqlite() -> tuple[Engine, Path]:
    folder = TemporaryDirectory(prefix="portunus-test-")
    atexit.register(folder.cleanup)
    file = Path(folder.name) / "portunus.db"
    engine = make_engine(f"sqlite:///{file}")
    event.listen(engine, "connect", _without_sync)
    return engine, file


def _without_sync(connection: Any, _record: Any) -> None:
    """No test survives the machine, so nothing is forced to its disk."""
    connection.execute("PRAGMA synchronous=OFF")


def empty_postgres(engine: Engine) -> None:
    """All tables, and nothing in them: what an earlier test left is thrown out, which is quicker than making them anew."""
    tables = Base.metadata.sorted_tables
    with engine.begin() as connection:
        if set(inspect(connection).get_table_names()) >= {table.name for table in tables}:
            names = ", ".join(f'"{table.name}"' for table in tables)
            connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))
        else:
            Base.metadata.drop_all(connection)
            Base.metadata.create_all(connection)


@cache
def _made() -> bytes:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "portunus.db"
        engine = make_engine(f"sqlite:///{file}")
        Base.metadata.create_all(engine)
        engine.dispose()
        return file.read_bytes()
