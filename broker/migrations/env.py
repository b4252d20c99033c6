"""Alembic's entry point: one migration path for SQLite and PostgreSQL."""

from alembic import context

import broker.audit.models
import broker.base.beats
import broker.codes.models
import broker.identity.models
import broker.lookups.models
import broker.recordings.models
import broker.scripts.models
import broker.tabs.models
import broker.vault.models  # noqa: F401 - the tables
from broker.base.db import Base, make_engine
from broker.base.settings import settings

url = context.config.attributes.get("url") or settings().database
engine = make_engine(url)
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()
    if connection.in_transaction():
        connection.commit()
engine.dispose()
