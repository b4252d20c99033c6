"""Text messages by webhook: only the provider's own signature opens it, and a forger learns nothing."""

import base64
import hashlib
import hmac

import pytest
from sqlalchemy import select

from broker.base.actor import system
from broker.codes.models import CodeMessage
from broker.directory.models import DeliveryEndpoint
from broker.wiring import Portunus
from tests import factories as make

SECRET = "whsec_" + base64.b64encode(b"a secret of this test, 32 bytes!").decode()
NUMBER = "+16025550142"
PATH = "/hooks/sms/16025550142"


@pytest.fixture
def phone(portunus: Portunus) -> str:
    with portunus.unit(system("test")) as work:
        org = make.organization(work)
        row = DeliveryEndpoint(
            id="end_phone", organization_id=org.id, kind="phone", name="Office phone", address=NUMBER, settings={},
            cursor={}, health="up", health_at=None, health_words=None,
        )
        work.db.add(row)
        work.db.flush()
        portunus.vault.put(work, org.id, "delivery_endpoint", row.id, "webhook_secret", SECRET.encode())
    return "end_phone"


def twilio(portunus: Portunus, form: dict[str, str]) -> str:
    said = portunus.settings.public_url + PATH + "".join(f"{name}{form[name]}" for name in sorted(form))
    return base64.b64encode(hmac.digest(SECRET.encode(), said.encode(), hashlib.sha1)).decode()


def kept(portunus: Portunus) -> list[CodeMessage]:
    with portunus.reading(system("test")) as work:
        return list(work.db.scalars(select(CodeMessage)))


FORM = {"MessageSid": "SM1", "From": "+18005550100", "Body": "Your code is 482913"}


def test_a_forged_twilio_signature_with_letters_beyond_ascii_is_refused_like_any_other(phone, visitor, portunus):
    answer = visitor.client.post(PATH, data=FORM, headers={"x-twilio-signature": b"\xe9\xff"})
    assert answer.status_code == 401
    assert kept(portunus) == []


def test_twilios_own_signature_is_accepted(phone, visitor, portunus):
    answer = visitor.client.post(PATH, data=FORM, headers={"x-twilio-signature": twilio(portunus, FORM)})
    assert answer.status_code == 204
    assert [row.external_id for row in kept(portunus)] == ["SM1"]


def test_a_changed_twilio_form_is_refused(phone, visitor, portunus):
    answer = visitor.client.post(
        PATH, data=FORM | {"Body": "Your code is 000000"}, headers={"x-twilio-signature": twilio(portunus, FORM)}
    )
    assert answer.status_code == 401
    assert kept(portunus) == []


def test_an_unsigned_message_and_an_unknown_number_answer_alike(phone, visitor):
    unsigned = visitor.client.post(PATH, content=b"{}")
    unknown = visitor.client.post("/hooks/sms/16025559999", content=b"{}")
    assert (unsigned.status_code, unsigned.content) == (unknown.status_code, unknown.content) == (401, b"")
