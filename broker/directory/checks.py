"""Pure checks of what an administrator types: NPI, TIN, host names, names."""

import re
import unicodedata

from broker.base.errors import Incomplete

HOST = re.compile(r"(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}")

KEY = re.compile(r"[a-z0-9][a-z0-9-]{0,38}[a-z0-9]")


def name(text: str, what: str, limit: int = 200) -> str:
    """The text in NFC, trimmed, one line. Raises `Incomplete` when empty, too long or with control characters."""
    tidy = unicodedata.normalize("NFC", text).strip()
    if not tidy or len(tidy) > limit or any(unicodedata.category(letter)[0] == "C" for letter in tidy):
        raise Incomplete(f"{what} must be one line of 1 to {limit} characters.")
    return tidy


def key(text: str) -> str:
    """A short name for commands and links: lower-case letters, digits, hyphens."""
    tidy = text.strip().lower()
    if not KEY.fullmatch(tidy):
        raise Incomplete("A short name has 2 to 40 letters, digits and hyphens, like mesa-east.")
    return tidy


def npi(text: str) -> str:
    """Ten digits with the check digit of 45 CFR 162.406: Luhn over 80840 and the number."""
    digits = text.strip()
    if re.fullmatch(r"[12][0-9]{9}", digits) and _luhn("80840" + digits):
        return digits
    raise Incomplete("An NPI has ten digits and a check digit that fits: copy it from the NPPES registry.")


def tin(text: str) -> str:
    """Nine digits, with or without hyphens."""
    digits = text.strip().replace("-", "")
    if not re.fullmatch(r"[0-9]{9}", digits):
        raise Incomplete("A TIN has nine digits.")
    return digits


def hosts(values: list[str]) -> list[str]:
    """Lower-case host names, `*.` allowed in front; no address, port or path."""
    tidy = sorted({value.strip().lower().rstrip(".") for value in values})
    if not tidy or any(not HOST.fullmatch(value) for value in tidy):
        raise Incomplete("A portal needs its host names, like providers.example.com: no address, port or path.")
    return tidy


def _luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 if place % 2 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0
