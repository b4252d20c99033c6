"""Lists that change while they are read: nothing is missed, nothing doubled, or there is no answer."""

import asyncio
from typing import Any

import pytest

from carrier_scripts.kit import NoAnswer, PageChanged, Seen, Table, every_row, settled_rows


class List:
    """A portal's list of claims, newest first, so many a page; at these looks one more claim arrives on top."""

    def __init__(self, size: int, a_page: int, arrives_at: tuple[int, ...] = (), says: int | None = None) -> None:
        self.names = [f"C{n:03d}" for n in range(size)]
        self.a_page, self.arrives_at, self.says = a_page, arrives_at, says
        self.at = self.looks = 0

    async def start(self) -> None:
        self.at = 0

    async def table(self) -> Table:
        self.looks += 1
        if self.looks in self.arrives_at:
            self.names.insert(0, f"N{self.looks:03d}")
        here = self.names[self.at * self.a_page : (self.at + 1) * self.a_page]
        return Table([Seen("Claim", 0)], [[Seen(name, 1)] for name in here])

    async def total(self) -> Seen:
        return Seen(str(self.says or len(self.names)), 2)

    # the link to the next page

    async def is_visible(self) -> bool:
        return (self.at + 1) * self.a_page < len(self.names)

    async def get_attribute(self, name: str) -> str:
        return "/claims?page=2"

    async def click(self) -> None:
        self.at += 1

    def read(self) -> tuple[list[str], Seen | None]:
        rows, total = asyncio.run(self._read())
        return [row["Claim"].text for row in rows], total

    async def _read(self) -> Any:
        page: Any = None
        following: Any = self
        return await every_row(page, self.start, self.table, key="Claim", following=following, total=self.total)


def test_every_page_is_read_in_order() -> None:
    names, total = List(95, 10).read()
    assert names == [f"C{n:03d}" for n in range(95)]
    assert total is not None
    assert total.text == "95"


def test_a_row_that_slips_to_the_next_page_makes_it_start_again_and_none_is_doubled() -> None:
    listed = List(30, 10, arrives_at=(2,))
    names, _ = listed.read()
    assert names == listed.names
    assert len(set(names)) == 31


def test_a_list_that_never_rests_is_no_answer() -> None:
    with pytest.raises(NoAnswer) as none:
        List(30, 10, arrives_at=tuple(range(2, 40))).read()
    assert none.value.code == "results_unstable"


def test_fewer_rows_than_the_list_says_are_no_answer() -> None:
    with pytest.raises(NoAnswer) as none:
        List(30, 10, says=31).read()
    assert none.value.code == "results_unstable"


def test_a_list_longer_than_a_script_reads_is_a_changed_page() -> None:
    with pytest.raises(PageChanged):
        List(1000, 10).read()


def scrolled(*readings: str, parts: int = 3) -> tuple[list[str], int]:
    """What is read of a list that shows these rows, one letter each, each time it is loaded; and how often it was."""
    looks = 0

    async def read() -> Any:
        nonlocal looks
        looks += 1
        now = readings[min(looks, len(readings)) - 1]
        return list(Table([Seen("Claim", 0)], [[Seen(name, 1)] for name in now])), parts

    rows = asyncio.run(settled_rows(read, "Claim"))
    return [row["Claim"].text for row in rows], looks


def test_a_list_that_came_at_once_is_read_once() -> None:
    assert scrolled("abc", parts=1) == (["a", "b", "c"], 1)


def test_a_list_that_comes_in_parts_is_read_until_two_readings_agree() -> None:
    assert scrolled("abc") == (["a", "b", "c"], 2)
    assert scrolled("abd", "abcd") == (["a", "b", "c", "d"], 3)


@pytest.mark.parametrize("readings", [("abc", "abd", "abe"), ("aab",)])
def test_a_scrolled_list_that_never_rests_is_no_answer(readings: tuple[str, ...]) -> None:
    with pytest.raises(NoAnswer) as none:
        scrolled(*readings)
    assert none.value.code == "results_unstable"
