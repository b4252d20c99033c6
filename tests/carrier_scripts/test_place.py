"""A folder of one's own: every command looks there first, and what came with Portunus stays what it is."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from carrier_scripts import place, registry
from carrier_scripts.__main__ import main
from workers.tryout import pages as tryout_pages
from workers.tryout import run as tryout_run

KEY, SHIPPED = "harbor_dental", "sentinel_dental"
FAMILY = '"""The software of two carriers."""\n\nfrom carrier_scripts.kit import Portal\n\n\nclass Harbor(Portal):\n    """Harbor."""\n'


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of the clinic's own, with a copy of a shipped script under another name."""
    folder = tmp_path / "our-portals"
    monkeypatch.setenv(place.SETTING, str(folder))
    return folder


def copied(own: Path, before: str = "", base: str = "Portal") -> None:
    """A script of the folder that is in order, with its record and its pages."""
    for name, ending in (("portals", "py"), ("behaviour", "toml")):
        (own / name).mkdir(parents=True, exist_ok=True)
        text = (place.SHIPPED / name / f"{SHIPPED}.{ending}").read_text(encoding="utf-8")
        if before:
            text = text.replace("\nclass ", f"\n{before}\n\n\nclass ").replace("(Portal)", f"({base})")
        (own / name / f"{KEY}.{ending}").write_text(text.replace("class SentinelDental", "class HarborDental"), "utf-8")
    (own / "pages" / KEY).mkdir(parents=True, exist_ok=True)
    for page in (place.pages(place.SHIPPED) / SHIPPED).glob("*.html"):
        (own / "pages" / KEY / page.name).write_text(page.read_text(encoding="utf-8"), "utf-8")


def test_a_new_script_is_made_in_it(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", KEY]) == 0
    assert "made portals/harbor_dental.py" in capsys.readouterr().out
    assert sorted(path.name for path in own.iterdir()) == ["behaviour", "pages", "portals"]
    assert not (place.SHIPPED / "portals" / f"{KEY}.py").exists()


def test_its_scripts_are_checked_with_the_records_and_pages_beside_them(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copied(own)
    assert main(["check", KEY]) == 0, capsys.readouterr().out
    for page in (own / "pages" / KEY).glob("locked*.html"):
        page.unlink()
    assert main(["check"]) == 1
    assert f"save a page for LOCKED: pages/{KEY}/locked.html" in capsys.readouterr().out


def test_a_shipped_script_is_found_too_and_one_of_its_own_goes_before_it(own: Path) -> None:
    shipped = registry.script(SHIPPED)
    assert registry.script(SHIPPED, place.holding(SHIPPED)) == shipped
    (own / "portals").mkdir(parents=True)
    (own / "portals" / f"{SHIPPED}.py").write_text("# ours\n" + shipped.sources[-1]["text"], encoding="utf-8")
    assert registry.script(SHIPPED, place.holding(SHIPPED)).sources[-1]["text"].startswith("# ours")
    assert registry.script(SHIPPED) == shipped


def test_its_families_come_with_a_script_and_are_read_before_they_are_loaded(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copied(own, "from carrier_scripts.families.harbor import Harbor", "Harbor")
    (own / "families").mkdir()
    (own / "families" / "harbor.py").write_text(FAMILY, encoding="utf-8")
    assert main(["bundle", KEY]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["module"] for one in told["sources"]] == [
        "carrier_scripts.families.harbor",
        f"carrier_scripts.portals.{KEY}",
    ]
    assert told["quality"] not in ("", "none")
    assert "carrier_scripts.families.harbor" not in sys.modules
    (own / "families" / "harbor.py").write_text(f"{FAMILY}\nopen('planted', 'w')\n", encoding="utf-8")
    fresh = [sys.executable, "-m", "carrier_scripts", "check", KEY]
    done = subprocess.run(fresh, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert (done.returncode, "families/harbor.py: line" in done.stdout) == (1, True), done.stderr


@pytest.mark.parametrize(
    "where",
    [
        "{}",
        "def late():\n    {}",
        "class Late:\n    async def late(self):\n        if True:\n            {}",
        "try:\n    pass\nexcept ValueError:\n    {}",
        "match 1:\n    case _:\n        {}",
        "for one in ():\n    pass\nelse:\n    {}",
        "with open('x'):\n    {}",
    ],
)
def test_a_family_comes_wherever_the_script_imports_it(where: str, tmp_path: Path) -> None:
    for folder in ("portals", "families"):
        (tmp_path / folder).mkdir()
    (tmp_path / "families" / "harbor.py").write_text(FAMILY, encoding="utf-8")
    text = where.format("from carrier_scripts.families.harbor import Harbor") + "\n"
    (tmp_path / "portals" / f"{KEY}.py").write_text(text, encoding="utf-8")
    modules = [one["module"] for one in registry.script(KEY, tmp_path).sources]
    assert modules == ["carrier_scripts.families.harbor", f"carrier_scripts.portals.{KEY}"]


def test_its_list_and_records_are_told(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copied(own)
    assert main(["list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [KEY]
    assert main(["behaviour", KEY]) == 0
    assert json.loads(capsys.readouterr().out)["idle_timeout_s"]["value"] > 0


@pytest.mark.browser
def test_its_saved_pages_are_shown_to_its_scripts(
    own: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    copied(own)
    for page in (own / "pages" / KEY).glob("*.html"):
        if page.name not in ("locked.html", "signed_in.html"):
            page.unlink()
    (own / "pages" / KEY / "down.html").write_text((own / "pages" / KEY / "locked.html").read_text("utf-8"), "utf-8")
    monkeypatch.setattr(sys, "argv", ["test", "--json"])
    assert tryout_pages.main() == 1
    shown = {one["page"]: one["seen"] for one in json.loads(capsys.readouterr().out)["shown"]}
    assert shown == {"locked": "locked", "signed_in": "signed_in", "down": "locked"}


def test_a_try_out_runs_the_script_of_the_folder(own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copied(own)
    (tmp_path / "password").write_text("Quartz-Heron", encoding="utf-8")
    ran: list[registry.Script] = []

    def asked(chosen: object, script: registry.Script, *_: object, **__: object) -> None:
        ran.append(script)
        raise ValueError("that was all")

    monkeypatch.setattr(tryout_run.signing, "sign_in", asked)
    words = ["run", KEY, "--username", "mira", "--password-file", str(tmp_path / "password")]
    monkeypatch.setattr(sys, "argv", words)
    assert tryout_run.main() == 1
    assert ran == [registry.script(KEY, own)]
