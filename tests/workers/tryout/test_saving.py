"""What a saved example page holds: what its script says, and filler of the same shape for all that a person could be in."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import async_playwright

from broker.base.errors import Refused
from broker.base.settings import Settings
from carrier_scripts import registry
from carrier_scripts.check import PAGES
from workers.browser.find import find
from workers.tryout.pages import ADDRESS, STATUS, show_all
from workers.tryout.saving import Saver
from workers.tryout.scrubbing import check, scrubbed
from workers.tryout.vocabulary import Vocabulary

FAMILY = '''"""Harbor portals; ask Maria Garcia."""
class HarborPortal(Portal):
    overlays = (Overlay("#announcement", button="text=Close it"),)
'''
SCRIPT = '''"""Harbor Dental. Maria Garcia there knows more."""
from carrier_scripts.families.harbor import HarborPortal
class Harbor(HarborPortal):  # Maria Garcia
    start = "https://harbor.example.test/signin"
    reads = ("/p/x", "/claims/*")
    login = LoginForm(username="#username", password="input[name^=pw]", submit="role=button[name='Sign in 2']")
    signs = {
        Outcome.LOCKED: any_of(says("is now locked"), says("lock")),
        Outcome.DOWN: says("503"),
        Outcome.WRONG_PASSWORD: sees("tr[data-msg=bad-7] >> text=/wrong (password|code) \\\\d+/i"),
        Outcome.ASKS_CODE: sees("a[href^='/out?now']"),
        Outcome.SIGNED_IN: sees("h1:has-text('Welcome back')"),
    }
'''
SOURCES = [{"module": "families.harbor", "text": FAMILY}, {"module": "portals.harbor", "text": SCRIPT}]
RECORD = {"provider_line": {"value": "Provider desk", "source": "Maria Garcia", "verified_on": "2026-01-31"}}
KNOWN = Vocabulary(SOURCES, RECORD)
HERE = "https://harbor.example.test/home"
PATIENT = ("Maria", "Garcia", "W1000042", "W100", "02/03/1980", "1980", "1,234", "José")
PLACES = [
    "<h1>{}</h1>", '<a href="/m/{}">{}</a>', '<table><tr id="member-{}"><th>{}</th></tr></table>', "<label>{}</label>",
    "<form><p>{}</p></form>", '<select><option value="{}">{}</option></select>', '<div role="alert">{}</div>',
    '<i class="{}">x</i>', '<i name="{}">x</i>', '<form action="/m/{}?a={}"></form>', '<i data-msg="{}">x</i>',
    '<i data-member="{}">x</i>', '<img alt="{}">', '<input type="image" alt="{}">', '<i title="{}">x</i>',
    '<i aria-label="{}">x</i>', '<input placeholder="{}">', '<input value="{}">', '<input type="hidden" value="{}">',
    '<input type="submit" value="{}">', '<button value="{}">{}</button>', "<textarea>{}</textarea>", "<!-- {} -->",
    '<script>var a = "{}"</script>', '<style>.a::after {{ content: "{}" }}</style>', '<meta name="{}" content="{}">',
    "<title>{}</title>", '<iframe srcdoc="{}"></iframe>', "<svg><text>{}</text></svg>", "<noscript>{}</noscript>",
    "<template><b>{}</b></template>", '<i onclick="open(\'{}\')" style="content: \'{}\'">x</i>', '<i role="{}">x</i>',
    '<input type="{}">', '<input autocomplete="{}">', '<i {}="1">x</i>', "<x-{}>x</x-{}>", "<?php {} ?>",
    '<i for="{}" aria-labelledby="{}">x</i>', '<i itemprop="{}">x</i>', '<link rel="canonical" href="https://x/{}">',
    "<b>Welcome back, {}</b>", "<i>M{}</i>", "<details><summary>{}</summary></details>", '<object data="{}"></object>',
]  # fmt: skip


def saved(html: str, address: str = HERE, known: Vocabulary = KNOWN) -> str:
    text = scrubbed(f"<html><head></head><body>{html}</body></html>", address, 200, known)
    check(text, known)
    return text


@pytest.mark.parametrize("who", ["Maria Garcia", "W1000042", "02/03/1980", "$1,234.50", "José-Garcia"])
@pytest.mark.parametrize("place", PLACES)
def test_a_patient_reaches_no_saved_page_from_any_place(place: str, who: str) -> None:
    html = saved(place.replace("{}", who))
    assert [word for word in PATIENT if word.lower() in html.lower()] == []


@pytest.mark.parametrize("place", PLACES)
def test_a_page_with_a_patient_in_any_place_is_refused_by_the_look_before_it_is_written(place: str) -> None:
    planted = saved("<p>x</p>").replace("<p>x</p>", place.replace("{}", "Garcia7"))
    with pytest.raises(Refused) as refused:
        check(planted, KNOWN)
    assert "garcia" not in refused.value.message.lower()


@pytest.mark.parametrize(
    "address",
    [
        "https://harbor.example.test/m/W1000042/maria-garcia?dob=02/03/1980#W1000042",
        "https://maria-garcia.example.test/",
    ],
)
def test_an_address_keeps_only_what_the_script_names(address: str) -> None:
    html = saved("", address)
    assert [word for word in PATIENT if word.lower() in html.lower()] == []
    with pytest.raises(Refused, match="an address"):
        check(html.replace(".test/", ".test/garcia/", 1), KNOWN)


@pytest.mark.parametrize(
    "kept",
    [
        ">Your", "is now locked<", "503", "wrong ", "code ", "Welcome back", "Close it", "Provider desk", 'id="username"', 'name="pw',
        'data-msg="bad-7"', 'href="/out?now', "Sign in 2", 'id="announcement"', 'method="post"', 'type="password"',
    ],
)  # fmt: skip
def test_what_the_script_and_its_family_look_for_stays(kept: str) -> None:
    known = Vocabulary([*SOURCES, {"module": "other", "text": 'WORD = "Your"'}], RECORD)
    html = saved(
        "<p>Your account is <b>now</b> locked</p><p>Your account is  now\n locked</p><i>Error 503</i><i>wrong code 77</i>"
        '<h1>Welcome back, Maria</h1><b id="announcement">Close it</b><i>Provider desk: 1-800</i>'
        '<form method="post"><input id="username"><input type="password" name="pw1980"><button>Sign in 2</button></form>'
        '<table><tr data-msg="bad-7"><td>x</td></tr></table><a href="/out?now=W1000042">x</a>',
        known=known,
    ).replace("is  now\n locked", "is now locked")
    assert kept in html
    assert "W100" not in html


def test_a_text_that_spans_elements_is_kept_whole() -> None:
    assert "<p>Xxxx is <b>now</b> locked</p>" in saved("<p>Card is <b>now</b> locked</p>")


def test_single_words_of_longer_texts_make_no_name() -> None:
    assert "Xxxxxxx X. Xxxx" in saved("<p>Welcome B. Back</p>")


def test_a_short_word_that_the_script_says_is_not_kept_within_others() -> None:
    known = Vocabulary([{"module": "one", "text": 'WORD = "Rose"'}])
    assert "<p>Rose, Xxxxxxxxx</p>" in saved("<p>Rose, Roseberry</p>", known=known)


def test_filler_has_the_shape_of_what_it_stands_for() -> None:
    assert "Xxxxxx, Xxxx (00/00/0000) $0,000.00 XX-0" in saved("<p>Garcia, José (02/03/1980) $1,234.50 TX-7</p>")


def test_labels_belong_to_their_fields_as_before() -> None:
    html = saved('<label for="f1">x</label><input id="f1"><label for="f2">x</label><input id="f2">')
    assert html.count('"x0"') == 2
    assert html.count('"x0-x"') == 2


def test_an_address_that_the_script_names_stays() -> None:
    for path in ("/signin", "/p/x", "/claims/000"):
        html = saved("", f"https://harbor.example.test{path}")
        assert f'href="https://harbor.example.test{path}"' in html


def test_what_was_typed_stays_nowhere() -> None:
    known = Vocabulary(SOURCES, RECORD, ("welcome back 7", "garcia"))
    assert "Xxxxxxx xxxx 0" in saved("<h1>Welcome back 7</h1>", known=known)
    with pytest.raises(Refused):
        check(saved("<h1>x</h1>").replace(">x<", ">Welcome back 7<"), known)


def test_a_saved_status_is_kept() -> None:
    text = scrubbed("<html><head></head><body></body></html>", HERE, 503, KNOWN)
    check(text, KNOWN)
    assert STATUS.search(text)[1] == "503"


@pytest.fixture(scope="module")
def again(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Example pages of portals of all kinds, scrubbed by what their scripts say, one made of frames among them; none has shadow roots."""
    folder = tmp_path_factory.mktemp("pages")
    for key in ("copper_mesa_nv", "oldfield_guild", "pgadmin", "roundcube"):
        known = Vocabulary(registry.script(key).sources, registry.behaviour(key))
        (folder / key).mkdir()
        for file in (PAGES / key).glob("*.html"):
            html = file.read_text(encoding="utf-8")
            status, address = STATUS.search(html), ADDRESS.search(html)
            text = scrubbed(html, address[1], int(status[1]) if status else 200, known)
            check(text, known)
            (folder / key / file.name).write_text(text, encoding="utf-8")
    yield folder


@pytest.mark.browser
def test_every_script_still_knows_its_pages_when_they_are_scrubbed(again: Path) -> None:
    keys = sorted(one.name for one in again.iterdir())
    shown = asyncio.run(show_all(keys, again))
    assert len(shown) > 20
    assert [one for one in shown if not one.right] == []


@pytest.mark.browser
def test_a_live_page_is_saved_without_its_patient_and_left_as_it_is(tmp_path: Path) -> None:
    whole = f"<h1>Welcome back</h1><p hidden>Garcia</p>{''.join(PLACES)}".replace("{}", "Garcia7")

    async def keep() -> tuple[list[Path], str]:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=find(Settings()).path)
            page = await (await browser.new_context()).new_page()
            await page.set_content(whole)
            saver = Saver(tmp_path, KNOWN, frozenset({"harbor.example.test"}))
            await saver.keep(page, "signed_in")
            left = await page.content()
            await browser.close()
            return saver.saved, left

    files, left = asyncio.run(keep())
    assert left.count("Garcia7") > 30
    html = files[0].read_text(encoding="utf-8")
    assert "<h1>Welcome back</h1>" in html
    assert "garcia" not in html.lower()
