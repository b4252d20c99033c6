"""A fresh database per test, fakes for every port, and people."""

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from sqlalchemy import Engine

import broker.audit.models
import broker.base.beats
import broker.codes.models
import broker.lookups.models
import broker.recordings.models
import broker.scripts.models
import broker.tabs.models
import broker.vault.models  # noqa: F401 - the tables
from broker.base.actor import Actor, ActorKind, system
from broker.base.settings import Settings
from broker.base.unit import Unit
from broker.identity.models import User
from broker.wiring import Portunus
from tests.databases import empty_postgres, postgres_engine, sqlite_engine
from tests.fakes.blobs import MemoryBlobs
from tests.fakes.browserhost import MemoryBrowserHost
from tests.fakes.clock import ManualClock
from tests.fakes.keyring import MemoryKeyring
from tests.fakes.queue import MemoryQueue
from tests.fakes.signals import MemorySignals

hypothesis.settings.register_profile("portunus", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("portunus")  # how long an example takes is the bench's business, not a test's


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test module that says `BOTH_DATABASES = True` runs on SQLite and on PostgreSQL."""
    if getattr(metafunc.module, "BOTH_DATABASES", False) and "engine" in metafunc.fixturenames:
        metafunc.parametrize("engine", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """An empty database: SQLite with its tables, unless the test is parametrized with `postgres`."""
    if getattr(request, "param", "sqlite") == "sqlite":
        engine = sqlite_engine()
    else:
        engine = postgres_engine(_postgres(request))
        empty_postgres(engine)
    yield engine
    engine.dispose()


def _postgres(request: pytest.FixtureRequest) -> str:
    from tests.postgres import postgres_url

    url = postgres_url(getattr(request.config, "workerinput", {}).get("workerid", "main"))
    if url is None:
        if __import__("os").environ.get("PORTUNUS_REQUIRE_POSTGRES"):
            pytest.fail("PostgreSQL is required here and cannot be started")
        pytest.skip("no PostgreSQL on this machine")
    return url


@pytest.fixture
def portunus(engine: Engine, tmp_path: Path, clock: ManualClock) -> Portunus:
    """Portunus on a fresh database with fakes for every port. Its settings point into tmp_path."""
    url = engine.url.render_as_string(hide_password=False)
    return Portunus(
        settings=Settings(data_dir=tmp_path / "var", database_url=url),
        engine=engine,
        clock=clock,
        queue=MemoryQueue(),
        signals=MemorySignals(),
        blobs=MemoryBlobs(),
        keyring=MemoryKeyring(),
        host=MemoryBrowserHost(),
    )


@pytest.fixture
def work(portunus: Portunus) -> Iterator[Unit]:
    """An open unit as the test itself; committed at the end."""
    with portunus.unit(system("test")) as unit:
        yield unit


def acting(user: User) -> Actor:
    """The actor a request of this user would have."""
    return Actor(kind=ActorKind.USER, id=user.id, name=user.name, login_id="log_test", address="127.0.0.1")
