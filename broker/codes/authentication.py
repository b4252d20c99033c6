"""The receiving server's verdict on a sender, from its Authentication-Results header (RFC 8601)."""

import re
from collections.abc import Iterator, Sequence

EXCHANGE = "exchange-online"
"""Set as the receiving server of a mailbox at Microsoft 365, whose verdicts bear no server's name."""
VERDICT = "authentication-results"
ENTRANCES = (".mail.protection.outlook.com", ".mail.protection.office365.us")
INSIDE = (".outlook.com", ".office365.com", ".office365.us")
NO_POLICY = ("none", "bestguesspass")
"""What DMARC says of a domain that publishes no policy: as good as nothing; a signature then decides."""
PROPERTY = re.compile(r'(?P<name>[a-z0-9-]+\.[a-z0-9-]+)\s*=\s*(?P<value>"(?:[^"\\]|\\.)*"|\S+)', re.IGNORECASE)
METHOD = re.compile(
    r"(?P<method>[a-z0-9-]+)(?:/\d+)?\s*=\s*(?P<result>[a-z]+)\b(?P<rest>.*)", re.IGNORECASE | re.DOTALL
)


def confirmed(fields: Sequence[tuple[str, str]], domain: str, authserv: str | None) -> bool:
    """Whether our own server says that the mail is from `domain`: DMARC passed, or an aligned DKIM signature did.

    `fields` are the mail's header fields from the top. Only the topmost verdict counts, and only when `authserv` wrote
    it: a receiving server puts its verdict on top, and whatever is below may be the sender's own.
    """
    if not authserv or not domain:
        return False
    ours = _of_exchange(fields) if authserv.lower() == EXCHANGE else _of_server(fields, authserv)
    return ours is not None and _passes(ours, domain)


def _of_server(fields: Sequence[tuple[str, str]], authserv: str) -> list[str] | None:
    """The parts of the topmost verdict, if the server that is named in it is this one."""
    told = next((value for name, value in fields if name.lower() == VERDICT), None)
    if told is None:
        return None
    server, *parts = _parts(told)
    named = server.split()
    if not named or named[0].lower() != authserv.lower() or (len(named) > 1 and not named[1].isdigit()):
        return None
    return parts


def _of_exchange(fields: Sequence[tuple[str, str]]) -> list[str] | None:
    """The parts of Exchange Online's verdict, which bears no server's name: it is known by where it stands.

    Above it are only stations inside Exchange Online, right below it is the one where the mail came in. What a sender
    brought along stands below that one.
    """
    parts = None
    for name, value in fields:
        field = name.lower()
        if field == VERDICT and parts is None:
            parts = list(_parts(value))
            if METHOD.fullmatch(parts[0]) is None:
                return None
        elif field == "received":
            by = _station(value)
            if by.endswith(ENTRANCES):
                return parts
            if parts is not None or not by.endswith(INSIDE):
                return None
    return None


def _station(received: str) -> str:
    """Who took the mail over, by a Received field; comments may hold anything."""
    found = re.match(r"\s*from\s+\S+\s+by\s+([a-z0-9.-]+)", next(_parts(received)), re.IGNORECASE)
    return "." + found[1].lower().rstrip(".") if found else ""


def _passes(parts: Sequence[str], domain: str) -> bool:
    aligned = False
    for part in parts:
        found = METHOD.fullmatch(part.strip())
        if found is None:
            continue
        method, result = found["method"].lower(), found["result"].lower()
        told = {one["name"].lower(): one["value"].strip('"').lower() for one in PROPERTY.finditer(found["rest"])}
        if method == "dmarc" and result not in NO_POLICY:
            about = told.get("header.from", domain).rpartition("@")[2].rstrip(".")
            return result == "pass" and about == domain
        if method == "dkim" and result == "pass":
            signer = told.get("header.d") or told.get("header.i", "").rpartition("@")[2]
            aligned = aligned or _aligned(signer.lstrip("@").rstrip("."), domain)
    return aligned


def _aligned(signer: str, domain: str) -> bool:
    """The signer is the sender's domain or one above it, which controls it; never one below."""
    return "." in signer and (domain == signer or domain.endswith(f".{signer}"))


def _parts(header: str) -> Iterator[str]:
    """The header's parts between semicolons, without comments; quoted text stays whole."""
    depth, quoted, escaped = 0, False, False
    part: list[str] = []
    for letter in header[:8000]:
        if escaped:
            escaped = False
        elif letter == "\\" and (quoted or depth):
            escaped = True
        elif letter == '"' and not depth:
            quoted = not quoted
        elif letter == "(" and not quoted:
            depth += 1
            continue
        elif letter == ")" and not quoted and depth:
            depth -= 1
            part.append(" ")
            continue
        elif letter == ";" and not quoted and not depth:
            yield "".join(part).strip()
            part = []
            continue
        if not depth:
            part.append(letter)
    yield "".join(part).strip()
