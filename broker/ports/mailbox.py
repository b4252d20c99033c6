"""Read messages as they arrive in a mailbox."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class MailboxAddress:
    """Where a mailbox is and how to get in; made from an endpoint's settings and the vault."""

    host: str
    port: int
    tls: bool
    username: str
    secret: str
    """The mailbox's password, or an access token."""
    folder: str = "INBOX"
    by_token: bool = False
    """Whether the secret is an access token (XOAUTH2)."""

    def __repr__(self) -> str:
        return f"MailboxAddress({self.username}@{self.host}:{self.port})"


@dataclass(frozen=True)
class RawMail:
    """One message: its UID, when the server took it in (whole seconds), its size, its bytes (empty when too large)."""

    uid: int
    received_at: datetime
    size: int
    raw: bytes


class Mailbox(Protocol):
    def baseline(self) -> tuple[int, int]:
        """(UIDVALIDITY, UIDNEXT) when it was opened: messages from that UID on are new."""
        ...

    def since(self, uid: int, *, newest_first: bool = False, known: Collection[int] = ()) -> Iterator[RawMail]:
        """Messages with this UID or a higher one, but those that are known, oldest first. Raises `Unavailable`.

        `newest_first`: the last few, then the few before them, and so on; each few still oldest first.
        """
        ...

    def wait(self, seconds: float, wake: int | None = None) -> bool:
        """Wait for news (IDLE where offered); True when there may be some, also when `wake` becomes readable.

        Raises `Unavailable` when the server is gone.
        """
        ...

    def probe(self) -> None:
        """Ask for a sign of life. Raises `Unavailable`: a frozen server looks just like "no mail"."""
        ...

    def close(self) -> None: ...
