"""Allowed changes of portal sessions and login attempts. Pure: a change that is not in the table is a bug.

    PortalSession   requested → signing_in → waiting_code → signing_in → ready → parked → reviving → ready
                    anything → ended                       reviving → signing_in (the parked state no longer works)
                                           reviving → parked (the portal gave no answer just now)
    LoginAttempt    reserved → claimed → submitting → succeeded | failed | unknown
                    reserved, claimed → withdrawn | failed     (no password was submitted)

A session that is `ready` may have a live lease: the lease says who works in it, the state says it is signed in.
"""

from enum import StrEnum


class SessionState(StrEnum):
    REQUESTED = "requested"
    SIGNING_IN = "signing_in"
    WAITING_CODE = "waiting_code"
    READY = "ready"
    PARKED = "parked"
    REVIVING = "reviving"
    ENDED = "ended"


class AttemptState(StrEnum):
    RESERVED = "reserved"
    CLAIMED = "claimed"
    SUBMITTING = "submitting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"
    WITHDRAWN = "withdrawn"


S, A = SessionState, AttemptState

SESSION_CHANGES: dict[SessionState, frozenset[SessionState]] = {
    S.REQUESTED: frozenset({S.SIGNING_IN, S.REVIVING, S.ENDED}),
    S.SIGNING_IN: frozenset({S.WAITING_CODE, S.READY, S.ENDED}),
    S.WAITING_CODE: frozenset({S.SIGNING_IN, S.READY, S.ENDED}),
    S.READY: frozenset({S.PARKED, S.ENDED}),
    S.PARKED: frozenset({S.REVIVING, S.ENDED}),
    S.REVIVING: frozenset({S.READY, S.SIGNING_IN, S.PARKED, S.ENDED}),
    S.ENDED: frozenset(),
}
ATTEMPT_CHANGES: dict[AttemptState, frozenset[AttemptState]] = {
    A.RESERVED: frozenset({A.CLAIMED, A.WITHDRAWN}),
    A.CLAIMED: frozenset({A.SUBMITTING, A.SUCCEEDED, A.FAILED, A.WITHDRAWN}),
    A.SUBMITTING: frozenset({A.SUCCEEDED, A.FAILED, A.UNKNOWN}),
    A.SUCCEEDED: frozenset(),
    A.FAILED: frozenset(),
    A.UNKNOWN: frozenset(),
    A.WITHDRAWN: frozenset(),
}
LIVE_ATTEMPTS = (A.RESERVED, A.CLAIMED, A.SUBMITTING)


def session_may_become(now: str, then: str) -> bool:
    """Whether the table allows the change (staying put is no change and always allowed)."""
    return now == then or SessionState(then) in SESSION_CHANGES[SessionState(now)]


def attempt_may_become(now: str, then: str) -> bool:
    """Whether the table allows the change."""
    return AttemptState(then) in ATTEMPT_CHANGES[AttemptState(now)]
