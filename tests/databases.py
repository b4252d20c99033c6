"""`pytestmark = both_databases`: run each test of the module on SQLite and on PostgreSQL."""

import pytest

both_databases = pytest.mark.parametrize(
    "database_url",
    ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)],
    indirect=True,
)
