"""Each channel set up on the pages in a browser, from nothing; then a sign-in at a simulated carrier gets its code by it."""

import io
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any

import pyotp
import pytest
import segno
from playwright.sync_api import Page, expect

from carrier_scripts import registry
from carrier_scripts.lab import founding
from tests.demos import Demo
from tests.waiting import until
from tests.walks.conftest import Person

pytestmark = [pytest.mark.walk, pytest.mark.browser, pytest.mark.timeout(200)]
NOTHING = (
    "UPDATE mfa_method SET channel = 'desk', endpoint_id = NULL, masked_destination = '', template = '{\"pattern\": \"\\\\d{6}\"}'",
    "DELETE FROM delivery_endpoint",
    "DELETE FROM code_template",
    "DELETE FROM secret WHERE field IN ('totp_seed', 'security_answers', 'mailbox_password', 'webhook_secret')",
)


class Practice:
    """The demo's practice with its logins and passwords, and no channel: codes would be typed in at the desk."""

    def __init__(self, demo: Demo, people: dict[str, Person]) -> None:
        self.demo, self.people = demo, people
        self.facts = json.loads((demo.data_dir / "lab" / "lab.json").read_text())
        with closing(sqlite3.connect(demo.data_dir / "portunus.db", timeout=15)) as db, db:
            for statement in NOTHING:
                db.execute(statement)

    @property
    def ana(self) -> Page:
        return self.people["Ana"].page

    def control(self, path: str, **order: Any) -> dict[str, Any]:
        told: dict[str, Any] = self.demo.control.post(path, json=order).raise_for_status().json()
        return told

    def counted(self, login: founding.Account) -> dict[str, int]:
        report = self.demo.control.get("/counters", params={"carrier": login.carrier}).json()
        counts: dict[str, int] = report["accounts"].get(login.username, {})
        return counts

    def way(self, login: founding.Account, title: str) -> Any:
        """The part of the login's own page that sets this way up."""
        self.ana.goto(f"{self.demo.url}/accounts")
        account = self.ana.locator("details.account-line", has_text=login.username).first
        self.ana.goto(self.demo.url + str(account.locator("a[href$='/codes']").first.get_attribute("href")))
        return self.ana.get_by_role("region", name=title, exact=True)

    def chosen(self) -> None:
        self.ana.get_by_text("The next sign-in gets its code this way.").wait_for()

    def by_hand(self, login: founding.Account, what: str, pattern: str = r"\d{6}") -> None:
        """A person does it, at the code desk."""
        desk = self.way(login, "From a person at the code desk")
        desk.get_by_label("What the person does").select_option(what)
        desk.get_by_label("The code's form").fill(pattern)
        desk.get_by_role("button", name="Use the code desk").click()
        self.chosen()

    def mailbox(self, address: str) -> str:
        """Added with a password; its channel page says that it is connected. The id."""
        box, page = self.facts["mailbox"], self.ana
        page.goto(f"{self.demo.url}/channels/kind/email")
        form = page.get_by_role("region", name="Add a mailbox", exact=True)
        form.get_by_label("Name, as your people say it").fill(address)
        form.get_by_label("Its e-mail address").fill(address)
        form.get_by_label("IMAP host").fill(box["host"])
        form.get_by_label("Port").fill(str(box["port"]))
        form.get_by_label("User name (empty: the address)").fill(box["username"])
        form.get_by_label("Password or app password").fill(box["password"])
        form.get_by_label("Receiving server").fill(box["trusted_authserv"])
        form.get_by_label("Without TLS").check()
        form.get_by_role("button", name="Add the mailbox").click()
        self.is_up()
        return page.url.rpartition("/")[2]

    def phone(self, number: str, poster: str = "standard", key: str = "") -> None:
        """Added; whoever posts its messages posts them to the address that the channel's page shows."""
        page = self.ana
        page.goto(f"{self.demo.url}/channels/kind/sms")
        form = page.get_by_role("region", name="Add a telephone number for text messages")
        form.get_by_label("Name, as your people say it").fill(f"Phone {number[-4:]}")
        form.get_by_label("Number, with the country").fill(number)
        form.get_by_label("Who posts its text messages here").select_option(poster)
        form.get_by_label("Its signing key").fill(key or self.facts["sms"]["secret"])
        form.get_by_role("button", name="Add the number").click()
        page.get_by_role("heading", name="Test message").wait_for()
        self.posts(number, poster, key)

    def posts(self, number: str, poster: str, key: str) -> None:
        """The provider, or the app, is told the address that the channel's page shows."""
        hook = self.ana.get_by_text("/hooks/sms/").first.inner_text()
        self.control("/sms", phone=number, url=hook, form=poster, **({"key": key} if key else {}))

    def tried(self, number: str) -> None:
        """A test message is waited for on the channel's page, and is shown there."""
        self.ana.get_by_role("button", name="I send one now: wait for it").click()
        self.ana.get_by_text("Waiting for the next message").wait_for()
        self.control("/message", phone=number, text="Trying number 482913", **{"from": "+16025550199"})
        shown = self.ana.get_by_role("article", name="Message from +16025550199")
        shown.get_by_text("Trying number 111111").wait_for()
        shown.get_by_text("Nobody asked for a code here.").wait_for()

    def template(self, carrier: str, channel: str) -> None:
        """What the carrier's messages look like, as its own record says."""
        shape = registry.behaviour(carrier)["code_template"]
        self.ana.goto(f"{self.demo.url}/portals/{carrier}/templates/{channel}")
        senders = [] if channel == "voice" else shape.get("senders", [])  # a call's number is not a message's sender
        self.ana.get_by_label("Senders, one on a line").fill("\n".join(senders))
        words = shape.get("context", []) or (["code is"] if channel == "voice" else [])
        self.ana.get_by_label("Words shortly before the code, one on a line").fill("\n".join(words))
        self.ana.get_by_label("Words shortly after it").fill("\n".join(shape.get("after", [])))
        self.ana.get_by_label("The code's form").fill(shape["pattern"])
        self.ana.get_by_role("button", name="Save", exact=True).click()
        self.ana.get_by_text("It counts from the next sign-in on.").wait_for()

    def is_up(self) -> None:
        """The channel's page says that it works."""
        self.ana.get_by_role("heading", name="Test message").wait_for()

        def up() -> bool:
            self.ana.reload()
            return self.ana.get_by_role("region", name="Health").get_by_text("Connected.").count() == 1

        until(up)

    def from_mailbox(self, login: founding.Account, endpoint_id: str) -> None:
        self.template(login.carrier, "email")
        mail = self.way(login, "From a mailbox")
        mail.get_by_label("Mailbox").select_option(endpoint_id)
        mail.get_by_label("The address this portal writes to").fill(login.address)
        mail.get_by_role("button", name="Use this mailbox").click()
        self.chosen()

    @contextmanager
    def signing_in(self, login: founding.Account, place: int = 0) -> Iterator[None]:
        """Maria opens the tab; what somebody must do meanwhile is done inside; then she sees the portal, signed in once.

        `place`: which of the login's locations; at another one it signs in anew.
        """
        maria, before = self.people["Maria"], self.counted(login).get("logins", 0)
        user = login.username
        name = login.label or (f"{user[:3]}…{user[-3:]}" if len(user) > 8 else f"…{user[-3:]}")
        maria.open(f"{login.carrier} {login.locations[place]} {name.lower()}")
        yield
        maria.page.locator("#stage canvas").wait_for(timeout=60_000)
        counts = self.counted(login)
        told = {key: counts[key] for key in ("logins", "codes_accepted", "wrong_codes", "overlapping_logins")}
        assert told == {"logins": before + 1, "codes_accepted": before + 1, "wrong_codes": 0, "overlapping_logins": 0}
        maria.end()

    def signs_in(self, login: founding.Account, place: int = 0) -> None:
        with self.signing_in(login, place):
            pass

    def at_the_desk(self, carrier: str) -> Any:
        """What the code desk shows for it, in Dan's browser."""
        page = self.people["Dan"].page
        page.goto(f"{self.demo.url}/codes")
        return page.locator(".code-request", has_text=founding.carrier(carrier).name)


@pytest.fixture(scope="module")
def practice(demo: Demo, people: dict[str, Person]) -> Practice:
    return Practice(demo, people)


def login(key: str) -> founding.Account:
    return next(one for one in founding.ACCOUNTS if one.key == key)


def test_a_mailbox_with_a_password(practice: Practice) -> None:
    practice.from_mailbox(login("harborline-2"), practice.mailbox("codes.west@lab.test"))
    practice.signs_in(login("harborline-2"))
    practice.ana.goto(f"{practice.demo.url}/channels")
    practice.ana.get_by_role("link", name="codes.west@lab.test").click()
    practice.ana.get_by_role("cell", name="matched").first.wait_for()


def test_a_mailbox_by_its_owners_consent(practice: Practice) -> None:
    box, page = practice.facts["mailbox"], practice.ana
    page.goto(f"{practice.demo.url}/channels/kind/email")
    form = page.get_by_role("region", name="Add a Gmail or Microsoft 365 mailbox")
    form.get_by_label("Whose mailbox it is").select_option("other")
    form.get_by_label("Name, as your people say it").fill("By consent")
    form.get_by_label("Its e-mail address").fill(box["username"])
    form.get_by_label("Client id").fill(box["consent"]["client_id"])
    form.get_by_label("Client secret").fill(box["consent"]["client_secret"])
    form.get_by_label("Receiving server").fill(box["trusted_authserv"])
    form.get_by_text("Another provider's addresses").click()
    form.get_by_label("IMAP host").fill(box["host"])
    form.get_by_label("Port").fill(str(box["port"]))
    form.get_by_label("Where it asks its users").fill(box["consent"]["authorize_url"])
    form.get_by_label("Where it gives tokens").fill(box["consent"]["token_url"])
    form.get_by_label("Without TLS").check()
    form.get_by_role("button", name="Add the mailbox and ask its owner").click()
    page.get_by_role("link", name="Go to the provider").click()
    page.get_by_role("button", name="Agree").click()  # at another site: our strict cookie does not come back with it
    practice.is_up()
    practice.from_mailbox(login("harborline-1"), page.url.rpartition("/")[2])
    practice.signs_in(login("harborline-1"))


def test_text_messages(practice: Practice) -> None:
    account = login("copper_mesa_az-1")
    practice.phone(account.address)
    practice.tried(account.address)
    practice.template(account.carrier, "sms")
    practice.way(account, "From text messages").get_by_role("button", name="Use this number").click()
    practice.chosen()
    practice.signs_in(account)


def test_text_messages_by_an_app_on_the_office_phone(practice: Practice) -> None:
    """The number of the test before, whose messages an app passes on from now on."""
    account, page = login("copper_mesa_az-1"), practice.ana
    page.goto(f"{practice.demo.url}/channels")
    page.get_by_role("link", name=f"Phone {account.address[-4:]}").click()
    settings = page.get_by_role("region", name="Settings")
    settings.get_by_label("Who posts its text messages here").select_option("gateway")
    settings.get_by_label("New signing key").fill("Sandstone-Kestrel-8813-app")
    settings.get_by_role("button", name="Save").click()
    page.get_by_text("sms:received").wait_for()
    practice.posts(account.address, "gateway", "Sandstone-Kestrel-8813-app")
    practice.tried(account.address)
    practice.signs_in(account, place=1)


def test_text_messages_by_twilio(practice: Practice) -> None:
    account, key = login("sentinel_dental-1"), "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
    practice.phone(account.address, "twilio", key)
    practice.tried(account.address)
    practice.template(account.carrier, "sms")
    way = practice.way(account, "From text messages")
    way.get_by_label("Number").select_option(label=f"Phone {account.address[-4:]} ({account.address})")
    way.get_by_role("button", name="Use this number").click()
    practice.chosen()
    practice.signs_in(account, place=1)


def test_calls_that_are_written_down(practice: Practice) -> None:
    account = login("union_summit-2")
    practice.phone(account.address)
    hook = practice.ana.get_by_text("/hooks/voice/").inner_text()
    practice.control("/voice", phone=account.address, url=hook)
    practice.template(account.carrier, "voice")
    calls = practice.way(account, "From calls")
    calls.get_by_label("Number that the portal calls").select_option(label=f"Phone 0144 ({account.address})")
    calls.get_by_role("button", name="Use calls to this number").click()
    practice.chosen()
    practice.signs_in(account)


def test_an_authenticator_from_the_picture_of_its_code(practice: Practice) -> None:
    account, picture = login("northgate-1"), io.BytesIO()
    segno.make(pyotp.TOTP(account.totp_seed).provisioning_uri(name=account.username, issuer_name="Northgate")).save(
        picture, kind="png", scale=5
    )
    form = practice.way(account, "From an authenticator")
    form.get_by_label("Picture of the QR code").set_input_files(
        {"name": "qr.png", "mimeType": "image/png", "buffer": picture.getvalue()}
    )
    form.get_by_label("The code that a device with this seed shows now").fill(
        pyotp.TOTP(account.totp_seed).at(datetime.now(UTC))
    )
    form.get_by_role("button", name="Store and use the seed").click()
    practice.chosen()
    practice.signs_in(account)


def test_an_authenticator_typed_by_hand(practice: Practice) -> None:
    account = login("evergreen_medicaid-1")
    form = practice.way(account, "From an authenticator")
    letters = account.totp_seed.lower()
    form.get_by_label("Or the seed").fill(" ".join(letters[at : at + 4] for at in range(0, len(letters), 4)))
    form.get_by_label("The code that a device with this seed shows now").fill(
        pyotp.TOTP(account.totp_seed).at(datetime.now(UTC))
    )
    form.get_by_role("button", name="Store and use the seed").click()
    practice.chosen()
    practice.signs_in(account)
    practice.ana.goto(f"{practice.demo.url}/channels/kind/totp")
    compare = practice.ana.get_by_role("region", name="Try it")
    compare.get_by_label("Login").select_option(label=f"{founding.carrier(account.carrier).name} · {account.username}")
    compare.get_by_label("The code that the device shows").fill(pyotp.TOTP(account.totp_seed).at(datetime.now(UTC)))
    compare.get_by_role("button", name="Compare").click()
    practice.ana.get_by_text("The code is right").wait_for()


def test_security_questions(practice: Practice) -> None:
    account = login("bluestone_mutual-1")
    for question, answer in account.answers:
        form = practice.way(account, "Answers to security questions")
        form.get_by_label("The portal's question").fill(question)
        form.get_by_label("Its answer").fill(answer)
        form.get_by_role("button", name="Store the answer").click()
        practice.ana.get_by_text("The answer is stored.").wait_for()
    practice.from_mailbox(account, practice.mailbox("codes.blue@lab.test"))
    practice.signs_in(account)


def test_a_call_to_the_provider_line(practice: Practice) -> None:
    account = login("tidewater_trust-1")
    practice.by_hand(account, "provider_line", "[A-Z0-9]{8}")
    with practice.signing_in(account):
        box = practice.at_the_desk(account.carrier)
        box.get_by_role("button", name="I am calling").click(timeout=60_000)
        expect(box.get_by_role("status")).to_contain_text("On hold for")
        told: dict[str, Any] = {"answered": False}
        while not told["answered"]:  # every tenth call is cut off
            told = practice.control("/call", carrier=account.carrier, reference=box.locator(".task-say").inner_text())
        box.get_by_role("button", name="Somebody answered").click()
        expect(box.get_by_role("status")).to_contain_text("Answered after")
        box.get_by_label("The call's own number").fill("TW-5521")
        box.get_by_label("Code", exact=True).fill(told["code"])
        box.get_by_role("button", name="Send").click()
    practice.ana.goto(f"{practice.demo.url}/code-report")
    row = practice.ana.get_by_role("region", name="Calls to provider lines").get_by_role("row", name="Tidewater")
    assert row.get_by_role("cell").nth(2).inner_text() == "1"


def test_a_number_chosen_on_a_telephone(practice: Practice) -> None:
    account = login("meridian_shared-2")
    practice.by_hand(account, "push")
    with practice.signing_in(account):
        box = practice.at_the_desk(account.carrier)
        number = box.locator(".task-say").inner_text(timeout=60_000)
        waiting = practice.people["Maria"].page.get_by_text(f"choose {number}")
        waiting.first.wait_for()  # the one who waits sees the same number
        assert practice.control("/approve", carrier=account.carrier, number=number)["approved"]


def test_a_passkey(practice: Practice) -> None:
    account = login("union_summit-1")
    practice.by_hand(account, "passkey")
    with practice.signing_in(account):
        practice.at_the_desk(account.carrier).get_by_text("passkey or security key").wait_for(timeout=60_000)
        assert practice.control("/touch", carrier=account.carrier, username=account.username)["touched"]


def test_a_recovery_code(practice: Practice) -> None:
    account = login("northgate-2")
    form = practice.way(account, "From recovery codes")
    form.get_by_label("Recovery codes, one on a line").fill("\n".join(account.backup_codes))
    form.get_by_label("Sign in with them from now on").check()
    form.get_by_role("button", name="Store the recovery codes").click()
    practice.chosen()
    practice.signs_in(account)
    practice.ana.goto(f"{practice.demo.url}/status")
    practice.ana.get_by_text("2 recovery codes are left").wait_for()


def test_a_person_at_the_code_desk(practice: Practice) -> None:
    account = login("sentinel_dental-1")
    practice.by_hand(account, "sms")
    with practice.signing_in(account):
        box = practice.at_the_desk(account.carrier)
        box.get_by_label("Code", exact=True).wait_for(timeout=60_000)
        sent: Callable[[], list[str]] = lambda: [  # noqa: E731 - asked again and again
            one["code"] for one in practice.demo.control.get("/outbox").json() if one["account"] == account.username
        ]
        until(lambda: bool(sent()))
        box.get_by_label("Code", exact=True).fill(sent()[-1])
        box.get_by_role("button", name="Send").click()
