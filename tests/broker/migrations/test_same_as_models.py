"""A migrated database is the one the models describe, on SQLite and on PostgreSQL."""

from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

from broker.base.db import Base

BOTH_DATABASES = True
MIGRATIONS = Path(__file__).parents[3] / "broker" / "migrations"


@pytest.fixture
def migrated(engine: Engine) -> Engine:
    """An empty database, brought to its newest migration."""
    empty(engine)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["url"] = engine.url.render_as_string(hide_password=False)
    command.upgrade(config, "head")
    return engine


def empty(engine: Engine) -> None:
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
    else:
        Base.metadata.drop_all(engine)


def test_alembic_finds_nothing_that_differs(migrated: Engine) -> None:
    with migrated.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_conditions_of_indexes_and_checks_are_the_models_too(migrated: Engine) -> None:
    """What alembic does not compare: a unique index over living rows only is what keeps a second login away."""
    by_migration = conditions(migrated)
    empty(migrated)
    Base.metadata.create_all(migrated)
    assert by_migration == conditions(migrated)
    assert any(indexes for indexes, _ in by_migration.values())


def conditions(engine: Engine) -> dict[str, Any]:
    """Of every table: its partial indexes with their conditions, its checks."""
    seen = inspect(engine)
    where = f"{engine.dialect.name}_where"
    return {
        table: (
            {
                one["name"]: str(one["dialect_options"][where])
                for one in seen.get_indexes(table)
                if where in one.get("dialect_options", {})
            },
            {one["name"]: one["sqltext"] for one in seen.get_check_constraints(table)},
        )
        for table in Base.metadata.tables
    }
