"""A Gmail and a Microsoft 365 mailbox are added in a real browser, and their owner is asked at the provider's own address.

The browser is sent to Google or Microsoft exactly; there the request is stopped and goes to the lab's sign-in service, which
asks the owner, sends the browser back and gives the tokens. No mail is read: that is tests/walks/test_channels.py.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Page, Route

from broker.base.actor import system
from broker.codes import consent
from broker.directory.models import DeliveryEndpoint
from tests.labs import RunningLab, running_lab

pytestmark = pytest.mark.browser
GOOGLE = "https://accounts.google.com/o/oauth2/v2/auth"
MICROSOFT = "https://login.microsoftonline.com/saguaro.example/oauth2/v2.0/authorize"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    with running_lab(tmp_path_factory.mktemp("provider")) as running:
        yield running


@pytest.fixture
def provider(lab: RunningLab, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Both providers give their tokens at the lab; where they ask stays as it is. What the lab's client is known by."""
    told = lab.mailbox["consent"]
    for key in ("google", "microsoft"):
        elsewhere = told["token_url"] + ("?tenant={tenant}&v=2.0" if key == "microsoft" else "")
        monkeypatch.setitem(consent.PROVIDERS, key, replace(consent.PROVIDERS[key], token_url=elsewhere))
    return told


@dataclass
class Question:
    """What the browser was sent to the provider with."""

    address: str
    asked: dict[str, str]


def sent_to(page: Page, address: str, provider: dict[str, str]) -> list[Question]:
    """Whatever is asked there, answered by the lab; nothing else leaves this machine."""
    seen: list[Question] = []

    def answer(route: Route) -> None:
        url = urlsplit(route.request.url)
        if url.hostname in ("127.0.0.1", "localhost"):
            route.continue_()
        elif route.request.url.startswith(f"{address}?"):
            seen.append(Question(route.request.url.partition("?")[0], dict(parse_qsl(url.query))))
            route.fulfill(status=302, headers={"location": f"{provider['authorize_url']}?{url.query}"})
        else:
            route.abort()

    page.route("**/*", answer)
    return seen


def added(page: Page, provider: dict[str, str], kind: str, address: str, **more: str) -> None:
    """The form as somebody fills it in who has registered Portunus there."""
    form = page.get_by_role("region", name="Add a Gmail or Microsoft 365 mailbox")
    form.get_by_label("Whose mailbox it is").select_option(label=kind)
    form.get_by_label("Name, as your people say it").fill(address)
    form.get_by_label("Its e-mail address").fill(address)
    form.get_by_label("Client id").fill(provider["client_id"])
    form.get_by_label("Client secret").fill(provider["client_secret"])
    for label, value in more.items():
        form.get_by_label(label).fill(value)
    form.get_by_role("button", name="Add the mailbox and ask its owner").click()


def question(seen: list[Question], office) -> dict[str, str]:
    """What was asked, without what is made anew each time; that is long enough to be no guess."""
    (one,) = seen
    asked = dict(one.asked)
    assert [len(asked.pop(name)) >= 43 for name in ("state", "code_challenge")] == [True, True]
    assert asked.pop("redirect_uri") == f"{office.url}/channels/consent/back"
    assert (asked.pop("response_type"), asked.pop("code_challenge_method")) == ("code", "S256")
    return asked


def row(office, page: Page) -> DeliveryEndpoint:
    with office.portunus.reading(system("test")) as work:
        return work.db.get_one(DeliveryEndpoint, page.url.rpartition("/")[2])


def agreed(office, page: Page) -> DeliveryEndpoint:
    """The owner agrees; the browser comes back to the mailbox's page, and the permission is kept."""
    page.get_by_role("button", name="Agree").click()
    page.get_by_role("heading", name="Test message").wait_for()
    mailbox = row(office, page)
    with office.portunus.reading(system("test")) as work:
        assert office.portunus.vault.has(work, "delivery_endpoint", mailbox.id, "refresh_token")
    return mailbox


def test_gmails_owner_is_asked_at_google_and_agrees(screen: Callable, office, provider) -> None:
    window = screen("Ana")
    page = window.go("/channels/kind/email")
    seen = sent_to(page, GOOGLE, provider)
    added(page, provider, "Gmail or Google Workspace", "codes.gmail@saguaro.test")
    link = page.get_by_role("link", name="Go to the provider")
    link.wait_for()
    assert window.faults() == []
    link.click()
    mailbox = agreed(office, page)
    assert question(seen, office) == {
        "client_id": provider["client_id"],
        "scope": "https://mail.google.com/",
        "login_hint": "codes.gmail@saguaro.test",
        "access_type": "offline",
        "prompt": "consent",
    }
    kept = mailbox.settings
    assert (kept["host"], kept["port"], kept["tls"], kept["trusted_authserv"]) == (
        "imap.gmail.com", 993, True, "mx.google.com",
    )  # fmt: skip


def test_a_microsoft_mailboxs_owner_is_asked_in_the_directory_that_was_typed(
    screen: Callable, office, provider
) -> None:
    page = screen("Ana").go("/channels/kind/email")
    seen = sent_to(page, MICROSOFT, provider)
    tenant = {"Directory (tenant) id, Microsoft only": "saguaro.example"}
    added(page, provider, "Microsoft 365", "codes.microsoft@saguaro.test", **tenant)
    page.get_by_role("link", name="Go to the provider").click()
    mailbox = agreed(office, page)
    assert question(seen, office) == {
        "client_id": provider["client_id"],
        "scope": "https://outlook.office.com/IMAP.AccessAsUser.All offline_access",
        "login_hint": "codes.microsoft@saguaro.test",
    }
    assert (mailbox.settings["host"], mailbox.settings["port"], mailbox.settings["tls"]) == (
        "outlook.office365.com", 993, True,
    )  # fmt: skip
    settings = page.get_by_role("region", name="Settings")
    assert settings.get_by_label("Directory (tenant)").input_value() == "saguaro.example"


def test_an_owner_who_does_not_agree_is_told_how_to_ask_again(screen: Callable, office, provider) -> None:
    window = screen("Ana")
    page = window.go("/channels/kind/email")
    sent_to(page, GOOGLE, provider)
    added(page, provider, "Gmail or Google Workspace", "refused@saguaro.test")
    page.get_by_role("link", name="Go to the provider").click()
    page.get_by_role("button", name="No").click()
    page.get_by_role("alert").get_by_text("The provider did not give the permission").wait_for()
    page.goto(f"{office.url}/channels")
    page.get_by_role("link", name="refused@saguaro.test").click()
    page.get_by_text("Nobody has given Portunus the permission to read this mailbox yet").first.wait_for()
