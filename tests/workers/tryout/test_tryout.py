"""A maintainer tries a script with a login of her own: confined and guarded as ever, and never more tries than are safe."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from broker.base.errors import Refused
from broker.base.settings import Settings
from carrier_scripts import registry
from carrier_scripts.kit.outcomes import Outcome
from carrier_scripts.lab import founding
from tests.labs import RunningLab, running_lab
from workers.browser.calls import CallRefused
from workers.tryout.desk import OwnLogin
from workers.tryout.guarding import Ledger
from workers.tryout.pages import show_all
from workers.tryout.run import sign_in
from workers.tryout.saving import Saver

KEY = "harborline"
NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
BEHAVIOUR = {"login_failure_limit": 5, "failure_window_s": 1800}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    with running_lab(tmp_path_factory.mktemp("lab")) as running:
        yield running


def tried(
    lab: RunningLab, folder: Path, password: str, *, may: bool = True, saver: Saver | None = None
) -> tuple[Outcome, list[str]]:
    account = founding.accounts_of(KEY)[0]
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

    practice = founding.location("phoenix").legal_name
    login = OwnLogin(account.username, password, code, may_submit, lambda: told.append("proved"), practice)
    chosen = Settings(data_dir=folder, resolve=lab.resolve, trusted_spki=[lab.spki])
    done = asyncio.run(sign_in(chosen, registry.script(KEY), frozenset({"harborline.sim.test"}), login, saver=saver))
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


def test_no_password_leaves_when_no_try_is_left(lab: RunningLab, tmp_path: Path) -> None:
    lab.reset()
    outcome, _ = tried(lab, tmp_path, "whatever", may=False)
    assert outcome is Outcome.REFUSED
    assert lab.counters(KEY)["password_submits"] == 0


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
    saver = Saver(tmp_path / "pages", (account.username, account.password, "Saguaro"))
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


@pytest.mark.parametrize("html", ["<p>saguaro.phoenix</p>", "<h1>Claim 42</h1>", "<p>SAGUARO.PHOENIX</p>"])
def test_a_page_that_still_says_something_is_not_saved(tmp_path: Path, html: str) -> None:
    with pytest.raises(Refused):
        Saver(tmp_path, ("saguaro.phoenix",)).check(html)
