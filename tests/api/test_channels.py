"""Setting up where codes arrive, from nothing: mailbox, telephone, authenticator, desk, and what the messages look like."""

import hashlib
import io
import json
import re

import pyotp
import pytest
import segno
from sqlalchemy import select

from broker.base.actor import system
from broker.codes import service as codes
from broker.codes import templates
from broker.codes.matching import Arrival
from broker.codes.models import CodeTemplate
from broker.directory.models import DeliveryEndpoint, MfaMethod, PortalAccount
from broker.vault.totp import DIGESTS, Seed
from broker.wiring import Portunus
from tests import factories as make

MAILBOX = {
    "name": "Codes",
    "address": "codes@saguaro.test",
    "host": "imap.saguaro.test",
    "port": "993",
    "password": "Marble-Crane-3305",
    "authserv": "mx.saguaro.test",
}
SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture
def ana(portunus: Portunus, signed_in):
    """The administrator's browser; there is one login at Harborline, with the code desk for its codes."""
    with portunus.unit(system("test")) as work:
        org = make.organization(work)
        place = make.location(work, org)
        make.account(work, make.portal(work), [place], channel="desk", template={"pattern": r"\d{4,8}"})
        user = make.user(work, org, "Ana Petrova", role="admin")
    return signed_in(user)


def rows(portunus: Portunus, table):
    with portunus.reading(system("test")) as work:
        return list(work.db.scalars(select(table)))


def first_method(portunus: Portunus) -> MfaMethod:
    with portunus.reading(system("test")) as work:
        method = work.db.scalars(select(PortalAccount)).one().mfa_methods[0]
        _ = method.endpoint
        return method


def account_id(portunus: Portunus) -> str:
    return rows(portunus, PortalAccount)[0].id


def test_a_mailbox_is_added_with_its_password_in_the_vault(ana, portunus):
    answer = ana.post("/channels/mailbox", MAILBOX)
    (row,) = rows(portunus, DeliveryEndpoint)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/channels/{row.id}")
    assert row.settings == {
        "host": "imap.saguaro.test", "port": 993, "tls": True, "username": "codes@saguaro.test", "folder": "INBOX",
        "trusted_authserv": "mx.saguaro.test",
    }  # fmt: skip
    shown = ana.get(f"/channels/{row.id}").text
    assert "send a mail from anywhere" in shown
    assert "Marble-Crane-3305" not in shown
    with portunus.reading(system("test")) as work:
        assert portunus.vault.has(work, "delivery_endpoint", row.id, "mailbox_password")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"host": "imap example"}, "is a name like"),
        ({"port": "99999"}, "993"),
        ({"address": "nobody"}, "one e-mail address"),
        ({"plain": "1"}, "TLS"),
        ({"password": ""}, "password"),
        ({"authserv": "a b"}, "Authentication-Results"),
    ],
)
def test_a_mailbox_that_cannot_work_is_refused_with_words(ana, portunus, wrong, words):
    answer = ana.post("/channels/mailbox", MAILBOX | wrong)
    assert answer.status_code == 422
    assert words in answer.text
    assert rows(portunus, DeliveryEndpoint) == []


def test_the_same_address_twice_is_refused(ana):
    ana.post("/channels/mailbox", MAILBOX)
    assert ana.post("/channels/mailbox", MAILBOX | {"name": "Again"}).status_code == 409


def test_changed_settings_are_tried_again_and_an_empty_password_keeps_the_stored_one(ana, portunus):
    ana.post("/channels/mailbox", MAILBOX)
    (row,) = rows(portunus, DeliveryEndpoint)
    changed = {"name": "Codes", "host": "imap2.saguaro.test", "port": "993", "username": "codes", "folder": "Codes"}
    assert ana.post(f"/channels/{row.id}", changed).status_code == 303
    (after,) = rows(portunus, DeliveryEndpoint)
    assert (after.settings["host"], after.settings["folder"], after.health) == (
        "imap2.saguaro.test",
        "Codes",
        "unknown",
    )
    with portunus.reading(system("test")) as work:
        assert portunus.vault.has(work, "delivery_endpoint", row.id, "mailbox_password")


def test_a_signing_key_is_made_and_shown_once(ana, portunus):
    answer = ana.post("/channels/phone", {"name": "Front desk", "address": "+1 (602) 555-0142"})
    (row,) = rows(portunus, DeliveryEndpoint)
    assert row.address == "+16025550142"
    secret = re.search(r"whsec_[A-Za-z0-9+/=]{44}", answer.text).group()
    assert secret not in ana.get(f"/channels/{row.id}").text
    assert "/hooks/sms/16025550142" in ana.get(f"/channels/{row.id}").text


@pytest.mark.parametrize(
    "wrong",
    [{"address": "555"}, {"provider": "twilio"}, {"provider": "other"}, {"provider": "twilio", "secret": "short"}],
)
def test_a_number_that_cannot_work_is_refused(ana, portunus, wrong):
    assert ana.post("/channels/phone", {"name": "F", "address": "+16025550142"} | wrong).status_code == 422
    assert rows(portunus, DeliveryEndpoint) == []


def test_another_organizations_channel_does_not_exist(ana, portunus):
    with portunus.unit(system("test")) as work:
        other = make.endpoint(work, make.organization(work, "Other Dental"))
    assert ana.get(f"/channels/{other.id}").status_code == 404
    assert ana.post(f"/channels/{other.id}", {"name": "Mine"}).status_code == 404
    assert "codes@lab.test" not in ana.get("/channels").text


def test_a_message_that_came_is_listed_with_its_verdict(ana, portunus):
    ana.post("/channels/mailbox", MAILBOX)
    (box,) = rows(portunus, DeliveryEndpoint)
    arrive(portunus, box, "Hello, this is a test")
    shown = ana.get(f"/channels/{box.id}").text
    assert "Nobody asked for a code here" in shown


def arrive(portunus: Portunus, box: DeliveryEndpoint, text: str, number: int = 1) -> None:
    arrival = Arrival(
        endpoint_id=box.id,
        channel="email",
        external_id=f"<{number}@x>",
        sender="security@harborline.sim.test",
        trusted=True,
        recipients=frozenset({"codes@saguaro.test"}),
        subject="Your sign-in code",
        text=text,
        received_at=portunus.clock.now(),
        raw_digest=hashlib.sha256(text.encode()).hexdigest(),
        head_only=not text,
    )
    with portunus.unit(system("mailwatch")) as work:
        codes.receive(work, portunus.vault, work.db.get_one(DeliveryEndpoint, box.id), arrival)


# --- what the messages look like

TEMPLATE = {
    "senders": "security@harborline.sim.test",
    "context": "your code is",
    "pattern": r"\d{6}",
    "based_on": "0",
}
PAGE = "/portals/harborline/templates/email"


def test_a_template_is_tried_on_the_last_messages_before_it_is_saved(ana, portunus):
    ana.post("/channels/mailbox", MAILBOX)
    arrive(portunus, rows(portunus, DeliveryEndpoint)[0], "Claim 771204. Your code is 482913.")
    tried = ana.post(PAGE, TEMPLATE | {"act": "try"})
    assert tried.status_code == 200
    assert "<mark>" in tried.text
    assert rows(portunus, CodeTemplate) == []
    assert ana.post(PAGE, TEMPLATE | {"act": "save"}).status_code == 303
    assert rows(portunus, CodeTemplate)[0].rule["senders"] == ["security@harborline.sim.test"]


def test_a_template_page_says_which_messages_were_not_read(ana, portunus):
    ana.post("/channels/mailbox", MAILBOX)
    arrive(portunus, rows(portunus, DeliveryEndpoint)[0], "Your code is 482913.")
    assert "Only its header was read" not in ana.get(PAGE).text
    arrive(portunus, rows(portunus, DeliveryEndpoint)[0], "", number=2)
    assert "Only its header was read" in ana.get(PAGE).text


def test_no_number_of_a_message_is_kept_or_shown(ana, portunus):
    ana.post("/channels/mailbox", MAILBOX)
    arrive(portunus, rows(portunus, DeliveryEndpoint)[0], "Claim 771204. Your code is 935817.")
    shown = ana.post(PAGE, TEMPLATE | {"act": "try"}).text
    assert "935817" not in shown
    assert "771204" not in shown


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"pattern": "(a+)+$"}, 422),
        ({"senders": ""}, 422),
        ({"senders": "a b"}, 422),
        ({"based_on": "7"}, 409),
        ({"context": "x" * 200}, 422),
    ],
)
def test_a_template_that_cannot_be_right_is_refused_with_words(ana, portunus, wrong, status):
    answer = ana.post(PAGE, TEMPLATE | wrong | {"act": "save"})
    assert (answer.status_code, 'role="alert"' in answer.text) == (status, True)
    assert rows(portunus, CodeTemplate) == []


def test_a_known_senders_shape_is_a_place_to_start(ana):
    assert "verification code is" in ana.get(f"{PAGE}?shape_key=cognito_email").text
    assert ana.get("/portals/harborline/templates/pigeon").status_code == 404


def test_one_organizations_template_does_not_change_anothers(ana, portunus):
    ana.post(PAGE, TEMPLATE | {"act": "save"})
    with portunus.reading(system("test")) as work:
        portal_id = work.db.scalars(select(PortalAccount)).one().portal_id
        assert templates.newest(work, "org_other", portal_id, "email") is None


# --- a login's way


def test_a_login_gets_its_code_from_a_mailbox_by_an_alias(ana, portunus):
    ana.post("/channels/mailbox", MAILBOX)
    (box,) = rows(portunus, DeliveryEndpoint)
    way = f"/accounts/{account_id(portunus)}/codes"
    asked = {"endpoint": box.id, "alias": "codes+phoenix@saguaro.test"}
    assert ana.post(f"{way}/email", asked).status_code == 422  # what its mails look like is not known yet
    ana.post(PAGE, TEMPLATE | {"act": "save"})
    assert ana.post(f"{way}/email", asked).status_code == 303
    method = first_method(portunus)
    assert (method.channel, method.endpoint_id, method.template["alias"]) == (
        "email",
        box.id,
        "codes+phoenix@saguaro.test",
    )
    assert "codes+phoenix@saguaro.test" in ana.get(way).text
    with portunus.reading(system("test")) as work:
        account = work.db.scalars(select(PortalAccount)).one()
        rule = templates.rule_of(work, account, account.mfa_methods[0])
    assert (rule["senders"], rule["alias"]) == (["security@harborline.sim.test"], "codes+phoenix@saguaro.test")


def test_a_login_gets_its_code_from_a_number(ana, portunus):
    ana.post("/channels/phone", {"name": "Front desk", "address": "+16025550142"})
    (phone,) = rows(portunus, DeliveryEndpoint)
    ana.post(PAGE.replace("email", "sms"), TEMPLATE | {"senders": "+16025550100", "act": "save"})
    assert ana.post(f"/accounts/{account_id(portunus)}/codes/sms", {"endpoint": phone.id}).status_code == 303
    assert (first_method(portunus).channel, first_method(portunus).masked_destination) == ("sms", "•••• 0142")


@pytest.mark.parametrize("channel", ["sms", "voice"])
def test_no_number_is_used_before_it_is_said_what_its_messages_look_like(ana, portunus, channel):
    ana.post("/channels/phone", {"name": "Front desk", "address": "+16025550142"})
    (phone,) = rows(portunus, DeliveryEndpoint)
    way, template = f"/accounts/{account_id(portunus)}/codes", PAGE.replace("email", channel)
    assert ana.post(f"{way}/{channel}", {"endpoint": phone.id}).status_code == 422
    assert f'href="{template}"' in ana.get(way).text
    bare = {"pattern": r"\d{6}", "act": "save"}
    assert "any number would be taken" in ana.post(template, bare).text
    ana.post(template, bare | {"context": "your code is"})
    assert ana.post(f"{way}/{channel}", {"endpoint": phone.id}).status_code == 303


def test_a_template_for_calls_is_called_so(ana):
    assert "calls with a code say" in ana.get(PAGE.replace("email", "voice")).text


def test_a_channel_of_somebody_else_cannot_be_chosen(ana, portunus):
    with portunus.unit(system("test")) as work:
        other = make.endpoint(work, make.organization(work, "Other Dental"), kind="phone", address="+16025550143")
    assert ana.post(f"/accounts/{account_id(portunus)}/codes/sms", {"endpoint": other.id}).status_code == 422


def test_a_seed_is_proved_with_the_code_a_device_shows(ana, portunus, clock):
    way = f"/accounts/{account_id(portunus)}/codes/totp"
    shown = pyotp.TOTP(SEED).at(clock.now())
    assert ana.post(way, {"seed": SEED, "shown": "000000" if shown != "000000" else "111111"}).status_code == 422
    assert first_method(portunus).channel == "desk"
    assert ana.post(way, {"seed": SEED, "shown": shown}).status_code == 303
    assert first_method(portunus).channel == "totp"


@pytest.mark.parametrize("away", [-1, 1])
def test_a_step_that_passes_while_somebody_types_is_no_wrong_clock(ana, portunus, clock, away):
    shown = pyotp.TOTP(SEED).at(clock.now(), counter_offset=away)
    answer = ana.post(f"/accounts/{account_id(portunus)}/codes/totp", {"seed": SEED, "shown": shown})
    assert answer.headers["location"].endswith("?done=1")


def test_a_device_whose_clock_is_off_is_told_by_how_much(ana, portunus, clock):
    behind = pyotp.TOTP(SEED).at(clock.now(), counter_offset=-4)
    answer = ana.post(f"/accounts/{account_id(portunus)}/codes/totp", {"seed": SEED, "shown": behind})
    assert "120 s behind" in answer.text
    assert SEED not in answer.text


@pytest.mark.parametrize(
    ("algorithm", "digits", "digest"), [("SHA1", 6, "sha1"), ("SHA256", 8, "sha256"), ("SHA512", 7, "sha512")]
)
def test_an_otpauth_address_says_algorithm_and_digits(ana, portunus, clock, algorithm, digits, digest):
    address = f"otpauth://totp/Harborline:saguaro?secret={SEED}&algorithm={algorithm}&digits={digits}&issuer=Harborline"
    now = clock.now()
    seed = Seed.parse(address)
    oracle = pyotp.TOTP(SEED, digits=digits, digest=getattr(hashlib, digest)).at(now)
    assert seed.code(seed.step(now)) == oracle
    answer = ana.post(f"/accounts/{account_id(portunus)}/codes/totp", {"seed": address, "shown": oracle})
    assert answer.status_code == 303


def test_a_seed_comes_from_the_picture_of_its_qr_code(ana, portunus, clock):
    address = f"otpauth://totp/Harborline:saguaro?secret={SEED}&issuer=Harborline"
    picture = io.BytesIO()
    segno.make(address).save(picture, kind="png", scale=5)
    way = f"/accounts/{account_id(portunus)}/codes/totp"
    files = {"picture": ("qr.png", picture.getvalue(), "image/png")}
    shown = pyotp.TOTP(SEED).at(clock.now())
    assert ana.post(way, {"shown": shown, "seed": SEED}, files=files).status_code == 422  # which of the two?
    assert ana.post(way, {"shown": shown}, files=files).status_code == 303
    assert first_method(portunus).channel == "totp"


def test_a_picture_without_a_code_is_refused_with_words(ana, portunus):
    answer = ana.post(
        f"/accounts/{account_id(portunus)}/codes/totp",
        {"shown": "123456"},
        files={"picture": ("cat.png", b"\x89PNG" + b"x" * 900_000, "image/png")},
    )
    assert (answer.status_code, "cannot be read" in answer.text) == (422, True)


def test_a_login_goes_back_to_the_code_desk(ana, portunus):
    answer = ana.post(f"/accounts/{account_id(portunus)}/codes/desk", {"pattern": "[A-Z0-9]{8}"})
    assert answer.status_code == 303
    assert first_method(portunus).template == {"pattern": "[A-Z0-9]{8}"}


def test_a_biller_sees_none_of_it(portunus, signed_in, ana):
    with portunus.unit(system("test")) as work:
        maria = make.user(work, make.organization(work, "Third Dental"), "Maria Lopez")
    browser = signed_in(maria)
    for page in ("/channels", PAGE, f"/accounts/{account_id(portunus)}/codes"):
        assert browser.get(page).status_code in (403, 404)


# --- changed and removed


def test_a_channel_that_no_login_uses_is_removed_with_its_password(ana, portunus):
    ana.post("/channels/mailbox", MAILBOX)
    (box,) = rows(portunus, DeliveryEndpoint)
    assert ana.post(f"/channels/{box.id}/remove").headers["location"] == "/channels?removed=1"
    assert box.name not in ana.get("/channels").text
    assert ana.get(f"/channels/{box.id}").status_code == 404
    with portunus.reading(system("test")) as work:
        assert not portunus.vault.has(work, "delivery_endpoint", box.id, "mailbox_password")
    assert ana.post("/channels/mailbox", MAILBOX).status_code == 303  # its address is free again


def test_a_channel_that_a_login_uses_stays(ana, portunus):
    ana.post("/channels/mailbox", MAILBOX)
    (box,) = rows(portunus, DeliveryEndpoint)
    ana.post(PAGE, TEMPLATE | {"act": "save"})
    ana.post(f"/accounts/{account_id(portunus)}/codes/email", {"endpoint": box.id})
    assert "Choose another way for them first" in ana.post(f"/channels/{box.id}/remove").text
    assert rows(portunus, DeliveryEndpoint)[0].kind == "mailbox"


def test_a_mistyped_address_is_put_right_and_the_login_shows_it(ana, portunus):
    ana.post("/channels/mailbox", MAILBOX)
    (box,) = rows(portunus, DeliveryEndpoint)
    ana.post(PAGE, TEMPLATE | {"act": "save"})
    ana.post(f"/accounts/{account_id(portunus)}/codes/email", {"endpoint": box.id})
    told = MAILBOX | {"address": "door@saguaro.test", "username": "codes", "password": ""}
    assert ana.post(f"/channels/{box.id}", told).status_code == 303
    assert rows(portunus, DeliveryEndpoint)[0].address == "door@saguaro.test"
    assert first_method(portunus).masked_destination == "d•••@saguaro.test"


def test_a_second_folder_of_a_mailbox_is_a_channel_of_its_own(ana, portunus):
    ana.post("/channels/mailbox", MAILBOX)
    assert ana.post("/channels/mailbox", MAILBOX | {"folder": "Codes"}).status_code == 303
    assert ana.post("/channels/mailbox", MAILBOX | {"folder": "Codes"}).status_code == 409


def test_another_practices_mailbox_is_in_nobodys_way(ana, portunus):
    with portunus.unit(system("test")) as work:
        make.endpoint(work, make.organization(work, "Other Dental"), address=MAILBOX["address"])
    assert ana.post("/channels/mailbox", MAILBOX).status_code == 303


def test_a_number_belongs_to_one_practice(ana, portunus):
    with portunus.unit(system("test")) as work:
        make.endpoint(work, make.organization(work, "Other Dental"), kind="phone", address="+16025550142")
    answer = ana.post("/channels/phone", {"name": "Front desk", "address": "+16025550142"})
    assert (answer.status_code, "in use here by somebody else" in answer.text) == (409, True)


def test_another_poster_has_another_key(ana, portunus):
    ana.post("/channels/phone", {"name": "Front desk", "address": "+16025550142"})
    (phone,) = rows(portunus, DeliveryEndpoint)
    told = {"name": "Front desk", "address": "+16025550142", "provider": "twilio"}
    assert ana.post(f"/channels/{phone.id}", told).status_code == 422
    assert ana.post(f"/channels/{phone.id}", told | {"secret": "k" * 32}).status_code == 303
    assert rows(portunus, DeliveryEndpoint)[0].settings["provider"] == "twilio"
    made = ana.post(f"/channels/{phone.id}", told | {"provider": "standard"})
    assert re.search(r"whsec_\S{44}", made.text)


# --- what is lost is not lost unasked


def test_a_template_that_loses_a_message_is_asked_about_before_it_is_saved(ana, portunus):
    ana.post("/channels/mailbox", MAILBOX)
    arrive(portunus, rows(portunus, DeliveryEndpoint)[0], "Claim 771204. Your code is 482913.")
    ana.post(PAGE, TEMPLATE | {"act": "save"})
    worse = TEMPLATE | {"context": "your pin is", "based_on": "1"}
    asked = ana.post(PAGE, worse | {"act": "save"}).text
    assert ("Not saved yet: 1 of the messages below" in asked, len(rows(portunus, CodeTemplate))) == (True, 1)
    assert ana.post(PAGE, worse | {"act": "save_anyway"}).status_code == 303
    assert len(rows(portunus, CodeTemplate)) == 2


def test_a_first_template_loses_nothing(ana, portunus):
    ana.post("/channels/phone", {"name": "Front desk", "address": "+16025550142"})
    arrive(portunus, rows(portunus, DeliveryEndpoint)[0], "Trying number 482913.")
    sms = PAGE.replace("email", "sms")
    assert ana.post(sms, TEMPLATE | {"senders": "+16025550100", "act": "save"}).status_code == 303


def test_words_that_name_a_login_stay_when_the_way_is_saved_again(ana, portunus):
    ana.post("/channels/mailbox", MAILBOX)
    (box,) = rows(portunus, DeliveryEndpoint)
    ana.post(PAGE, TEMPLATE | {"act": "save"})
    way = f"/accounts/{account_id(portunus)}/codes"
    ana.post(f"{way}/email", {"endpoint": box.id, "names": "saguaro-west"})
    assert 'value="saguaro-west"' in ana.get(way).text


def test_a_security_answer_is_stored_beside_the_others(ana, portunus):
    way = f"/accounts/{account_id(portunus)}/codes"
    for question, answer in (("First pet?", "Biscuit"), ("City of birth?", "Yuma"), ("first  PET", "Waffle")):
        assert "The answer is stored" in ana.post(f"{way}/questions", {"question": question, "answer": answer}).text
    with portunus.unit(system("test")) as work:
        kept = portunus.vault.use(
            work, "portal_account", account_id(portunus), "security_answers", purpose="look in a test"
        )
    assert json.loads(kept) == {"City of birth?": "Yuma", "first PET": "Waffle"}
    assert "Waffle" not in ana.get(way).text


@pytest.mark.parametrize(("digits", "algorithm", "period"), [("8", "SHA256", "30"), ("7", "SHA512", "60")])
def test_letters_typed_by_hand_may_be_of_any_usual_kind(ana, portunus, clock, digits, algorithm, period):
    kind = pyotp.TOTP(SEED, digits=int(digits), digest=DIGESTS[algorithm], interval=int(period))
    told = {"seed": f"{SEED[:4].lower()} {SEED[4:]}", "digits": digits, "algorithm": algorithm, "period": period}
    way = f"/accounts/{account_id(portunus)}/codes/totp"
    assert ana.post(way, told | {"shown": pyotp.TOTP(SEED).at(clock.now())}).status_code == 422
    assert ana.post(way, told | {"shown": kind.at(clock.now())}).status_code == 303
    with portunus.unit(system("test")) as work:
        kept = portunus.vault.use(work, "portal_account", account_id(portunus), "totp_seed", purpose="look in a test")
    assert Seed.parse(kept.decode()).code(5) == kind.generate_otp(5)


def test_letters_with_impossible_digits_are_refused_in_words(ana, portunus):
    way = f"/accounts/{account_id(portunus)}/codes/totp"
    refused = ana.post(way, {"seed": SEED, "digits": "40", "shown": "123456"})
    assert (refused.status_code, "not an authenticator seed" in refused.text, SEED in refused.text) == (
        422,
        True,
        False,
    )
