"""Which chains mean the same to a browser as to Playwright: those are asked directly, all others are left to Playwright."""

from typing import Any

import pytest

from workers.browser.ownworld import plain


def chain(*selectors: str) -> list[Any]:
    return [["locator", [one], {}] for one in selectors]


@pytest.mark.parametrize(
    "selector",
    [
        "#benefit-table",
        "section.panel > p",
        "#claims tfoot td",
        "#none, #several, #one",
        "[role=tab]",
        "a[href^='/x y']",
        "*",
    ],
)
def test_plain_css_is_asked_directly(selector: str) -> None:
    assert plain(chain(selector)) == [("css", selector)]


@pytest.mark.parametrize(
    "selector",
    [
        "text=Plan", "css=#a", "id=a", "xpath=//a", "//a", "..", "a..b", '"Save"', "#a >> #b", "> p", "~ p",
        "button:has-text('Go')", "td:nth-child(2)", "p:visible", "a[href='x' i]", r"#a\:b", "",
    ],
)  # fmt: skip
def test_what_playwright_reads_in_its_own_way_is_left_to_it(selector: str) -> None:
    assert plain(chain(selector)) is None


def test_numbers_are_followed() -> None:
    assert plain([*chain("td"), ["nth", [1], {}]]) == [("css", "td"), ("at", 1)]
    assert plain([*chain("td"), ["first", [], {}]]) == [("css", "td"), ("at", 0)]
    assert plain([*chain("td"), ["last", [], {}]]) == [("css", "td"), ("at", -1)]


def test_inside_an_element_only_single_steps_are_plain() -> None:
    """For Playwright `tr td` inside an element starts at that element; for a browser it may start above it."""
    assert plain(chain("#a", "td")) == [("css", "#a"), ("css", "td")]
    assert plain(chain("#a", "tr td")) is None


@pytest.mark.parametrize(
    "link", [["frame_locator", ["#f"], {}], ["get_by_role", ["tab"], {}], ["filter", [], {"has_text": "x"}]]
)
def test_frames_roles_and_filters_are_left_to_playwright(link: list[Any]) -> None:
    assert plain([*chain("#a"), link]) is None
