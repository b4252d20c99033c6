"""The error tree as HTTP, once: problem details (RFC 9457) for programs, a page with a way forward for people.

Never a stack trace, never what was sent: an error's text is one sentence that somebody wrote.
"""

import traceback
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError, WebSocketRequestValidationError
from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.websockets import WebSocket

from api import pages
from api.access import Here, SignInNeeded, template_of
from broker.base.errors import BrokerError, ByHand, Conflict, Incomplete, NotFound, Refused, Unavailable
from broker.identity.policy import NOTHING_THERE
from broker.identity.roster import administrators

log = structlog.get_logger("api")

VALIDATION_FIELDS = 20
WORDS = {
    400: "The request could not be read. Go back and try again.",
    404: NOTHING_THERE,
    405: "This address does not take that kind of request.",
    415: "This address does not take that kind of content.",
}
TITLES = {
    401: "Sign in first",
    403: "Not allowed",
    404: "Nothing here",
    409: "Not possible now",
    413: "Too large",
    421: "Another address",
    422: "Something is missing",
    429: "Please wait",
    500: "Something went wrong",
    503: "Not available now",
}
"""Headings of the page; programs get the phrase of the HTTP standard."""
ASK_SOMEBODY = (Refused.code, "account-parked", "channel-down")
"""Codes of errors that an administrator of the own organization can do something about."""
BROKEN = "Something went wrong in Portunus, and it has been noted. Try again; if it stays, tell an administrator the request number."


class TooLarge(HTTPException):
    """More than the address takes; `words` say how much that is and what to do."""

    def __init__(self, words: str) -> None:
        super().__init__(413, words)


def install(app: FastAPI) -> None:
    """Register the handlers on the application."""
    app.add_exception_handler(BrokerError, _broker_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(WebSocketRequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(OperationalError, _database_error)
    app.add_exception_handler(IntegrityError, _at_the_same_moment)
    app.add_exception_handler(DataError, _impossible_value)


async def _broker_error(connection: HTTPConnection, error: Exception) -> Response:
    assert isinstance(error, BrokerError)
    if isinstance(error, SignInNeeded) and isinstance(connection, Request) and wants_page(connection):
        return RedirectResponse(_sign_in_address(connection, error), HTTPStatus.SEE_OTHER)
    # one answer for every unknown and every foreign id, whatever sentence a service chose
    words = NOTHING_THERE if isinstance(error, NotFound) and error.code == NotFound.code else error.message
    way = {"address": error.address, "provider_line": error.provider_line} if isinstance(error, ByHand) else {}
    return await answer(connection, error.status, error.code, words, **way)


async def _invalid(connection: HTTPConnection, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError | WebSocketRequestValidationError)
    fields = [
        {"field": ".".join(str(part)[:60] for part in problem["loc"]), "problem": _without_values(problem)}
        for problem in error.errors()[:VALIDATION_FIELDS]
    ]
    return await answer(
        connection, 422, "invalid", "Some fields are missing or wrong. Correct them and send it again.", fields=fields
    )


async def _http_error(connection: HTTPConnection, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = error.status_code
    code = HTTPStatus(status).phrase.lower().replace(" ", "-")
    words = error.detail if isinstance(error, TooLarge) else WORDS.get(status, WORDS[400])
    response = await answer(connection, status, code, words)
    for name, value in (error.headers or {}).items():
        response.headers[name] = value
    return response


async def _database_error(connection: HTTPConnection, error: Exception) -> Response:
    note(connection, error)
    words = "The database does not take this now (busy, full or read-only). Nothing was changed; try again in a moment."
    return await answer(connection, Unavailable.status, Unavailable.code, words)


async def _at_the_same_moment(connection: HTTPConnection, error: Exception) -> Response:
    """Two requests passed the same check, and the database let one through."""
    note(connection, error)
    words = "Somebody changed the same thing at the same moment. Reload the page and look before you try again."
    return await answer(connection, Conflict.status, Conflict.code, words)


async def _impossible_value(connection: HTTPConnection, error: Exception) -> Response:
    """What PostgreSQL refuses to keep: a NUL character, a text longer than its column."""
    note(connection, error)
    words = "A value is too long or has characters that cannot be kept. Correct it and send it again."
    return await answer(connection, Incomplete.status, Incomplete.code, words)


async def unexpected(connection: HTTPConnection, error: Exception) -> Response:
    """The answer to a bug. What is noted has the error's type and places in the program, not its text."""
    note(connection, error)
    return await answer(connection, 500, "internal", BROKEN)


def note(connection: HTTPConnection, error: Exception) -> None:
    """Log an unexpected error without its text and without values: they may be somebody's."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    log.error(
        "unexpected error",
        error=type(error).__qualname__,
        places=[f"{frame.filename.rsplit('/site-packages/', 1)[-1]}:{frame.lineno} {frame.name}" for frame in frames],
        route=template_of(connection),
        request_id=pages.request_id(connection),
    )


async def answer(connection: HTTPConnection, status: int, code: str, words: str, **more: Any) -> Response:
    """A problem as page, as JSON, or as a refused socket."""
    if isinstance(connection, WebSocket):
        await connection.close(1008, code)
        return Response()
    assert isinstance(connection, Request)
    title = HTTPStatus(status).phrase
    if wants_page(connection):
        heading = TITLES.get(status, title)
        ask = await _whom_to_ask(connection) if code in ASK_SOMEBODY else []
        shown = {"problem_status": status, "title": heading, "words": words, "ask": ask, "more": more}
        return pages.page(connection, "error.html", status=status, **shown)
    body = {"type": f"/problems/{code}", "title": title, "status": status, "detail": words, "code": code, **more}
    if (
        status != HTTPStatus.NOT_FOUND
    ):  # a 404 has the same bytes for an unknown and a foreign id; its number is in the header
        body["request_id"] = pages.request_id(connection)
    return JSONResponse(body, status, media_type="application/problem+json")


async def _whom_to_ask(request: Request) -> list[str]:
    """Administrators by name, for somebody who is signed in and was refused."""
    here = getattr(request.state, "here", None)
    if not isinstance(here, Here) or here.login is None or here.login.second_factor_at is None:
        return []

    def look() -> list[str]:
        with here.reading() as work:
            return [name for name in administrators(work) if name != here.actor.name]

    return await run_in_threadpool(look)


def wants_page(request: Request) -> bool:
    """A person's browser asks for a page; scripts and programs for JSON."""
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith(("/api/", "/hooks/"))


def _without_values(problem: dict[str, Any]) -> str:
    """Pydantic's sentence; a validator's own text could repeat what was sent."""
    return (
        "This value is not possible."
        if problem["type"] in {"value_error", "assertion_error"}
        else str(problem["msg"])[:160]
    )


def _sign_in_address(request: Request, error: SignInNeeded) -> str:
    if error.half_way:
        return "/sign-in/continue"
    if request.method != "GET" or request.url.path == "/":
        return "/sign-in"
    return f"/sign-in?next={quote(urlsplit(str(request.url)).path)}"
