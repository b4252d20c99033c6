"""Hands: only what a person's hands can do reaches the page, in order, within limits, and nothing stays pressed."""

import asyncio
from typing import Any

import pytest

from workers.browser.input import BadInput, Hands


class Page:
    """A DevTools session that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []

    async def send(self, method: str, params: dict[str, Any]) -> None:
        self.told.append((method.removeprefix("Input."), params))


def after(*events: tuple[str, dict[str, Any]], release: bool = False) -> list[tuple[str, dict[str, Any]]]:
    """What the page is told after these events."""
    page = Page()

    async def play() -> None:
        double: Any = page
        hands = Hands(double)
        for kind, event in events:
            getattr(hands, kind)(event)
        if release:
            hands.release_all()
        await asyncio.sleep(0)

    asyncio.run(play())
    return page.told


def key(name: str, code: str, k: str = "down", m: int = 0) -> tuple[str, dict[str, Any]]:
    return "key", {"k": k, "key": name, "code": code, "kc": 0, "m": m}


def test_a_letter_brings_its_text_and_control_with_it_does_not() -> None:
    plain, command = after(key("q", "KeyQ")), after(key("b", "KeyB", m=2))
    assert plain[0][1]["text"] == "q"
    assert "text" not in command[0][1]


def test_editing_keys_are_commands_so_that_they_work_on_every_layout() -> None:
    assert after(key("a", "KeyA", m=2))[0][1]["commands"] == ["selectAll"]


def test_a_command_goes_by_the_keys_place_where_it_writes_no_latin() -> None:
    assert after(key("ф", "KeyA", m=2))[0][1]["commands"] == ["selectAll"]
    assert after(key("ы", "KeyS", m=2)) == []
    assert after(key("a", "KeyQ", m=2))[0][1]["commands"] == ["selectAll"], "a French keyboard's A"


@pytest.mark.parametrize(
    "pressed",
    [
        key("F12", "F12"),
        key("F5", "F5"),
        key("I", "KeyI", m=10),
        key("t", "KeyT", m=2),
        key("o", "KeyO", m=2),
        key("s", "KeyS", m=4),
        key("u", "KeyU", m=2),
        key("F4", "F4", m=1),
        key("ArrowLeft", "ArrowLeft", m=1),
    ],
)
def test_the_browsers_own_commands_never_reach_it(pressed: tuple[str, dict[str, Any]]) -> None:
    assert after(pressed) == []


def test_what_is_held_when_the_viewer_leaves_is_let_go() -> None:
    held = [key("Shift", "ShiftLeft"), ("mouse", {"k": "down", "x": 5, "y": 6, "b": 0})]
    told = after(*held, release=True)[len(held) :]
    assert [(method, params["type"]) for method, params in told] == [
        ("dispatchKeyEvent", "keyUp"),
        ("dispatchMouseEvent", "mouseReleased"),
    ]


def test_what_was_let_go_is_not_let_go_again() -> None:
    assert len(after(key("a", "KeyA"), key("a", "KeyA", "up"), release=True)) == 2


def test_a_drag_keeps_its_button_while_it_moves() -> None:
    told = after(("mouse", {"k": "down", "x": 1, "y": 1, "b": 0}), ("mouse", {"k": "move", "x": 9, "y": 9}))
    assert told[1][1]["buttons"] == 1


@pytest.mark.parametrize(
    "event",
    [
        {"k": "down", "x": "1", "y": 2},
        {"k": "down", "x": True, "y": 2},
        {"k": "move", "x": float("nan"), "y": 0},
        {"k": "move", "x": 1e300, "y": 0},
        {"k": "down", "x": 1, "y": 1, "b": 7},
        {"k": "hover", "x": 1, "y": 1},
        {"k": "wheel", "x": 1, "y": 1, "dx": 0, "dy": None},
    ],
)
def test_a_mouse_that_no_person_has_is_refused(event: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        after(("mouse", event))


def test_pasted_text_has_an_end() -> None:
    assert len(after(("text", {"v": "x" * 50_000}))[0][1]["text"]) == 20_000


def test_a_flood_is_dropped_and_a_second_later_hands_work_again() -> None:
    double: Any = Page()
    hands = Hands(double)
    assert [hands.too_fast(10.0) for _ in range(501)].count(True) == 1
    assert not hands.too_fast(11.1)
