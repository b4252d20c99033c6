"""The trace of a run helps whoever mends the script, and tells nothing of what the page or the patient is called."""

import asyncio
from typing import Any

import pytest

from workers.browser.calls import CallRefused
from workers.browser.trace import MOST, Trace


async def answer(name: str, args: dict[str, Any]) -> Any:
    if name == "reload":
        raise CallRefused("down", "The portal did not answer.")
    return "asks_code" if name == "recognise" else "Maria Garcia, born 1980-02-03"


def traced(*calls: tuple[str, dict[str, Any]], **how: Any) -> Trace:
    trace = Trace(**how)

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


def test_a_lookup_keeps_no_selector_for_it_may_name_a_patient() -> None:
    named = (
        "page",
        {"page": 0, "chain": [["get_by_text", ["Maria Garcia"], {}]], "act": "click", "args": [], "options": {}},
    )
    assert "Garcia" not in str(traced(named, discreet=True).steps)


def test_a_run_that_goes_on_and_on_keeps_its_newest_steps() -> None:
    assert len(traced(*[FILL] * (MOST + 50)).steps) == MOST
