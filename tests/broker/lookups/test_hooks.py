"""Webhooks: signed, without patients, tried again, ended by 410."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from standardwebhooks.webhooks import Webhook

from broker.base.errors import Incomplete, Refused
from broker.directory.models import Organization
from broker.lookups import hooks
from broker.lookups import service as lookups
from broker.lookups.models import WebhookDelivery
from portunus_client import verify_webhook
from tests import factories
from tests.broker.lookups.conftest import Office
from tests.conftest import acting

BOTH_DATABASES = True


def subscribed(office: Office, url: str = "https://rcm.example/hook") -> str:
    with office.portunus.unit(office.actor) as work:
        return hooks.subscribe(work, office.portunus.vault, url)[1]


def due(office: Office) -> list[str]:
    with office.portunus.unit(lookups.HOLDER) as work:
        return hooks.due(work)


def taken(office: Office, message_id: str) -> hooks.Message | None:
    with office.portunus.unit(lookups.HOLDER) as work:
        return hooks.claim(work, office.portunus.vault, message_id)


def test_the_end_of_a_lookup_is_told_once_signed_and_without_the_patient(office: Office) -> None:
    secret = subscribed(office)
    asked = office.ask()
    office.sign_in()
    office.answer(office.next(office.turn()))
    (message_id,) = due(office)
    message = taken(office, message_id)
    assert taken(office, message_id) is None
    assert (message.secret, message.url) == (secret, "https://rcm.example/hook")
    assert asked.id in message.body
    assert "HD100042731" not in message.body
    now = datetime.now(UTC)
    headers = {
        "webhook-id": message.id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(message.id, now, message.body),
    }
    assert verify_webhook(secret, headers, message.body.encode())["type"] == "lookup.done"
    with pytest.raises(ValueError, match="not signed"):
        verify_webhook(secret, headers, message.body.replace("done", "gone").encode())


def test_what_is_not_taken_is_tried_again_later_and_410_ends_it(office: Office, clock) -> None:
    subscribed(office)
    with office.portunus.unit(lookups.HOLDER) as work:
        hooks.tell(work, office.account.organization_id, "lookup.done", "lkp_1")
    (message_id,) = due(office)
    for status in (None, 500):
        assert taken(office, message_id) is not None
        with office.portunus.unit(lookups.HOLDER) as work:
            hooks.answered(work, message_id, status)
        assert due(office) == []
        clock.advance(seconds=60)
        assert due(office) == [message_id]
    taken(office, message_id)
    with office.portunus.unit(lookups.HOLDER) as work:
        hooks.answered(work, message_id, 410)
        assert work.db.scalar(select(WebhookDelivery.state)) == "given_up"
    with office.portunus.unit(office.actor) as work:
        assert hooks.of_organization(work) == []


@pytest.mark.parametrize(
    "url", ["http://rcm.example/hook", "ftp://x/y", "https://user:pw@x/y", "https:///x", "javascript:alert(1)"]
)
def test_only_https_addresses_are_told(office: Office, url: str) -> None:
    with pytest.raises(Incomplete):
        subscribed(office, url)


def test_who_may_ask_at_one_location_only_hears_nothing_of_the_others(office: Office) -> None:
    with office.portunus.unit(lookups.HOLDER) as work:
        org = work.db.get_one(Organization, office.account.organization_id)
        desk = factories.user(work, org, "Dan Whitfield", role="front_desk", locations=[work.db.merge(office.location)])
    subscribed(office)
    for act in (
        lambda work: hooks.subscribe(work, office.portunus.vault, "https://rcm.example/other"),
        hooks.of_organization,
        lambda work: hooks.unsubscribe(work, office.portunus.vault, "whk_1"),
    ):
        with pytest.raises(Refused, match="some locations only"), office.portunus.unit(acting(desk)) as work:
            act(work)
