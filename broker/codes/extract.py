"""What a person would see of an e-mail, from its raw bytes, within caps. Runs in a killable process (see `reader`).

Only the first From address counts, and only if it is the only one; only visible text counts; only the configured
receiving server's own Authentication-Results header counts.
"""

import email
import email.header
import email.policy
import email.utils
import hashlib
import re
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from email.message import Message

from broker.codes.authentication import confirmed
from broker.codes.stylesheet import Unclear
from broker.codes.visible import visible_text

MESSAGE_BYTES = 2 * 1024 * 1024
HEADER_BYTES = 64 * 1024
PARTS = 60
DEPTH = 12
BOUNDARY_LINES = 2000
"""Lines that could begin a part; counted before parsing, which takes seconds over tens of thousands of parts."""
TEXT_CHARACTERS = 60_000
ADDRESSES = 50
INVISIBLE = {"Cf", "Cc", "Co", "Cn", "Cs"}
TURNED = re.compile("[\u202d\u202e]")


class Unreadable(ValueError):
    """The message is outside what is read; the words say why."""


@dataclass(frozen=True)
class Seen:
    """The parts of a message that matching looks at."""

    message_id: str
    sender: str
    trusted: bool
    recipients: frozenset[str]
    addressed: frozenset[str]
    subject: str
    text: str
    written_at: str | None
    """When it says it was written, in ISO 8601 with an offset."""
    head_only: bool = False
    """It is not known to be from anybody whose code is awaited: only its header was read."""


def read(raw: bytes, authserv: str | None, senders: Collection[str] | None = None) -> Seen:
    """Read one message. `authserv` names the receiving server whose verdict is believed. Raises `Unreadable`.

    Where `senders` are named (addresses, or `@host`), only the header is read of a message that is not confirmed to be
    from one of them: anybody may send mails that take their time.
    """
    if len(raw) > MESSAGE_BYTES:
        raise Unreadable("The message is larger than any code message.")
    head = re.split(rb"\r?\n\r?\n", raw[: HEADER_BYTES + 4], maxsplit=1)[0]
    if len(head) > HEADER_BYTES:
        raise Unreadable("The message's header is larger than any code message's.")
    header = email.message_from_bytes(head + b"\n\n", policy=email.policy.compat32)
    sender = _sender(header)
    if senders is not None and not (_is_of(sender, senders) and _trusted(header, sender, authserv)):
        return _seen(header, raw, sender, "", authserv, head_only=True)
    if raw.count(b"\n--") > BOUNDARY_LINES:
        raise Unreadable("It has too many parts.")
    message = email.message_from_bytes(raw, policy=email.policy.compat32)
    try:
        text = _tidy(_shown(message, 0, [0]))
    except Unclear as why:
        raise Unreadable(str(why)) from why
    return _seen(message, raw, _sender(message), text, authserv)


def _seen(
    message: Message, raw: bytes, sender: str, text: str, authserv: str | None, *, head_only: bool = False
) -> Seen:
    return Seen(
        message_id=(str(message.get("message-id", "")).strip() or hashlib.sha256(raw).hexdigest())[:200],
        sender=sender,
        trusted=_trusted(message, sender, authserv),
        recipients=_addresses(message, "to", "cc", "delivered-to", "x-original-to", "envelope-to"),
        addressed=_addresses(message, "to", "cc"),
        subject=_tidy(_decoded(str(message.get("subject", "")))).replace("\n", " "),
        text=text[:TEXT_CHARACTERS],
        written_at=_written(str(message.get("date", ""))),
        head_only=head_only,
    )


def _is_of(sender: str, senders: Collection[str]) -> bool:
    return not {sender, "@" + sender.rpartition("@")[2]}.isdisjoint(senders)


def _trusted(message: Message, sender: str, authserv: str | None) -> bool:
    fields = [(name, str(value)) for name, value in message.items()]
    return confirmed(fields, sender.rpartition("@")[2], authserv)


def _sender(message: Message) -> str:
    values = [str(value) for value in message.get_all("from", [])]
    senders = email.utils.getaddresses(values) if len(values) == 1 and values[0].count("@") <= ADDRESSES else []
    address = senders[0][1].lower() if len(senders) == 1 else ""
    if address.count("@") != 1 or not re.fullmatch(r"[^\s@<>(),:;\"\\]+@[a-z0-9.-]+", address):
        raise Unreadable("It does not have one sender.")
    return address


def _written(header: str) -> str | None:
    try:
        date = email.utils.parsedate_to_datetime(header[:100])
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return date.isoformat() if date.tzinfo is not None else None


def _addresses(message: Message, *names: str) -> frozenset[str]:
    values = [str(value) for name in names for value in message.get_all(name, [])]
    few = [value for value in values[:20] if value.count("@") <= ADDRESSES]
    return frozenset(address.lower() for _, address in email.utils.getaddresses(few) if address)


def _shown(part: Message, depth: int, count: list[int]) -> str:
    """The text a mail program shows of this part: of alternatives the richest, nothing of attached things."""
    count[0] += 1
    if depth > DEPTH:
        raise Unreadable("Its parts are nested too deeply.")
    if count[0] > PARTS:
        raise Unreadable("It has too many parts.")
    kind = part.get_content_type()
    if part.get_content_disposition() == "attachment" or part.get_content_maintype() == "message":
        return ""
    if part.is_multipart():
        shown = [(child.get_content_type(), _shown(child, depth + 1, count)) for child in _children(part)]
        if kind == "multipart/alternative":
            return next((text for _, text in reversed(shown) if text.strip()), "")
        if kind == "multipart/related":
            return shown[0][1] if shown else ""
        return "\n".join(text for _, text in shown)
    if kind not in ("text/plain", "text/html") or part.get_filename():
        return ""
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    text = _unicode(payload, part.get_content_charset())
    if TURNED.search(text):
        raise Unreadable("It turns the reading direction around: a person must read it.")
    return visible_text(text) if kind == "text/html" else text


def _children(part: Message) -> Iterator[Message]:
    payload = part.get_payload()
    if isinstance(payload, list):
        yield from (child for child in payload if isinstance(child, Message))


def _unicode(payload: bytes, charset: str | None) -> str:
    try:
        return payload.decode(charset or "utf-8", "replace")
    except (LookupError, ValueError):
        return payload.decode("utf-8", "replace")


def _decoded(header: str) -> str:
    try:
        return str(email.header.make_header(email.header.decode_header(header[:2000])))
    except (LookupError, ValueError, UnicodeError):
        return header[:2000]


def _tidy(text: str) -> str:
    """NFKC, no-break spaces as spaces, nothing invisible, digits that a layout split by single spaces joined."""
    kept = "".join(
        letter if letter in "\n\t" or unicodedata.category(letter) not in INVISIBLE else ""
        for letter in unicodedata.normalize("NFKC", text[: 4 * TEXT_CHARACTERS])
    )
    lines = (re.sub(r"[ \t]+", " ", line).strip() for line in kept.split("\n"))
    joined = "\n".join(line for line in lines if line)
    return re.sub(r"(?<!\d)(?<!\d )(\d{3}) (\d{3})(?! ?\d)|(?<!\S)((?:\d ){3,7}\d)(?! ?\d)(?!\S)", _close_up, joined)


def _close_up(found: re.Match[str]) -> str:
    return found.group().replace(" ", "")
