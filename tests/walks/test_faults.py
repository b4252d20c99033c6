"""What goes wrong at a portal ends in words a person understands, and never costs a second login or a wasted try."""

import json
from pathlib import Path

import pytest

from carrier_scripts.lab import founding
from tests.demos import Demo
from tests.walks.canary import evidence, leaks

pytestmark = [pytest.mark.walk, pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.mark.parametrize(
    ("fault", "args", "words"),
    [
        ("maintenance", {}, "down"),
        ("error", {"status": 500}, "down"),
        ("unknown_page", {}, "does not know"),
        ("lookalike", {}, "not one of its hosts"),
        ("captcha", {}, "proof of a human"),
    ],
)
def test_a_fault_is_told_in_words_and_nothing_is_handed_out(
    demo: Demo, people, fault: str, args: dict, words: str
) -> None:
    demo.fault("harborline", fault, **args)
    try:
        people["Maria"].open("harborline phoenix")
        assert words in people["Maria"].said()
    finally:
        demo.no_faults()
        _released(demo, people)


def test_signed_in_for_another_practice_is_not_handed_out(demo: Demo, people) -> None:
    demo.fault("harborline", "wrong_practice", location="tucson")
    try:
        people["Maria"].open("harborline phoenix")
        assert "another practice" in people["Maria"].said()
    finally:
        demo.no_faults()


def test_another_accounts_code_and_decoys_do_not_matter(demo: Demo, people) -> None:
    demo.fault("harborline", "code_foreign")
    demo.fault("harborline", "code_decoys", count=3)
    people["Maria"].open("harborline tucson")
    people["Maria"].sees_stream()
    people["Maria"].end()
    demo.no_faults()


def test_an_unconfirmed_sender_is_not_believed_and_a_person_helps(demo: Demo, people) -> None:
    demo.fault("copper_mesa_az", "code_sender", sender="+16025550199")
    people["Maria"].open("copper phoenix")
    desk = people["Dan"].page
    desk.goto(f"{demo.url}/codes")
    desk.locator("input[name=value]").wait_for(timeout=30_000)
    sent = [message for message in demo.control.get("/outbox").json() if message.get("code")]
    desk.fill("input[name=value]", sent[-1]["code"])
    desk.keyboard.press("Enter")
    people["Maria"].sees_stream()
    people["Maria"].end()
    demo.no_faults()


def test_the_judge_counted_no_overlap_and_no_wasted_try(demo: Demo, people) -> None:
    for carrier in ("harborline", "copper_mesa_az"):
        counted = demo.counters(carrier)
        assert (counted["overlapping_logins"], counted["wasted_tries"], counted["lookalike_posts"]) == (0, 0, 0), (
            carrier
        )


def test_what_was_kept_of_pages_where_a_sign_in_stopped_holds_no_secret(demo: Demo, people) -> None:
    kept = evidence(demo)
    assert kept
    told = {name: json.dumps([one["title"], one["text"], one["outline"]]).encode() for name, one in kept.items()}
    secrets = {account.password for account in founding.ACCOUNTS}
    codes = {message["code"] for message in demo.control.get("/outbox").json() if message.get("code")}
    assert leaks(told, secrets, codes) == []
    assert leaks({name: path.read_bytes() for name, path in sealed(demo)}, secrets, codes) == []


def sealed(demo: Demo) -> list[tuple[str, Path]]:
    files = [path for path in (demo.data_dir / "blobs" / "evidence").rglob("*") if path.is_file()]
    return [(path.name, path) for path in files]


def _released(demo: Demo, people) -> None:
    """An account that a fault has parked is released by the administrator, as she would."""
    page = people["Ana"].page
    page.goto(f"{demo.url}/accounts")
    while page.get_by_role("button", name="Release").count():
        page.get_by_label("What was put right?").first.fill("The fault was switched off.")
        page.get_by_role("button", name="Release").first.click()
        page.wait_for_load_state()
