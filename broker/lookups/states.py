"""Allowed changes of a lookup. Pure. `waiting_session` and `waiting_code` are what a queued one shows while its login signs in.

queued → running → done | failed | needs_human | queued (again)
queued → cancelled | failed (deadline) | needs_human | done (answered from a recent result)
needs_human → queued (a person put it right) | cancelled | failed (deadline)
blocked_by_policy is where a lookup ends that may not be run at all
"""

from enum import StrEnum


class State(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    NEEDS_HUMAN = "needs_human"
    DONE = "done"
    FAILED = "failed"
    BLOCKED = "blocked_by_policy"
    CANCELLED = "cancelled"


S = State
CHANGES: dict[State, frozenset[State]] = {
    S.QUEUED: frozenset({S.RUNNING, S.NEEDS_HUMAN, S.DONE, S.FAILED, S.BLOCKED, S.CANCELLED}),
    S.RUNNING: frozenset({S.QUEUED, S.NEEDS_HUMAN, S.DONE, S.FAILED, S.BLOCKED}),
    S.NEEDS_HUMAN: frozenset({S.QUEUED, S.CANCELLED, S.FAILED}),
    S.DONE: frozenset(),
    S.FAILED: frozenset(),
    S.BLOCKED: frozenset(),
    S.CANCELLED: frozenset(),
}
ENDED = (S.DONE, S.FAILED, S.BLOCKED, S.CANCELLED)
"""Nothing more happens by itself."""


def may_become(now: str, then: str) -> bool:
    """Whether the table allows the change."""
    return State(then) in CHANGES[State(now)]
