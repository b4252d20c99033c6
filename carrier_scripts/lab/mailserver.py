"""The lab's mail server: SMTP takes mail for the lab's domain, IMAP with IDLE serves the one mailbox it all lands in."""

import asyncio
import logging
import time
from argparse import Namespace
from collections.abc import Iterable
from contextlib import AsyncExitStack
from email import message_from_bytes
from email.policy import SMTP as SMTP_POLICY
from email.utils import parseaddr
from functools import partial
from pathlib import Path
from typing import Any, cast

from aiosmtpd.smtp import SMTP, Envelope
from aiosmtpd.smtp import Session as Conversation
from proxyprotocol.reader import ProxyProtocolReader
from pymap.backend.dict import DictBackend
from pymap.exceptions import InvalidAuth
from pymap.imap import IMAPServer
from pymap.parsing.message import AppendMessage
from pymap.user import Passwords, UserMetadata
from pysasl import SASLAuth
from pysasl.creds.external import ExternalCredentials, ExternalVerificationRequired
from pysasl.hashing import BuiltinHash

from carrier_scripts.lab.consent import Consents
from carrier_scripts.lab.founding import AUTHSERV, MAIL_DOMAIN, MAILBOX

INBOX = "INBOX"
HASH_ROUNDS = 1000
"""Half a million would take a quarter of a second of each login, and this password is nobody's."""
MECHANISMS = (b"PLAIN", b"LOGIN", b"XOAUTH2")


class MailServer:
    """Both servers in this event loop. `unsigned` holds the Message-IDs that fail the receiving server's checks."""

    def __init__(self, password: str, consent_secret: str) -> None:
        self.password = password
        self.consents = Consents(MAILBOX, consent_secret)
        self.unsigned: set[str] = set()
        self.also_into: Path | None = None
        """A Maildir of another server (https://cr.yp.to/proto/maildir.html) that keeps each mail too."""
        self.smtp_port = 0
        self.imap_port = 0
        self._backend: Any = None
        self._stack = AsyncExitStack()

    async def start(self, smtp_port: int = 0, imap_port: int = 0) -> None:
        """Listen on loopback; port 0 takes a free one."""
        logging.getLogger("mail.log").setLevel(logging.ERROR)
        loop = asyncio.get_running_loop()
        smtp = await loop.create_server(
            partial(SMTP, self, hostname=AUTHSERV, ident="lab", loop=loop), "127.0.0.1", smtp_port
        )
        self._stack.callback(smtp.close)
        self.smtp_port = smtp.sockets[0].getsockname()[1]
        args = Namespace(
            host="127.0.0.1", port=imap_port, debug=False, cert=None, key=None, tls=False, proxy_protocol=None,
            inherited_sockets=None, passlib_cfg=None, demo_data=False, demo_user=MAILBOX, demo_password=self.password,
        )  # fmt: skip
        self._backend, config = await DictBackend.init(
            args, invalid_user_sleep=0.0, hash_context=BuiltinHash(rounds=HASH_ROUNDS)
        )
        config.__class__ = type(
            "WithTokens", (type(config),), {"tls_auth": property(lambda _: SASLAuth.named(MECHANISMS))}
        )
        config.apply_context()
        await self._backend.start(self._stack)
        serve = ProxyProtocolReader(config.proxy_protocol).get_callback(
            IMAPServer(_Doorkeeper(self._backend.login, self.consents), config)
        )

        async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await serve(reader, cast("asyncio.StreamWriter", Gathered(writer)))

        imap = await asyncio.start_server(converse, "127.0.0.1", imap_port)
        self._stack.callback(imap.close)
        self.imap_port = imap.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        await self._stack.aclose()

    async def refuse_password(self, refused: bool) -> None:
        """Make IMAP refuse the mailbox's password (or take it again)."""
        config = self._backend.config
        password = await Passwords(config).hash_password("nobody knows this one" if refused else self.password)
        self._backend.login.users_dict[MAILBOX] = UserMetadata(config, MAILBOX, password=password)

    async def empty(self) -> None:
        """Delete every message; who is idling is told."""
        async with self._inbox() as inbox:
            await inbox.delete([message.uid async for message in inbox.messages()])

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Conversation, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if not address.lower().endswith("@" + MAIL_DOMAIN):
            return "550 we take mail for the lab only"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Conversation, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        raw = self._received(envelope.content, envelope.mail_from or "", str(session.host_name))
        async with self._inbox() as inbox:
            await inbox.append(AppendMessage(raw), recent=True)
        if self.also_into is not None:
            await asyncio.to_thread(_put, self.also_into, raw)
        return "250 kept"

    def _received(self, content: bytes, mail_from: str, helo: str) -> bytes:
        """As a receiving server keeps it: its own verdict on top, and none that claims to be its own below."""
        message = message_from_bytes(content, policy=SMTP_POLICY)
        others = [v for v in message.get_all("Authentication-Results", []) if not str(v).strip().startswith(AUTHSERV)]
        del message["Authentication-Results"]
        verdict = "fail" if str(message.get("Message-ID", "")).strip() in self.unsigned else "pass"
        domain = mail_from.rpartition("@")[2]
        shown = parseaddr(str(message.get("From", "")))[1].rpartition("@")[2]
        spf_and_dkim = f"spf={verdict} smtp.mailfrom={domain}; dkim={verdict} header.d={domain}"
        lines = [
            f"Return-Path: <{mail_from}>",
            f"Received: from {helo} by {AUTHSERV} with ESMTP",
            f"Authentication-Results: {AUTHSERV}; {spf_and_dkim}; dmarc={verdict} header.from={shown}",
        ]
        for other in others:
            message["Authentication-Results"] = str(other)
        return "\r\n".join(lines).encode() + b"\r\n" + message.as_bytes()

    def _inbox(self) -> "_Inbox":
        return _Inbox(self._backend)


def _put(maildir: Path, raw: bytes) -> None:
    """Written beside, then moved in: its server sees the whole mail or none."""
    name = f"{time.time_ns()}.lab"
    (maildir / "tmp" / name).write_bytes(raw)
    (maildir / "tmp" / name).rename(maildir / "new" / name)


class _Doorkeeper:
    """pymap's login, which also lets in who shows an access token for the mailbox (XOAUTH2)."""

    def __init__(self, login: Any, consents: Consents) -> None:
        self._login = login
        self._consents = consents

    async def authenticate(self, credentials: Any) -> Any:
        if not isinstance(credentials, ExternalCredentials):
            return await self._login.authenticate(credentials)
        try:
            credentials.verify(None)
        except ExternalVerificationRequired as shown:
            if self._consents.opens(credentials.authzid, shown.token or ""):
                return self._login.demo_user_identity
        raise InvalidAuth

    def __getattr__(self, name: str) -> Any:
        return getattr(self._login, name)


class Gathered:
    """A connection that sends an answer in one piece, as real servers do.

    pymap writes `* 1 FETCH ` and its rest apart, and sends when it drains; a client that looks in between sees half a line.
    """

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._pieces: list[bytes] = []

    def write(self, piece: bytes) -> None:
        self._pieces.append(bytes(piece))

    def writelines(self, pieces: Iterable[bytes]) -> None:
        self._pieces.extend(bytes(piece) for piece in pieces)

    async def drain(self) -> None:
        self._flush()
        await self._writer.drain()

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._pieces and not self._writer.is_closing():
            self._writer.write(b"".join(self._pieces))
        self._pieces.clear()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._writer, name)


class _Inbox:
    """The mailbox behind IMAP, as pymap keeps it."""

    def __init__(self, backend: Any) -> None:
        self._entered = backend.login.demo_user_identity.new_session()

    async def __aenter__(self) -> Any:
        opened = await self._entered.__aenter__()
        return await opened.mailbox_set.get_mailbox(INBOX)

    async def __aexit__(self, *failure: object) -> None:
        await self._entered.__aexit__(*failure)
