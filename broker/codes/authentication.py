"""The receiving server's verdict on a sender, from its Authentication-Results header (RFC 8601)."""

import re
from collections.abc import Iterator, Sequence

PROPERTY = re.compile(r'(?P<name>[a-z0-9-]+\.[a-z0-9-]+)\s*=\s*(?P<value>"(?:[^"\\]|\\.)*"|\S+)', re.IGNORECASE)
METHOD = re.compile(
    r"(?P<method>[a-z0-9-]+)(?:/\d+)?\s*=\s*(?P<result>[a-z]+)\b(?P<rest>.*)", re.IGNORECASE | re.DOTALL
)


def confirmed(headers: Sequence[str], domain: str, authserv: str | None) -> bool:
    """Whether our own server says that the mail is from `domain`: DMARC passed, or an aligned DKIM signature did.

    Only the topmost header counts, and only when `authserv` wrote it: a receiving server puts its verdict on top, and
    whatever is below may be the sender's own.
    """
    if not authserv or not headers or not domain:
        return False
    parts = list(_parts(headers[0]))
    named = parts[0].split()
    if not named or named[0].lower() != authserv.lower() or (len(named) > 1 and not named[1].isdigit()):
        return False
    aligned = False
    for part in parts[1:]:
        found = METHOD.fullmatch(part.strip())
        if found is None:
            continue
        method, result = found["method"].lower(), found["result"].lower()
        told = {one["name"].lower(): one["value"].strip('"').lower() for one in PROPERTY.finditer(found["rest"])}
        if method == "dmarc":
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
