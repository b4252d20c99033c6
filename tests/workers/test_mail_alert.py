"""An alert leaves by the office's own mail server, once; without one it stays on the pages."""

from email import message_from_bytes

import pytest
from aiosmtpd.controller import Controller

from broker.base.actor import system
from broker.scripts.models import ScriptAlert
from broker.wiring import Portunus
from tests.broker.scripts.test_alerts import Desk
from tests.demos import free_port
from workers import mail_alert


class Relay:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.taken = []

    async def handle_DATA(self, server, session, envelope) -> str:
        self.taken.append(message_from_bytes(envelope.content))
        return "250 OK"


@pytest.fixture
def relay(portunus: Portunus):
    kept = Relay()
    control = Controller(kept, hostname="127.0.0.1", port=free_port())
    control.start()
    portunus.settings = portunus.settings.model_copy(update={"mail_relay": f"127.0.0.1:{control.port}"})
    yield kept
    control.stop()


def raised(desk: Desk) -> str:
    ((_, alert_id),) = desk.run("unrecognised")
    return alert_id


def sent(portunus: Portunus, alert_id: str) -> bool:
    with portunus.reading(system("test")) as work:
        return work.db.get_one(ScriptAlert, alert_id).sent_at is not None


def test_the_owner_gets_one_mail_with_the_step_and_the_way_to_the_run(portunus: Portunus, relay: Relay) -> None:
    desk = Desk(portunus)
    alert_id = raised(desk)
    for _ in range(3):
        mail_alert.look(portunus, alert_id)
    (mail,) = relay.taken
    text = mail.get_payload()
    assert mail["To"] == desk.mira.email
    assert "Step 2, submit_login" in text
    assert "#signin-button" not in text, "a script's own words stay in the house"
    assert f"{portunus.settings.public_url}/script-runs/run_" in text.replace("=\r\n", "").replace("=\n", "")


def test_a_relay_that_is_away_is_tried_again(portunus: Portunus) -> None:
    portunus.settings = portunus.settings.model_copy(update={"mail_relay": f"127.0.0.1:{free_port()}"})
    alert_id = raised(Desk(portunus))
    mail_alert.look(portunus, alert_id)
    assert not sent(portunus, alert_id)


def test_without_a_relay_nothing_is_claimed(portunus: Portunus) -> None:
    alert_id = raised(Desk(portunus))
    mail_alert.look(portunus, alert_id)
    assert not sent(portunus, alert_id)
