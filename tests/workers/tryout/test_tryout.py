"""A maintainer tries a script with a login of her own: confined and guarded as ever, and never more tries than are safe."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from broker.base.settings import Settings
from carrier_scripts import registry
from carrier_scripts.kit import Desk
from carrier_scripts.kit.outcomes import Outcome
from carrier_scripts.lab import founding
from tests.labs import RunningLab, running_lab
from workers.browser.calls import CallRefused
from workers.browser.trace import words_of
from workers.tryout.desk import CALLS, OwnDesk, OwnLogin
from workers.tryout.guarding import Ledger
from workers.tryout.pages import show_all
from workers.tryout.run import main
from workers.tryout.saving import Saver
from workers.tryout.signing import sign_in
from workers.tryout.vocabulary import Vocabulary
from workers.tryout.watching import AtTheTerminal

KEY = "harborline"
NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
BEHAVIOUR = {"login_failure_limit": 5, "failure_window_s": 1800}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    with running_lab(tmp_path_factory.mktemp("lab")) as running:
        yield running


def tried(
    lab: RunningLab, folder: Path, password: str, *, may: bool = True, saver: Saver | None = None, key: str = KEY,
    typed_at: frozenset[str] = frozenset(),
) -> tuple[Outcome, list[str]]:  # fmt: skip
    account = founding.accounts_of(key)[0]
    told: list[str] = []

    def may_submit() -> None:
        told.append("asked")
        if not may:
            raise CallRefused("refused", "no try is left")

    async def code() -> str:
        for _ in range(400):
            codes = [one["code"] for one in await asyncio.to_thread(lab.outbox) if one["account"] == account.username]
            if codes and codes[-1]:
                return str(codes[-1])
            await asyncio.sleep(0.02)
        return ""

    async def answer(question: str) -> str:
        return dict(account.answers)[question.strip()]

    practice = founding.location("phoenix").legal_name
    login = OwnLogin(
        account.username, password, code, may_submit, lambda: told.append("proved"), practice, answer=answer
    )
    chosen = Settings(data_dir=folder, resolve=lab.resolve, trusted_spki=[lab.spki])
    script, hosts = registry.script(key), registry.portal(key).hosts
    watcher = AtTheTerminal(words_of(script.sources), step=False, saver=saver)
    done = asyncio.run(sign_in(chosen, script, hosts, typed_at or hosts, login, watcher))
    return done.outcome, told


def test_a_sign_in_at_the_desk_ends_signed_in_and_gives_the_try_back(
    lab: RunningLab, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    account = founding.accounts_of(KEY)[0]
    outcome, told = tried(lab, tmp_path, account.password)
    assert (outcome, told) == (Outcome.SIGNED_IN, ["asked", "proved"])
    said = capfd.readouterr()
    assert "type_username #username" in said.err
    assert account.password not in said.err + said.out


def test_a_try_out_too_types_nothing_where_the_script_does_not_sign_in(lab: RunningLab, tmp_path: Path) -> None:
    account = founding.accounts_of(KEY)[0]
    outcome, told = tried(lab, tmp_path, account.password, typed_at=frozenset({"id.sim.test"}))
    assert (outcome, told) == (Outcome.REFUSED, [])


def test_a_security_question_is_answered_by_whoever_sits_there_and_takes_the_one_try(
    lab: RunningLab, tmp_path: Path
) -> None:
    lab.reset()
    account = founding.accounts_of("bluestone_mutual")[0]
    outcome, told = tried(lab, tmp_path, account.password, key="bluestone_mutual")
    assert (outcome, told) == (Outcome.SIGNED_IN, ["asked", "proved"])


class Shown:
    """An element that says something, and is gone when asked for."""

    def __init__(self, words: str) -> None:
        self.words = words

    async def inner_text(self, timeout: int) -> str:
        return self.words

    async def wait_for(self, state: str, timeout: int) -> None:
        assert state == "hidden"


def desk_at(words: str, told: list[str], practice: str = "", method: str = "") -> OwnDesk:
    async def none() -> str:
        return ""

    async def harmless(args: dict[str, Any]) -> None:
        return None

    facade: Any = SimpleNamespace(locate=lambda page, chain: Shown(words), check_names=harmless, typed=[])
    login = OwnLogin("mira", "secret", none, lambda: None, practice=practice, method=method)
    return OwnDesk(login, facade, frozenset(), told.append)


@pytest.mark.parametrize(
    ("call", "answer", "words"),
    [
        ("approval", True, "choose 42 on the login's telephone"),
        ("touch", True, "passkey"),
        ("call_line", None, "give the reference 42"),
    ],
)
def test_what_a_person_must_do_is_said_at_the_desk(call: str, answer: object, words: str) -> None:
    told: list[str] = []
    assert asyncio.run(desk_at(" 42 ", told).call(call, {"page": 0, "chain": []})) is answer
    assert words in told[0]


@pytest.mark.parametrize("call", ["enrol", "keep_recovery_codes"])
def test_what_is_shown_once_is_left_to_a_sign_in_that_can_keep_it(call: str) -> None:
    args: dict[str, Any] = {"page": 0, "chain": []} | ({"field": []} if call == "enrol" else {})
    with pytest.raises(CallRefused) as refused:
        asyncio.run(desk_at("", []).call(call, args))
    assert refused.value.code == "needs_person"


def test_a_code_that_was_taken_gives_the_try_back_however_the_run_ends() -> None:
    told: list[str] = []
    desk = desk_at("", told)
    desk._login.proved = lambda: told.append("proved")
    asyncio.run(desk.call("code_answered", {"accepted": False}))
    assert "proved" not in told
    asyncio.run(desk.call("code_answered", {"accepted": True}))
    assert (told.count("proved"), desk.proved) == (1, True)


def test_a_choice_that_is_not_clear_names_the_options() -> None:
    told: list[str] = []
    asked = {"question": "office", "options": ["Phoenix 0431", "Phoenix 0587"]}
    assert asyncio.run(desk_at("", told, "phoenix").call("choose", asked)) is None
    assert "2 of these fit --practice 'phoenix'" in told[0]
    assert asyncio.run(desk_at("", told, "0587").call("choose", asked)) == "Phoenix 0587"


def test_the_way_of_a_code_is_the_one_that_was_named() -> None:
    told: list[str] = []
    assert asyncio.run(desk_at("", told, method="sms").call("method", {})) == "sms"
    assert asyncio.run(desk_at("", told).call("method", {})) == "none"
    assert "--method" in told[0]


def test_every_call_of_the_kits_desk_is_answered_at_the_desk_of_a_try_out() -> None:
    assert {name for name in dir(Desk) if not name.startswith("_")} == set(CALLS)


def test_no_password_leaves_when_no_try_is_left(lab: RunningLab, tmp_path: Path) -> None:
    lab.reset()
    outcome, _ = tried(lab, tmp_path, "whatever", may=False)
    assert outcome is Outcome.REFUSED
    assert lab.counters(KEY)["password_submits"] == 0


def test_the_portal_that_allows_no_program_is_not_tried_by_one(
    lab: RunningLab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lab.reset()
    monkeypatch.setattr("sys.argv", ["run", "pelican_federal", "--username", "mira", "--password-file", "/dev/null"])
    assert main() == 1
    assert "allows no program" in capsys.readouterr().err
    assert lab.counters("pelican_federal")["password_submits"] == 0


def test_a_script_is_tried_on_saved_pages_without_being_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "portal", pytest.fail)
    assert [one for one in asyncio.run(show_all(["two_step"])) if not one.right] == []


def test_the_ledger_keeps_two_tries_below_the_carriers_limit(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "tryouts.json")
    for left in (3, 2, 1):
        assert ledger.left(KEY, "mira", BEHAVIOUR, NOW) == left
        ledger.take(KEY, "mira", NOW)
    assert ledger.left(KEY, "mira", BEHAVIOUR, NOW) == 0
    assert ledger.left(KEY, "other", BEHAVIOUR, NOW) == 3
    assert ledger.left(KEY, "mira", BEHAVIOUR, NOW + timedelta(seconds=1801)) == 3
    assert "mira" not in (tmp_path / "tryouts.json").read_text()
    ledger.give_back(KEY, "mira")
    assert ledger.left(KEY, "mira", BEHAVIOUR, NOW) == 3


def test_saved_pages_are_shown_to_the_script() -> None:
    shown = asyncio.run(show_all(["northgate"]))
    assert len(shown) > 10
    assert [one for one in shown if not one.right] == []


def test_a_run_saves_scrubbed_pages_that_the_script_still_knows(lab: RunningLab, tmp_path: Path) -> None:
    lab.reset()
    account = founding.accounts_of(KEY)[0]
    known = Vocabulary(registry.script(KEY).sources, registry.behaviour(KEY), (account.username, account.password))
    saver = Saver(tmp_path / "pages", known, registry.portal(KEY).hosts)
    outcome, _ = tried(lab, tmp_path, account.password, saver=saver)
    assert outcome is Outcome.SIGNED_IN
    assert {file.stem for file in saver.saved} >= {"login_form", "asks_code", "signed_in"}
    whole = "".join(file.read_text() for file in saver.saved)
    assert not any(
        word in whole for word in (account.username, account.password, "Saguaro", "<script", "TIN ending 0431")
    )
    shown = asyncio.run(show_all([KEY], tmp_path / "named"))
    assert shown == []
    (tmp_path / "named").mkdir()
    (tmp_path / "pages").rename(tmp_path / "named" / KEY)
    assert [one for one in asyncio.run(show_all([KEY], tmp_path / "named")) if not one.right] == []
