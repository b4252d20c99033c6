"""A sign-in that the portal stops to have an authenticator set up: only the attempt that holds the login does it."""

from collections.abc import Sequence

from broker.base.errors import Conflict
from broker.base.unit import Unit
from broker.codes import enrolment, recovery
from broker.tabs import records
from broker.vault.service import Vault


def may_enrol(work: Unit, attempt_id: str, fence: int) -> None:
    """Raises `Conflict`: a stale fence, or (code `needs_person`) two people have not asked for and approved it."""
    enrolment.is_approved(work, records.fenced(work, attempt_id, fence).account_id)


def capture_seed(work: Unit, vault: Vault, attempt_id: str, fence: int, seed: str) -> str:
    """The seed into the vault; the code that proves it. Raises as `may_enrol`, and `Incomplete` for what is no seed."""
    row = records.fenced(work, attempt_id, fence)
    return enrolment.capture(work, vault, row.account, row.id, seed)


def enrolment_answered(work: Unit, vault: Vault, attempt_id: str, fence: int, *, accepted: bool) -> None:
    """What the portal said to that code."""
    records.fenced(work, attempt_id, fence)
    enrolment.answered(work, vault, attempt_id, accepted=accepted)


def keep_recovery_codes(work: Unit, vault: Vault, attempt_id: str, fence: int, shown: Sequence[str]) -> None:
    """The recovery codes that the portal shows with a new authenticator. Raises `Conflict`, `Incomplete`."""
    row = records.fenced(work, attempt_id, fence)
    if not enrolment.was_proved(work, attempt_id):
        words = "The portal shows recovery codes that nobody asked for: a person must deal with them."
        raise Conflict(words, code="needs_person")
    recovery.keep(work, vault, row.account, recovery.parsed("\n".join(shown)))
