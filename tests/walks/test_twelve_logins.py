"""Twelve sign-ins at once, one mailbox and one telephone for all; codes come shuffled, late, twice, and for others.

The simulated carriers count what was typed; nothing here believes Portunus's own words. Four logins can be told apart
by their alias or name, the others only by waiting their turn. Where a message could be two people's, a person types.
"""

import json
import os
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from playwright.sync_api import APIResponse
from sqlalchemy import select

from broker.base.actor import Actor, ActorKind
from broker.base.settings import Settings
from broker.directory import service as directory
from broker.directory.models import DeliveryEndpoint, Location, MfaMethod, PortalAccount
from broker.directory.service import Method
from broker.wiring import Portunus, build
from carrier_scripts.lab import founding
from tests.demos import Demo
from tests.waiting import until
from tests.walks.conftest import Person

pytestmark = [pytest.mark.walk, pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]

PHONE = "+16025550142"
SHARED = ("harborline-1", "harborline-2", "copper_mesa_nv-1", "bluestone_mutual-1", "meridian_shared-1")
TEXTED = ("copper_mesa_az-1", "sentinel_dental-1", "union_summit-2")
IDLE = "saguaro.idle"
"""A login that Portunus knows and nobody opens: codes for it come all the same."""
MORE = (
    ("harborline-1", "saguaro.billing", "codes@lab.test", {}),
    ("harborline-1", "saguaro.night", "codes@lab.test", {}),
    ("copper_mesa_nv-1", "tnakai.nv", "codes@lab.test", {"names": "tnakai.nv"}),
    ("copper_mesa_az-1", "SAGUARO-HYGIENE", PHONE, {}),
    ("harborline-1", IDLE, "codes+idle@lab.test", {"alias": "codes+idle@lab.test"}),
)
"""Further logins: like which, username, where the codes go, what tells their messages apart."""
SHUFFLE_S = {
    "saguaro.phoenix": 4,
    "saguaro.tucson": 1,
    "rgarcia.nv": 3,
    "tnakai7": 2,
    "pbaptiste": 4,
    "j.whitehorse": 1,
}
LATE_S = 40
STRANGERS = 6
"""Of each kind."""
LOST = ("saguaro.phoenix", "SAGUARO-OFFICE")
"""Whose first codes come after their sign-ins were lost."""
WRONG = ("wrong_codes", "codes_replayed", "codes_expired", "wasted_tries", "overlapping_logins")
PATIENCE_S = 150
LOOKS_UP_S = 2.0
OPERATOR = Actor(ActorKind.OPERATOR, "cli", "walk")


class Crowd:
    """The twelve logins, known to Portunus and to the lab."""

    def __init__(self, demo: Demo, portunus: Portunus) -> None:
        self.demo, self.portunus = demo, portunus
        self.usernames = [one.username for one in founding.ACCOUNTS if one.key in (*SHARED, *TEXTED)]
        with portunus.unit(OPERATOR) as work:
            self.location_id = work.db.scalars(select(Location.id).where(Location.key == "phoenix")).one()
            phone = work.db.scalars(select(DeliveryEndpoint).where(DeliveryEndpoint.address == PHONE)).one()
            for method in work.db.scalars(select(MfaMethod).where(MfaMethod.channel == "sms")):
                method.endpoint_id = phone.id  # every text message comes to the one telephone
            for key, username, address, marks in MORE:
                self._add(work, key, username, address, marks)
            rows = work.db.scalars(select(PortalAccount).where(PortalAccount.username.in_(self.usernames)))
            self.account_ids = {row.username: row.id for row in rows}
            self.carriers = {row.username: row.portal.key for row in work.db.scalars(select(PortalAccount))}
        for number in {one.address for one in founding.ACCOUNTS if one.channel == "sms"}:
            url = f"{demo.url}/hooks/sms/{PHONE.lstrip('+')}"
            demo.control.post("/sms", json={"phone": number, "url": url}).raise_for_status()

    def _add(self, work: Any, key: str, username: str, address: str, marks: dict[str, str]) -> None:
        like = next(one for one in founding.ACCOUNTS if one.key == key)
        told = {"like": key, "username": username, "address": address}
        self.demo.control.post("/login", json=told).raise_for_status()
        twin = work.db.scalars(select(PortalAccount).where(PortalAccount.username == like.username)).one()
        method = twin.mfa_methods[0]
        template = {name: value for name, value in method.template.items() if name != "alias"} | marks
        row = directory.create_account(
            work,
            portal=twin.portal,
            username=username,
            login_kind="individual",
            locations=twin.locations,
            methods=[Method(method.channel, method.endpoint_id, method.masked_destination, template)],
            label=username,
        )
        self.portunus.vault.put(
            work, twin.organization_id, "portal_account", row.id, "password", like.password.encode()
        )
        if username != IDLE:
            self.usernames.append(username)

    def counters(self, username: str) -> dict[str, int]:
        """What the carrier counted for this login."""
        carrier = self.carriers[username]
        counted = self.demo.control.get("/counters", params={"carrier": carrier}).json()["accounts"]
        return Counter(counted.get(username, {}))

    def outbox(self, username: str) -> list[dict[str, Any]]:
        """Messages with a code for this login, newest last."""
        sent = self.demo.control.get("/outbox").json()
        return [message for message in sent if message["account"] == username and message["code"]]

    def fault(self, username: str, name: str, **args: Any) -> None:
        told = {"carrier": self.carriers[username], "name": name, "account": username, "times": 1, "args": args}
        self.demo.control.post("/fault", json=told).raise_for_status()


class Opener:
    """A person who opens tabs by the same calls that her pages make."""

    def __init__(self, person: Person, crowd: Crowd) -> None:
        self.person, self.crowd = person, crowd
        self.csrf = str(person.page.locator("meta[name=csrf]").get_attribute("content"))

    def post(self, path: str, body: dict[str, Any]) -> APIResponse:
        headers = {"x-csrf-token": self.csrf, "content-type": "application/json"}
        return self.person.context.request.post(self.crowd.demo.url + path, data=json.dumps(body), headers=headers)

    def get(self, path: str) -> Any:
        return self.person.context.request.get(self.crowd.demo.url + path).json()

    def open(self, username: str) -> str:
        """The lease's id."""
        asked = {
            "account_id": self.crowd.account_ids[username],
            "location_id": self.crowd.location_id,
            "purpose": "Walk",
        }
        answer = self.post("/api/v1/tabs", asked)
        assert answer.ok, answer.text()
        return str(answer.json()["id"])

    def states(self, leases: dict[str, str]) -> dict[str, str]:
        """Where each tab is, in words when it ended."""
        told = {username: self.get(f"/api/v1/tabs/{lease}") for username, lease in leases.items()}
        return {name: one["words"] if one["state"] == "ended" else one["state"] for name, one in told.items()}


@pytest.fixture(scope="module")
def crowd(demo: Demo) -> Iterator[Crowd]:
    portunus = build(Settings(data_dir=demo.data_dir))
    yield Crowd(demo, portunus)
    portunus.engine.dispose()


def read_aloud(crowd: Crowd, desk: Opener, noticed: dict[str, float]) -> int:
    """Dan reads the code on the telephone or in the mailbox for requests that the desk says need a person; how many.

    He looks up a moment after he was told: what comes by itself meanwhile needs nobody.
    """
    given = 0
    for pending in desk.get("/api/v1/codes")["data"]:
        if not pending["notice"] or time.monotonic() - noticed.setdefault(pending["id"], time.monotonic()) < LOOKS_UP_S:
            continue
        query = "SELECT a.username, r.asked_at FROM code_request r JOIN portal_account a ON a.id = r.account_id WHERE r.id = ?"
        username, asked_at = rows(crowd.demo, query, pending["id"])[0]
        own = [one for one in crowd.outbox(username) if one["state"] == "sent"]
        if own and own[-1]["due"][:19] >= asked_at[:19].replace(" ", "T"):
            given += desk.post(f"/api/v1/codes/{pending['id']}", {"value": own[-1]["code"]}).ok
    return given


def rows(demo: Demo, query: str, *values: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(f"file:{demo.data_dir / 'portunus.db'}?mode=ro", uri=True) as db:
        return db.execute(query, values).fetchall()


def strangers_write(demo: Demo) -> None:
    """Genuine mails and texts of others with numbers in them, and forgeries that only the signature gives away."""
    for number in range(STRANGERS):
        mail = {"to": "codes+harborline-1@lab.test", "subject": "Your Harborline sign-in code"}
        forged = {
            **mail,
            "from": "security@harborline.sim.test",
            "text": f"Your code is 91{number}{number}42.",
            "unsigned": True,
        }
        other = {**mail, "from": "code@shop.test", "text": f"Your code is 7{number}7{number}11."}
        text = {
            "phone": PHONE,
            "from": "+16025550177",
            "text": f"Pharmacy: 88{number}{number}13 is your verification code.",
        }
        idle = {
            **mail,
            "to": "codes+idle@lab.test",
            "from": "security@harborline.sim.test",
            "text": f"Your code is 55{number}5{number}9.",
        }
        for message in (forged, other, idle, text):
            demo.control.post("/message", json=message).raise_for_status()
        body = json.dumps(
            {"from": "+16025550100", "text": f"Copper Mesa: 66{number}{number}20 is your verification code."}
        )
        headers = {
            "webhook-id": f"forged{number}",
            "webhook-timestamp": str(int(time.time())),
            "webhook-signature": "v1,AAAA",
        }
        assert httpx2.post(f"{demo.url}/hooks/sms/{PHONE[1:]}", content=body, headers=headers).status_code == 401


@pytest.fixture(scope="module")
def by_hand(demo: Demo, people: dict[str, Person], crowd: Crowd) -> int:
    """All twelve signed in; how many codes a person had to read."""
    maria, dan = Opener(people["Maria"], crowd), Opener(people["Dan"], crowd)
    assert len(crowd.usernames) == len(crowd.account_ids) == 12
    _leave_two_codes_on_their_way(demo, crowd, maria)
    for username, seconds in SHUFFLE_S.items():
        crowd.fault(username, "code_late", seconds=seconds)
    for username in ("saguaro.tucson", "saguaro.billing", "rgarcia.nv", "pbaptiste", "SAGUARO-HYGIENE"):
        crowd.fault(username, "code_twice")
        crowd.fault(username, "code_decoys", count=2)
    with ThreadPoolExecutor(1) as stranger:
        writing = stranger.submit(strangers_write, demo)
        leases = {username: maria.open(username) for username in crowd.usernames}
        writing.result()
    typed: list[int] = []
    noticed: dict[str, float] = {}

    def all_in() -> bool:
        typed.append(read_aloud(crowd, dan, noticed))
        return set(maria.states(leases).values()) == {"ready"}

    until(all_in, PATIENCE_S, why=lambda: maria.states(leases))
    until(lambda: all(one["state"] == "sent" for username in LOST for one in crowd.outbox(username)), LATE_S)
    until(lambda: verdicts(demo)["late"] + verdicts(demo)["ambiguous"] >= len(LOST))
    return sum(typed)


def _leave_two_codes_on_their_way(demo: Demo, crowd: Crowd, maria: Opener) -> None:
    """The host dies while two wait: what these two asked for comes when nobody waits for it any more."""
    for username in LOST:
        crowd.fault(username, "code_late", seconds=LATE_S)
    leases = {username: maria.open(username) for username in LOST}
    until(lambda: all(crowd.outbox(username) for username in LOST))
    os.kill(demo.child("workers.browserhost"), signal.SIGKILL)
    until(lambda: all(not state.endswith("code") for state in maria.states(leases).values()), 60)
    until(lambda: "sandbox on" in demo.portunus("status").stdout, 60)


def test_twelve_sign_in_at_once_and_the_carriers_count_no_wrong_and_no_reused_code(crowd: Crowd, by_hand: int) -> None:
    for username in crowd.usernames:
        counted = crowd.counters(username)
        assert (counted["logins"], counted["codes_accepted"]) == (1, 1), username
        wrong = {name: counted[name] for name in WRONG}
        assert sum(wrong.values()) == 0, (username, wrong)


def test_what_strangers_wrote_and_what_came_late_was_not_used(demo: Demo, by_hand: int) -> None:
    kinds = verdicts(demo)
    assert kinds.total() - kinds["matched"] >= 4 * STRANGERS + len(LOST)


def test_only_what_could_be_two_peoples_is_left_to_a_person(by_hand: int) -> None:
    assert by_hand <= 4


def test_every_code_was_used_once_and_by_the_sign_in_that_its_carrier_sent_it_for(
    demo: Demo, crowd: Crowd, by_hand: int
) -> None:
    used = rows(
        demo,
        "SELECT a.username, m.external_id FROM code c JOIN code_request r ON r.id = c.request_id"
        " JOIN portal_account a ON a.id = r.account_id LEFT JOIN code_message m ON m.id = c.message_id"
        " WHERE c.state = 'accepted'",
    )
    assert sorted(username for username, _ in used) == sorted(crowd.usernames)
    meant = {one["id"]: one["account"] for one in demo.control.get("/outbox").json()}
    messages = [(username, message) for username, message in used if message is not None]
    assert [meant[message] for _, message in messages] == [username for username, _ in messages]
    assert len(messages) == len({message for _, message in messages}) == 12 - by_hand


def verdicts(demo: Demo) -> Counter[str]:
    return Counter(dict(rows(demo, "SELECT verdict, count(*) FROM code_message GROUP BY verdict")))
