"""An empty database with all tables, quickly: they are made once per process, and copied or emptied for each test."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Engine, inspect, text

from broker.base.db import Base, make_engine


def empty_database(file: Path) -> str:
    """Write it to `file`; returns its address."""
    file.write_bytes(_made())
    return f"sqlite:///{file}"


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
