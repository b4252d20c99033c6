"""What a voice read out, written down: "four eight two, nine one three" becomes 482913. Pure.

Speech recognition writes digits as words, as numerals, or as both, with stops between; voices say a code twice.
"""

import re

DIGITS = {
    "zero": "0", "oh": "0", "o": "0", "nought": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5",
    "six": "6", "seven": "7", "eight": "8", "nine": "9", "niner": "9",
}  # fmt: skip
TEENS = {
    "ten": "10", "eleven": "11", "twelve": "12", "thirteen": "13", "fourteen": "14", "fifteen": "15", "sixteen": "16",
    "seventeen": "17", "eighteen": "18", "nineteen": "19",
}  # fmt: skip
TENS = {
    "twenty": "2", "thirty": "3", "forty": "4", "fifty": "5", "sixty": "6", "seventy": "7", "eighty": "8", "ninety": "9",
}  # fmt: skip
LETTERS = {
    word: word[0].upper()
    for word in [
        "alpha",
        "alfa",
        "bravo",
        "charlie",
        "delta",
        "echo",
        "foxtrot",
        "golf",
        "hotel",
        "india",
        "juliett",
        "juliet",
        "kilo",
        "lima",
        "mike",
        "november",
        "oscar",
        "papa",
        "quebec",
        "romeo",
        "sierra",
        "tango",
        "uniform",
        "victor",
        "whiskey",
        "whisky",
        "xray",
        "yankee",
        "zulu",
    ]
}
TIMES = {"double": 2, "triple": 3}
LEAST = 3
"""Fewer signs in a row are no code, and stay as they were said."""
MOST_CHARACTERS = 4000
PART = re.compile(r"[A-Za-z]+(?:-[A-Za-z]+)?|\d+|[^A-Za-z\d]+")
BETWEEN = re.compile(r"[\s.,;:\u2013\u2014-]*")
"""What may stand between two signs of one code."""


def written(transcript: str) -> str:
    """The transcript with every code that is read out sign by sign written as one word."""
    parts = PART.findall(transcript[:MOST_CHARACTERS].replace("x-ray", "xray").replace("X-ray", "xray"))
    told, at = [], 0
    while at < len(parts):
        signs, after = _run(parts, at)
        if len(signs) >= LEAST and after > at + 1:
            told.append(_once(signs))
            at = after
        else:
            told.append(parts[at])
            at += 1
    return "".join(told)


def _run(parts: list[str], start: int) -> tuple[str, int]:
    """The signs read out from here on, and the index after the last of them."""
    signs, at, end = "", start, start
    while at < len(parts):
        found = _sign(parts, at)
        if found is None:
            break
        said, at = found
        signs, end = signs + said, at
        if at < len(parts) and BETWEEN.fullmatch(parts[at]):
            at += 1
    return signs, end


def _sign(parts: list[str], at: int) -> tuple[str, int] | None:
    """One sign (or pair, or repeated one) and the index after it."""
    word = parts[at].lower()
    if word in TIMES and at + 2 < len(parts):
        doubled = _plain(parts[at + 2].lower())
        return (doubled * TIMES[word], at + 3) if doubled and len(doubled) == 1 else None
    if word in TENS:
        unit = (
            DIGITS.get(parts[at + 2].lower(), "") if at + 2 < len(parts) and parts[at + 1].strip() in ("", "-") else ""
        )
        return (TENS[word] + unit, at + 3) if unit and unit != "0" else (TENS[word] + "0", at + 1)
    tens, dash, unit = word.partition("-")
    if dash and tens in TENS and unit in DIGITS:
        return TENS[tens] + DIGITS[unit], at + 1
    plain = _plain(word)
    return (plain, at + 1) if plain else None


def _plain(word: str) -> str:
    if word.isdigit() and word.isascii():
        return word
    single = word.upper() if len(word) == 1 and word.isalpha() and word.isascii() and word not in ("a", "i") else ""
    return DIGITS.get(word) or TEENS.get(word) or LETTERS.get(word) or single


def _once(signs: str) -> str:
    """A code that was said two or three times without a word between."""
    for times in (2, 3):
        part = signs[: len(signs) // times]
        if len(part) >= LEAST + 1 and part * times == signs:
            return part
    return signs
