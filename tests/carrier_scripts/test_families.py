"""The families of a script are found wherever it imports them: their bytes belong to its version."""

from pathlib import Path

import pytest

from carrier_scripts import registry

FAMILY = "carrier_scripts.families.plain_tables"
IMPORT = f"from {FAMILY} import PlainTables"
TEXTS = {
    "above the class": f"{IMPORT}\n\n\nclass One(PlainTables): ...\n",
    "below the class": f"class One: ...\n\n\n{IMPORT}\n",
    "in a method": f"class One:\n    def verb(self):\n        {IMPORT}\n",
    "in a branch": f"try:\n    {IMPORT}\nexcept ImportError:\n    pass\nclass One: ...\n",
    "below words that look like a class": f'WORDS = """\nclass of 1998\n"""\n{IMPORT}\nclass One: ...\n',
    "between two classes": f"class Zero: ...\n{IMPORT}\nclass One: ...\n",
}
NONE = {
    "in words only": f'"""{IMPORT}"""\nclass One: ...\n',
    "in words of a method": f'class One:\n    """{IMPORT}"""\n',
}


def families(text: str, tmp_path: Path) -> list[str]:
    file = tmp_path / "one.py"
    file.write_text(text, encoding="utf-8")
    return [source["module"] for source in registry.script_at(file, "one").sources[:-1]]


@pytest.mark.parametrize("where", TEXTS)
def test_an_import_counts_wherever_it_stands(where: str, tmp_path: Path) -> None:
    assert families(TEXTS[where], tmp_path) == [FAMILY]


@pytest.mark.parametrize("where", NONE)
def test_words_are_no_import(where: str, tmp_path: Path) -> None:
    assert families(NONE[where], tmp_path) == []
