"""What a portal asks of a person: a call to its provider line, a number on a telephone, a key; and recovery codes."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from broker.audit.acts import Act
from broker.audit.models import AuditEntry
from broker.base.actor import system
from broker.base.errors import Conflict, Incomplete, NotFound, Refused
from broker.codes import recovery
from broker.codes import service as codes
from broker.codes.models import Code, CodeRequest, LineCall
from broker.directory.models import MfaMethod, PortalAccount
from broker.tabs import service as tabs
from tests import factories as make
from tests.broker.tabs.conftest import Office
from tests.conftest import acting
from tests.fakes.clock import ManualClock

BOTH_DATABASES = True


class Waiting:
    """A sign-in that waits for something at its login's way."""

    def __init__(self, office: Office, channel: str = "desk", by: str = "", task: str = "", say: str = "") -> None:
        self.office = office
        with office.portunus.unit(office.ana) as work:
            method = work.db.scalars(select(MfaMethod)).one()
            method.channel, method.endpoint_id = channel, None
            method.template = {"pattern": "[A-Z0-9]{8}", "by": by}
        self.open()
        if task:
            self.host(lambda work: codes.ask_person(work, self.request_id, task, say))

    def open(self) -> None:
        self.lease = self.office.open()
        self.claim = self.office.claim()
        self.request_id = self.host(lambda work: tabs.submit(work, self.claim.attempt_id, self.claim.fence))

    def host(self, act):
        return self.office.host(act)

    def by(self, who, act, *more):
        with self.office.portunus.unit(who) as work:
            return act(work, self.request_id, *more)

    def give(self, who, value: str, reference: str = "") -> None:
        with self.office.portunus.unit(who) as work:
            codes.give(work, self.office.portunus.vault, self.request_id, value, reference)

    def take(self) -> str | None:
        return self.host(
            lambda work: codes.take(work, self.office.portunus.vault, self.request_id, self.claim.attempt_id).code
        )

    def answered(self, *, accepted: bool = True) -> None:
        self.host(lambda work: codes.answered(work, self.request_id, accepted=accepted))

    def seen(self, who=None):
        with self.office.portunus.reading(who or self.office.maria) as work:
            return codes.pending(work)

    def state(self) -> str:
        with self.office.portunus.reading(self.office.ana) as work:
            return work.db.get_one(CodeRequest, self.request_id).state

    def calls(self) -> list[LineCall]:
        with self.office.portunus.reading(self.office.ana) as work:
            return list(codes.calls_of(work, self.request_id))

    def acts(self) -> list[str]:
        with self.office.portunus.reading(self.office.ana) as work:
            return list(
                work.db.scalars(
                    select(AuditEntry.act).where(AuditEntry.thing_id == self.request_id).order_by(AuditEntry.index)
                )
            )


@pytest.fixture
def line(office: Office) -> Waiting:
    return Waiting(office, by="provider_line", task="line", say="472913")


# --- a call to the provider line


def test_the_desk_says_whom_to_call_and_with_what_reference(line: Waiting) -> None:
    (one,) = line.seen()
    assert (one.task, one.task_say, one.calling) == ("line", "472913", None)
    assert "give the reference 472913" in one.task_words


def test_a_call_is_timed_from_dialling_to_the_code(line: Waiting, clock: ManualClock) -> None:
    maria = line.office.maria
    line.by(maria, codes.begin_call)
    clock.advance(minutes=5)
    line.by(maria, codes.call_answered)
    clock.advance(seconds=40)
    line.give(maria, "K7M4X2P9", "REF-5521")
    (call,) = line.calls()
    assert (call.answered_at - call.began_at).total_seconds() == 300
    assert (call.ended_at - call.began_at).total_seconds() == 340
    assert (call.result, call.reference) == ("code", "REF-5521")
    assert line.take() == "K7M4X2P9"
    assert [act for act in line.acts() if ":call:" in act] == [Act.CODE_CALL_BEGUN.value, Act.CODE_CALL_ENDED.value]


def test_two_do_not_call_at_the_same_time(line: Waiting) -> None:
    line.by(line.office.maria, codes.begin_call)
    with pytest.raises(Conflict, match="Maria Lopez is calling already"):
        line.by(line.office.nora, codes.begin_call)
    assert line.seen(line.office.nora)[0].calling.mine is False
    assert line.by(line.office.maria, codes.begin_call) == line.calls()[0].id  # pressed twice: the same call


def test_a_call_that_was_cut_off_leaves_the_line_to_others(line: Waiting, clock: ManualClock) -> None:
    line.by(line.office.maria, codes.begin_call)
    clock.advance(minutes=4)
    line.by(line.office.maria, codes.end_call, "cut_off")
    assert line.state() == "waiting"
    line.by(line.office.nora, codes.begin_call)
    assert [call.result for call in line.calls()] == ["cut_off", None]


def test_a_call_that_nobody_ended_is_forgotten_after_a_while(line: Waiting, clock: ManualClock) -> None:
    with line.office.portunus.unit(line.office.ana) as work:
        work.db.get_one(CodeRequest, line.request_id).deadline = clock.now() + timedelta(hours=3)
    line.by(line.office.maria, codes.begin_call)
    clock.advance(minutes=46)
    line.by(line.office.nora, codes.begin_call)


@pytest.mark.parametrize("result", ["code", "", "fine", "x" * 400])
def test_a_call_ends_in_one_of_the_known_ways(line: Waiting, result: str) -> None:
    line.by(line.office.maria, codes.begin_call)
    with pytest.raises(Incomplete):
        line.by(line.office.maria, codes.end_call, result)


def test_only_who_calls_says_how_it_went(line: Waiting) -> None:
    line.by(line.office.maria, codes.begin_call)
    with pytest.raises(Conflict, match="You are not calling"):
        line.by(line.office.nora, codes.end_call, "cut_off")


def test_who_may_not_give_codes_here_may_not_call(line: Waiting) -> None:
    with pytest.raises((NotFound, Refused)):
        line.by(line.office.dan, codes.begin_call)


def test_nobody_calls_for_a_code_that_comes_by_itself(office: Office) -> None:
    mail = Waiting(office, by="email")
    with pytest.raises(Conflict, match="Nobody need call"):
        mail.by(office.maria, codes.begin_call)


def test_the_report_says_how_many_minutes_of_calls_were_avoided(line: Waiting, clock: ManualClock) -> None:
    office = line.office
    line.by(office.maria, codes.begin_call)
    clock.advance(minutes=6)
    line.give(office.maria, "K7M4X2P9")
    line.take()
    line.answered()
    office.finish(line.claim)
    for _ in range(3):  # and three times on the session that is signed in
        with office.portunus.unit(office.maria) as work:
            tabs.end_tab(work, line.lease.id)
        line.lease = office.open()
    with office.portunus.reading(office.ana) as work:
        (row,) = tabs.calls_avoided(work)
    assert (row.opened, row.calls, row.avoided, row.call_minutes, row.measured) == (4, 1, 3, 6.0, True)
    assert (row.minutes_avoided, row.hold_minutes) == (18.0, 6.0)


@pytest.mark.parametrize("elsewhere", ["another_place", "another_practice"])
def test_calls_of_other_places_are_in_nobody_elses_report(line: Waiting, clock: ManualClock, elsewhere: str) -> None:
    office = line.office
    line.by(office.maria, codes.begin_call)
    clock.advance(minutes=6)
    line.give(office.maria, "K7M4X2P9")
    line.take()
    line.answered()
    office.finish(line.claim)
    with office.portunus.unit(system("test")) as work:
        here = elsewhere == "another_place"
        org = office.org if here else make.organization(work, "Other Dental")
        viewer = make.user(work, org, "Otto Reyes", role="admin", locations=[office.tucson] if here else None)
    with office.portunus.reading(acting(viewer)) as work:
        assert tabs.calls_avoided(work) == []


def test_without_a_measured_call_the_minutes_are_called_assumed(office: Office) -> None:
    remembered = Waiting(office, by="provider_line")
    office.host(lambda work: codes.not_needed(work, remembered.request_id))
    office.finish(remembered.claim)
    with office.portunus.reading(office.ana) as work:
        (row,) = tabs.calls_avoided(work)
    assert (row.avoided, row.call_minutes, row.measured, row.hold_minutes) == (1, 8.0, False, None)


# --- a number on a telephone, a key


@pytest.mark.parametrize(("task", "say", "words"), [("push", "42", "choose 42"), ("touch", "", "security key")])
def test_the_desk_says_what_to_do_and_takes_no_code(office: Office, task: str, say: str, words: str) -> None:
    hand = Waiting(office, by=task, task=task, say=say)
    (one,) = hand.seen()
    assert (one.task, one.task_say, words in one.task_words) == (task, say, True)
    with pytest.raises(Conflict, match="no code to type"):
        hand.give(office.maria, "K7M4X2P9")


@pytest.mark.parametrize(("accepted", "state"), [(True, "accepted"), (False, "rejected")])
def test_the_portals_next_page_is_its_answer(office: Office, accepted: bool, state: str) -> None:
    hand = Waiting(office, by="push", task="push", say="42")
    hand.host(lambda work: codes.confirmed(work, hand.request_id))
    assert hand.seen() == []
    hand.answered(accepted=accepted)
    assert hand.state() == state
    assert hand.acts()[-2:] == [Act.CODE_CONFIRMED.value, Act.CODE_ANSWERED.value]


# --- recovery codes


def stored(office: Office, *values: str) -> None:
    with office.portunus.unit(office.ana) as work:
        recovery.keep(work, office.portunus.vault, work.db.get_one(PortalAccount, office.account.id), values)


def left(office: Office) -> int | None:
    with office.portunus.reading(office.ana) as work:
        return work.db.get_one(PortalAccount, office.account.id).recovery_codes_left


def test_each_recovery_code_is_used_once_and_the_last_ones_are_told(office: Office) -> None:
    stored(office, "AAAA-1111", "BBBB-2222", "CCCC-3333")
    used = []
    for _ in range(3):
        sign_in = Waiting(office, "recovery")
        used.append(sign_in.take())
        assert sign_in.take() is None
        sign_in.answered()
        office.finish(sign_in.claim)
        with office.portunus.unit(office.maria) as work:
            tabs.sign_out(work, sign_in.lease.id)
        with office.portunus.unit(office.ana) as work:
            tabs.lost(work, sign_in.claim.portal_session_id, "host_lost", "The tab was lost.")
    assert used == ["AAAA-1111", "BBBB-2222", "CCCC-3333"]
    assert left(office) == 0
    last = Waiting(office, "recovery")
    with pytest.raises(Conflict, match="No recovery code") as none:
        last.take()
    assert none.value.code == "needs_person"
    assert last.state() == "expected"


def test_a_used_recovery_code_is_out_of_the_vault_and_not_in_the_log(office: Office) -> None:
    stored(office, "AAAA-1111")
    Waiting(office, "recovery").take()
    with office.portunus.reading(office.ana) as work:
        assert not office.portunus.vault.has(work, "portal_account", office.account.id, "recovery_codes")
        assert work.db.scalars(select(Code.channel)).one() == "recovery"
        assert not any("AAAA-1111" in leaf for leaf in work.db.scalars(select(AuditEntry.leaf)))


def test_the_code_desk_is_not_asked_for_a_recovery_code(office: Office) -> None:
    stored(office, "AAAA-1111")
    assert Waiting(office, "recovery").seen() == []


@pytest.mark.parametrize(("number", "words"), [(None, ""), (3, ""), (2, "2 recovery codes"), (1, "One"), (0, "No ")])
def test_few_are_told(number: int | None, words: str) -> None:
    assert recovery.warning(number).startswith(words)
    assert bool(recovery.warning(number)) == bool(words)


@pytest.mark.parametrize(
    "wrong", ["", "\n ,", "abc", "x" * 41, "ok-1234\nbad\u202e-99", "\n".join(map(str, range(1000, 1031)))]
)
def test_what_is_no_list_of_recovery_codes_is_refused(wrong: str) -> None:
    with pytest.raises(Incomplete):
        recovery.parsed(wrong)


def test_codes_are_read_as_a_sheet_prints_them() -> None:
    assert recovery.parsed(" NRTH-4821-QXPA \r\nNRTH-7730-ZKDM, 1234 5678\n\nNRTH-4821-QXPA") == [
        "NRTH-4821-QXPA",
        "NRTH-7730-ZKDM",
        "1234 5678",
    ]
