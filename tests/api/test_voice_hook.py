"""Calls by webhook: what a provider wrote down, what it only recorded, and posts that nobody signed."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from standardwebhooks import Webhook

from broker.base.actor import system
from broker.codes import service as codes
from broker.codes.models import CodeMessage, CodeRequest
from broker.directory.models import DeliveryEndpoint
from broker.wiring import Portunus
from tests import factories as make
from tests.conftest import acting

SECRET = "whsec_" + base64.b64encode(b"a secret of this test, 32 bytes!").decode()
PATH = "/hooks/voice/16025550144"
SAID = "Hello. Your Union Summit code is four, eight, two, nine, one, three. Once more: four, eight, two, nine, one, three."


@pytest.fixture
def request_id(portunus: Portunus) -> str:
    """A sign-in that waits for a call."""
    with portunus.unit(system("test")) as work:
        org = make.organization(work)
        place = make.location(work, org)
        phone = make.endpoint(work, org, "phone", "+16025550144")
        portunus.vault.put(work, org.id, "delivery_endpoint", phone.id, "webhook_secret", SECRET.encode())
        account = make.account(
            work, make.portal(work), [place], channel="voice", endpoint=phone, template={"pattern": r"\d{6}"}
        )
        maria = acting(make.user(work, org))
        row = codes.expect(work, attempt_id="att_1", account=account, location=place, requester=maria, life_s=600)
        assert row is not None
        codes.waiting(work, row.id)
        return row.id


def standard(**told: str) -> dict:
    body, now = json.dumps(told).encode(), datetime.now(UTC)
    signature = Webhook(SECRET).sign("call_1", now, body.decode())
    return {
        "content": body,
        "headers": {
            "webhook-id": "call_1",
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": signature,
        },
    }


def twilio(portunus: Portunus, form: dict[str, str]) -> dict:
    said = portunus.settings.public_url + PATH + "".join(f"{name}{form[name]}" for name in sorted(form))
    signature = base64.b64encode(hmac.digest(SECRET.encode(), said.encode(), hashlib.sha1)).decode()
    return {"data": form, "headers": {"x-twilio-signature": signature}}


def state(portunus: Portunus, request_id: str) -> str:
    with portunus.reading(system("test")) as work:
        return work.db.get_one(CodeRequest, request_id).state


def message(portunus: Portunus) -> CodeMessage | None:
    with portunus.reading(system("test")) as work:
        return work.db.scalars(select(CodeMessage)).one_or_none()


def value(portunus: Portunus, request_id: str) -> str | None:
    with portunus.unit(system("browserhost")) as work:
        return codes.take(work, portunus.vault, request_id, "att_1").code


def test_a_code_that_was_read_out_is_used(visitor, portunus, request_id):
    call = standard(transcript=SAID, **{"from": "+18775550170"})
    assert visitor.client.post(PATH, **call).status_code == 204
    assert value(portunus, request_id) == "482913"
    assert message(portunus).channel == "voice"
    with portunus.reading(system("test")) as work:
        assert (
            work.db.scalars(select(DeliveryEndpoint.health_words)).one() == "Its last call came, signed as it must be."
        )


def test_twilios_transcription_is_used(visitor, portunus, request_id):
    form = {
        "TranscriptionSid": "TR1",
        "TranscriptionText": SAID,
        "TranscriptionStatus": "completed",
        "RecordingSid": "RE1",
        "CallSid": "CA1",
        "From": "+18775550170",
        "To": "+16025550144",
    }
    assert visitor.client.post(PATH, **twilio(portunus, form)).status_code == 204
    assert value(portunus, request_id) == "482913"


def test_a_call_to_another_number_is_not_this_ones(visitor, portunus, request_id):
    call = standard(transcript=SAID, to="+16025559999", **{"from": "+18775550170"})
    assert visitor.client.post(PATH, **call).status_code == 422
    assert (message(portunus), state(portunus, request_id)) == (None, "waiting")


def test_a_call_that_was_only_recorded_is_left_to_a_person(visitor, portunus, request_id):
    form = {
        "RecordingSid": "RE1",
        "RecordingUrl": "https://api.twilio.test/RE1",
        "RecordingDuration": "21",
        "CallSid": "CA1",
    }
    assert visitor.client.post(PATH, **twilio(portunus, form)).status_code == 204
    kept = message(portunus)
    assert (kept.verdict, "listen to it" in kept.why, state(portunus, request_id)) == ("unreadable", True, "waiting")


def test_the_same_call_twice_counts_once(visitor, portunus, request_id):
    call = standard(transcript=SAID, **{"from": "+18775550170"})
    assert [visitor.client.post(PATH, **call).status_code for _ in range(2)] == [204, 204]
    assert message(portunus) is not None


@pytest.mark.parametrize(
    "change",
    [
        {"headers": {}},
        {"content": b'{"from": "+1", "transcript": "one two three four five six"}'},
        {"headers": {"x-twilio-signature": "AAAA"}},
        {"headers": {"x-signature": "00", "x-timestamp": "1"}},
    ],
)
def test_a_call_that_the_provider_did_not_sign_is_nothing(visitor, portunus, request_id, change):
    call = standard(transcript=SAID, **{"from": "+18775550170"}) | change
    assert visitor.client.post(PATH, **call).status_code == 401
    assert (message(portunus), state(portunus, request_id)) == (None, "waiting")


def test_a_signature_for_text_messages_does_not_open_the_door_for_calls(visitor, portunus, request_id):
    form = {"MessageSid": "SM1", "From": "+18775550170", "To": "+16025550144", "Body": "Your code is 482913"}
    signed = twilio(portunus, form)
    assert visitor.client.post("/hooks/sms/16025550144", **signed).status_code == 401
    assert visitor.client.post(PATH, **signed).status_code == 401  # no call
    assert message(portunus) is None


@pytest.mark.parametrize("body", ["[]", "{}", '{"from": "+1"}', '{"from": "+1", "transcript": ""}', "x"])
def test_a_signed_post_that_is_no_call_is_refused(visitor, portunus, request_id, body):
    now = datetime.now(UTC)
    headers = {
        "webhook-id": "call_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(SECRET).sign("call_1", now, body),
    }
    assert visitor.client.post(PATH, content=body.encode(), headers=headers).status_code == 401
