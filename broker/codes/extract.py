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
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message

from selectolax.lexbor import LexborHTMLParser, LexborNode

MESSAGE_BYTES = 2 * 1024 * 1024
HEADER_BYTES = 64 * 1024
PARTS = 60
DEPTH = 12
TEXT_CHARACTERS = 60_000

HIDING = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0|opacity\s*:\s*0(?:[;\s]|$)|max-height\s*:\s*0"
    r"|mso-hide\s*:\s*all|text-indent\s*:\s*-\d{3,}|(?:left|top)\s*:\s*-\d{3,}|(?<!-)color\s*:\s*(?:#fff(?:fff)?\b|white|transparent)",
    re.IGNORECASE,
)
UNSEEN_TAGS = ("script", "style", "head", "title", "template", "noscript", "object", "svg")
INVISIBLE = {"Cf", "Cc", "Co", "Cn", "Cs"}


class Unreadable(ValueError):
    """The message is outside what is read; the words say why."""


@dataclass(frozen=True)
class Seen:
    """The parts of a message that matching looks at."""

    message_id: str
    sender: str
    trusted: bool
    recipients: frozenset[str]
    subject: str
    text: str


def read(raw: bytes, authserv: str | None) -> Seen:
    """Read one message. `authserv` names the receiving server whose verdict is believed. Raises `Unreadable`."""
    if len(raw) > MESSAGE_BYTES:
        raise Unreadable("The message is larger than any code message.")
    head = re.split(rb"\r?\n\r?\n", raw[: HEADER_BYTES + 4], maxsplit=1)[0]
    if len(head) > HEADER_BYTES:
        raise Unreadable("The message's header is larger than any code message's.")
    message = email.message_from_bytes(raw, policy=email.policy.compat32)
    senders = email.utils.getaddresses([str(value) for value in message.get_all("from", [])])
    if len(message.get_all("from", [])) != 1 or len(senders) != 1 or senders[0][1].count("@") != 1:
        raise Unreadable("It does not have one sender.")
    sender = senders[0][1].lower()
    return Seen(
        message_id=(str(message.get("message-id", "")).strip() or hashlib.sha256(raw).hexdigest())[:200],
        sender=sender,
        trusted=_authenticated(message, sender.rpartition("@")[2], authserv),
        recipients=_recipients(message),
        subject=_tidy(_decoded(str(message.get("subject", "")))),
        text=_text(message)[:TEXT_CHARACTERS],
    )


def _recipients(message: Message) -> frozenset[str]:
    values = [
        str(value) for name in ("to", "cc", "delivered-to", "x-original-to") for value in message.get_all(name, [])
    ]
    return frozenset(address.lower() for _, address in email.utils.getaddresses(values[:20]) if address)


def _authenticated(message: Message, domain: str, authserv: str | None) -> bool:
    """DMARC pass for the sender's domain, or an aligned DKIM pass, by the topmost header of our own server (RFC 8601)."""
    if not authserv:
        return False
    ours = [str(value) for value in message.get_all("authentication-results", [])]
    if not ours or not re.match(rf"\s*{re.escape(authserv)}\s*(?:\d+\s*)?;", ours[0], re.IGNORECASE):
        return False
    verdict = re.sub(r"\([^()]*\)", " ", ours[0])
    if re.search(r"\bdmarc\s*=\s*(?!pass\b)\w+", verdict, re.IGNORECASE):
        return False
    said = re.search(r"\bheader\.from\s*=\s*([\w.-]+)", verdict, re.IGNORECASE)
    if said is not None and said.group(1).rstrip(".").lower() != domain:
        return False  # its verdict is about another sender than the one shown
    if re.search(r"\bdmarc\s*=\s*pass\b", verdict, re.IGNORECASE):
        return True
    return bool(
        re.search(rf"\bdkim\s*=\s*pass\b[^;]*\bheader\.d\s*=\s*@?{re.escape(domain)}(?![\w.-])", verdict, re.IGNORECASE)
    )


def _text(message: Message) -> str:
    """Visible text: the HTML part where there is one (it is what a mail program shows), else the plain part."""
    plain: list[str] = []
    html: list[str] = []
    for part in _parts(message, 0, [0]):
        kind = part.get_content_type()
        if part.get_filename() or kind not in ("text/plain", "text/html"):
            continue
        payload = part.get_payload(decode=True)
        if not isinstance(payload, bytes):
            continue
        (html if kind == "text/html" else plain).append(_unicode(payload, part.get_content_charset()))
    return _tidy("\n".join(visible(page) for page in html)) if html else _tidy("\n".join(plain))


def _parts(message: Message, depth: int, count: list[int]) -> Iterator[Message]:
    if depth > DEPTH:
        raise Unreadable("Its parts are nested too deeply.")
    count[0] += 1
    if count[0] > PARTS:
        raise Unreadable("It has too many parts.")
    payload = message.get_payload()
    if isinstance(payload, list):
        for part in payload:
            if isinstance(part, Message):
                yield from _parts(part, depth + 1, count)
    else:
        yield message


def _unicode(payload: bytes, charset: str | None) -> str:
    try:
        return payload.decode(charset or "utf-8", "replace")
    except LookupError:
        return payload.decode("utf-8", "replace")


def visible(html: str) -> str:
    """The text of an HTML page that is shown: hidden elements, zero-width letters and unseen tags are left out."""
    tree = LexborHTMLParser(html)
    for tag in UNSEEN_TAGS:
        for node in tree.css(tag):
            node.decompose()
    for node in tree.css("[style], [hidden], [width], font"):
        if _hidden(node):
            node.decompose()
    body = tree.body or tree.root
    if body is None:
        return ""
    for node in tree.css("br, p, div, tr, td, th, li, h1, h2, h3, h4, table"):
        node.insert_after("\n")
    return body.text(deep=True, separator="")


def _hidden(node: LexborNode) -> bool:
    attributes = node.attributes
    if "hidden" in attributes or HIDING.search(attributes.get("style") or ""):
        return True
    return (attributes.get("color") or "").strip().lower() in ("#fff", "#ffffff", "white")


def _decoded(header: str) -> str:
    try:
        return str(email.header.make_header(email.header.decode_header(header[:2000])))
    except (LookupError, ValueError, UnicodeError):
        return header[:2000]


def _tidy(text: str) -> str:
    """NFKC, no-break spaces as spaces, nothing invisible, digits that a layout split by single spaces joined."""
    kept = "".join(
        letter if letter == "\n" or unicodedata.category(letter) not in INVISIBLE else ""
        for letter in unicodedata.normalize("NFKC", text)
    )
    lines = (re.sub(r"[ \t]+", " ", line).strip() for line in kept.split("\n"))
    joined = "\n".join(line for line in lines if line)
    return re.sub(r"(?<!\d)(\d{3}) (\d{3})(?!\d)|(?<!\S)((?:\d ){3,7}\d)(?!\S)", _close_up, joined)


def _close_up(found: re.Match[str]) -> str:
    return found.group().replace(" ", "")
