"""A mailbox over IMAP (imapclient): IDLE with re-issue, bounded fetches, every error a typed one."""

import contextlib
import socket
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import imapclient
from imapclient.exceptions import IMAPClientError, LoginError

from broker.base.errors import Refused, Unavailable
from broker.codes.extract import MESSAGE_BYTES
from broker.ports.mailbox import MailboxAddress, RawMail

CONNECT_S = 10
READ_S = 20
IDLE_S = 9 * 60
BATCH = 50
AWAY = (IMAPClientError, OSError, ssl.SSLError)


class ImapMailbox:
    """One connection to one folder. Raises `Refused` for a wrong password, `Unavailable` for anything else."""

    def __init__(self, address: MailboxAddress) -> None:
        self._idle_since: float | None = None
        if not address.tls and address.host not in ("127.0.0.1", "::1", "localhost"):
            raise Unavailable("A mailbox on another machine is read over TLS only: switch TLS on.")
        try:
            self._client = imapclient.IMAPClient(
                address.host,
                port=address.port,
                ssl=address.tls,
                use_uid=True,
                timeout=imapclient.SocketTimeout(CONNECT_S, READ_S),
            )
            self._client.socket().setsockopt(
                socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
            )  # DONE and SEARCH go out at once
            self._client.login(address.username, address.password)
            self._state = self._client.select_folder(address.folder, readonly=True)
            self._idles = self._client.has_capability("IDLE")
        except LoginError as wrong:
            raise Refused("The mailbox does not accept its stored password.", code="mailbox-login") from wrong
        except AWAY as away:
            raise Unavailable(f"The mailbox cannot be reached ({type(away).__name__}).") from away

    def baseline(self) -> tuple[int, int]:
        return int(self._state[b"UIDVALIDITY"]), int(self._state[b"UIDNEXT"])

    def since(self, uid: int) -> Iterator[RawMail]:
        self._stop_idle()
        try:
            found = sorted(number for number in self._client.search(["UID", f"{uid}:*"]) if number >= uid)
            for start in range(0, len(found), BATCH):
                yield from self._fetch(found[start : start + BATCH])
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

    def wait(self, seconds: float) -> bool:
        try:
            if not self._idles:
                time.sleep(seconds)  # noqa: TID251 - a server without IDLE is polled
                self._client.noop()
                return True
            if self._idle_since is None:
                self._client.idle()
                self._idle_since = time.monotonic()
            news = self._client.idle_check(timeout=seconds)
            if news or time.monotonic() - self._idle_since > IDLE_S:
                self._stop_idle()
                return True
            return False
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
        with contextlib.suppress(*AWAY):
            self._client.shutdown()


def _utc(moment: datetime) -> datetime:
    """imapclient gives local naive time."""
    return moment.astimezone(UTC)
