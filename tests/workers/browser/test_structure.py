"""The structure of a page is that of all its documents; frames go by their names and change nothing of a page without them."""

import asyncio

import pytest
from playwright.async_api import Page

from tests.workers.browser.test_evidence import of_frames, on
from workers.browser.structure import features

pytestmark = pytest.mark.browser
FORM = "<form id=f><input name=uid><input type=hidden name=x><button>Go</button></form>"
PLAIN = ["button", "form#f", "input[name=uid]"]


def found(pages: dict[str, str]) -> list[str]:
    told: list[list[str]] = []

    async def test(page: Page) -> None:
        told.append(await features(page))

    asyncio.run(on(pages, test))
    return told[0]


def test_a_page_without_frames_has_its_own_features_only() -> None:
    assert found({"": FORM}) == PLAIN


def test_a_page_made_of_frames_has_the_features_of_each_behind_its_name() -> None:
    frames = ["frame[name=main]", "frame[name=menu]", "frame[name=top]"]
    assert found(of_frames(FORM)) == [*frames, *(f"main > {one}" for one in PLAIN), "top > h1"]


def test_a_frame_without_a_name_goes_by_its_path() -> None:
    assert found({"": "<iframe src=box/12?who=Maria></iframe>", "box/12?who=Maria": FORM}) == [
        "iframe",
        *(f"/box/# > {one}" for one in PLAIN),
    ]


def test_what_a_hidden_frame_has_does_not_count() -> None:
    assert found({"": f"{FORM}<iframe hidden src=b></iframe>", "b": FORM}) == PLAIN


def test_a_frame_whose_server_refuses_or_is_silent_leaves_the_rest() -> None:
    assert found({"": f"{FORM}<iframe src=refused></iframe><iframe src=silent></iframe>"}) == [
        "button",
        "form#f",
        "iframe",
        "input[name=uid]",
    ]


def test_a_page_made_of_frames_one_of_which_has_not_come_is_not_compared() -> None:
    assert found({"": '<frameset cols="50%,*"><frame src=b><frame src=silent></frameset>', "b": FORM}) == []
