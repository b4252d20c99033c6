"""How long a recording is kept: its class, a legal hold, the end of one. For who governs recordings, with a reason."""

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import RedirectResponse, Response

from api.access import HereNow, permits
from broker.base.errors import Incomplete
from broker.identity.policy import Permission
from broker.recordings import retention
from broker.recordings.retention import Retention

router = APIRouter()
GOVERNORS = [permits(Permission.RECORDING_GOVERN)]
Reason = Annotated[str, Form(max_length=300)]


@router.post("/recordings/{recording_id}/hold", dependencies=GOVERNORS)
def hold(here: HereNow, recording_id: str, reason: Reason = "") -> Response:
    """Keep it until the hold is lifted."""
    with here.unit() as work:
        retention.hold(work, recording_id, reason)
    return _back(recording_id)


@router.post("/recordings/{recording_id}/lift", dependencies=GOVERNORS)
def lift(here: HereNow, recording_id: str, reason: Reason = "") -> Response:
    """End the hold."""
    with here.unit() as work:
        retention.lift(work, recording_id, reason)
    return _back(recording_id)


@router.post("/recordings/{recording_id}/retention", dependencies=GOVERNORS)
def classify(here: HereNow, recording_id: str, kept: Annotated[str, Form()], reason: Reason = "") -> Response:
    """Keep it for the time of another class."""
    try:
        chosen = Retention(kept)
    except ValueError:
        raise Incomplete("Choose how long it is kept: standard or long.") from None
    with here.unit() as work:
        retention.classify(work, recording_id, chosen, reason)
    return _back(recording_id)


def _back(recording_id: str) -> Response:
    return RedirectResponse(f"/recordings/{recording_id}", 303)
