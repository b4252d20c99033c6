"""What the client asks of the API: the routes that docs/api.md names, with the bodies they take."""

import re
from pathlib import Path
from typing import Any

import pytest

from portunus_client import Client, eligibility

ROUTES = re.findall(
    r"^### `([A-Z]+) (/\S*)`$", (Path(__file__).parents[2] / "docs" / "api.md").read_text(), re.MULTILINE
)
ROW = eligibility("harborline", "phoenix", member_id="HD100042731", birth_date="1984-03-17")


class Told(Client):
    """Remembers what it would send."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:1", "key")
        self.asked: list[tuple[str, str, Any]] = []

    def _call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        self.asked.append((method, path, body))
        return {"data": [], "next_cursor": None, "result": None}


@pytest.fixture
def client() -> Told:
    return Told()


def test_every_call_goes_to_a_route_that_is_documented(client: Told) -> None:
    client.submit(ROW)
    client.get("lkp_1")
    client.state("lkp_1")
    client.cancel("lkp_1")
    client.previous("lkp_1")
    client.payments("lkp_1")
    list(client.every(state="failed"))
    client.batch("today", [ROW])
    client.batch_state("bat_1")
    for act in ("pause", "resume", "cancel"):
        client.change_batch("bat_1", act)
    client.subscribe("https://pms.example/hook")
    patterns = [(method, re.compile(re.sub(r"\{\w+\}", "[^/]+", path))) for method, path in ROUTES]
    for method, path, _ in client.asked:
        plain = path.partition("?")[0]
        assert any(method == known and pattern.fullmatch(plain) for known, pattern in patterns), (method, path)


def test_a_batch_can_wait_for_its_morning(client: Told) -> None:
    client.batch("tomorrow", [ROW], not_before="2026-11-23T06:00:00-07:00")
    assert client.asked[0][2] == {"name": "tomorrow", "rows": [ROW], "not_before": "2026-11-23T06:00:00-07:00"}
