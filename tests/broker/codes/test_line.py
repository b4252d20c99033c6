"""Who stands in line for a helper is served in turn, and where a code is awaited first."""

from concurrent.futures import ThreadPoolExecutor

from broker.codes.line import Line
from tests.waiting import until


def test_who_waits_for_a_code_goes_first_and_the_others_in_the_order_they_came() -> None:
    line: Line[str] = Line()
    served: list[str] = []

    def stand(name: str, *, first: bool) -> None:
        thing = line.get(first=first)
        served.append(name)
        line.put(thing)

    with ThreadPoolExecutor(4) as threads:
        for place, (name, first) in enumerate((("one", False), ("two", False), ("waits", True), ("waits too", True))):
            threads.submit(stand, name, first=first)
            until(lambda: line.waiting == place + 1)  # noqa: B023 - used at once
        line.put("helper")
    assert served == ["waits", "waits too", "one", "two"]


def test_who_gives_its_helper_back_and_wants_it_again_does_not_push_in() -> None:
    line: Line[str] = Line()
    line.put("helper")
    mine = line.get()
    with ThreadPoolExecutor(1) as threads:
        other = threads.submit(line.get)
        until(lambda: line.waiting == 1)
        line.put(mine)
        assert line.all_free() == []
        assert other.result(timeout=20) == "helper"
