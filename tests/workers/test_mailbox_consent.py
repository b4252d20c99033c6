"""The watch over a mailbox that is read by consent, against the lab: renewed by itself, and said when the consent has ended."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.base.actor import system
from broker.base.errors import Refused
from broker.codes import consent
from broker.codes.reader import MailReader
from broker.directory.models import DeliveryEndpoint
from broker.wiring import Portunus
from carrier_scripts.lab.founding import MAILBOX
from tests import factories as make
from tests.labs import RunningLab, running_lab
from workers.mailbox import Dials, Watch
from workers.mailwatch import _mailboxes

TEST = system("test")


class Scene:
    """One mailbox at the lab's mail server, agreed to."""

    def __init__(self, portunus: Portunus, lab: RunningLab) -> None:
        self.portunus, self.lab = portunus, lab
        told = lab.mailbox["consent"]
        agreed = consent.settings("other", {**told, "scope": "mail"})
        with portunus.unit(TEST) as work:
            org = make.organization(work)
            place = {"host": "127.0.0.1", "port": lab.mailbox["port"], "tls": False, "username": MAILBOX}
            self.id = make.endpoint(work, org, settings=place | {"consent": agreed}).id
            self.organization_id = org.id
        self.keep("client_secret", told["client_secret"])
        self.watch = Watch(portunus, self.id, MailReader(), threading.Event(), Dials(1))

    def keep(self, field: str, value: str) -> None:
        with self.portunus.unit(TEST) as work:
            self.portunus.vault.put(work, self.organization_id, "delivery_endpoint", self.id, field, value.encode())

    def agree(self) -> None:
        self.keep("refresh_token", self.lab.agree())

    def marks(self) -> str:
        with self.portunus.reading(TEST) as work:
            return _mailboxes(work)[self.id]

    def connect(self) -> None:
        self.watch._connect().close()

    def refreshes(self) -> int:
        return int(self.lab.control.get("/oauth/refreshes").json())

    def health(self) -> tuple[str, str]:
        with self.portunus.reading(TEST) as work:
            row = work.db.get_one(DeliveryEndpoint, self.id)
            return row.health, row.health_words or ""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    with running_lab(Path(tmp_path_factory.mktemp("lab"))) as running:
        yield running


@pytest.fixture
def scene(portunus: Portunus, lab: RunningLab) -> Scene:
    return Scene(portunus, lab)


def test_one_token_serves_many_connections(scene: Scene) -> None:
    scene.agree()
    before = scene.refreshes()
    for _ in range(3):
        scene.connect()
    assert scene.refreshes() - before == 1


def test_a_token_that_the_server_forgot_is_renewed_at_once(scene: Scene) -> None:
    scene.agree()
    scene.connect()
    scene.lab.expire_tokens()
    before = scene.refreshes()
    scene.connect()  # with the refresh token that came with the first: the provider replaces it each time
    assert scene.refreshes() - before == 1


def test_a_replaced_refresh_token_does_not_reconnect_the_mailbox(scene: Scene) -> None:
    scene.agree()
    before = scene.marks()
    scene.connect()
    assert scene.marks() == before
    scene.agree()  # an administrator's own act does
    assert scene.marks() != before


def test_a_withdrawn_consent_is_said_and_the_provider_left_alone(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.agree()
    scene.connect()
    scene.lab.revoke_consent()
    rests: list[float] = []

    def rest(seconds: float) -> None:
        rests.append(seconds)
        scene.watch._stopping.set()

    monkeypatch.setattr(scene.watch, "_rest", rest)
    scene.watch.run()
    state, words = scene.health()
    assert state == "unlinked"
    assert "Give it again on this channel's page" in words
    assert rests == [15 * 60.0]


def test_a_mailbox_nobody_agreed_to_says_so(scene: Scene) -> None:
    with pytest.raises(Refused, match="Nobody has given Portunus the permission") as refused:
        scene.connect()
    assert refused.value.code == "mailbox-consent"


def test_a_consent_for_another_mailbox_is_told_apart_from_none(scene: Scene) -> None:
    scene.agree()
    with scene.portunus.unit(TEST) as work:
        row = work.db.get_one(DeliveryEndpoint, scene.id)
        row.settings = {**row.settings, "username": "someone.else@lab.test"}
    with pytest.raises(Refused, match=r"for someone\.else@lab\.test") as refused:
        scene.connect()
    assert refused.value.code == "mailbox-token"
