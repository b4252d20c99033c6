"""An empty SQLite database with all tables, quickly: they are made once per process and copied for each test."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from broker.base.db import Base, make_engine


def empty_database(file: Path) -> str:
    """Write it to `file`; returns its address."""
    file.write_bytes(_made())
    return f"sqlite:///{file}"


@cache
def _made() -> bytes:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "portunus.db"
        engine = make_engine(f"sqlite:///{file}")
        Base.metadata.create_all(engine)
        engine.dispose()
        return file.read_bytes()
