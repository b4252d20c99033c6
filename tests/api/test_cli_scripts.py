"""`portunus script`: from a file to a canary and back, by two people."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from api.cli import scripts as commands
from api.cli.main import app
from broker.base.actor import system
from broker.base.db import Base
from broker.base.errors import BrokerError, Conflict, Incomplete, Refused
from broker.base.settings import Settings, settings
from broker.directory import service as directory
from broker.directory.models import Portal
from broker.identity.models import Grant, User
from broker.identity.shell import name_at_shell
from broker.scripts import service as scripts
from broker.wiring import Portunus, build
from carrier_scripts import registry
from tests import factories
from workers import catalog

KEY = "copper_mesa_az"
WORDS = "Its sign-in button was renamed."


class Shell:
    """The command line on a fresh Portunus, as one of the machine's people: the kernel says who it is."""

    def __init__(self, portunus: Portunus, monkeypatch: pytest.MonkeyPatch) -> None:
        self.portunus = portunus
        self._patch = monkeypatch

    def __call__(self, *words: str, by: str = "mira") -> str:
        """What it prints. Raises what the command raised."""
        self._patch.setattr("api.cli.console.pwd.getpwuid", lambda _: SimpleNamespace(pw_name=by))
        done = CliRunner().invoke(app, ["script", *words])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.output

    def data(self, *words: str) -> Any:
        return json.loads(self(*words, "--json"))


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.setenv("PORTUNUS_DATA_DIR", str(tmp_path / "var"))
    (tmp_path / "var" / "keys").mkdir(parents=True)
    settings.cache_clear()
    portunus = build(Settings(data_dir=tmp_path / "var", simulated_portals=True))
    monkeypatch.setattr(commands, "build", lambda: portunus)
    Base.metadata.create_all(portunus.engine)
    catalog.register(portunus)
    with portunus.unit(system("test")) as work:
        org = factories.organization(work)
        phoenix = factories.location(work, org, "phoenix")
        factories.account(work, directory.portal_by_key(work, KEY), [phoenix], channel=None)
        for name, role in (("mira", "script_maintainer"), ("ana", "admin")):
            name_at_shell(
                work, factories.user(work, org, name.title(), role=role, email=f"{name}@saguaro.test").id, name
            )
    yield Shell(portunus, monkeypatch)
    portunus.engine.dispose()
    settings.cache_clear()


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """The script in a repository of its own, changed."""
    text = registry.script(KEY).sources[-1]["text"]
    file = tmp_path / f"{KEY}.py"
    file.write_text(text + "\n# renamed\n", encoding="utf-8")
    return file


def submitted(shell: Shell, file: Path) -> str:
    shell("submit", KEY, "--file", str(file), "--words", WORDS)
    (waiting,) = [one for one in shell.data("versions", KEY)["versions"] if not one["approved_by"]]
    return str(waiting["digest"])


def test_the_shipped_versions_are_in_force(shell: Shell) -> None:
    told = {one["portal"]: one["in_force"] for one in shell.data("list")}
    assert told[KEY] == registry.script(KEY).digest


def test_a_difference_is_shown_against_what_is_in_force(shell: Shell, changed: Path) -> None:
    assert "+# renamed" in shell("diff", KEY, "--file", str(changed))


def test_what_one_hands_in_another_approves(shell: Shell, changed: Path) -> None:
    digest = submitted(shell, changed)
    with pytest.raises(Refused):
        shell("approve", digest[:12])
    with pytest.raises(Refused):
        shell("release", digest[:12], "--canary", "phoenix", by="ana")
    shell("approve", digest[:12], by="ana")
    assert "canary" in shell("release", digest[:12], "--canary", "phoenix", by="ana")
    assert shell.data("list")
    with pytest.raises(Conflict):
        shell("release", digest[:12], "--further", by="ana")
    assert registry.script(KEY).digest[:12] in shell("rollback", KEY, "--words", "The claims page is wrong.", by="ana")
    gone = shell.data("versions", KEY)["releases"]
    assert [(one["end"], one["words"]) for one in gone] == [("rolled_back", "The claims page is wrong.")]


def test_no_variable_says_who_one_is(shell: Shell, changed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = submitted(shell, changed)
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "ana")
    with pytest.raises(Refused) as no:
        shell("approve", digest[:12])
    assert no.value.code != "unknown-at-shell"


def test_who_is_nobody_known_neither_hands_in_nor_approves_at_the_shell(shell: Shell, changed: Path) -> None:
    digest = submitted(shell, changed)
    for words in (("approve", digest[:12]), ("submit", KEY, "--file", str(changed), "--words", WORDS)):
        with pytest.raises(Refused) as no:
            shell(*words, by="root")
        assert no.value.code == "unknown-at-shell"


def test_what_somebody_hands_in_on_the_web_she_does_not_approve_at_the_shell(shell: Shell, changed: Path) -> None:
    with shell.portunus.unit(system("test")) as work:
        mira = work.db.query(User).filter_by(email="mira@saguaro.test").one()
        work.db.add(Grant(id="gra_both", user_id=mira.id, role="admin", granted_by="t", granted_at=work.clock.now()))
    digest = submitted(shell, changed)
    with shell.portunus.reading(system("test")) as work:
        assert scripts.version(work, digest).author == mira.id
    with pytest.raises(Refused) as no:
        shell("approve", digest[:12])
    assert no.value.code == "own-version"


@pytest.mark.parametrize(
    "line",
    [
        "x = undefined_name\n",
        "raise SystemExit\n",
        "while True: pass\n",
        "class CopperMesaAz: pass\n",
        "x = (\n",
    ],
)
def test_a_version_that_does_not_load_is_not_taken(
    shell: Shell, changed: Path, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.adapters.script_process.LIMIT_S", 3)
    changed.write_text(line, encoding="utf-8")
    with pytest.raises(Incomplete):
        shell("submit", KEY, "--file", str(changed), "--words", WORDS)


def test_a_version_whose_start_lies_elsewhere_is_not_taken(shell: Shell, changed: Path) -> None:
    text = (
        '"""A carrier."""\n'
        "from carrier_scripts.kit import LoginForm, Outcome, Portal, sees\n\n\nclass CopperMesaAz(Portal):\n"
        '    name, hosts = "C", frozenset({"a.example"})\n    start = home = "https://b.example/"\n'
        '    login = LoginForm("#u", "#p", "#s")\n    signs = {Outcome.SIGNED_IN: sees("#x")}\n'
    )
    changed.write_text(text, encoding="utf-8")
    with pytest.raises(Incomplete) as no:
        shell("submit", KEY, "--file", str(changed), "--words", WORDS)
    assert "start must be" in no.value.message


@pytest.mark.parametrize("line", ["import os", "import dataclasses\nfound = dataclasses.sys.modules"])
def test_a_version_that_breaks_a_rule_on_text_is_not_taken_and_not_loaded(
    shell: Shell, changed: Path, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.adapters.script_editing.with_facts", pytest.fail)
    changed.write_text(f"{changed.read_text()}\n{line}\n", encoding="utf-8")
    with pytest.raises(Incomplete) as no:
        shell("submit", KEY, "--file", str(changed), "--words", WORDS)
    assert no.value.message.startswith(f"{KEY}.py line ")


def test_no_program_is_tried_out_where_the_terms_forbid_it(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "_module", lambda *words: 0)
    shell("run", KEY, "--username", "mira")
    with shell.portunus.unit(system("test")) as work:
        work.db.scalars(select(Portal).where(Portal.key == KEY)).one().automation = "attended"
    with pytest.raises(Refused, match="allows no program"):
        shell("run", KEY, "--username", "mira")


def test_levels_and_bytes_come_from_the_catalog(capfd: pytest.CaptureFixture[str], shell: Shell) -> None:
    shell("check", "harborline", "--json")
    (told,) = json.loads(capfd.readouterr().out)
    assert told["level"] in ("silver", "gold", "platinum")


def test_an_unknown_portal_is_one_sentence(shell: Shell) -> None:
    with pytest.raises(BrokerError) as no:
        shell("versions", "atlantis")
    assert no.value.message == "There is no portal atlantis."


def test_a_script_in_a_folder_of_ones_own_is_compared_and_handed_in_from_there(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "our-portals"
    (own / "portals").mkdir(parents=True)
    text = registry.script(KEY).sources[-1]["text"]
    (own / "portals" / f"{KEY}.py").write_text(f"{text}\n# ours\n", encoding="utf-8")
    assert "+# ours" not in shell("diff", KEY)
    monkeypatch.setenv("PORTUNUS_SCRIPTS_DIR", str(own))
    settings.cache_clear()
    assert "+# ours" in shell("diff", KEY)
    shell("submit", KEY, "--words", WORDS)
    (waiting,) = [one for one in shell.data("versions", KEY)["versions"] if not one["approved_by"]]
    with shell.portunus.reading(system("test")) as work:
        kept = scripts.bundle_of(work, waiting["digest"])
        assert kept is not None
        assert kept.sources[-1]["text"].endswith("# ours\n")
