"""The table of what is shown by which test names tests that are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PART = (ROOT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8").partition("what is shown by which test\n")[2]
ROWS = [line for line in PART.partition("\n## ")[0].splitlines() if line.startswith("|")][2:]


@pytest.mark.parametrize("row", ROWS, ids=[row.split("|")[1].strip() for row in ROWS])
def test_each_test_that_is_named_is_there(row: str) -> None:
    named = [part.strip().partition(": ") for part in row.split("|")[2].split(";")]
    assert named
    for file, _, tests in named:
        source = (ROOT / "tests" / "e2e" / f"test_{file}.py").read_text(encoding="utf-8")
        wanted = re.findall(r"`(test_\w+)`", tests)
        assert wanted
        assert [one for one in wanted if f"\ndef {one}(" not in source] == []


def test_the_table_has_rows() -> None:
    assert len(ROWS) > 40
