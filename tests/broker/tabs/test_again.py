"""A mistyped code: once more in the same sign-in, with a try of its own, never past the carrier's limits."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from broker.base.errors import Conflict, Incomplete
from broker.codes import service as codes
from broker.codes.models import CodeRequest
from broker.directory import service as directory
from broker.directory.service import Fact
from broker.tabs import service as tabs
from broker.tabs.budget import codes_left
from broker.tabs.models import LockoutDebit

BOTH_DATABASES = True

WRONG, RIGHT = "417280", "417208"


def limit(office, wrong_codes: int) -> None:
    """The carrier is known to lock after so many wrong codes."""
    with office.portunus.unit(office.ana) as work:
        fact = Fact(value=wrong_codes, source="asked the carrier", verified_on=work.clock.now().date())
        directory.record_behaviour(work, directory.portal_by_key(work, "harborline"), "wrong_code_limit", fact)


def submitted(office) -> tuple[tabs.Claim, str]:
    """A sign-in whose portal asks for its code now."""
    office.open()
    claim = office.claim()
    request = office.host(lambda work: tabs.submit(work, claim.attempt_id, claim.fence))
    office.host(lambda work: codes.waiting(work, request))
    return claim, request


def give(office, request: str, code: str) -> None:
    with office.portunus.unit(office.maria) as work:
        codes.give(work, office.portunus.vault, request, code)


def typed(office, claim, request: str, *, accepted: bool) -> None:
    taken = office.host(lambda work: codes.take(work, office.portunus.vault, request, claim.attempt_id))
    assert taken.code is not None
    office.host(lambda work: codes.typed(work, request, "harborline.sim.test/signin/verify"))
    office.host(lambda work: codes.answered(work, request, accepted=accepted))


def again(office, claim, request: str) -> str | None:
    return office.host(lambda work: tabs.another_code(work, claim.attempt_id, claim.fence, request))


def mistyped(office) -> tuple[tabs.Claim, str]:
    claim, request = submitted(office)
    give(office, request, WRONG)
    typed(office, claim, request, accepted=False)
    return claim, request


def debits(office) -> int:
    with office.portunus.reading(office.maria) as work:
        return len(work.db.scalars(select(LockoutDebit).where(LockoutDebit.credited_at.is_(None))).all())


def test_a_second_request_takes_a_try_before_anything_is_typed_and_success_gives_all_back(office):
    limit(office, 3)
    claim, wrong = mistyped(office)
    second = again(office, claim, wrong)
    assert second not in (None, wrong)
    assert debits(office) == 2
    give(office, second, RIGHT)
    typed(office, claim, second, accepted=True)
    office.finish(claim)
    assert debits(office) == 0


def test_the_life_of_the_first_code_goes_on(office):
    limit(office, 3)
    claim, wrong = mistyped(office)
    office.portunus.clock.advance(seconds=100)
    second = again(office, claim, wrong)
    with office.portunus.reading(office.maria) as work:
        first, other = work.db.get(CodeRequest, wrong), work.db.get(CodeRequest, second)
        assert abs(other.deadline - first.deadline) < timedelta(seconds=1)


def test_nobody_has_time_to_look_again_when_the_code_is_about_to_end(office):
    limit(office, 3)
    claim, wrong = mistyped(office)
    office.portunus.clock.advance(seconds=590)
    assert again(office, claim, wrong) is None


@pytest.mark.parametrize("known", [None, 1, 2])
def test_a_limit_that_is_near_or_unknown_allows_no_second_code(office, known):
    if known:
        limit(office, known)
    claim, wrong = mistyped(office)
    assert again(office, claim, wrong) is None
    assert debits(office) == 1


def test_the_limit_counts_codes_of_earlier_sign_ins_until_one_was_taken(office):
    limit(office, 4)
    claim, wrong = mistyped(office)
    office.finish(claim, tabs.Ending("wrong_code", signed_in=False, words="Wrong code.", next_actor="requester"))
    claim, wrong = mistyped(office)
    second = again(office, claim, wrong)
    assert second is not None
    give(office, second, "417209")
    typed(office, claim, second, accepted=False)
    assert again(office, claim, second) is None


def test_no_sign_in_begins_while_the_next_wrong_code_could_lock_the_login(office):
    limit(office, 3)
    claim, wrong = mistyped(office)
    second = again(office, claim, wrong)
    give(office, second, "417209")
    typed(office, claim, second, accepted=False)
    office.finish(claim, tabs.Ending("wrong_code", signed_in=False, words="Wrong code.", next_actor="requester"))
    with pytest.raises(Conflict, match="wrong code") as no:
        office.open()
    assert no.value.code == "lockout-budget"
    office.portunus.clock.advance(seconds=1801)
    office.open()


def test_a_code_that_was_matched_by_itself_is_never_asked_for_again(office):
    limit(office, 5)
    claim, request = submitted(office)
    assert office.arrive(f"Your code is {WRONG}") == "matched"
    typed(office, claim, request, accepted=False)
    assert again(office, claim, request) is None


def test_no_try_left_means_no_second_code(office):
    limit(office, 5)
    claim, wrong = mistyped(office)
    with office.portunus.unit(office.ana) as work:
        account = work.db.get(type(office.account), office.account.id)
        for number in range(2):
            work.db.add(
                LockoutDebit(
                    id=f"deb_{number}", account_id=account.id, attempt_id=claim.attempt_id, debited_at=work.clock.now()
                )
            )
    with pytest.raises(Conflict) as no:
        again(office, claim, wrong)
    assert no.value.code == "lockout-budget"


def test_the_very_same_code_is_not_taken_from_the_desk_twice(office):
    limit(office, 3)
    claim, wrong = mistyped(office)
    second = again(office, claim, wrong)
    with pytest.raises(Incomplete):
        give(office, second, WRONG)
    give(office, second, RIGHT)


def test_a_code_the_portal_took_is_not_asked_for_again(office):
    limit(office, 3)
    claim, request = submitted(office)
    give(office, request, RIGHT)
    typed(office, claim, request, accepted=True)
    assert again(office, claim, request) is None


@pytest.mark.parametrize(
    ("known", "refused", "left"), [(None, 0, 0), (3, 0, 2), (3, 1, 1), (3, 2, 0), (3, 9, 0), (1, 0, 0)]
)
def test_one_wrong_code_below_the_limit_stays_in_reserve(known, refused, left):
    assert codes_left({"wrong_code_limit": known} if known else {}, refused) == left
