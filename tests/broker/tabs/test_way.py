"""Each channel's way is whole in the log, names who received the code, and is proved to an outsider with that name in the file."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import text

from broker.audit import verify
from broker.base.actor import Actor, ActorKind, system
from broker.codes import links, recovery
from broker.codes import service as codes
from broker.directory.models import PortalAccount
from broker.identity.models import ServiceAccount
from broker.tabs import service as tabs
from tests.broker.tabs.conftest import Office
from tests.broker.tabs.test_by_hand import Waiting
from tests.broker.tabs.test_custody import custody, proof
from tests.broker.tabs.test_last_code import asked

BOTH_DATABASES = True
SEED = b"JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def typed_and_taken(sign_in: Waiting) -> str:
    """From the code that is there to the session it opens."""
    assert sign_in.take() is not None
    sign_in.host(lambda work: codes.typed(work, sign_in.request_id, "harborline.sim.test/code"))
    return taken(sign_in)


def taken(sign_in: Waiting) -> str:
    sign_in.answered()
    sign_in.office.finish(sign_in.claim)
    return sign_in.request_id


def by_mail(office: Office) -> str:
    return office.whole_way()


def by_totp(office: Office) -> str:
    vault = office.portunus.vault
    office.host(lambda work: vault.put(work, office.org.id, "portal_account", office.account.id, "totp_seed", SEED))
    return typed_and_taken(Waiting(office, "totp"))


def by_recovery_code(office: Office) -> str:
    def keep(work) -> None:
        account = work.db.get_one(PortalAccount, office.account.id)
        recovery.keep(work, office.portunus.vault, account, ["AB12-CD34"])

    office.host(keep)
    return typed_and_taken(Waiting(office, "recovery"))


def by_desk(office: Office) -> str:
    sign_in = Waiting(office)
    sign_in.give(office.ana, "ABCD1234")
    return typed_and_taken(sign_in)


def by_desk_though_a_mail_came(office: Office) -> str:
    office.open()
    claim = office.claim()
    request_id = office.host(lambda work: tabs.submit(work, claim.attempt_id, claim.fence))
    assert office.arrive() == "matched"
    office.host(lambda work: codes.resend(work, request_id))
    with office.portunus.unit(office.ana) as work:
        codes.give(work, office.portunus.vault, request_id, "765432")
    assert (
        office.host(lambda work: codes.take(work, office.portunus.vault, request_id, claim.attempt_id)).code == "765432"
    )
    office.host(lambda work: codes.typed(work, request_id, "harborline.sim.test/code"))
    office.host(lambda work: codes.answered(work, request_id, accepted=True))
    office.finish(claim)
    return request_id


def by_link(office: Office) -> str:
    sign_in = Waiting(office)
    token, _ = sign_in.by(office.ana, links.create)
    with office.portunus.unit(Actor(ActorKind.SYSTEM, "desk_link", "Whoever holds the link")) as work:
        links.use(work, office.portunus.vault, token, "ABCD1234")
    return typed_and_taken(sign_in)


def by_call(office: Office) -> str:
    sign_in = Waiting(office, by="provider_line", task="line", say="4711")
    sign_in.by(office.ana, codes.begin_call)
    sign_in.give(office.ana, "ABCD1234", "REF-88")
    return typed_and_taken(sign_in)


def by_push(office: Office) -> str:
    sign_in = Waiting(office, by="push", task="push", say="42")
    sign_in.host(lambda work: codes.confirmed(work, sign_in.request_id))
    return taken(sign_in)


def by_key(office: Office) -> str:
    sign_in = Waiting(office, by="passkey", task="touch")
    sign_in.host(lambda work: codes.confirmed(work, sign_in.request_id))
    return taken(sign_in)


@dataclass(frozen=True)
class Channel:
    signs_in: Callable[[Office], str]
    received: str
    acts: tuple[str, ...] = ()
    """What must be among the links."""


CHANNELS = {
    "email": Channel(by_mail, "Portunus showed it to nobody", ("code:message:arrive", "tab:lease:request")),
    "totp": Channel(by_totp, "Portunus showed it to nobody"),
    "recovery": Channel(by_recovery_code, "Portunus showed it to nobody"),
    "desk": Channel(by_desk, "Ana Petrova read it and handed it in", ("code:desk:give",)),
    "link": Channel(
        by_link,
        "whoever held the one-time link that Ana Petrova made read it and handed it in, and who that was is unknown",
        ("code:link:create", "code:link:use"),
    ),
    "call": Channel(by_call, "Ana Petrova read it and handed it in", ("code:call:begin", "code:call:end")),
    "push": Channel(by_push, "confirmed on its telephone; by whom is unknown", ("code:request:confirm",)),
    "key": Channel(by_key, "with its passkey or security key; by whom is unknown", ("code:request:confirm",)),
}


@pytest.fixture(params=CHANNELS)
def channel(request: pytest.FixtureRequest) -> Channel:
    return CHANNELS[request.param]


def test_the_last_code_names_who_asked_and_who_received_it(office: Office, channel: Channel) -> None:
    request_id = channel.signs_in(office)
    told = asked(office)
    assert (told.code_request_id, told.asked_by, told.tab_of) == (request_id, "Maria Lopez", "Maria Lopez")
    assert told.received_by.startswith("nobody" if channel in (CHANNELS["push"], CHANNELS["key"]) else "Portunus, for")
    assert channel.received in told.received_by
    assert told.answer == "accepted"


def test_every_link_that_the_channel_has_is_there(office: Office, channel: Channel) -> None:
    way = custody(office, channel.signs_in(office))
    assert (way.missing, way.differs) == ((), ())
    assert {link.act for link in way.links} >= {*channel.acts, "tab:lease:request", "tab:lease:grant"}


def test_an_outsider_reads_the_name_in_the_proof(office: Office, channel: Channel, tmp_path: Path) -> None:
    file = proof(office, channel.signs_in(office), tmp_path / "proof")
    told = verify.verify(str(file))
    assert f"for Maria Lopez (user {office.maria.id})" in told
    assert "every link of its way is here" in told
    for act in channel.acts:
        assert act in told
    file.write_bytes(file.read_bytes().replace(b"Maria Lopez", b"Mario Lopez"))
    with pytest.raises(verify.Rejected, match="is not in the signed log"):
        verify.verify(str(file))


LEFT_OUT = [
    (by_mail, "code:message:arrive", "arrived"),
    (by_mail, "code:request:match", "arrived, matched"),
    (by_desk, "code:desk:give", "arrived"),
    (by_desk_though_a_mail_came, "code:desk:give", "arrived"),
    (by_mail, "code:value:type", "typed"),
    (by_totp, "code:request:answer", "answered"),
]


@pytest.mark.parametrize(
    ("signs_in", "act", "missing"), LEFT_OUT, ids=[f"{one.__name__}-{act}" for one, act, _ in LEFT_OUT]
)
def test_a_link_that_is_left_out_is_missed_though_another_code_has_one(
    office: Office, tmp_path: Path, signs_in: Callable[[Office], str], act: str, missing: str
) -> None:
    """Who makes the file could leave out who gave the code, and leave in the mail of another one."""
    file = proof(office, signs_in(office), tmp_path / "proof")
    lines = file.read_text().splitlines(keepends=True)
    kept = [line for line in lines if f'"act\\":\\"{act}\\"' not in line]
    assert len(kept) < len(lines)
    file.write_text("".join(kept))
    assert f"NOT IN THIS FILE: {missing}\n" in verify.verify(str(file))


def test_the_number_of_a_call_is_in_the_proof(office: Office, tmp_path: Path) -> None:
    assert "reference REF-88" in verify.verify(str(proof(office, by_call(office), tmp_path / "proof")))


def test_another_name_in_the_table_changes_no_answer_and_is_said(office: Office) -> None:
    request_id = office.whole_way()
    with office.portunus.unit(system("attacker")) as work:
        work.db.execute(text("UPDATE code_request SET requester_id = :nora"), {"nora": office.nora.id})
        work.db.execute(text("UPDATE login_attempt SET requester_id = :nora"), {"nora": office.nora.id})
    told, way = asked(office), custody(office, request_id)
    assert (told.asked_by, way.asked_by) == ("Maria Lopez", "Maria Lopez")
    assert told.differs == way.differs == ("The database names Nora Quill as who asked, the log Maria Lopez.",)


def test_a_request_that_is_taken_out_of_the_table_is_still_the_last(office: Office) -> None:
    request_id = office.whole_way()
    with office.portunus.unit(system("attacker")) as work:
        work.db.execute(text("UPDATE code_request SET state = 'withdrawn'"))
    assert asked(office).code_request_id == request_id


def test_who_got_the_tab_after_the_one_who_asked_had_left_is_named(office: Office) -> None:
    """Maria asks and leaves while it signs in; Nora waits for the same session and gets it."""
    sign_in = Waiting(office)
    with office.portunus.unit(office.maria) as work:
        tabs.end_tab(work, sign_in.lease.id)
    office.open(office.nora)
    sign_in.give(office.ana, "ABCD1234")
    typed_and_taken(sign_in)
    told = asked(office)
    assert (told.asked_by, told.tab_of) == ("Maria Lopez", "Nora Quill")


def test_for_automation_the_service_account_is_named(office: Office) -> None:
    robot = Actor(ActorKind.SERVICE, "svc_" + "1" * 32, "Night robot")
    with office.portunus.unit(system("lookups")) as work:
        tabs.open_tab(work, office.account.id, office.phoenix.id, "Lookups", asker=robot)
        work.db.add(
            ServiceAccount(id=robot.id, organization_id=office.org.id, name="Night robot", created_at=work.clock.now())
        )
    claim = office.claim()
    assert claim.for_person is False
    request_id = office.host(lambda work: tabs.submit(work, claim.attempt_id, claim.fence))
    office.arrive()
    office.host(lambda work: codes.take(work, office.portunus.vault, request_id, claim.attempt_id))
    told = asked(office)
    assert told.asked_by == "Night robot (automation)"
