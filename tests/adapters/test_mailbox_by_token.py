"""A mailbox by XOAUTH2, against a real Dovecot and the lab's server: tokens that are good, that ended, that are another's."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from broker.adapters.imap_mailbox import ImapMailbox
from broker.adapters.oauth_tokens import OAuthTokens
from broker.base.errors import Refused
from broker.ports.mailbox import MailboxAddress
from broker.ports.tokens import Client
from carrier_scripts.lab.founding import MAILBOX
from tests.labs import RunningLab, running_lab
from tests.thirdparty import mail as dovecot


@dataclass
class Server:
    """A mail server that takes tokens of the lab's sign-in service."""

    lab: RunningLab
    port: int

    def client(self) -> Client:
        told = self.lab.mailbox["consent"]
        return Client(told["token_url"], told["client_id"], told["client_secret"])

    def token(self) -> str:
        """What the provider gives for a consent."""
        return OAuthTokens().refresh(self.client(), self.lab.agree()).access

    def open(self, token: str, username: str = MAILBOX) -> ImapMailbox:
        place = MailboxAddress("127.0.0.1", self.port, tls=False, username=username, secret=token, by_token=True)
        return ImapMailbox(place)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    with running_lab(Path(tmp_path_factory.mktemp("lab"))) as running:
        yield running


@pytest.fixture(scope="module")
def real(lab: RunningLab) -> Iterator[int]:
    if not dovecot.present():
        pytest.skip("no Dovecot on this machine")
    with dovecot.office(MAILBOX, introspect=lab.facts["control"] + "/oauth/introspect") as office:
        yield office.imap_port


@pytest.fixture(params=["lab", "dovecot"])
def server(request: pytest.FixtureRequest, lab: RunningLab) -> Server:
    port = request.getfixturevalue("real") if request.param == "dovecot" else lab.mailbox["port"]
    return Server(lab, port)


def test_a_good_token_opens_the_mailbox(server: Server) -> None:
    mailbox = server.open(server.token())
    assert mailbox.baseline()[1] >= 1
    mailbox.close()


def test_a_token_that_ended_is_told_without_being_shown(server: Server) -> None:
    token = server.token()
    server.lab.expire_tokens()
    with pytest.raises(Refused, match="does not take the permission") as refused:
        server.open(token)
    assert refused.value.code == "mailbox-token"
    assert token not in str(refused.value)


def test_a_token_opens_no_other_mailbox(server: Server) -> None:
    with pytest.raises(Refused):
        server.open(server.token(), username="someone.else@lab.test")


def test_a_withdrawn_consent_gives_no_token(server: Server) -> None:
    consent = server.lab.agree()
    server.lab.revoke_consent()
    with pytest.raises(Refused, match="permission to read this mailbox has ended") as refused:
        OAuthTokens().refresh(server.client(), consent)
    assert refused.value.code == "mailbox-consent"


def test_a_refresh_token_is_replaced_by_its_use(server: Server) -> None:
    consent = server.lab.agree()
    token = OAuthTokens().refresh(server.client(), consent)
    assert token.refresh not in (None, consent)
    with pytest.raises(Refused):
        OAuthTokens().refresh(server.client(), consent)


def test_a_wrong_client_secret_is_another_sentence(server: Server) -> None:
    told = server.client()
    with pytest.raises(Refused, match="client id and secret") as refused:
        OAuthTokens().refresh(Client(told.token_url, told.client_id, "wrong"), server.lab.agree())
    assert refused.value.code == "mailbox-client"
