"""Whatever changes something is on record (threats.md AL13): every request of these tests that succeeds is looked at.

What changes nothing, or is on record elsewhere, stands in `SILENT` with its reason. That each route that changes something
does succeed in a test is looked at in `every_change.py`.
"""

from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import func, select
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from broker.audit.models import AuditEntry
from broker.base.actor import system
from broker.wiring import Portunus

KEYS_SEEN: "WeakKeyDictionary[ASGIApp, set[tuple[str, bytes]]]" = WeakKeyDictionary()
CHANGING = ("POST", "PUT", "PATCH", "DELETE")
SILENT = {
    "api.routes.recordings.play 200": "an empty player; what it plays is asked for with the reason, and that is on record",
    "api.routes.files.fetch 200": "the ticket of a minute before says who saves which bytes, and that is on record",
    "api.routes.tabs.ticket 200": "good for seconds; whoever comes in by it is on record",
    "api.routes.scripts.check 200": "reads a text and keeps nothing",
    "api.routes.code_templates.save 200": "tried on the samples, or asked once more: not saved",
    "api.routes.login.new_second_factor 303": "there is one already, so sent on",
    "api.routes.lookup_files.start_batch 303": "a second click finds the batch of the first, which is looked at in its own tests",
    "api.routes.recordings_films.ask_form 303": "a second click finds the film of the first, which is looked at in its own tests",
    "api.routes.login.show_code 303": "too late, so sent back to the beginning; a sign-in that succeeds is looked at in its own tests",
    "api.routes.codes.decline 200": "saying it twice is saying it once; that it is on record is looked at in its own tests",
    "api.routes.lookup_pictures.play 200": "an empty player; each picture is asked for with the reason, and that is on record",
}
"""Endpoint and status → why it leaves no entry. A repeated request (Idempotency-Key, a replayed hook) does nothing twice."""

LEFT: set[str] = set()
"""Endpoints that succeeded in this test and left an entry by the right person."""


class OnRecord:
    """The application, with one more look after each request: `actor_id` is who acts, None for somebody not signed in."""

    def __init__(self, app: ASGIApp, portunus: Portunus, actor_id: str | None = None) -> None:
        self._app, self._portunus, self._actor_id = app, portunus, actor_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises `AssertionError` for a change nobody can find afterwards."""
        if scope["type"] != "http" or scope["method"] not in CHANGING:
            await self._app(scope, receive, send)
            return
        before, status = self._size(), 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        await self._app(scope, receive, noting)
        endpoint = f"{name_of(scope.get('endpoint'))} {status}"
        if status >= 400 or self._again(scope, endpoint) or endpoint.startswith("tests."):
            return
        actors = self._actors(before)
        if actors and self._actor_id in (None, *actors):
            LEFT.add(name_of(scope["endpoint"]))
            return
        if endpoint in SILENT:
            return
        assert actors, f"{scope['method']} {scope['path']} ({endpoint}) left nothing in the audit log"
        raise AssertionError(f"{endpoint}: on record as {actors}")

    def _again(self, scope: Scope, endpoint: str) -> bool:
        """A hook that came before is answered without a route; what has a key is done once."""
        keys = [value for name, value in scope["headers"] if name == b"idempotency-key"]
        seen = KEYS_SEEN.setdefault(self._app, set())
        known = all((endpoint, key) in seen for key in keys)
        seen.update((endpoint, key) for key in keys)
        return scope.get("endpoint") is None or bool(keys and known)

    def _size(self) -> int:
        with self._portunus.reading(system("test")) as work:
            last = work.db.scalar(select(func.max(AuditEntry.index)))
            return -1 if last is None else last

    def _actors(self, before: int) -> set[str]:
        with self._portunus.reading(system("test")) as work:
            return set(work.db.scalars(select(AuditEntry.actor_id).where(AuditEntry.index > before)))


def name_of(endpoint: Any) -> str:
    """The function that answers, with its module."""
    return f"{endpoint.__module__}.{endpoint.__name__}" if endpoint is not None else "none"
