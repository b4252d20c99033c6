"""The trace of a run helps whoever mends the script, and tells nothing of what the page or the patient is called."""

import asyncio
from typing import Any

import pytest

from workers.browser.calls import CallRefused
from workers.browser.trace import MOST, Trace, path, words_of

TEXT = '''"""A script."""
login = "#member"
home = "https://portal.example/members/view"
inside = any_of(at("/claims*"), sees("#who"))
'''
KNOWN = words_of([{"module": "carrier_scripts.portals.it", "text": TEXT}])


async def answer(name: str, args: dict[str, Any]) -> Any:
    if name == "reload":
        raise CallRefused("down", "The portal did not answer.")
    return "asks_code" if name == "recognise" else "Maria Garcia, born 1980-02-03"


def traced(*calls: tuple[str, dict[str, Any]], **how: Any) -> Trace:
    trace = Trace(known=KNOWN, **how)

    async def run() -> None:
        for name, args in calls:
            try:
                await trace.watched(answer)(name, args)
            except CallRefused:
                continue

    asyncio.run(run())
    return trace


FILL = (
    "page",
    {"page": 0, "chain": [["locator", ["#member"], {}]], "act": "fill", "args": ["W1000042"], "options": {}},
)


def test_a_step_names_the_act_the_selector_and_what_was_seen() -> None:
    trace = traced(("recognise", {"page": 0, "signs": []}), FILL, ("reload", {"page": 0}))
    told = [(one["do"], one["where"], one["ok"], one.get("saw"), one.get("why")) for one in trace.steps]
    assert told == [
        ("recognise", "", True, "asks_code", None),
        ("fill", "#member", True, None, None),
        ("reload", "", False, None, "down"),
    ]


@pytest.mark.parametrize("how", [{}, {"discreet": True}])
def test_what_is_typed_and_what_is_read_is_in_no_step(how: dict[str, Any]) -> None:
    read = ("page", {"page": 0, "chain": [["locator", ["#who"], {}]], "act": "inner_text", "args": [], "options": {}})
    goto = ("goto", {"page": 0, "url": "https://portal.example/members/100042/view?dob=19800203"})
    told = str(traced(FILL, read, goto, **how).steps)
    assert not any(word in told for word in ("W1000042", "Garcia", "100042", "1980", "dob"))


def around(chain: list[Any], act: str = "click") -> tuple[str, dict[str, Any]]:
    return ("page", {"page": 0, "chain": chain, "act": act, "args": [], "options": {}})


@pytest.mark.parametrize(
    "call",
    [
        around([["locator", ["#garcia-1980"], {}]]),
        around([["get_by_text", ["Maria Garcia"], {}]]),
        around([["get_by_role", ["garcia"], {"name": "Maria Garcia"}]]),
        around([["locator", ["#member"], {}], ["Garcia", [], {}]]),
        around([["locator", ["#member"], {}]], act="Maria Garcia"),
        ("Maria Garcia", {}),
        ("goto", {"page": 0, "url": "https://portal.example/Garcia/1980-02-03"}),
        ("goto", {"page": 0, "url": "https://portal.example/claims/Garcia"}),
        ("recognise", {"page": 0, "signs": [["Garcia", ["at", "/"]]]}),
    ],
)
def test_what_a_script_has_read_is_in_no_step_wherever_it_puts_it(call: tuple[str, dict[str, Any]]) -> None:
    """A selector, a path, an act or a sign of its own making: only what two people have approved is kept."""

    async def says_it(name: str, args: dict[str, Any]) -> str:
        return "Maria Garcia, born 1980-02-03"

    trace = Trace(known=KNOWN)
    asyncio.run(trace.watched(says_it)(*call))
    assert len(trace.steps) == 1
    assert not any(word in str(trace.steps) for word in ("Garcia", "garcia", "1980"))


def test_a_path_is_told_as_far_as_the_script_says_it() -> None:
    paths = ("/members/view", "/claims/W1000042", "/members/W1000042", "/")
    told = [path(f"https://portal.example{one}?member=W1000042", KNOWN) for one in paths]
    assert told == ["/members/view", "/claims*", "…", "/"]


def test_a_lookup_keeps_no_selector_for_it_may_name_a_patient() -> None:
    named = (
        "page",
        {"page": 0, "chain": [["get_by_text", ["Maria Garcia"], {}]], "act": "click", "args": [], "options": {}},
    )
    assert "Garcia" not in str(traced(named, discreet=True).steps)


def test_a_run_that_goes_on_and_on_keeps_its_newest_steps() -> None:
    assert len(traced(*[FILL] * (MOST + 50)).steps) == MOST
