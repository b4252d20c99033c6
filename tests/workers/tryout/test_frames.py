"""A page made of frames is saved as one page whose frames carry theirs: the same scrubbing within, and the script still knows it."""

import asyncio
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from playwright.async_api import Route, async_playwright

from broker.base.errors import Refused
from broker.base.settings import Settings
from carrier_scripts import registry
from carrier_scripts.kit.outcomes import Outcome
from carrier_scripts.lab import founding
from tests.labs import RunningLab, running_lab
from tests.portals.test_every_portal import Chromium
from tests.workers.tryout.test_saving import KNOWN, PATIENT, PLACES, saved
from tests.workers.tryout.test_tryout import tried
from workers.browser.find import find
from workers.tryout import saving
from workers.tryout.pages import show_all
from workers.tryout.saving import Saver
from workers.tryout.scrubbing import check
from workers.tryout.vocabulary import Vocabulary

pytestmark = pytest.mark.browser
KEY = "oldfield_guild"
ACCOUNT = founding.accounts_of(KEY)[0]
PORTAL, OTHER, ELSEWHERE = "https://harbor.example.test", "https://id.example.test", "https://ads.example.test"
HOSTS = frozenset({"harbor.example.test", "id.example.test"})
EVERYWHERE = "".join(PLACES).replace("{}", "Garcia7")
SERVED = {
    f"{PORTAL}/home": f"""<html><head><title>Maria Garcia</title></head><frameset rows="*,*,*,0">
        <frame name="main" src="/p/x"><frame src="{OTHER}/sign"><frame src="{ELSEWHERE}/ad"><frame src="/none">
        </frameset></html>""",
    f"{PORTAL}/p/x": f"""<h1>Welcome back, Maria Garcia</h1><p hidden>Provider desk</p><iframe src="/deep"></iframe>
        <iframe src="/none" width="0" height="0" frameborder="0"></iframe><div hidden><iframe src="/none"></iframe></div>
        <form><input id="username" value="W1000042"></form>{EVERYWHERE}""",
    f"{PORTAL}/deep": "<p>Your account is now locked, José Garcia</p><script>document.title = 'Garcia7'</script>",
    f"{OTHER}/sign": "<p>Error 503</p><table><tbody><tr><td>Maria</td><td>Garcia</td><td>1,234</td></tr></tbody></table>",
    f"{ELSEWHERE}/ad": "<b>Close it</b>",
    f"{PORTAL}/none": "<b>Provider desk</b>",
    f"{PORTAL}/written": """<iframe srcdoc="<h1>Welcome back, Maria</h1>"></iframe><iframe id="f"></iframe>
        <script>document.getElementById("f").contentDocument.body.innerHTML = "<b>Close it</b>"</script>""",
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    with running_lab(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    running = Chromium()
    yield running
    running.stop()


def wholly(html: str) -> str:
    """With what its frames carry readable too."""
    for _ in range(6):
        html = unescape(html)
    return html.lower()


def kept(folder: Path, address: str) -> str:
    """The page at this address as it is saved; what it was is still there afterwards."""

    async def keep() -> str:
        async def serve(route: Route) -> None:
            body = SERVED.get(route.request.url)
            await (route.fulfill(content_type="text/html", body=body) if body else route.abort())

        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=find(Settings()).path)
            context = await browser.new_context()
            await context.route("**/*", serve)
            page = await context.new_page()
            await page.goto(address)
            served = [one for one in page.frames if one.url in SERVED]
            was = [await one.content() for one in served]
            saver = Saver(folder, KNOWN, HOSTS)
            await saver.keep(page, "signed_in")
            assert [await one.content() for one in served] == was
            await browser.close()
            return saver.saved[0].read_text(encoding="utf-8")

    return asyncio.run(keep())


@pytest.mark.parametrize(
    ("password", "outcome"), [(ACCOUNT.password, Outcome.SIGNED_IN), ("wrong1", Outcome.WRONG_PASSWORD)]
)
def test_a_portal_made_of_frames_is_saved_by_a_run_and_known_by_its_pages(
    lab: RunningLab, chromium: Chromium, tmp_path: Path, password: str, outcome: Outcome
) -> None:
    lab.reset()
    hosts = registry.portal(KEY).hosts
    known = Vocabulary(registry.script(KEY).sources, registry.behaviour(KEY), (ACCOUNT.username, password))
    saver = Saver(tmp_path / KEY, known, hosts)
    ended, _ = tried(lab, tmp_path, password, saver=saver, key=KEY)
    assert ended is outcome
    assert {file.stem for file in saver.saved} >= {"login_form", outcome.value}
    for file in saver.saved:
        html = file.read_text(encoding="utf-8")
        assert 'name="main" srcdoc="' in html
        assert [
            one for one in (ACCOUNT.username, password, "Saguaro", "0431", "<script") if one.lower() in wholly(html)
        ] == []
        assert chromium.recognise(KEY, html) == file.stem
    shown = asyncio.run(show_all([KEY], tmp_path))
    assert [(one.page, one.seen) for one in shown] == [(one.page, one.expected) for one in shown]
    assert len(shown) == len(saver.saved)


def test_a_patient_in_a_frame_reaches_no_saved_page(tmp_path: Path) -> None:
    html = kept(tmp_path, f"{PORTAL}/home")
    whole = wholly(html)
    assert [word for word in (*PATIENT, "Garcia7") if word.lower() in whole] == []
    assert not [one for one in ("<script", "<img", "<svg", "<style", "<frame", " src=", "onclick") if one in whole]


def test_frames_of_the_portal_are_kept_within_each_other_and_no_others(tmp_path: Path) -> None:
    html = kept(tmp_path, f"{PORTAL}/home")
    assert html.count("<iframe ") == 2  # the third is of elsewhere, the fourth has no height
    whole = wholly(html)
    assert "<h1>welcome back" in whole
    assert "now locked" in whole  # of the frame within the frame
    assert "error 503" not in whole
    assert "503" in whole  # of another of the portal's hosts
    assert 'id="username"' in whole
    assert "close it" not in whole
    assert "provider desk" not in whole  # of what does not show


def test_a_document_that_a_page_wrote_into_a_frame_is_the_portals_own(tmp_path: Path) -> None:
    whole = wholly(kept(tmp_path, f"{PORTAL}/written"))
    assert "<h1>welcome back, xxxxx</h1>" in whole
    assert "<b>close it</b>" in whole
    assert "maria" not in whole


@pytest.mark.parametrize(
    "planted",
    [
        '<iframe srcdoc="&lt;p&gt;Garcia&lt;/p&gt;"></iframe>',
        '<iframe srcdoc="&lt;iframe srcdoc=&quot;Garcia&quot;&gt;&lt;/iframe&gt;"></iframe>',
        '<iframe srcdoc="" srcdoc="Garcia"></iframe>',
        '<iframe srcdoc="&lt;link rel=canonical href=https://x/garcia&gt;"></iframe>',
        '<iframe srcdoc="&lt;script&gt;1&lt;/script&gt;"></iframe>',
        '<iframe srcdoc="" name="Garcia"></iframe>',
        '<iframe srcdoc="" src="https://harbor.example.test/garcia"></iframe>',
        '<iframe srcdoc="">Garcia</iframe>',
        '<iframe srcdoc="">0</iframe>',
        "<iframe></iframe>",
        '<frame name="main">',
    ],
)
def test_the_look_before_it_is_written_looks_into_frames(planted: str) -> None:
    good = saved('<iframe srcdoc="&lt;p&gt;Garcia&lt;/p&gt;"></iframe><p>x</p>')
    assert 'srcdoc="&lt;html&gt;&lt;head&gt;&lt;/head&gt;&lt;p&gt;Xxxxxx&lt;/p&gt;&lt;/html&gt;"' in good
    with pytest.raises(Refused) as refused:
        check(good.replace("<p>x</p>", planted), KNOWN)
    assert "garcia" not in refused.value.message.lower()


def test_a_page_whose_frames_are_others_by_now_is_not_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saving, "FRAMES", "xpath=//frame[1]")
    with pytest.raises(Refused, match="went on"):
        kept(tmp_path, f"{PORTAL}/home")
    assert list(tmp_path.iterdir()) == []
