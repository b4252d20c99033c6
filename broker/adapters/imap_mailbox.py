"""A mailbox over IMAP (imapclient): IDLE with re-issue, bounded fetches, every error a typed one."""

import contextlib
import imaplib
import re
import select
import socket
import ssl
import time
from collections.abc import Collection, Iterator
from datetime import UTC, datetime

import imapclient
from imapclient.exceptions import IMAPClientError, LoginError

from broker.base.errors import Refused, Unavailable
from broker.codes.extract import MESSAGE_BYTES
from broker.ports.mailbox import MailboxAddress, RawMail

CONNECT_S = 10
READ_S = 20
IDLE_S = 9 * 60
"""Servers may end an IDLE after half an hour (RFC 2177), home routers forget a silent connection after ten minutes."""
BATCH = 50
FEW = 10
"""So many of the newest are read before older ones: what a flood pushed in before the awaited mail can wait."""
FOR_NOW = re.compile(r"\[(?:UNAVAILABLE|INUSE|LIMIT|SERVERBUG)\]|\btoo many\b|\btempor", re.IGNORECASE)
AWAY = (IMAPClientError, imaplib.IMAP4.error, OSError, ssl.SSLError, ValueError, KeyError, TypeError, IndexError)
"""What imapclient raises when a server is gone, or answers what no server may."""


class ImapMailbox:
    """One connection to one folder. Raises `Refused` for a wrong password, `Unavailable` for anything else."""

    def __init__(self, address: MailboxAddress, *, tls: ssl.SSLContext | None = None) -> None:
        self._idle_since: float | None = None
        if not address.tls and address.host not in ("127.0.0.1", "::1", "localhost"):
            raise Unavailable("A mailbox on another machine is read over TLS only: switch TLS on.")
        client: imapclient.IMAPClient | None = None
        try:
            client = imapclient.IMAPClient(
                address.host,
                port=address.port,
                ssl=address.tls,
                ssl_context=tls,
                use_uid=True,
                timeout=imapclient.SocketTimeout(CONNECT_S, READ_S),
            )
            client.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # DONE and SEARCH go out at once
            if address.by_token:
                client.oauth2_login(address.username, address.secret)
            else:
                client.login(address.username, address.secret)
            self._state = client.select_folder(address.folder, readonly=True)
            self._idles = client.has_capability("IDLE")
        except AWAY as away:
            _shut(client)
            raise _named(away, address) from None  # the cause's words may hold what was sent
        self._client = client

    def baseline(self) -> tuple[int, int]:
        return int(self._state[b"UIDVALIDITY"]), int(self._state[b"UIDNEXT"])

    def since(self, uid: int, *, newest_first: bool = False, known: Collection[int] = ()) -> Iterator[RawMail]:
        self._stop_idle()
        try:
            there, read = self._client.search(["UID", f"{uid}:*"]), frozenset(known)
            found = sorted(number for number in there if number >= uid and number not in read)
            for some in _newest_few_first(found) if newest_first else _batches(found):
                yield from self._fetch(some)
        except AWAY as away:
            raise Unavailable(f"The mailbox stopped answering ({type(away).__name__}).") from away

    def _fetch(self, uids: list[int]) -> Iterator[RawMail]:
        heads = self._client.fetch(uids, ["RFC822.SIZE", "INTERNALDATE"])
        for uid in uids:
            head = heads.get(uid)
            if head is None:
                continue
            size, raw = int(head[b"RFC822.SIZE"]), b""
            if size <= MESSAGE_BYTES:
                body = self._client.fetch([uid], ["BODY.PEEK[]"])
                raw = body.get(uid, {}).get(b"BODY[]") or b""
            yield RawMail(uid=uid, received_at=_utc(head[b"INTERNALDATE"]), size=size, raw=raw)

    def wait(self, seconds: float, wake: int | None = None) -> bool:
        try:
            if not self._idles:
                _ready(seconds, wake)
                self._client.noop()
                return True
            if self._idle_since is None:
                self._client.idle()
                self._idle_since = time.monotonic()
            left = max(self._idle_since + IDLE_S - time.monotonic(), 0)
            if not _ready(min(seconds, left), self._client.socket().fileno(), wake) and left > seconds:
                return False
            self._stop_idle()  # reads what the server said meanwhile; the next wait issues IDLE anew
            return True
        except AWAY as away:
            raise Unavailable(f"The mailbox stopped answering ({type(away).__name__}).") from away

    def probe(self) -> None:
        self._stop_idle()
        try:
            self._client.noop()
        except AWAY as away:
            raise Unavailable("The mailbox no longer answers.") from away

    def _stop_idle(self) -> None:
        if self._idle_since is not None:
            self._idle_since = None
            try:
                self._client.idle_done()
            except AWAY as away:
                raise Unavailable("The mailbox no longer answers.") from away

    def close(self) -> None:
        _shut(self._client)


def _batches(uids: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(uids), BATCH):
        yield uids[start : start + BATCH]


def _newest_few_first(uids: list[int]) -> Iterator[list[int]]:
    for end in range(len(uids), 0, -FEW):
        yield uids[max(end - FEW, 0) : end]


def _ready(seconds: float, *places: int | None) -> bool:
    """Whether one of these file descriptors has something to read in time (poll knows no limit of numbers)."""
    poll = select.poll()
    for place in places:
        if place is not None:
            poll.register(place, select.POLLIN)
    return bool(poll.poll(max(seconds, 0) * 1000))


def _named(away: Exception, address: MailboxAddress) -> Refused | Unavailable:
    """The error as this project says it: what to do, and nothing of what was sent."""
    if isinstance(away, LoginError) and _for_now(away):
        return Unavailable("The mail server could not check the sign-in just now. It is tried again.")
    if isinstance(away, LoginError) and address.by_token:
        return Refused(
            f"The mail server does not take the permission that was given, for {address.username}: was it given in this "
            "mailbox's own account, and is IMAP switched on for it?",
            code="mailbox-token",
        )
    if isinstance(away, LoginError):
        return Refused("The mailbox does not accept its stored password: store it again.", code="mailbox-login")
    if isinstance(away, ssl.SSLCertVerificationError):
        return Unavailable(
            "The mail server's certificate is not valid for its name: check the host, or ask its operator."
        )
    if isinstance(away, IMAPClientError | imaplib.IMAP4.error) and not isinstance(away, imaplib.IMAP4.abort):
        return Unavailable(f"The mail server does not open the folder {address.folder}: check its name.")
    return Unavailable(f"The mailbox cannot be reached ({type(away).__name__}): check host, port and network.")


def _for_now(away: LoginError) -> bool:
    """Whether the sign-in failed for the server's own reasons (RFC 5530), or broke off: the password may be right."""
    return isinstance(away.__context__, imaplib.IMAP4.abort) or FOR_NOW.search(str(away)) is not None


def _shut(client: imapclient.IMAPClient | None) -> None:
    if client is not None:
        with contextlib.suppress(*AWAY):
            client.shutdown()


def _utc(moment: datetime) -> datetime:
    """imapclient gives local naive time."""
    return moment.astimezone(UTC)
