"""No changing route without a test in which it succeeds and leaves an audit entry; what each test left is looked at after it."""

import ast
from collections import Counter
from pathlib import Path

import pytest

from tests.api.every_change import CHANGE_NOTHING, DRIVEN, changing
from tests.api.on_record import SILENT

HERE = Path(__file__).parent


def test_every_changing_route_is_driven_once_in_the_table(app):
    told = Counter([endpoint for tests in DRIVEN.values() for endpoints in tests.values() for endpoint in endpoints])
    told.update(CHANGE_NOTHING)
    assert told == Counter(changing(app))


def test_what_changes_nothing_says_why():
    reasons = {name.removeprefix("api.routes.").partition(" ")[0] for name in SILENT}
    assert set(CHANGE_NOTHING) <= reasons


@pytest.mark.parametrize("file", DRIVEN)
def test_every_test_of_the_table_is_there(file):
    tree = ast.parse((HERE / file).read_text(encoding="utf-8"))
    there = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert {test.partition("[")[0] for test in DRIVEN[file]} <= there
