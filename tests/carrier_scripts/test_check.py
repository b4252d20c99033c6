"""Each rule finds what it is there to find, and says what to do."""

import ast
from dataclasses import replace
from pathlib import Path

import pytest

from carrier_scripts import registry, scaffold
from carrier_scripts.__main__ import main
from carrier_scripts.check import Subject, asks_for_no_values, check, check_families, names_its_pages

GOOD = (Path(scaffold.HERE) / "portals" / "harborline.py").read_text(encoding="utf-8")


def said(folder: Path, text: str, key: str = "harborline") -> str:
    """What the rules on text say about a script of this text."""
    (folder / "portals").mkdir()
    (folder / "portals" / f"{key}.py").write_text(text, encoding="utf-8")
    return "\n".join(check(key, scripts=folder))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("import os", "cannot import os"),
        ("from playwright.async_api import Page", "cannot import playwright.async_api"),
        ("from carrier_scripts.portals.northgate import Northgate", "cannot import carrier_scripts.portals.northgate"),
        ("from . import northgate", "cannot import ."),
        ("x = eval('1')", "eval is not open"),
        ("x = __import__('os')", "__import__ is not open"),
        ("x = open('/etc/passwd')", "open is not open"),
        ("print('hello')", "print is not open"),
        ("x = ().__class__", ".__class__ is inside"),
        ("x = page._ask", "._ask is inside"),
        ("x = task.cr_frame", ".cr_frame is inside"),
        ("await_ = page.wait_for_timeout(3)", "wait_for_timeout"),
        ("from asyncio import sleep as s", "cannot import asyncio"),
        ("x = page.evaluate('1')", "no JavaScript"),
        ("x = (", "was never closed"),
    ],
)
def test_a_line_that_breaks_a_rule_is_named(tmp_path: Path, line: str, words: str) -> None:
    assert words in said(tmp_path, f"{GOOD}\n{line}\n")


def test_a_good_script_breaks_no_rule() -> None:
    assert check("harborline") == []


def test_the_class_is_named_after_the_file(tmp_path: Path) -> None:
    assert "must be called Harborline" in said(tmp_path, GOOD.replace("class Harborline", "class Other"))


def test_a_docstring_is_wanted(tmp_path: Path) -> None:
    assert "docstring" in said(tmp_path, GOOD.partition("\n")[2])


def test_an_unknown_key_says_how_to_make_one() -> None:
    assert "carrier_scripts new no_such_portal" in "".join(check("no_such_portal"))


def test_a_missing_page_and_a_misnamed_page_are_named(tmp_path: Path) -> None:
    (tmp_path / "harborline").mkdir()
    (tmp_path / "harborline" / "lokced.html").touch()
    words = "\n".join(check("harborline", pages=tmp_path))
    assert "save a page for LOCKED" in words
    assert "lokced is no outcome" in words


@pytest.mark.parametrize(
    ("was", "now", "words"),
    [
        ('hosts = frozenset({"harborline.sim.test"})', "hosts = frozenset()", "hosts is empty"),
        ('hosts = frozenset({"harborline.sim.test"})', 'hosts = frozenset({"*.sim.test"})', "no plain host name"),
        (
            'hosts = frozenset({"harborline.sim.test"})',
            'hosts = frozenset({"harborline.sim.test"})\n    sign_in_hosts = frozenset({"id.sim.test"})',
            "sign_in_hosts names id.sim.test, which is not among hosts",
        ),
        ('start = "https:', 'start = "http:', "start must be an https address"),
        ('home = "https://harborline.sim.test', 'home = "https://elsewhere.example', "home must be an https address"),
        ('automation = "automated"', 'automation = "stealth"', "automation is one of"),
        ('CodeStep(field="#code", submit="#verify-button", remember="#remember-device")', "None", "belong together"),
        (
            "\n\n\nasync def _plan",
            "\n\nHarborline.signs = dict(reversed(Harborline.signs.items()))\n\n\nasync def _plan",
            "WRONG_CODE must stand above ASKS_CODE",
        ),
        ("\nSITE =", "\nWRONG = 1 / 0\nSITE =", "does not load"),
    ],
)
def test_facts_that_break_a_rule_are_named(tmp_path: Path, was: str, now: str, words: str) -> None:
    assert was in GOOD
    assert words in said(tmp_path, GOOD.replace(was, now))


@pytest.mark.parametrize(
    "act", ["__import__('os').environ['ROOT_KEY']", "open('HOME/key').read()", "open('HOME/taken', 'w').write('x')"]
)
def test_a_script_under_check_gets_nothing_of_whoever_checks_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    """`get_type_hints` runs what stands in a text, which no rule on texts can see."""
    monkeypatch.setenv("ROOT_KEY", "sesame")
    monkeypatch.setattr(registry, "portal", pytest.fail)
    tmp_path.chmod(0o755)
    (tmp_path / "key").write_text("sesame", encoding="utf-8")
    act = act.replace("HOME", str(tmp_path))
    top = (
        "import typing\n\n\nclass Taken:\n    words = []\n\n\nclass Hint:\n"
        f'    one: "Taken.words.append(str({act}))"\n\n\ntyping.get_type_hints(Hint)\n'
    )
    text = GOOD.replace("\nSITE =", f"\n{top}\nSITE =").replace(
        'hosts = frozenset({"harborline.sim.test"})', "hosts = frozenset(Taken.words)"
    )
    found = said(tmp_path, text)
    assert "does not load" in found
    assert "sesame" not in found
    assert not (tmp_path / "taken").exists()


def test_a_family_of_one_is_not_a_family(tmp_path: Path) -> None:
    for folder in ("portals", "families"):
        (tmp_path / folder).mkdir()
    (tmp_path / "families" / "harbor.py").write_text('"""Harbor."""\n', encoding="utf-8")
    (tmp_path / "portals" / "one.py").write_text("from carrier_scripts.families.harbor import H\n", encoding="utf-8")
    assert check_families(tmp_path) == [
        "families/harbor.py is used by 1 portal(s); write a family when the second one needs it."
    ]


def test_a_new_script_is_made_and_its_text_is_in_order(tmp_path: Path) -> None:
    for folder in ("portals", "behaviour"):
        (tmp_path / folder).mkdir()
    made = scaffold.create("harbor_dental", scripts=tmp_path, pages=tmp_path / "pages")
    assert [file.exists() for file in made] == [True, True, True]
    compile(made[0].read_text(encoding="utf-8"), "harbor_dental", "exec")
    with pytest.raises(FileExistsError, match="exists already"):
        scaffold.create("harbor_dental", scripts=tmp_path, pages=tmp_path / "pages")
    with pytest.raises(ValueError, match="is no key"):
        scaffold.create("../Evil", scripts=tmp_path, pages=tmp_path / "pages")


def test_the_list_names_every_script(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == registry.keys()


def test_versions_are_digests_of_the_exact_bytes() -> None:
    script = registry.script("harborline")
    assert script.sources[-1]["text"] == GOOD
    assert len(script.digest) == 64


def test_a_selector_that_asks_what_a_field_holds_is_named() -> None:
    class Nosy(registry.portal("copper_mesa_az")):
        sign_out = "input#Password[value^=a]"

    subject = Subject("nosy", ast.parse(""), Nosy, Path(), Path())
    assert [said for said in asks_for_no_values(subject) if "what a field holds" in said]
    assert list(asks_for_no_values(replace(subject, portal=registry.portal("copper_mesa_az")))) == []


def test_names_of_pages_are_short_and_none_is_hidden_by_one_above() -> None:
    def said_of(pages: dict[str, str]) -> list[str]:
        named = type("Named", (registry.portal("copper_mesa_az"),), {"pages": pages})
        return list(names_its_pages(Subject("named", ast.parse(""), named, Path(), Path())))

    assert said_of({"/claims/appeals*": "Appeals", "/claims*": "Claims"}) == []
    assert said_of({"/claims*": "Claims", "/claims/appeals*": "Appeals"}) == [
        "pages names /claims/appeals* below /claims*, which comes first and fits it too: put it above."
    ]
    assert "which is no path" in said_of({"claims?id=1": "Claims"})[0]
    assert "say in 1 to 40 characters" in said_of({"/claims": " "})[0]
