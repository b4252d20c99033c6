"""A small typed client of Portunus's lookup API. Standard library only: copy this folder where you need it.

client = Client("http://127.0.0.1:8400", "ptk_…")
lookup = client.submit(eligibility("harborline", "phoenix", member_id="HD100042731", birth_date="1984-03-17"))
done = client.wait(lookup["id"])
print(done["state"], done.get("result"))
"""

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Iterator, Sequence
from http.client import HTTPException
from typing import Any, Literal, NotRequired, TypedDict
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from portunus_client.results import ClaimStatusResult, EligibilityResult, Sighting

__all__ = [
    "Batch", "ClaimStatusResult", "Client", "EligibilityResult", "ExportedRow", "Failure", "Lookup", "Problem", "Question",
    "Sighting", "claim_status", "claims_of", "coverage_of", "eligibility", "verify_webhook",
]  # fmt: skip

AWAY = (URLError, HTTPException, ConnectionError, TimeoutError)
ENDED = frozenset({"done", "failed", "needs_human", "blocked_by_policy", "cancelled"})
TIMEOUT_S = 30.0
PAUSES_S = (0.5, 1.0, 2.0, 4.0)
"""Between tries when Portunus does not answer (it restarts, the network hiccups): only for what may be asked twice."""
NOT_NOW = (429, 503)
"""Statuses after which the same may be asked again."""
WEBHOOK_AGE_S = 300
STREAM_S = 60.0
"""An event stream says something at least every quarter of a minute."""


class Problem(Exception):
    """The API's problem details (RFC 9457): `status`, `code` for programs, `detail` for people."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail


class Failure(TypedDict):
    """Why a lookup has no result; the closed list is under /api/v1/schemas."""

    code: str
    words: str
    retry: str
    human_action: str
    x12_aaa: NotRequired[str]
    evidence: NotRequired[list[Sighting]]
    """Where the reason was seen: comes with `get` and `wait` only, and names a patient."""


class Lookup(TypedDict):
    """One lookup. `question` and `result` name a patient and come with `get` and `wait` only."""

    id: str
    kind: Literal["eligibility", "claim_status"]
    state: str
    words: str
    portal: str
    portal_name: str
    location: str
    location_name: str
    priority: int
    created_at: str
    ended_at: str | None
    deadline: str | None
    next_try_at: str | None
    batch_id: str | None
    requested_by: str
    error: Failure | None
    result_id: str | None
    captured_at: str | None
    runs: int
    question: NotRequired[dict[str, Any]]
    result: NotRequired[EligibilityResult | ClaimStatusResult | None]


class RowProblem(TypedDict):
    row: int
    words: str


class Batch(TypedDict):
    """A batch; `counts` has `read`, `problems`, `duplicates`, `queued`, and the states that rows are in."""

    id: str
    name: str
    state: Literal["running", "paused", "cancelled", "done"]
    created_at: str
    not_before: str | None
    requested_by: str
    rows: int
    counts: dict[str, int]
    problems: list[RowProblem]


class ExportedRow(TypedDict):
    """One row of a batch on its way out; nothing is dropped, whatever became of it."""

    row: int
    cells: list[str]
    problem: str | None
    lookup_id: str | None
    state: str
    error: str | None
    result: EligibilityResult | ClaimStatusResult | None


class Question(TypedDict):
    """The body of a submit; made by `eligibility` and `claim_status`."""

    kind: str
    portal: str
    location: str
    member_id: NotRequired[str]
    birth_date: NotRequired[str]
    service_date: NotRequired[str]
    payer: NotRequired[str]
    claim_number: NotRequired[str]
    service_from: NotRequired[str]
    service_to: NotRequired[str]
    with_eob: NotRequired[bool]
    with_era: NotRequired[bool]
    priority: NotRequired[str]
    deadline: NotRequired[str]
    max_age_s: NotRequired[int]


def eligibility(portal: str, location: str, *, member_id: str, birth_date: str, **more: Any) -> Question:
    """Ask for a member's coverage. Dates are ISO (1984-03-17); `payer` at a hub; `service_date` defaults to today."""
    told: dict[str, Any] = {"kind": "eligibility", "portal": portal, "location": location}
    question: Question = told | {"member_id": member_id, "birth_date": birth_date} | more  # type: ignore[assignment]
    return question


def claim_status(portal: str, location: str, **more: Any) -> Question:
    """Ask for a claim: `claim_number`, or `member_id` with `service_from` and `service_to`."""
    question: Question = {"kind": "claim_status", "portal": portal, "location": location, **more}  # type: ignore[typeddict-item]
    return question


class Client:
    """Talks to one Portunus in the name of one service account."""

    def __init__(self, url: str, api_key: str) -> None:
        self._url = url.rstrip("/")
        self._key = api_key

    def submit(self, question: Question, *, idempotency_key: str | None = None) -> Lookup:
        """Queue it. Sent again with the same key it is asked once. Raises `Problem`."""
        headers = {"idempotency-key": idempotency_key or str(uuid.uuid4())}
        found: Lookup = self._call("POST", "/api/v1/lookups", question, headers)
        return found

    def get(self, lookup_id: str) -> Lookup:
        """How it stands, with question and result; Portunus notes that you saw the patient. Raises `Problem`."""
        found: Lookup = self._call("GET", f"/api/v1/lookups/{lookup_id}")
        return found

    def state(self, lookup_id: str) -> Lookup:
        """How it stands, without the patient. Raises `Problem`."""
        found: Lookup = self._call("GET", f"/api/v1/lookups/{lookup_id}/state")
        return found

    def wait(self, lookup_id: str, *, limit_s: float = 300) -> Lookup:
        """Wait until it has ended or waits for a person. Raises `Problem`, `TimeoutError`."""
        end, pause = time.monotonic() + limit_s, 0.2
        while time.monotonic() < end:
            now = self.state(lookup_id)
            if now["state"] in ENDED:
                return self.get(lookup_id)
            time.sleep(pause)  # noqa: TID251 - a client's patience
            pause = min(pause * 1.5, 5.0)
        raise TimeoutError(f"{lookup_id} has not ended within {limit_s:g} s")

    def cancel(self, lookup_id: str) -> Lookup:
        """Take it out of the queue. Raises `Problem` (409) when the portal has been asked."""
        found: Lookup = self._call("POST", f"/api/v1/lookups/{lookup_id}/cancel", {})
        return found

    def retry(self, lookup_id: str) -> Lookup:
        """Go on: a person has put right what was in the way. Raises `Problem` (409) for one that does not wait for a person."""
        found: Lookup = self._call("POST", f"/api/v1/lookups/{lookup_id}/retry", {})
        return found

    def events(self, lookup_id: str) -> Iterator[Lookup]:
        """The lookup without its patient, now and whenever it changes, until it has ended. Raises `Problem`."""
        yield from self._messages(f"/api/v1/lookups/{lookup_id}/events")

    def batch_events(self, batch_id: str) -> Iterator[Batch]:
        """The batch with its counts, now and whenever they change, until every row is through. Raises `Problem`."""
        yield from self._messages(f"/api/v1/lookup-batches/{batch_id}/events")

    def every(self, *, state: str | None = None, batch_id: str | None = None, limit: int = 50) -> Iterator[Lookup]:
        """All lookups, newest first, page by page."""
        cursor: str | None = None
        while True:
            told = {"limit": str(limit), "state": state, "batch_id": batch_id, "cursor": cursor}
            asked = {name: value for name, value in told.items() if value}
            page = self._call("GET", "/api/v1/lookups?" + urlencode(asked))
            yield from page["data"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def batch(
        self, name: str, questions: Sequence[Question], *, not_before: str | None = None, max_age_s: int | None = None
    ) -> Batch:
        """Many at once: rows that cannot be asked are named in `problems`, none is dropped. Raises `Problem`.

        `not_before`: a moment with its zone (2026-11-23T06:00:00-07:00), within 60 days, when it starts.
        `max_age_s`: an answer this much older than the start will do.
        """
        told = (
            {"name": name, "rows": [*questions]}
            | ({"not_before": not_before} if not_before else {})
            | ({"max_age_s": max_age_s} if max_age_s is not None else {})
        )
        headers = {"idempotency-key": str(uuid.uuid4())}
        found: Batch = self._call("POST", "/api/v1/lookup-batches", told, headers)
        return found

    def batch_state(self, batch_id: str) -> Batch:
        """Its counts. Raises `Problem`."""
        found: Batch = self._call("GET", f"/api/v1/lookup-batches/{batch_id}")
        return found

    def change_batch(self, batch_id: str, act: str) -> Batch:
        """`pause`, `resume` or `cancel` it, or ask `again` what needs a person. Raises `Problem` (409) when it is cancelled."""
        found: Batch = self._call("POST", f"/api/v1/lookup-batches/{batch_id}/{act}", {})
        return found

    def export(self, batch_id: str) -> Iterator[ExportedRow]:
        """Every row of a batch in its order, with its result and evidence, as far as it is. Raises `Problem`."""
        with self._open("GET", f"/api/v1/lookup-batches/{batch_id}/export.json", None, {}, TIMEOUT_S) as lines:
            for line in lines:
                row: ExportedRow = json.loads(line)
                yield row

    def export_file(self, batch_id: str, form: Literal["csv", "xlsx", "json"]) -> bytes:
        """The same as a file. Raises `Problem`."""
        with self._open("GET", f"/api/v1/lookup-batches/{batch_id}/export.{form}", None, {}, TIMEOUT_S) as answer:
            return bytes(answer.read())

    def artifact(self, lookup_id: str, artifact_id: str) -> bytes:
        """A kept PDF or 835, or a picture in which all is grey but what was read. Raises `Problem`."""
        with self._open("GET", f"/api/v1/lookups/{lookup_id}/artifacts/{artifact_id}", None, {}, TIMEOUT_S) as answer:
            return bytes(answer.read())

    def fhir(self, lookup_id: str) -> dict[str, Any]:
        """The result as a FHIR R4B Bundle. Raises `Problem` (409) when there is none yet."""
        found: dict[str, Any] = self._call("GET", f"/api/v1/lookups/{lookup_id}/fhir")
        return found

    def previous(self, lookup_id: str) -> EligibilityResult | ClaimStatusResult | None:
        """The last answer to the same question before this one; None when there is none. Raises `Problem`."""
        found: EligibilityResult | ClaimStatusResult | None
        found = self._call("GET", f"/api/v1/lookups/{lookup_id}/previous")["result"]
        return found

    def payments(self, lookup_id: str) -> list[dict[str, Any]]:
        """The payments in the 835 files that this lookup kept, linked to its claims; never those of test files. Raises `Problem`."""
        found: list[dict[str, Any]] = self._call("GET", f"/api/v1/lookups/{lookup_id}/payments")["data"]
        return found

    def subscribe(self, url: str) -> dict[str, Any]:
        """Be told when lookups end. The answer's `secret` is shown this once; check with `verify_webhook`."""
        found: dict[str, Any] = self._call("POST", "/api/v1/webhooks", {"url": url})
        return found

    def webhooks(self) -> list[dict[str, Any]]:
        """Who is told. Raises `Problem`."""
        found: list[dict[str, Any]] = self._call("GET", "/api/v1/webhooks")["data"]
        return found

    def unsubscribe(self, webhook_id: str) -> None:
        """Nothing more is sent there. Raises `Problem`."""
        self._call("DELETE", f"/api/v1/webhooks/{webhook_id}")

    def _messages(self, path: str) -> Iterator[Any]:
        """Server-sent events, taken up again where they broke off, until all is told."""
        last, failed = "", 0
        while True:
            headers = {"accept": "text/event-stream"} | ({"last-event-id": last} if last else {})
            try:
                with self._open("GET", path, None, headers, STREAM_S) as lines:
                    if lines.status == 204:
                        return
                    for line in lines:
                        name, _, value = line.decode().rstrip("\n").partition(": ")
                        failed = 0
                        if name == "id":
                            last = value
                        elif name == "data":
                            yield json.loads(value)
            except AWAY as away:
                failed += 1
                if failed > len(PAUSES_S):
                    raise self._unreachable(away) from None
                time.sleep(PAUSES_S[failed - 1])  # noqa: TID251 - a client's patience

    def _call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with self._open(method, path, data, headers or {}, TIMEOUT_S) as answer:
            told = answer.read()
        return json.loads(told) if told else None

    def _open(self, method: str, path: str, data: bytes | None, headers: dict[str, str], limit_s: float) -> Any:
        """The open answer. What may be asked twice is asked again while Portunus does not answer. Raises `Problem`."""
        told = {"authorization": f"Bearer {self._key}", "content-type": "application/json", **headers}
        may_repeat = method == "GET" or "idempotency-key" in told
        for pause in (*PAUSES_S, None) if may_repeat else (None,):
            try:
                return urlopen(Request(self._url + path, data, told, method=method), timeout=limit_s)  # noqa: S310
            except HTTPError as no:
                if pause is None or no.code not in NOT_NOW:
                    raise _problem(no) from None
            except AWAY as away:
                if pause is None:
                    raise self._unreachable(away) from None
            time.sleep(pause)  # noqa: TID251 - a client's patience
        raise AssertionError("the last try returns or raises")

    def _unreachable(self, away: Exception) -> Problem:
        why = getattr(away, "reason", None) or type(away).__name__
        return Problem(0, "unreachable", f"Portunus does not answer at {self._url}: {why}")


def coverage_of(lookup: Lookup) -> EligibilityResult | None:
    """The result of an eligibility lookup; None for one that has none."""
    result = lookup.get("result")
    return result if result is not None and result["schema_version"] == "eligibility/1" else None


def claims_of(lookup: Lookup) -> ClaimStatusResult | None:
    """The result of a claim status lookup; None for one that has none."""
    result = lookup.get("result")
    return result if result is not None and result["schema_version"] == "claim_status/1" else None


def verify_webhook(secret: str, headers: dict[str, str], body: bytes) -> dict[str, Any]:
    """A webhook's message, if it is genuine and fresh (Standard Webhooks). Raises ValueError otherwise."""
    told = {name.lower(): value for name, value in headers.items()}
    try:
        number, sent = told["webhook-id"], int(told["webhook-timestamp"])
        signatures = told["webhook-signature"].split()
    except (KeyError, ValueError) as wrong:
        raise ValueError("this is no webhook") from wrong
    if abs(time.time() - sent) > WEBHOOK_AGE_S:
        raise ValueError("this webhook is too old")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    made = base64.b64encode(hmac.digest(key, f"{number}.{sent}.".encode() + body, hashlib.sha256)).decode()
    if not any(hmac.compare_digest(one, f"v1,{made}") for one in signatures):
        raise ValueError("this webhook was not signed by Portunus")
    message: dict[str, Any] = json.loads(body)
    return message


def _problem(no: HTTPError) -> Problem:
    try:
        told = json.loads(no.read())
        return Problem(no.code, str(told.get("code", "")), str(told.get("detail", "")))
    except ValueError:
        return Problem(no.code, "", no.reason)
