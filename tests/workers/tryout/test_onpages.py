"""A text from the editor is shown its portal's saved pages, in a real browser that reaches nothing; each verdict is told, and what is missing."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from broker.adapters.script_process import digest_of
from broker.adapters.socket_browserhost import SocketBrowserHost
from broker.base.errors import Conflict
from broker.base.settings import Settings
from carrier_scripts import place, registry
from tests.labs import RunningLab, running_lab
from tests.tryouts import serving_try_outs
from tests.waiting import until
from tests.workers.tryout.test_served import events, named

pytestmark = pytest.mark.browser
KEY, FRAMED, FRESH = "harborline", "oldfield_guild", "harbor_dental"
PAGES = ("asks_code", "between_0__practice", "locked", "login_form", "signed_in")
LIMIT_S = 90


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    with running_lab(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture
def host(lab: RunningLab, tmp_path: Path) -> Iterator[SocketBrowserHost]:
    """It could reach the lab, if anything of a test left the browser."""
    lab.reset()
    chosen = Settings(data_dir=tmp_path, resolve=lab.resolve, trusted_spki=[lab.spki])
    with serving_try_outs(chosen, tmp_path / "host.sock") as running:
        yield running


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of one's own with a few of Harborline's pages."""
    folder = tmp_path / "our-portals"
    monkeypatch.setenv(place.SETTING, str(folder))
    kept = folder / "pages" / KEY
    kept.mkdir(parents=True)
    for name in PAGES:
        html = (place.pages(place.SHIPPED) / KEY / f"{name}.html").read_text(encoding="utf-8")
        (kept / f"{name}.html").write_text(html, encoding="utf-8")
    return folder


def asked(key: str = KEY, before: str = "", after: str = "") -> dict[str, Any]:
    """The shipped text, changed in one place."""
    sources = [dict(one) for one in registry.script(key).sources]
    assert before in sources[-1]["text"]
    sources[-1]["text"] = sources[-1]["text"].replace(before, after) if before else sources[-1]["text"]
    return {
        "who": "usr_mira", "key": key, "digest": digest_of(sources), "sources": sources,
        "hosts": sorted(registry.portal(key).hosts), "pages": True,
    }  # fmt: skip


def shown(host: SocketBrowserHost, said: dict[str, Any]) -> list[dict[str, Any]]:
    async def watch() -> list[dict[str, Any]]:
        async with asyncio.timeout(LIMIT_S), host.watch_try_out(host.try_out(said), said["who"]) as pipe:
            return [event async for event in events(pipe)]

    return asyncio.run(watch())


def verdicts(seen: list[dict[str, Any]]) -> dict[str, tuple[str, str, bool]]:
    return {one["page"]: (one["expected"], one["seen"], one["right"]) for one in named(seen, "shown")}


def test_each_page_is_told_with_what_it_is_and_what_the_text_takes_it_for(host: SocketBrowserHost, own: Path) -> None:
    seen = shown(host, asked())
    assert verdicts(seen) == {
        "asks_code": ("asks_code", "asks_code", True),
        "between_0__practice": ("between:0", "between:0", True),
        "locked": ("locked", "locked", True),
        "login_form": ("login_form", "login_form", True),
        "signed_in": ("signed_in", "signed_in", True),
    }
    [done] = named(seen, "done")
    assert (done["outcome"], "5 of 5 saved pages" in done["words"]) == (
        "failed",
        True,
    )  # for there are signs without a page
    assert f"save a page for WRONG_CODE: pages/{KEY}/wrong_code.html" in done["missing"]
    assert not [one for one in done["missing"] if "LOCKED" in one or "between" in one]


def test_a_sign_that_fits_no_more_fails_on_its_page_alone(host: SocketBrowserHost, own: Path) -> None:
    seen = shown(host, asked(before="#signin-locked", after="#sign-in-is-locked"))
    wrong = {page: told for page, told in verdicts(seen).items() if not told[2]}
    assert list(wrong) == ["locked"]
    assert wrong["locked"][0] == "locked"
    assert wrong["locked"][1] != "locked"
    assert "4 of 5 saved pages" in named(seen, "done")[0]["words"]


def test_the_pages_that_came_with_portunus_pass_frames_among_them(host: SocketBrowserHost) -> None:
    seen = shown(host, asked(FRAMED))
    assert len(verdicts(seen)) == len(list((place.pages(place.SHIPPED) / FRAMED).glob("*.html")))
    assert [page for page, told in verdicts(seen).items() if not told[2]] == []
    assert [(one["outcome"], one["missing"]) for one in named(seen, "done")] == [("passed", [])]


def test_a_text_that_would_go_to_its_portal_does_not_get_there(
    host: SocketBrowserHost, lab: RunningLab, own: Path
) -> None:
    goes = (
        '    async def recognise(self, page, **more):\n        await page.goto(self.home + "/else")\n'
        "        return await super().recognise(page, **more)\n\n    async def eligibility("
    )
    before = len(lab.log(carrier=KEY))
    seen = shown(host, asked(before="    async def eligibility(", after=goes))
    assert {told[1:] for told in verdicts(seen).values()} <= {
        ("refused", False),
        ("down", False),
        ("unrecognised", False),
    }
    assert len(verdicts(seen)) == len(PAGES)
    assert len(lab.log(carrier=KEY)) == before


def fresh(own: Path) -> dict[str, Any]:
    """A portal of which nothing is saved anywhere, nor does its script lie in a folder."""
    said = asked()
    text = said["sources"][-1]["text"].replace("class Harborline(", "class HarborDental(")
    sources = [*said["sources"][:-1], {"module": f"carrier_scripts.portals.{FRESH}", "text": text}]
    return said | {"key": FRESH, "sources": sources, "digest": digest_of(sources)}


def test_without_a_saved_page_it_is_said_what_to_do_and_which_signs_want_one(
    host: SocketBrowserHost, own: Path
) -> None:
    seen = shown(host, fresh(own))
    assert named(seen, "shown") == []
    [done] = named(seen, "done")
    assert done["outcome"] == "failed"
    assert f"portunus script run {FRESH} --save pages/" in done["words"]
    assert f"put them into pages/{FRESH}/ there" in done["words"]
    assert f"save a page for LOCKED: pages/{FRESH}/locked.html" in done["missing"]


def test_an_installation_that_came_without_pages_says_where_they_would_be(
    host: SocketBrowserHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "pages", lambda scripts: tmp_path / "nowhere" / "pages")
    [done] = named(shown(host, fresh(tmp_path)), "done")
    assert "which the setting scripts_dir names" in done["words"]


def test_pages_of_ones_own_go_before_the_shipped_and_those_without_any_leave_them(own: Path) -> None:
    assert place.saved(KEY) == own / "pages" / KEY
    assert place.saved(FRAMED) == place.pages(place.SHIPPED) / FRAMED
    assert place.saved(FRESH) == own / "pages" / FRESH


def test_a_test_ends_when_its_author_leaves_and_is_her_one_run_meanwhile(host: SocketBrowserHost, own: Path) -> None:
    async def leave() -> None:
        async with asyncio.timeout(LIMIT_S), host.watch_try_out(host.try_out(asked()), "usr_mira") as pipe:
            async for _ in events(pipe):
                with pytest.raises(Conflict, match="another window"):
                    await asyncio.to_thread(host.try_out, asked())
                await pipe.send(json.dumps({"t": "stop"}))
                return

    asyncio.run(leave())
    assert len(verdicts(shown_when_free(host))) == len(PAGES)


def shown_when_free(host: SocketBrowserHost) -> list[dict[str, Any]]:
    asks: list[dict[str, Any]] = []

    def free() -> bool:
        try:
            asks.append(shown(host, asked()))
        except Conflict:
            return False
        return True

    until(free)
    return asks[0]
