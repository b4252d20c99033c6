"""The edge of every request: its number, which host and origin it may come from, and the headers of every answer."""

import re
import secrets
import time
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import errors
from api.access import SAFE_METHODS, template_of

log = structlog.get_logger("access")

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1", "[::1]"})
FOR_MONITORS = frozenset({"/healthz", "/readyz"})
"""Probes come by address, not by name."""
FOREIGN_POSTS = ("/hooks/",)
"""Other machines post here; each proves itself by a signature."""

CONTENT_SECURITY_POLICY = "; ".join(  # noqa: FLY002 - one directive a line
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "font-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
FILES_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""For files on the download origin: nothing runs there, and only the remote tab's page may frame them; the rest is what Chromium's
own PDF page needs."""
HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), serial=(), display-capture=()",
    "x-frame-options": "DENY",
}
LARGEST_BODY = 1_000_000
"""Bytes of a request's body. FastAPI's own limit answers outside this layer, without its headers."""
LARGER_BODIES = {"/lookups/uploads": 8_200_000, "/api/v1/lookup-batches": 8_200_000}
"""Paths where files of rows come in."""
LARGEST_UPLOAD = 52_500_000
"""Bytes of a file for a portal (50 MB, and what goes around it)."""
UPLOADS = re.compile(r"^/api/v1/tabs/[A-Za-z0-9_]+/uploads$")
LARGEST_PICTURE = 8_200_000
PICTURES = re.compile(r"^/accounts/[A-Za-z0-9_]+/codes/totp$")
"""Where the picture of an authenticator's QR code comes in."""
FETCHED = "/files"
"""The one address of the download origin. It knows no cookie; the ticket in the form proves the holder."""
ONE_YEAR = "max-age=31536000; includeSubDomains"


class Edge:
    """Outermost ASGI layer of the application."""

    def __init__(self, app: ASGIApp, public_url: str, download_url: str = "") -> None:
        self.app = app
        self.download_host = urlsplit(download_url or public_url).netloc.lower()
        self.public_url = public_url.rstrip("/")
        self.policy = CONTENT_SECURITY_POLICY
        self.files_policy = FILES_POLICY
        if download_url and download_url != public_url:
            fetched = f"form-action 'self' {download_url}; frame-src {download_url}"
            self.policy = CONTENT_SECURITY_POLICY.replace("form-action 'self'", fetched)
            self.files_policy = FILES_POLICY.replace("frame-ancestors 'none'", f"frame-ancestors {self.public_url}")
        parts = urlsplit(public_url)
        self.origin = f"{parts.scheme}://{parts.netloc}".lower()
        self.host = parts.netloc.lower()
        self.loopback = parts.hostname in LOOPBACK
        self.https = parts.scheme == "https"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        scope.setdefault("state", {})["request_id"] = secrets.token_hex(8)
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        else:
            await self._request(scope, receive, send)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if headers.get("host", "").lower() != self.host or headers.get("origin", "").lower() != self.origin:
            await send({"type": "websocket.close", "code": 1008, "reason": "foreign origin"})
            return
        await self.app(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
                self._stamp(MutableHeaders(scope=message), scope)
            await send(message)

        request = Request(scope, receive)
        try:
            refusal = await self._refusal(request)
            await (refusal or self.app)(scope, _limited(receive, request), sending)
        except Exception as error:  # noqa: BLE001 - the outermost layer: nothing may leave as a stack trace
            if status:
                errors.note(request, error)  # too late for another answer; the server closes the connection
                raise ConnectionAbortedError from None
            await (await errors.unexpected(request, error))(scope, receive, sending)
        quiet = request.url.path in FOR_MONITORS or request.url.path.startswith("/static/")
        if not quiet and "unlogged" not in scope["state"]:
            log.info(
                "request",
                method=request.method,
                route=template_of(request),
                status=status,
                ms=round((time.perf_counter() - started) * 1000),
                request_id=scope["state"]["request_id"],
            )

    async def _refusal(self, request: Request) -> ASGIApp | None:
        """An answer instead of the application's, when the request must not reach it."""
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length) > _largest(request):
            return await _no(request, 413, "too-large", _too_large(request))
        path = request.url.path
        host = request.headers.get("host", "").lower()
        if path == FETCHED and request.method == "POST" and host == self.download_host:
            return None
        if host != self.host and path not in FOR_MONITORS and not path.startswith(FOREIGN_POSTS):
            if self.loopback and request.method == "GET" and host.rpartition(":")[0] in LOOPBACK:
                return RedirectResponse(self.public_url + path, 307)
            return await _no(request, 421, "wrong-host", f"Portunus is at {self.public_url}. Use that address.")
        if request.method in SAFE_METHODS or path.startswith(FOREIGN_POSTS):
            return None
        if not self._same_origin(request.headers):
            return await _no(
                request, 403, "foreign-origin", "This request came from another site and was not carried out."
            )
        return None

    def _same_origin(self, headers: Headers) -> bool:
        """Browsers say where a request comes from; what is no browser says nothing and has no cookie to abuse.

        `Sec-Fetch-Site` first: under `Referrer-Policy: no-referrer` a form's `Origin` is `null` (Fetch standard).
        """
        site = headers.get("sec-fetch-site")
        if site is not None:
            return site == "same-origin"
        origin = headers.get("origin")
        return origin is None or origin.lower() == self.origin

    def _stamp(self, headers: MutableHeaders, scope: Scope) -> None:
        for name, value in HEADERS.items():
            headers.setdefault(name, value)
        headers["content-security-policy"] = self.policy
        if scope["path"] == FETCHED:
            headers["content-security-policy"] = self.files_policy
            del headers["x-frame-options"]  # older and coarser than the policy's own word on frames
        if self.https:
            headers.setdefault("strict-transport-security", ONE_YEAR)
        headers.setdefault("cache-control", "no-cache" if scope["path"].startswith("/static/") else "no-store")
        headers["x-request-id"] = scope["state"]["request_id"]


def _largest(request: Request) -> int:
    if request.method == "POST" and UPLOADS.match(request.url.path):
        return LARGEST_UPLOAD
    if request.method == "POST" and PICTURES.match(request.url.path):
        return LARGEST_PICTURE
    return LARGER_BODIES.get(request.url.path, LARGEST_BODY)


def _too_large(request: Request) -> str:
    """The address's own limit, and what to do about it."""
    largest = _largest(request)
    if largest == LARGEST_BODY:
        return "That is too large: the limit is one megabyte."
    words = f"That is too large: the limit is {largest // 1_000_000} MB."
    return (
        f"{words} Split the file and send its parts one after the other."
        if request.url.path in LARGER_BODIES
        else words
    )


def _limited(receive: Receive, request: Request) -> Receive:
    """Counts what comes, for bodies that do not say their length."""
    size, largest = 0, _largest(request)

    async def counting() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > largest:
            raise errors.TooLarge(_too_large(request))
        return message

    return counting


async def _no(request: HTTPConnection, status: int, code: str, words: str) -> Response:
    return await errors.answer(request, status, code, words)
