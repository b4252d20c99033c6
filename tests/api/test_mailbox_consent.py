"""A Gmail or Microsoft 365 mailbox is added and its owner asked; who may answer, how often, and what is kept."""

from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select

from api.routes import mailbox_consent
from broker.base.actor import system
from broker.base.errors import Refused
from broker.directory.models import DeliveryEndpoint
from broker.ports.tokens import Client, Token
from broker.wiring import Portunus
from tests import factories as make

GMAIL = {
    "provider": "google",
    "name": "Codes",
    "address": "codes@saguaro.test",
    "client_id": "123.apps.example.test",
    "client_secret": "Marble-Crane-3305",
}


class Provider:
    """The provider's token endpoint in memory: what it was asked, what it gives."""

    def __init__(self) -> None:
        self.asked: list[tuple[Client, str, str, str]] = []
        self.gives = Token("at-1", 3600, "rt-1")

    def redeem(self, client: Client, code: str, verifier: str, back: str) -> Token:
        self.asked.append((client, code, verifier, back))
        if code != "good":
            raise Refused("The permission has ended.", code="mailbox-consent")
        return self.gives

    def refresh(self, client: Client, refresh_token: str) -> Token:
        raise NotImplementedError


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Provider:
    made = Provider()
    monkeypatch.setattr(mailbox_consent, "OAuthTokens", lambda: made)
    return made


@pytest.fixture
def ana(portunus: Portunus, signed_in):
    with portunus.unit(system("test")) as work:
        user = make.user(work, make.organization(work), "Ana Petrova", role="admin")
    return signed_in(user)


def row(portunus: Portunus) -> DeliveryEndpoint:
    with portunus.reading(system("test")) as work:
        return work.db.scalars(select(DeliveryEndpoint)).one()


def has(portunus: Portunus, field: str) -> bool:
    with portunus.reading(system("test")) as work:
        return portunus.vault.has(work, "delivery_endpoint", row(portunus).id, field)


def question(text: str) -> dict[str, str]:
    """What the owner's browser will be asked with: the address of the page's one link to the provider."""
    link = text.split('class="button button-primary" href="', 1)[1].split('"', 1)[0].replace("&amp;", "&")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}
    return asked | {"address": link.partition("?")[0]}


def test_a_gmail_mailbox_needs_its_address_and_a_client_only(ana, portunus, provider):
    asked = question(ana.post("/channels/mailbox/consent", GMAIL).text)
    kept = row(portunus)
    assert (kept.settings["host"], kept.settings["trusted_authserv"], kept.health) == (
        "imap.gmail.com",
        "mx.google.com",
        "unlinked",
    )
    assert asked["address"] == "https://accounts.google.com/o/oauth2/v2/auth"
    assert (asked["access_type"], asked["code_challenge_method"], asked["login_hint"]) == (
        "offline",
        "S256",
        "codes@saguaro.test",
    )
    assert asked["redirect_uri"].endswith("/channels/consent/back")
    assert "Marble-Crane" not in str(kept.settings)
    assert has(portunus, "client_secret")


def test_microsoft_is_asked_in_its_own_directory(ana, provider):
    added = ana.post("/channels/mailbox/consent", GMAIL | {"provider": "microsoft", "tenant": "saguaro.example"})
    asked = question(added.text)
    assert asked["address"] == "https://login.microsoftonline.com/saguaro.example/oauth2/v2.0/authorize"
    assert "IMAP.AccessAsUser.All" in asked["scope"]
    assert "offline_access" in asked["scope"]


def test_the_owners_answer_is_kept_and_goes_to_the_channels_page(ana, portunus, provider):
    asked = question(ana.post("/channels/mailbox/consent", GMAIL).text)
    onward = ana.get(f"/channels/consent/back?state={asked['state']}&code=good").text
    assert f"/channels/consent/finish?state={asked['state']}" in onward
    done = ana.get(f"/channels/consent/finish?state={asked['state']}&code=good")
    assert (done.status_code, done.headers["location"]) == (303, f"/channels/{row(portunus).id}")
    assert has(portunus, "refresh_token")
    assert not has(portunus, "consent_asked")
    client, _, verifier, back = provider.asked[0]
    assert (client.client_secret, back, len(verifier) >= 43) == ("Marble-Crane-3305", asked["redirect_uri"], True)


def test_an_answer_counts_once(ana, provider):
    asked = question(ana.post("/channels/mailbox/consent", GMAIL).text)
    answer = f"/channels/consent/finish?state={asked['state']}&code=good"
    assert ana.get(answer).status_code == 303
    assert ana.get(answer).status_code == 403
    assert len(provider.asked) == 1


@pytest.mark.parametrize(
    "answer", ["state=guessed&code=good", "code=good", "state=&code=", "error=access_denied&state=x"]
)
def test_an_answer_that_nobody_asked_for_changes_nothing(ana, portunus, provider, answer):
    ana.post("/channels/mailbox/consent", GMAIL)
    said = ana.get(f"/channels/consent/finish?{answer}")
    assert said.status_code in (403, 422)
    assert 'role="alert"' in said.text
    assert (provider.asked, has(portunus, "refresh_token")) == ([], False)


def test_another_administrator_cannot_answer_in_her_place(ana, portunus, provider, signed_in):
    asked = question(ana.post("/channels/mailbox/consent", GMAIL).text)
    with portunus.unit(system("test")) as work:
        otto = make.user(work, make.organization(work, "Other Dental"), "Otto Reyes", role="admin")
    answer = f"/channels/consent/finish?state={asked['state']}&code=good"
    assert signed_in(otto).get(answer).status_code == 403
    assert not has(portunus, "refresh_token")
    assert ana.get(answer).status_code == 303


def test_an_answer_that_comes_too_late_is_refused(ana, portunus, provider, clock):
    asked = question(ana.post("/channels/mailbox/consent", GMAIL).text)
    clock.advance(minutes=11)
    assert ana.get(f"/channels/consent/finish?state={asked['state']}&code=good").status_code == 403
    assert provider.asked == []


def test_asked_again_the_question_before_no_longer_counts(ana, portunus, provider):
    first = question(ana.post("/channels/mailbox/consent", GMAIL).text)
    second = question(ana.post(f"/channels/{row(portunus).id}/consent").text)
    assert ana.get(f"/channels/consent/finish?state={first['state']}&code=good").status_code == 403
    assert ana.get(f"/channels/consent/finish?state={second['state']}&code=good").status_code == 303


def test_access_for_an_hour_only_is_not_enough(ana, portunus, provider):
    provider.gives = Token("at-1", 3600, None)
    asked = question(ana.post("/channels/mailbox/consent", GMAIL).text)
    said = ana.get(f"/channels/consent/finish?state={asked['state']}&code=good")
    assert (said.status_code, "no refresh token" in said.text) == (403, True)
    assert not has(portunus, "refresh_token")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"provider": "pigeon"}, "Choose whose mailbox"),
        ({"client_id": ""}, "client id"),
        ({"provider": "microsoft", "tenant": "../x"}, "directory (tenant)"),
        ({"provider": "other", "host": "imap.x.test"}, "begin with https://"),
        ({"provider": "other", "host": "imap.x.test", "authorize_url": "https://a.test/o", "token_url": "http://a.test/t"}, "https://"),
        ({"provider": "other", "host": "imap.x.test", "authorize_url": "javascript:alert(1)", "token_url": "https://a.test/t"}, "https://"),
        ({"address": "nobody"}, "one e-mail address"),
    ],
)  # fmt: skip
def test_a_mailbox_that_cannot_work_is_refused_with_words(ana, portunus, provider, wrong, words):
    answer = ana.post("/channels/mailbox/consent", GMAIL | wrong)
    assert (answer.status_code, words in answer.text) == (422, True)
    with portunus.reading(system("test")) as work:
        assert work.db.scalars(select(DeliveryEndpoint)).all() == []


def test_the_page_where_the_provider_sends_her_is_open_to_all_and_does_nothing(visitor, provider):
    shown = visitor.get('/channels/consent/back?state="><script>&code=good')
    assert (shown.status_code, "<script>" in shown.text, provider.asked) == (200, False, [])


def test_a_mailbox_with_a_password_has_no_consent_to_give(ana, portunus):
    ana.post(
        "/channels/mailbox",
        {
            "name": "C",
            "address": "c@saguaro.test",
            "host": "imap.saguaro.test",
            "port": "993",
            "password": "Marble-3305",
        },
    )
    assert ana.post(f"/channels/{row(portunus).id}/consent").status_code == 409


def test_a_mistyped_client_id_is_put_right_and_the_owner_asked_again(ana, portunus, provider):
    asked = question(
        ana.post("/channels/mailbox/consent", GMAIL | {"provider": "microsoft", "tenant": "old.example"}).text
    )
    ana.get(f"/channels/consent/finish?state={asked['state']}&code=good")
    box = row(portunus)
    told = {"name": box.name, "address": box.address, "client_id": "client-2", "tenant": "new.example"}
    told |= {"host": box.settings["host"], "username": box.settings["username"], "folder": "INBOX"}
    assert ana.post(f"/channels/{box.id}", told).status_code == 303
    changed = row(portunus)
    assert (changed.settings["consent"]["client_id"], changed.health) == ("client-2", "unlinked")
    assert "/new.example/" in changed.settings["consent"]["token_url"]
    assert 'value="new.example"' in ana.get(f"/channels/{box.id}").text
    with portunus.reading(system("test")) as work:
        assert not portunus.vault.has(work, "delivery_endpoint", box.id, "refresh_token")
