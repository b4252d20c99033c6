"""Lookups the whole way: a program asks through the client, workers are killed in the middle, nothing is lost or doubled."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from portunus_client import Client, EligibilityResult, eligibility, verify_webhook
from tests.demos import Demo
from tests.waiting import until
from tests.walks.canary import cells, files_in, leaks
from tests.walks.conftest import Person

pytestmark = [pytest.mark.walk, pytest.mark.browser, pytest.mark.slow]
ROOT = Path(__file__).parents[2]
DAYS = {"phoenix": "2026-10-01", "tucson": "2026-10-02", "flagstaff": "2026-10-03"}
"""Different questions at each place: the carrier's log is told apart by them."""


def key(demo: Demo) -> str:
    """The service account's API key, as the demo prints it once."""
    after = demo.output.read_text(errors="replace").split("API key", 1)[1]
    found = re.search(r"\s(\S{30,})\s", after)
    assert found is not None
    return found.group(1)


def members(demo: Demo) -> list[dict[str, Any]]:
    """The truth of the simulated carrier."""
    found: list[dict[str, Any]] = demo.control.get("/truth/harborline").json()["members"]
    return found


def searches(demo: Demo) -> Counter[str]:
    """What the simulator saw: searches per member."""
    log = demo.control.get("/log", params={"carrier": "harborline"}).json()
    return Counter(line["what"].split()[-1] for line in log if line["what"].startswith("eligibility search"))


def test_the_example_of_the_client_runs_against_the_demo(demo: Demo) -> None:
    told = subprocess.run(
        [sys.executable, "examples/ask_eligibility.py"],
        cwd=ROOT,
        env={**os.environ, "PORTUNUS_URL": demo.url, "PORTUNUS_API_KEY": key(demo)},
        capture_output=True, text=True, timeout=90,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    assert "coverage: active" in told.stdout
    assert "annual_maximum, individual:" in told.stdout


def answered(client: Client, batch_id: str) -> dict[str, dict[str, str]]:
    """What the export says of each member."""
    return {
        row["result"]["patient"]["member_id"]: told_of(row["result"])
        for row in client.export(batch_id)
        if row["result"] is not None and row["result"]["schema_version"] == "eligibility/1"
    }


def told_of(result: EligibilityResult) -> dict[str, str]:
    """The values that the truth is compared with."""
    told = {"name": result["patient"]["full_name"], "status": result["coverage"]["status"]}
    for one in result["accumulators"]:
        if (one["level"], one["network"]) == ("individual", "in") and one["kind"] != "lifetime_maximum":
            for field in ("limit", "used", "remaining"):
                told[f"{one['kind']} {field}"] = str(one.get(field))
    return told


def truth_of(member: dict[str, Any]) -> dict[str, str]:
    """The same of the simulated carrier's own member."""
    return {
        "name": member["name"],
        "status": "active" if member["active"] else "inactive",
        "annual_maximum limit": f"{member['maximum']}.00",
        "annual_maximum used": f"{member['used']}.00",
        "annual_maximum remaining": f"{member['left']}.00",
        "deductible limit": f"{member['deductible']}.00",
        "deductible used": f"{member['deductible_met']}.00",
        "deductible remaining": f"{member['deductible'] - member['deductible_met']}.00",
    }


def kill(demo: Demo, *names: str) -> None:
    """kill -9 of the process that has these words in its command line, and of nothing else."""
    for name in names:
        os.kill(demo.child(name), signal.SIGKILL)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("location", "names"),
    [("phoenix", ("celery",)), ("tucson", ("workers.browserhost",)), ("flagstaff", ("workers.browserhost", "celery"))],
)
def test_what_runs_a_batch_is_killed_twice_and_nothing_is_lost_doubled_or_wrong(
    demo: Demo, location: str, names: tuple[str, ...]
) -> None:
    """The browser host runs the rows, the worker starts the turns; by the carrier's log a row is asked twice only if it was in hand."""
    client = Client(demo.url, key(demo))
    people = members(demo)
    before = searches(demo)
    rows = [
        eligibility("harborline", location, member_id=m["id"], birth_date=m["born"], service_date=DAYS[location])
        for m in people
    ]
    batch = client.batch(f"killed twice at {location}", rows)["id"]
    for share in (0.2, 0.6):
        until(lambda share=share: client.batch_state(batch)["counts"].get("done", 0) >= share * len(people), 150)
        kill(demo, *names)
    until(lambda: client.batch_state(batch)["state"] == "done", 240, why=lambda: str(client.batch_state(batch)))
    counts = client.batch_state(batch)["counts"]
    assert (counts["done"], counts["problems"], counts["queued"]) == (len(people), 0, 0)
    told = answered(client, batch)
    assert [one["id"] for one in people if told.get(one["id"]) != truth_of(one)] == [], told
    assert len(told) == len(people)
    seen = searches(demo) - before
    assert set(seen) == {member["id"] for member in people}
    in_hand = 2 if "workers.browserhost" in names else 0
    """One row at a time: each kill can have met one whose search had gone out."""
    assert max(seen.values()) <= 1 + (in_hand > 0)
    assert seen.total() <= len(people) + in_hand


SUBSCRIBER = """
import http.server, json, sys
class Told(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        with open(sys.argv[1], "a") as kept:
            kept.write(json.dumps([dict(self.headers), body]) + "\\n")
        self.send_response(204); self.end_headers()
    def log_message(self, *words): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Told)
print(server.server_port, flush=True)
server.serve_forever()
"""


def test_a_subscriber_process_is_told_of_the_end_and_can_check_who_told_it(demo: Demo, tmp_path: Path) -> None:
    kept = tmp_path / "told"
    kept.touch()
    subscriber = subprocess.Popen([sys.executable, "-c", SUBSCRIBER, str(kept)], stdout=subprocess.PIPE, text=True)
    try:
        assert subscriber.stdout is not None
        client = Client(demo.url, key(demo))
        secret = client.subscribe(f"http://127.0.0.1:{int(subscriber.stdout.readline())}/")["secret"]
        asked = client.submit(eligibility("harborline", "phoenix", member_id="HD999999999", birth_date="1990-01-02"))
        until(lambda: asked["id"] in kept.read_text(), 90)
    finally:
        subscriber.kill()
        subscriber.wait()
    messages = [json.loads(line) for line in kept.read_text().splitlines()]
    headers, body = next(one for one in messages if asked["id"] in one[1])
    assert verify_webhook(secret, headers, body.encode())["data"]["id"] == asked["id"]
    assert "HD999999999" not in body
    with pytest.raises(ValueError, match="not signed"):
        verify_webhook(secret, headers, (body + " ").encode())


def test_the_example_of_a_days_batch_runs_against_the_demo(demo: Demo, tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "todays_batch.py"), str(ROOT / "examples" / "appointments.csv")],
        cwd=tmp_path,
        env={**os.environ, "PORTUNUS_URL": demo.url, "PORTUNUS_API_KEY": key(demo), "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    lines = [line for line in told.stdout.splitlines() if line.startswith("row ")]
    ada = next(member for member in members(demo) if member["id"] == "HD100042731")
    assert lines[0] == f"row 2: active, {ada['left']}.00 left"
    assert lines[1] == "row 3: failed: The portal finds no such member."
    assert lines[2].startswith("row 4: active, ")
    assert len(lines) == 3


NAMED = "Quillfeather-Heron, Ada"
FILE = b"""Patient,Insurance ID,DOB,Office,Note
Ada A,HD100042731,03/17/1984,phoenix,=1+1
Bo B,HD999999999,1/2/1990,phoenix,x
Cy C,HD999999999,1/2/90,phoenix,y
Ada A,hd-100042731,1984-03-17,Saguaro Family Dental,the same again
"""


def test_a_file_goes_through_the_pages_and_comes_back_whole(people: dict[str, Person]) -> None:
    maria = people["Maria"]
    page, url = maria.page, maria.demo.url
    page.goto(f"{url}/lookups")
    assert faults(page) == []
    page.set_input_files("#file", {"name": f"{NAMED}.csv", "mimeType": "text/csv", "buffer": FILE})
    page.locator("form[aria-labelledby=ask-file] button").click()
    page.wait_for_url("**/lookups/uploads/*")
    assert page.input_value("#column-member_id") == "Insurance ID"
    assert faults(page) == []
    page.select_option("#fixed-portal", "harborline")
    page.fill("#batch-name", f"{NAMED} and others")
    page.get_by_role("button", name=re.compile("Start")).click()
    page.wait_for_url("**/lookups/batches/*")
    assert page.get_by_role("heading", name=f"{NAMED} and others").count() == 1
    page.locator("[data-ended=yes]").wait_for(timeout=90_000)
    page.get_by_text("Row 4: birth date (column 3): write the date").wait_for()
    assert faults(page) == []
    lines = page.request.get(page.url + "/export.csv").text().splitlines()
    assert [line.split(",")[0].lstrip("\ufeff") for line in lines] == ["Patient", "Ada A", "Bo B", "Cy C", "Ada A"]
    assert "'=1+1" in lines[1]
    head, ada, bo, cy, again = csv.reader(lines)
    ada_told = dict(zip(head, ada, strict=True))
    truth = next(member for member in members(maria.demo) if member["id"] == "HD100042731")
    assert (ada_told["State"], ada_told["Coverage"]) == ("done", "active")
    assert ada_told["Annual maximum"] == f"{truth['maximum']}.00"
    assert ada_told["Maximum left"] == f"{truth['left']}.00"
    assert ada_told["Deductible left"] == f"{truth['deductible'] - truth['deductible_met']}.00"
    assert [dict(zip(head, row, strict=True))["State"] for row in (bo, cy, again)] == ["failed", "not_asked", "done"]
    assert dict(zip(head, again, strict=True))["Lookup"] == ada_told["Lookup"]
    for counted in ("Answered", "No answer", "Could not be asked", "Same question as another row"):
        assert (
            page.locator("dl.counts dt", has_text=counted).locator("xpath=following-sibling::dd[1]").inner_text() == "1"
        )
    page.get_by_text("The portal finds no such member.").wait_for()
    assert page.get_by_role("cell", name="row 3").count() == 1
    assert maria.problems == []
    kept = {str(path): data for path, data in files_in(maria.demo.data_dir)} | cells(maria.demo)
    assert leaks(kept, [NAMED, NAMED.partition(",")[0]], []) == []


def test_a_value_is_seen_beside_the_place_that_proves_it(people: dict[str, Person]) -> None:
    maria = people["Maria"]
    page = maria.page
    page.goto(f"{maria.demo.url}/lookups")
    page.select_option("#e-portal", "harborline")
    page.select_option("#e-location", "phoenix")
    page.fill("#e-member", "HD100042731")
    page.fill("#e-born", "1984-03-17")
    page.press("#e-born", "Enter")
    page.locator("a.value").first.click(timeout=90_000)
    page.wait_for_function(
        "() => { const one = document.querySelector('#proof img'); return one && one.complete && one.naturalWidth > 100; }"
    )
    assert faults(page) == []
    page.goto(maria.demo.url + str(page.locator("a.value").first.get_attribute("href")))
    assert faults(page) == []
    assert maria.problems == []


def faults(page: Page) -> list[str]:
    """What axe finds."""
    return [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in Axe().run(page).response["violations"]]
