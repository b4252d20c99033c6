"""Refusals are recorded too. The unit that was refused rolled back, so they get one of their own."""

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.errors import NotFound, Refused
from broker.base.unit import Unit
from broker.identity.policy import Denial, Denied, OutOfReach


def denial_of(error: Refused | NotFound) -> Denial | None:
    """What was refused, if this error is a decision of the policy."""
    return error.denial if isinstance(error, Denied | OutOfReach) else None


def record_denial(work: Unit, error: Refused | NotFound, *, way: str) -> None:
    """Record a refusal in a fresh unit of the same actor. `way` is where it came in: a route's template, a command."""
    denial = denial_of(error)
    audit.record(
        work,
        Act.ACCESS_DENIED,
        denial.thing_kind if denial else "request",
        denial.thing_id if denial else way,
        account_id=denial.thing_id if denial and denial.thing_kind == "account" else None,
        location_id=denial.thing_id if denial and denial.thing_kind == "location" else None,
        outcome="hidden" if isinstance(error, OutOfReach) else "refused",
        reason=denial.permission.value if denial else error.message,
        detail={"way": way},
    )
