"""Lists over several pages: read to the end, nothing missed, nothing doubled, or no answer at all."""

from collections.abc import Awaitable, Callable

from carrier_scripts.kit.lookups import NoAnswer
from carrier_scripts.kit.page import Locator, Page
from carrier_scripts.kit.reading import PageChanged, Row, Seen, Table

LONGEST = 60
"""Pages of one list; a longer search must be narrowed."""
TRIES = 3


async def every_row(
    page: Page,
    start: Callable[[], Awaitable[None]],
    table: Callable[[], Awaitable[Table]],
    *,
    key: str,
    following: Locator,
    total: Callable[[], Awaitable[Seen | None]] | None = None,
    wanted: Callable[[Row], bool] | None = None,
) -> tuple[list[Row], Seen | None]:
    """All rows of the list that are wanted, in its order, and what the list says of its length.

    `start` shows the first page; `key` is the column no two rows share; `total` reads how many the list says it has. When rows moved between pages while we read (one
    seen twice, or not as many as the list says), it starts again; after three times it is `NoAnswer(results_unstable)`.
    """
    for _ in range(TRIES):
        await start()
        found: dict[str, Row] = {}
        doubled, count = False, None
        counts: set[str] = set()
        for _ in range(LONGEST):
            seen = await table()
            if total is not None:
                count = await total()
                counts.add(count.text.strip() if count else "")
            first = next(iter(seen), None)
            for row in seen:
                name = row[key].text.strip()
                doubled = doubled or name in found
                found[name] = row
            if not await following.is_visible():
                break
            led = await following.get_attribute("href")
            await following.click()
            if first is not None and (not led or led.startswith("#")):  # no new page: wait until the rows are others
                await page.get_by_text(first[key].text.strip(), exact=True).first.wait_for(state="hidden")
        else:
            raise PageChanged("a list has more pages than this script reads")
        whole = len(counts) <= 1 and (count is None or count.text.strip().replace(",", "") == str(len(found)))
        if whole and not doubled:
            return [row for row in found.values() if wanted is None or wanted(row)], count
    raise NoAnswer("results_unstable", *([count] if count else []))


async def settled_rows(read: Callable[[], Awaitable[tuple[list[Row], int]]], key: str) -> list[Row]:
    """All rows of a list that says no count. `read` loads it anew: its rows, and in how many parts they came.

    What came in several parts is read again until two readings in a row agree: between two parts a row may have slipped past.
    Raises `NoAnswer(results_unstable)` when they do not, or a row comes twice each time.
    """
    before: list[str] = []
    for _ in range(TRIES):
        rows, parts = await read()
        names = [row[key].text.strip() for row in rows]
        if len(set(names)) == len(names) and (parts == 1 or names == before):
            return rows
        before = names
    raise NoAnswer("results_unstable")
