"""One code's way, for an auditor to read, print and take away as a proof that an outsider checks offline."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.access import Here, HereNow, permits
from api.pages import page
from broker.audit import service as audit
from broker.audit.acts import Act
from broker.identity.policy import Permission
from broker.tabs import service as tabs
from broker.tabs.service import Custody

router = APIRouter()
ASKERS = [permits(Permission.LAST_CODE)]


@router.get("/code-requests/{request_id}", dependencies=ASKERS)
def way(request: Request, here: HereNow, request_id: str) -> Response:
    """The chain of custody, made to be printed, with the hashes and the signed head of the proof file."""
    answer = _answer(here, request_id)
    with here.unit() as work:
        key = audit.log_key(work, here.portunus.keyring)
        audit.sign_checkpoint(work, key)
    with here.reading() as work:
        proof = tabs.printed_proof(work, key, request_id)
    now = here.portunus.clock.now()
    return page(request, "custody.html", answer=answer, proof=proof, verifier=key.verifier, printed_at=now)


@router.get("/code-requests/{request_id}/proof", dependencies=ASKERS)
def proof(here: HereNow, request_id: str) -> Response:
    """The proof file; `python broker/audit/verify.py FILE` checks it anywhere. Taking it is an entry in the log."""
    with here.reading() as work:
        tabs.custody(work, request_id)
    with here.unit() as work:
        key = audit.log_key(work, here.portunus.keyring)
        audit.record(work, Act.PROOF_TAKEN, "code_request", request_id)
        audit.sign_checkpoint(work, key)
    with here.reading() as work:
        lines = list(tabs.prove_code(work, key, request_id))
    headers = {"Content-Disposition": f'attachment; filename="code-{request_id}.jsonl"'}
    return Response("".join(f"{line}\n" for line in lines), media_type="application/jsonl", headers=headers)


@router.get("/api/v1/code-requests/{request_id}", dependencies=ASKERS)
def data(here: HereNow, request_id: str) -> dict[str, Any]:
    """The chain as data."""
    return asdict(_answer(here, request_id))


def _answer(here: Here, request_id: str) -> Custody:
    with here.reading() as work:
        answer = tabs.custody(work, request_id)
    with here.unit() as work:
        audit.record(work, Act.REPORT_VIEWED, "code_request", request_id, detail={"report": "custody"})
    return answer
