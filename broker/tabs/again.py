"""A mistyped code may be typed once more in the same sign-in, as far as the carrier's limits are known to allow it."""

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.unit import Unit
from broker.codes import service as codes
from broker.directory import service as directory
from broker.tabs import records
from broker.tabs.attempts import asking_lease_id, requester
from broker.tabs.budget import Budget, codes_left
from broker.tabs.states import AttemptState

LEAST_S = 20
"""Seconds that must be left of the code's life: less is not enough to look and type."""


def another_code(work: Unit, attempt_id: str, fence: int, wrong_id: str) -> str | None:
    """Open a request for one more code, with a try of the lockout budget; its id, or None when there must be no more.

    Only after a code that a person typed: one that was matched by itself and is wrong says that the matching is wrong.
    The portal is not asked to send, so the life of the first code goes on. Raises `Conflict` for a stale fence, when the
    budget is used up, or while another sign-in waits for a code that would look the same.
    """
    row = records.fenced(work, attempt_id, fence)
    account, now = row.account, work.clock.now()
    wrong = codes.mistyped(work, wrong_id)
    if (
        wrong is None
        or wrong.attempt_id != row.id
        or row.state != AttemptState.SUBMITTING
        or account.status != "active"
    ):
        return None
    behaviour = directory.behaviour(work, account.portal)
    refused = len(codes.rejected(work, account.id, now - Budget.of(behaviour).window))
    left_s = int((wrong.deadline - now).total_seconds())
    if left_s < LEAST_S or codes_left(behaviour, refused) == 0:
        return None
    records.reserve_try(work, row, behaviour)
    location = row.portal_session.location
    request = codes.expect(
        work,
        attempt_id=row.id,
        account=account,
        location=location,
        requester=requester(work, row),
        life_s=left_s,
        lease_id=asking_lease_id(work, row),
    )
    if request is None:
        return None
    audit.record(
        work,
        Act.CODE_ASKED_AGAIN,
        "code_request",
        request.id,
        account_id=account.id,
        location_id=location.id,
        detail={"after": wrong.id, "refused": refused},
    )
    return request.id
