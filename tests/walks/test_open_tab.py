"""The main job: a biller opens a portal, works in it, ends; the auditor proves who got the code; nothing secret leaked."""

import hashlib
import json
import re
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pyotp
import pytest
import redis
from playwright.sync_api import Browser
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from api.cli.console import operator
from api.cli.tabs import best_login
from broker.base.settings import Settings
from broker.tabs import service as tabs
from broker.wiring import build, embedded_redis_url
from carrier_scripts.lab import founding
from tests.demos import Demo, running_demo
from tests.waiting import until
from tests.walks.canary import Overheard, cells, has_secret, held, leaks, listening, recorded, watching, written
from tests.walks.floorplan import floorplan_of_harborline

SIGN_IN_PAGES = re.compile(r"/(signin|login|Account/(Login|Verify))(/|$)")
pytestmark = [pytest.mark.walk, pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    """A demo whose browsers and scripts have a temporary folder of its own, so that it can be searched too."""
    with tempfile.TemporaryDirectory(prefix="ptn-", ignore_cleanup_errors=True) as place:  # sockets need a short path
        temporary = Path(place) / "tmp"
        temporary.mkdir()
        for folder in (Path(place), temporary):
            folder.chmod(0o711)  # the browsers' user passes through
        with running_demo(Path(place) / "data", temporary=temporary) as running:
            yield running
            if running.process.poll() is None:
                assert running.misdeeds() == {}


@pytest.fixture(scope="module", autouse=True)
def overheard(demo: Demo) -> Iterator[Overheard]:
    """What the message broker was told during the whole walk."""
    with listening(demo) as heard:
        yield heard


@pytest.fixture(scope="module", autouse=True)
def put_aside(demo: Demo) -> Iterator[dict[str, bytes]]:
    """What browsers and scripts had in the temporary folder during the whole walk."""
    assert demo.temporary
    with watching(demo.temporary) as seen:
        yield seen


def rows(demo: Demo, query: str) -> list[tuple]:
    with sqlite3.connect(f"file:{demo.data_dir / 'portunus.db'}?mode=ro", uri=True) as db:
        return db.execute(query).fetchall()


def shows(person, title: str) -> None:
    """The remote page has this title."""
    person.page.wait_for_function(f"() => document.title.startsWith({json.dumps(title)})", timeout=30_000)


def goes(person, link: tuple[float, float], title: str) -> None:
    """Follow this link, again while the page before is still being drawn over it."""
    for _ in range(10):
        person.click_at(*link)
        with suppress(PlaywrightTimeoutError):
            person.page.wait_for_function(f"() => document.title.startsWith({json.dumps(title)})", timeout=2_000)
            return
    raise AssertionError(f"{title} did not show")


def test_a_biller_searches_eligibility_in_harborline(demo: Demo, people, browser: Browser, tmp_path: Path) -> None:
    """With mouse and keyboard in the streamed picture; what the carrier saw is what its judge says."""
    maria = people["Maria"]
    member = demo.control.get("/truth/harborline").json()["members"][0]
    with floorplan_of_harborline(browser, tmp_path) as plan:
        close = plan.middle_of("/home", "#announcement-close")
        eligibility = plan.middle_of("/home", "#nav-eligibility")
        member_id = plan.middle_of("/eligibility", "#member-id")
        search = plan.middle_of("/eligibility", "#search-button")
    maria.open("harborline phoenix")
    maria.sees_stream()
    shows(maria, "Home")
    posted = demo.counters("harborline")["forms_posted"]
    maria.click_at(*close)
    until(lambda: demo.counters("harborline")["forms_posted"] > posted)
    goes(maria, eligibility, "Eligibility")
    maria.click_at(*member_id)
    maria.page.keyboard.type(member["id"])
    maria.page.keyboard.press("Tab")
    year, month, day = member["born"].split("-")
    maria.page.keyboard.type(month + day + year)
    maria.click_at(*search)
    shows(maria, "Benefits")
    maria.end()
    searches = [line for line in demo.control.get("/log").json() if line["what"].startswith("eligibility search")]
    assert [(line["carrier"], line["account"], line["what"]) for line in searches] == [
        ("harborline", "saguaro.phoenix", f"eligibility search {member['id']}")
    ]
    assert demo.counters("harborline")["logins"] == 1
    assert maria.problems == []


def test_the_second_time_it_is_warm(demo: Demo, people) -> None:
    maria = people["Maria"]
    maria.open("harborline phoenix")
    maria.sees_stream()
    maria.end()
    assert demo.counters("harborline")["logins"] == 1


def test_a_code_by_text_message(demo: Demo, people) -> None:
    people["Maria"].open("copper phoenix")
    people["Maria"].sees_stream()
    people["Maria"].end()
    assert demo.counters("copper_mesa_az")["codes_accepted"] == 1


def test_a_code_from_an_authenticator(demo: Demo, people) -> None:
    people["Maria"].open("northgate phoenix")
    people["Maria"].sees_stream()
    people["Maria"].end()
    assert demo.counters("northgate")["codes_accepted"] == 1


def test_the_command_line_says_how_a_running_system_stands_and_opens_what_is_warm(demo: Demo, people) -> None:
    logins = demo.counters("harborline")["logins"]
    status = demo.portunus("status", "--json")
    parts = {part["name"]: part["state"] for part in json.loads(status.stdout)["parts"]}
    assert (status.returncode, parts["Worker"], parts["Mailbox watcher"]) == (0, "ok", "ok"), parts
    assert not {"silent", "down"} & set(parts.values()), parts
    findings = demo.portunus("doctor", "--json")
    assert [one for one in json.loads(findings.stdout) if not one["ok"]] == []
    assert findings.returncode == 0
    opened = demo.portunus("open", "harborline", "--location", "phoenix", "--json")
    assert (opened.returncode, json.loads(opened.stdout)["state"]) == (0, "ready"), opened.stderr
    assert demo.counters("harborline")["logins"] == logins


def test_a_code_that_only_a_person_may_believe_is_given_at_the_command_line(demo: Demo, people) -> None:
    assert json.loads(demo.portunus("code", "--json").stdout) == []
    demo.fault("copper_mesa_nv", "code_unsigned")
    with ThreadPoolExecutor(1) as aside:
        opening = aside.submit(demo.portunus, "open", "copper_mesa_nv", "--location", "phoenix", "--json")
        waiting: list[dict] = []
        until(lambda: bool(waiting.extend(json.loads(demo.portunus("code", "--json").stdout)) or waiting))
        assert (waiting[0]["portal"], waiting[0]["channel"]) == ("Copper Mesa Dental of Nevada", "email")
        until(lambda: bool(sent_to(demo, "copper_mesa_nv")))
        code = sent_to(demo, "copper_mesa_nv")[-1]
        given = demo.portunus("code", "give", waiting[0]["id"], "--json", typed=f"{code}\n")
        assert (given.returncode, json.loads(given.stdout)) == (0, {"id": waiting[0]["id"], "handed_in": True})
        opened = opening.result()
    demo.no_faults()
    assert (opened.returncode, json.loads(opened.stdout)["state"]) == (0, "ready"), opened.stdout
    counted = demo.counters("copper_mesa_nv")
    assert (counted["logins"], counted["codes_accepted"], counted["wasted_tries"]) == (1, 1, 0)


def sent_to(demo: Demo, carrier: str) -> list[str]:
    """The codes that this carrier has sent."""
    outbox = demo.control.get("/outbox").json()
    return [message["code"] for message in outbox if message.get("code") and message["carrier"] == carrier]


def test_a_hint_that_celery_delivers_again_and_again_signs_in_once(demo: Demo, people) -> None:
    """Nothing but the hint starts this sign-in: whoever opens at the command line asks no host."""
    portunus = build(Settings(data_dir=demo.data_dir))
    with portunus.unit(operator()) as work:
        tile = best_login(work, "bluestone_mutual", "phoenix")
        lease_id = tabs.open_tab(work, tile.account_id, tile.location_id, "Claim follow-up").id
    ((attempt_id,),) = rows(demo, f"SELECT id FROM login_attempt WHERE account_id = '{tile.account_id}'")
    for _ in range(3):
        portunus.queue.enqueue("open_tab", attempt_id)
    until(lambda: rows(demo, f"SELECT granted_at FROM lease WHERE id = '{lease_id}'") != [(None,)], 60)
    portunus.queue.enqueue("open_tab", attempt_id)
    with redis.Redis.from_url(embedded_redis_url(portunus.settings)) as broker:
        until(lambda: broker.llen("portunus:celery") == 0)
    with portunus.unit(operator()) as work:
        tabs.end_tab(work, lease_id)
    assert rows(demo, f"SELECT state FROM login_attempt WHERE account_id = '{tile.account_id}'") == [("succeeded",)]
    counted = demo.counters("bluestone_mutual")
    assert (counted["logins"], counted["overlapping_logins"], counted["wasted_tries"]) == (1, 0, 0)


def test_who_received_the_last_code(demo: Demo, people, tmp_path: Path) -> None:
    asked = demo.portunus("audit", "last-code", "--portal", "harborline", "--location", "phoenix", "--json")
    assert asked.returncode == 0, asked.stderr
    answer = json.loads(asked.stdout)
    assert (answer["asked_by"], answer["channel"], answer["answer"]) == ("Maria Lopez", "email", "accepted")
    assert answer["recording_id"]
    assert answer["recording_offset_ms"] == 0, "a recording begins after the sign-in"
    ((lease, session_id),) = rows(
        demo, f"SELECT lease_id, portal_session_id FROM recording WHERE id = '{answer['recording_id']}'"
    )
    assert (answer["lease_id"], answer["portal_session_id"]) == (lease, session_id)
    times = [answer[step] for step in ("asked_at", "released_at", "typed_at")]
    assert times == sorted(times)
    assert answer["proof"]["path"]
    log = tmp_path / "log.jsonl"
    assert demo.portunus("audit", "export", "-o", str(log)).returncode == 0
    verify = [sys.executable, "-I", "broker/audit/verify.py", str(log)]
    assert subprocess.run(verify, capture_output=True).returncode == 0
    whole = log.read_bytes()
    log.write_bytes(whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:])
    assert subprocess.run(verify, capture_output=True).returncode == 1


def test_the_compliance_officer_asks_the_same_in_the_browser(demo: Demo, people) -> None:
    page = people["Audrey"].page
    page.goto(f"{demo.url}/last-code?portal=harborline&location=phoenix")
    assert "Maria Lopez" in page.locator(".answer").inner_text()
    page.get_by_role("link", name="recording", exact=True).click()
    page.fill("#reason", "Quarterly sample")
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("() => window.portunusPlayer && window.portunusPlayer.drawn > 0")


def test_she_takes_it_out_as_a_film_and_the_worker_is_told_an_id_only(demo: Demo, people, overheard: Overheard) -> None:
    why, page = "Requested by payer auditor 4711", people["Audrey"].page
    ((recording_id,),) = rows(demo, "SELECT id FROM recording WHERE end_state = 'complete' ORDER BY id LIMIT 1")
    page.goto(f"{demo.url}/recordings/{recording_id}")
    page.get_by_label("Why does it leave the house?").fill(why)
    page.get_by_role("button", name="Export as film").click()
    page.get_by_text("Ready until").wait_for(timeout=180_000)
    with page.expect_download() as coming:
        page.get_by_role("button", name="Save the film").click()
    digest = hashlib.sha256(coming.value.path().read_bytes()).hexdigest()
    ((leaf,),) = rows(demo, "SELECT leaf FROM audit_entry WHERE act = 'recording:film:export'")
    assert json.loads(leaf)["detail"]["film_digest"] == digest
    assert b"portunus.make_film" in overheard.bytes
    assert has_secret(overheard.bytes, why) is None


def planted(demo: Demo) -> set[str]:
    """Passwords, authenticator seeds, security answers and backup codes of every login; the mailbox's and the SMS secret."""
    facts = json.loads((demo.data_dir / "lab" / "lab.json").read_text())
    secrets = {facts["mailbox"]["password"], facts["sms"]["secret"]}
    for account in founding.ACCOUNTS:
        secrets |= {account.password, account.totp_seed, *account.backup_codes, *dict(account.answers).values()}
    return secrets - {""}


def used_codes(demo: Demo) -> set[str]:
    """Codes that came by mail and text message, and those that Portunus made from a seed."""
    codes = {message["code"] for message in demo.control.get("/outbox").json() if message.get("code")}
    seeds = {account.username: account.totp_seed for account in founding.ACCOUNTS}
    for username, step in rows(demo, "SELECT username, totp_last_step FROM portal_account WHERE totp_last_step > 0"):
        codes.add(pyotp.TOTP(seeds[username]).at(step * 30))
    return codes


def test_no_secret_is_in_any_byte_that_was_written_or_sent(
    demo: Demo, overheard: Overheard, put_aside: dict[str, bytes], people
) -> None:
    secrets, codes = planted(demo), used_codes(demo)
    files = written(demo)
    names = " ".join(files)
    for needed in (
        "portunus.db",
        "portunus.db-wal",
        "/log/browserhost.log",
        "/log/worker.log",
        "/blobs/",
        "appendonly",
        "/portunus-browser-",
        "/playwright_chromiumdev_profile-",
    ):
        assert needed in names, "the search must not miss a place where bytes are written"
    assert b"portunus.open_tab" in overheard.bytes
    assert any("/playwright_chromiumdev_profile-" in name for name in put_aside)
    places = files | put_aside | cells(demo) | {"message broker": held(demo), "tasks and signals": overheard.bytes}
    assert (len(codes) >= 3, len(secrets) > 10) == (True, True)
    assert leaks(places, secrets, codes) == []


def test_no_secret_is_in_a_recording(demo: Demo, people) -> None:
    """A recording begins when the portal is signed in: none of its messages holds a secret as text, and no frame was
    taken while a page with a password or code field was shown, so that none can hold one as a picture."""
    opened = recorded(demo)
    assert len(opened) >= 4
    told = {one.id: b"\n".join(one.messages) for one in opened}
    assert leaks(told, planted(demo), used_codes(demo)) == []
    pages = {page for one in opened for page in one.pages}
    assert "harborline.sim.test/home" in pages
    assert [page for page in pages if SIGN_IN_PAGES.search(page)] == []
    began = "SELECT r.started_at, max(c.typed_at) FROM recording r JOIN login_attempt a USING (portal_session_id)"
    typed = rows(demo, f"{began} JOIN code_request c ON c.attempt_id = a.id GROUP BY r.id")
    assert typed
    assert [started for started, entered in typed if entered is not None and started < entered] == []


def test_the_judge_saw_no_overlap_and_no_wasted_try(demo: Demo, people) -> None:
    for carrier in ("harborline", "copper_mesa_az", "northgate"):
        counted = demo.counters(carrier)
        assert (counted["overlapping_logins"], counted["wasted_tries"], counted["forbidden_hits"]) == (0, 0, 0), carrier
