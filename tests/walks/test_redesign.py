"""A carrier redesigns its pages: the next look sees it, `portunus script` mends it in stages, with one look by somebody else, and a bad version comes back."""

import json
import os
import pwd
from pathlib import Path
from typing import Any

import pytest

from carrier_scripts import registry
from tests.demos import Demo
from tests.waiting import until
from tests.workers.browser.test_release import broken, mended

pytestmark = [pytest.mark.walk, pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(400)]
KEY = "harborline"
SIGN_OUT = """async () => (await fetch(`/api/v1/tabs/${document.querySelector("#stage").dataset.leaseId}/end?sign_out=true`, {
    method: "POST", headers: { "x-csrf-token": document.querySelector("meta[name=csrf]").content },
})).status"""
LOOKED_S = 60


def script(demo: Demo, *words: str) -> str:
    """`portunus script …` at the machine. A refusal fails the test with its words."""
    done = demo.portunus("script", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def told(demo: Demo, *words: str) -> Any:
    return json.loads(script(demo, *words, "--json"))


def mira_at_the_shell(ana) -> None:
    """Ana invites Mira, who writes scripts, and says which account of this machine is hers."""
    page = ana.page
    page.goto(f"{ana.demo.url}/people")
    form = page.get_by_role("region", name="Invite somebody")
    form.get_by_label("Name").fill("Mira Chen")
    form.get_by_label("E-mail address").fill("mira@saguaro.test")
    form.get_by_label("Role").select_option("script_maintainer")
    form.get_by_role("button", name="Invite").click()
    row = page.get_by_role("row").filter(has_text="mira@saguaro.test")
    row.get_by_text("Name at the shell").click()
    row.get_by_label("Account of Mira Chen at this machine").fill(pwd.getpwuid(os.getuid()).pw_name)
    row.get_by_role("button", name="Store the shell name of Mira Chen").click()
    row.get_by_text("Name at the shell:").wait_for()


def send_out(demo: Demo, ana, folder: Path, change: Any) -> str:
    """Mira changes the script in a folder of her own and hands it in; Ana reads it on the web, and it is released to Phoenix."""
    file = folder / f"{KEY}.py"
    file.write_text(change(registry.script(KEY).sources[-1]["text"]), encoding="utf-8")
    script(demo, "submit", KEY, "--file", str(file), "--words", "The carrier renamed every id.")
    digest = next(one["digest"] for one in told(demo, "versions", KEY)["versions"] if not one["approved_by"])
    ana.page.goto(f"{demo.url}/scripts/{KEY}/diff?new={digest}")
    ana.page.get_by_role("button", name="I have read it: approve").click()
    ana.page.wait_for_url(f"{demo.url}/scripts/{KEY}")
    script(demo, "release", digest[:12], "--canary", "phoenix")
    return str(digest)


def stage(demo: Demo) -> str:
    return next(one["release"] for one in told(demo, "list") if one["portal"] == KEY).partition(" ")[2]


def works_once(people) -> None:
    maria = people["Maria"]
    maria.open("harborline phoenix")
    maria.sees_stream()
    assert maria.page.evaluate(SIGN_OUT) == 200
    maria.page.goto(f"{maria.demo.url}/")


def test_the_next_look_sees_the_redesign_before_anybody_is_turned_away(demo: Demo) -> None:
    script(demo, "look", KEY)
    until(lambda: any(row["portal"] == KEY for row in told(demo, "health")["health"]), LOOKED_S)
    demo.fault(KEY, "skin", version=2)
    script(demo, "look", KEY)
    until(lambda: [one["portal"] for one in told(demo, "health")["drift"]] == [KEY], LOOKED_S)
    found = {(one["portal"], one["words"]) for one in told(demo, "health")["alerts"]}
    assert found == {(KEY, "look: unrecognised"), (KEY, "its sign-in page has changed")}
    assert demo.counters(KEY)["password_submits"] == 0


def test_a_mended_version_goes_to_one_location_and_on_by_itself(demo: Demo, people, tmp_path: Path) -> None:
    mira_at_the_shell(people["Ana"])
    digest = send_out(demo, people["Ana"], tmp_path, mended)
    assert stage(demo) == "canary"
    for _ in range(3):
        works_once(people)
    until(lambda: stage(demo) == "staged")
    newest = told(demo, "versions", KEY)["releases"][0]
    assert (newest["digest"], newest["end"]) == (digest, None)


def test_a_bad_version_comes_back_by_itself_and_its_step_is_told(demo: Demo, people, tmp_path: Path) -> None:
    script(demo, "rollback", KEY, "--words", "Room for the next one.")
    digest = send_out(demo, people["Ana"], tmp_path, broken)
    people["Maria"].open("harborline phoenix")
    assert "does not know" in people["Maria"].said()
    newest = told(demo, "versions", KEY)["releases"][0]
    assert (newest["digest"], newest["end"]) == (digest, "rolled_back")
    steps = [one["step"] for one in told(demo, "health")["alerts"] if one["words"].startswith("sign in")]
    assert steps and steps[0].endswith("saw unrecognised")
    counted = demo.counters(KEY)
    assert (counted["overlapping_logins"], counted["wasted_tries"], counted["terms_accepted"]) == (0, 0, 0)
