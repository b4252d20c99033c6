"""What recognising a page costs: questions to the browser's driver, counted, since time on a shared machine proves nothing."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright._impl.connection import Connection
from playwright.async_api import Page

from carrier_scripts.kit.page import Page as RemotePage
from carrier_scripts.portals.harborline import Harborline
from tests.workers.browser.test_facade import on_the_page
from workers.browser.facade import Facade

pytestmark = pytest.mark.browser
BROKEN = [["bad", ["sees", "#1nvalid"]], ["good", ["sees", "#user"]]]


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Grows with each message to the driver, by its method."""
    calls: Counter[str] = Counter()
    send = Connection.send_message_to_server

    def sent(self: Connection, target: Any, method: str, *more: Any, **how: Any) -> Any:
        calls[method] += 1
        return send(self, target, method, *more, **how)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Connection, "send_message_to_server", sent)
        yield calls


@pytest.mark.parametrize(
    ("html", "seen", "more"),
    [
        ("<p id=signin-error>wrong</p><input id=username>", "wrong_password", {}),
        ("<p id=signed-in-as>Ana</p>", "signed_in", {}),
        ("<p>You were signed out because of inactivity.</p>", "signed_out", {"queryCount": 1}),
    ],
)
def test_a_page_is_recognised_with_one_look_from_our_own_world(html: str, seen: str, more: dict[str, int]) -> None:
    """Harborline's fifteen signs; only words that stand somewhere are asked after again, whether they show."""

    async def test(facade: Facade, page: Page) -> None:
        await facade.recognise(0, BROKEN, [], 0)  # our world is open
        await page.set_content(html)
        with counted() as calls:
            told = await Harborline().recognise(RemotePage(facade.call))
        assert str(told) == seen
        into_our_world_and_the_question = {"send": 2}
        assert {name: times for name, times in calls.items() if name != "__waitInfo__"} == {
            **into_our_world_and_the_question,
            **more,
        }

    on_the_page(test)


def test_a_page_that_does_not_move_is_looked_at_again_only_now_and_then() -> None:
    """Between two looks one question waits in the page until something moves there."""

    async def test(facade: Facade, page: Page) -> None:
        await page.evaluate("setTimeout(() => document.body.append('The end of it'), 600)")
        with counted() as calls:
            assert await facade.recognise(0, [["end", ["says", "The end of it"]]], [], 20_000) == "end"
        assert calls["queryCount"] == 1  # once the words stand there
        assert calls["send"] < 40

    on_the_page(test)


def test_a_selector_that_is_none_blinds_no_other_sign() -> None:
    async def test(facade: Facade, page: Page) -> None:
        assert await facade.recognise(0, BROKEN, [], 0) == "good"

    on_the_page(test)
