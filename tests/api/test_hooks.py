"""Text messages by webhook: only the provider's own signature opens it, and a forger learns nothing."""

import asyncio
import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, func, select
from standardwebhooks import Webhook
from starlette.datastructures import QueryParams
from starlette.testclient import TestClient
from twilio.request_validator import RequestValidator

from api import sms_gate
from api.routes import hooks
from api.routes.hooks import TWILIO
from broker.audit.acts import Act
from broker.audit.models import AuditEntry
from broker.base.actor import system
from broker.codes import service as codes
from broker.codes.models import CodeMessage
from broker.directory.models import DeliveryEndpoint, Organization
from broker.wiring import Portunus
from tests import factories as make
from tests.api.conftest import ADDRESS
from tests.conftest import acting

SECRET = "whsec_" + base64.b64encode(b"a secret of this test, 32 bytes!").decode()
NUMBER = "+16025550142"
PATH = "/hooks/sms/16025550142"


@pytest.fixture
def phone(portunus: Portunus) -> str:
    with portunus.unit(system("test")) as work:
        org = make.organization(work)
        row = DeliveryEndpoint(
            id="end_phone",
            organization_id=org.id,
            kind="phone",
            name="Office phone",
            address=NUMBER,
            settings={},
            cursor={},
            health="up",
            health_at=None,
            health_words=None,
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


FORM = {"MessageSid": "SM1", "From": "+18005550100", "To": NUMBER, "Body": "Your code is 482913"}


def test_a_forged_twilio_signature_with_letters_beyond_ascii_is_refused_like_any_other(phone, visitor, portunus):
    answer = visitor.client.post(PATH, data=FORM, headers={"x-twilio-signature": b"\xe9\xff"})
    assert answer.status_code == 401
    assert kept(portunus) == []


def test_twilios_own_signature_is_accepted(phone, visitor, portunus):
    answer = visitor.client.post(PATH, data=FORM, headers={"x-twilio-signature": twilio(portunus, FORM)})
    assert answer.status_code == 204
    assert [row.external_id for row in kept(portunus)] == ["SM1"]
    with portunus.reading(system("test")) as work:
        assert work.db.get_one(DeliveryEndpoint, phone).health == "up"


@pytest.mark.parametrize("way", ["twilio", "standard", "gateway"])
def test_a_message_to_another_number_is_not_this_ones_though_its_key_is_the_same(phone, visitor, portunus, way):
    """One Twilio account has one key for all its numbers: the wrong address pasted must not feed one's codes to another."""
    other = "+16025559999"
    match way:
        case "twilio":
            form = FORM | {"To": other}
            answer = visitor.client.post(PATH, data=form, headers={TWILIO: twilio(portunus, form)})
        case "standard":
            body = json.dumps({"from": "22395", "text": "Your code is 482913", "to": other}).encode()
            answer = visitor.client.post(PATH, content=body, headers=standard(body))
        case _:
            answer = visitor.client.post(PATH, **from_an_app(portunus, recipient=other))
    assert (answer.status_code, kept(portunus)) == (422, [])
    with portunus.reading(system("test")) as work:
        assert "another number" in (work.db.get_one(DeliveryEndpoint, phone).health_words or "")


def test_a_twilio_form_without_its_number_is_no_text_message(phone, visitor, portunus):
    form = {name: value for name, value in FORM.items() if name != "To"}
    answer = visitor.client.post(PATH, data=form, headers={TWILIO: twilio(portunus, form)})
    assert (answer.status_code, kept(portunus)) == (401, [])


@pytest.mark.parametrize(("minutes", "verdict"), [(0, "matched"), (60, "late")])
def test_a_message_that_the_telephone_held_back_is_an_older_code(phone, visitor, portunus, minutes, verdict):
    with portunus.unit(system("test")) as work:
        row = work.db.get_one(DeliveryEndpoint, phone)
        place = make.location(work, work.db.get_one(Organization, row.organization_id))
        account = make.account(
            work, make.portal(work), [place], channel="sms", endpoint=row, template={"senders": ["22395"]}
        )
        maria = acting(make.user(work, work.db.get_one(Organization, row.organization_id)))
        codes.expect(work, attempt_id="att_1", account=account, location=place, requester=maria, life_s=600)
    had = (portunus.clock.now() - timedelta(minutes=minutes)).astimezone(timezone(timedelta(hours=-7)))
    answer = visitor.client.post(PATH, **from_an_app(portunus, receivedAt=had.isoformat(timespec="milliseconds")))
    assert answer.status_code == 204
    assert [row.verdict for row in kept(portunus)] == [verdict]


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


def standard(
    body: bytes, message_id: str = "sms_1", secret: str = SECRET, at: datetime | None = None
) -> dict[str, str]:
    at = at or datetime.now(UTC)  # the library checks the signature's age against the machine's clock
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(message_id, at, body.decode()),
    }


MESSAGE = json.dumps({"from": "+18005550100", "text": "Your code is 482913"}).encode()


def releases(portunus: Portunus) -> int:
    with portunus.reading(system("test")) as work:
        return work.db.scalar(select(func.count()).where(AuditEntry.act == Act.SECRET_RELEASED.value))


def set_secret(portunus: Portunus, endpoint_id: str, secret: bytes) -> None:
    with portunus.unit(system("test")) as work:
        row = work.db.get_one(DeliveryEndpoint, endpoint_id)
        portunus.vault.put(work, row.organization_id, "delivery_endpoint", row.id, "webhook_secret", secret)


def test_a_standard_message_counts_once_by_its_signed_id(phone, visitor, portunus):
    for _ in range(2):
        assert visitor.client.post(PATH, content=MESSAGE, headers=standard(MESSAGE)).status_code == 204
    assert [row.external_id for row in kept(portunus)] == ["sms_1"]


def test_an_id_inside_the_body_cannot_hide_another_message(phone, visitor, portunus):
    body = json.dumps({"id": "sms_1", "from": "+18005550100", "text": "Your code is 111111"}).encode()
    visitor.client.post(PATH, content=MESSAGE, headers=standard(MESSAGE))
    visitor.client.post(PATH, content=body, headers=standard(body, "sms_2"))
    assert [row.external_id for row in kept(portunus)] == ["sms_1", "sms_2"]


def test_an_hour_old_signature_is_refused(phone, visitor, portunus):
    old = standard(MESSAGE, at=datetime.now(UTC) - timedelta(hours=1))
    assert visitor.client.post(PATH, content=MESSAGE, headers=old).status_code == 401
    assert kept(portunus) == []


def test_forged_posts_leave_no_audit_entry_and_a_genuine_one_leaves_one(phone, visitor, portunus):
    forged = standard(MESSAGE) | {"webhook-signature": "v1,AAAA"}
    for _ in range(3):
        assert visitor.client.post(PATH, content=MESSAGE, headers=forged).status_code == 401
    assert releases(portunus) == 0
    visitor.client.post(PATH, content=MESSAGE, headers=standard(MESSAGE))
    assert releases(portunus) == 1


def forged(number: int) -> dict[str, str]:
    return standard(MESSAGE, f"forged_{number}") | {"webhook-signature": "v1,AAAA"}


def statements(portunus: Portunus) -> list[str]:
    """Every statement from here on."""
    said: list[str] = []
    event.listen(portunus.engine, "before_cursor_execute", lambda *told: said.append(told[2]))
    return said


def test_a_flood_of_forged_posts_costs_the_database_nothing_and_a_genuine_one_passes(phone, visitor, portunus):
    visitor.client.post(PATH, content=MESSAGE, headers=standard(MESSAGE))
    for number in range(40):
        assert visitor.client.post(PATH, content=MESSAGE, headers=forged(number)).status_code == 401
    said = statements(portunus)
    for number in range(40):
        visitor.client.post(PATH, content=MESSAGE, headers=forged(number))
        visitor.client.post(f"/hooks/sms/1602555{number:04}", content=MESSAGE, headers=forged(number))
    keys_were_read = sum("delivery_endpoint.kind" in one for one in said)
    assert keys_were_read <= 5
    assert not any(one.startswith(("INSERT", "UPDATE", "DELETE")) for one in said)
    assert visitor.client.post(PATH, content=MESSAGE, headers=standard(MESSAGE, "sms_2")).status_code == 204


def test_a_new_key_counts_at_once_and_the_old_one_no_longer(phone, visitor, portunus):
    new = "whsec_" + base64.b64encode(b"another secret of this test, 32!").decode()
    assert visitor.client.post(PATH, content=MESSAGE, headers=standard(MESSAGE)).status_code == 204
    set_secret(portunus, phone, new.encode())
    assert visitor.client.post(PATH, content=MESSAGE, headers=standard(MESSAGE, "sms_2", new)).status_code == 204
    assert visitor.client.post(PATH, content=MESSAGE, headers=standard(MESSAGE, "sms_3")).status_code == 401


def test_a_replayed_post_is_answered_without_the_database(phone, app, portunus):
    headers, client = standard(MESSAGE), TestClient(app, base_url=ADDRESS)
    client.post(PATH, content=MESSAGE, headers=headers)
    said = statements(portunus)
    assert client.post(PATH, content=MESSAGE, headers=headers).status_code == 204
    assert said == []


def text(portunus: Portunus, number: int, sender: str) -> tuple[bytes, dict[str, str]]:
    body = json.dumps({"from": sender, "text": f"Your code is {480000 + number}"}).encode()
    return body, standard(body, f"sms_{sender}_{number}")


def test_one_writer_who_floods_a_telephone_is_stopped_alone(phone, visitor, portunus, clock, monkeypatch):
    monkeypatch.setattr(hooks, "PER_SENDER", 2)

    def posted(number: int, sender: str) -> int:
        body, headers = text(portunus, number, sender)
        return visitor.client.post(PATH, content=body, headers=headers).status_code

    assert [posted(number, "+16025550177") for number in range(3)] == [204, 204, 429]
    assert posted(0, "+18005550100") == 204
    clock.advance(seconds=61)
    assert posted(9, "+16025550177") == 204


def test_many_writers_together_do_not_take_the_turn_of_a_sender_that_is_waited_for(
    phone, visitor, portunus, monkeypatch
):
    monkeypatch.setattr(hooks, "PER_NUMBER", 2)
    monkeypatch.setattr(hooks.codes, "expects", lambda work, endpoint_id, sender: sender == "+18005550100")
    statuses = []
    for number, sender in enumerate(("+16025550171", "+16025550172", "+16025550173", "+18005550100")):
        body, headers = text(portunus, number, sender)
        statuses.append(visitor.client.post(PATH, content=body, headers=headers).status_code)
    assert statuses == [204, 204, 429, 204]


def test_a_long_body_is_refused(phone, visitor):
    assert visitor.client.post(PATH, content=b"x" * (hooks.BODY_BYTES + 1)).status_code == 401


def test_reading_stops_at_the_limit():
    given = 0

    async def receive():
        nonlocal given
        given += 1
        return {"type": "http.request", "body": b"x" * 4096, "more_body": True}

    assert asyncio.run(sms_gate.bounded(receive)) is None
    assert given == hooks.BODY_BYTES // 4096 + 1


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"--x\r\nbroken", "multipart/form-data; boundary=x"),
        (b"", "multipart/form-data"),
        (b"\xff\xfe=1", "application/x-www-form-urlencoded"),
        (b"%ff=1", "application/x-www-form-urlencoded"),
        (b"&".join(b"a=1" for _ in range(300)), "application/x-www-form-urlencoded"),
    ],
)
def test_a_malformed_form_is_refused_like_a_forged_one(phone, visitor, body, kind):
    answer = visitor.client.post(PATH, content=body, headers={TWILIO: "AAAA", "content-type": kind})
    assert (answer.status_code, answer.content) == (401, b"")


@pytest.mark.parametrize("secret", [b"", b"whsec_", b"short", b"whsec_!!!not base64 at all!!!", b"\xff" * 40])
def test_an_unusable_secret_opens_to_nobody(phone, visitor, portunus, secret):
    set_secret(portunus, phone, secret)
    empty = base64.b64encode(hmac.digest(b"", (portunus.settings.public_url + PATH).encode(), hashlib.sha1)).decode()
    assert visitor.client.post(PATH, data=FORM, headers={TWILIO: empty}).status_code == 401
    assert visitor.client.post(PATH, content=MESSAGE, headers=standard(MESSAGE)).status_code == 401
    assert kept(portunus) == []


@pytest.mark.parametrize(
    "body",
    [b"[]", b"null", b'{"text": "no sender"}', b"\xff", b"[" * 9000],
    ids=["list", "null", "part", "bytes", "deep"],
)
def test_a_signed_post_that_is_no_text_message_is_refused(phone, visitor, portunus, body):
    stamp = str(int(datetime.now(UTC).timestamp()))
    said = b".".join((b"m1", stamp.encode(), body))
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    signature = "v1," + base64.b64encode(hmac.digest(key, said, "sha256")).decode()
    headers = {"webhook-id": "m1", "webhook-timestamp": stamp, "webhook-signature": signature}
    assert visitor.client.post(PATH, content=body, headers=headers).status_code == 401
    assert kept(portunus) == []


TOKEN = "12345678901234567890123456789012"
FIELD = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)


@given(form=st.dictionaries(FIELD, st.lists(FIELD, min_size=1, max_size=3), min_size=1, max_size=6))
def test_signatures_agree_with_twilios_own_library(form):
    """Oracle: twilio's RequestValidator, which Twilio's customers are told to use."""
    url = "https://portunus.example.test/hooks/sms/16025550142"
    body = urlencode(form, doseq=True).encode()
    fields = QueryParams(body.decode())
    theirs = RequestValidator(TOKEN).compute_signature(url, fields)
    assert hooks.signed(hooks.Post("1", {TWILIO: theirs}, body), TOKEN, url)
    assert not hooks.signed(hooks.Post("1", {TWILIO: theirs}, body + b"&more=1"), TOKEN, url)


GATEWAY_KEY = "a key of the app, long enough"
RECEIVED = json.dumps(
    {
        "event": "sms:received",
        "payload": {"messageId": "abc", "message": "Your code is 482913", "phoneNumber": "22395", "simNumber": 1},
    }
).encode()


def gateway(portunus: Portunus, body: bytes = RECEIVED, *, ago: int = 0, key: str = GATEWAY_KEY) -> dict[str, str]:
    stamp = str(int(portunus.clock.now().timestamp()) - ago)
    return {"x-timestamp": stamp, "x-signature": hmac.digest(key.encode(), body + stamp.encode(), "sha256").hex()}


def from_an_app(portunus: Portunus, **payload: str) -> dict:
    set_secret(portunus, "end_phone", GATEWAY_KEY.encode())
    told = {"messageId": "abc", "message": "Your code is 482913", "phoneNumber": "22395", **payload}
    body = json.dumps({"event": "sms:received", "payload": told}).encode()
    return {"content": body, "headers": gateway(portunus, body)}


def test_the_android_apps_signature_is_accepted_and_a_repeated_post_counts_once(phone, visitor, portunus):
    set_secret(portunus, phone, GATEWAY_KEY.encode())
    for _ in range(2):
        assert visitor.client.post(PATH, content=RECEIVED, headers=gateway(portunus)).status_code == 204
    (row,) = kept(portunus)
    assert row.sender == "22395"


@pytest.mark.parametrize(
    "change",
    [{"ago": 400}, {"ago": -400}, {"key": "another key of the same length"}],
    ids=["old", "from the future", "forged"],
)
def test_an_old_or_forged_post_of_the_app_is_refused(phone, visitor, portunus, change):
    set_secret(portunus, phone, GATEWAY_KEY.encode())
    assert visitor.client.post(PATH, content=RECEIVED, headers=gateway(portunus, **change)).status_code == 401
    assert kept(portunus) == []


@pytest.mark.parametrize("stamp", ["", "x", "-1", "9" * 40, "\u0661"])
def test_a_timestamp_that_is_none_is_refused(phone, visitor, portunus, stamp):
    set_secret(portunus, phone, GATEWAY_KEY.encode())
    headers = gateway(portunus) | {"x-timestamp": stamp.encode()}
    assert visitor.client.post(PATH, content=RECEIVED, headers=headers).status_code == 401
