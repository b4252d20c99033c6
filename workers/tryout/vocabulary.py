"""What a saved page may say: the texts and names that stand in the script itself. All else becomes filler of the same shape.

A text stays as far as it says a whole text of the script, so that no name is put together from single words of it. What
the script's docstrings and comments say does not count: they may name a person.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from carrier_scripts import trees

ATTRIBUTE = re.compile(r"""\[\s*([a-zA-Z][\w:-]*)\s*(?:[~|^$*]?=\s*["']?([^\]"']*))?""")
SYNTAX = re.compile(r"""["'`\[\]()<>{}|=#,;:>*^$+?\\/~!@%&.]+""")
SELECTOR = re.compile(r"[#\[>=:/]|\w?\.\w")
INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
MARKS = frozenset(
    "\u2026\u2013\u2014\u2018\u2019\u201c\u201d\u00ab\u00bb\u00b7\u2022\u00a9\u00ae\u2122\u00b0\u00a3\u20ac\u2192\u2190"
)
"""Signs that say nothing of a person; any other that is not ASCII becomes filler: some fonts draw digits as such."""
PART_OF_WORD_LETTERS = 6
"""A single word this long is looked for within others too (`locked` in `Blocked`); a shorter one by itself only."""
SAID_LETTERS = TYPED_CHARACTERS = 4
Mask = list[bool]
Phrase = tuple[str, re.Pattern[str]]


class Vocabulary:
    """What one script says, families and behaviour record included."""

    def __init__(
        self, sources: Sequence[Mapping[str, Any]], record: Mapping[str, Any] | None = None, typed: Iterable[str] = ()
    ) -> None:
        """`typed`: what was typed at the sign-in; it stays nowhere, unless the script itself says just that."""
        literals, said = _literals(sources)
        literals |= set(_values(record or {}))
        whole = {one.strip() for one in literals if _letters(one)}
        pieces = {piece for one in literals for piece in _pieces(one)}
        paths = {urlsplit(one).path for one in literals if one.startswith("https://")}
        paths |= {one.rstrip("*") for one in literals if one.startswith("/")}
        names = {name for one in literals if SELECTOR.search(one) for piece in _pieces(one) for name in piece.split()}
        self._texts = [
            _pattern(one, loose=_long(one) or (one in said and len(one) >= SAID_LETTERS))
            for one in sorted(whole | pieces | said)
        ]
        self._names = [_pattern(one, loose=False) for one in sorted({*whole, *pieces, *filter(_letters, names)})]
        self._names += [_pattern(one, loose=True) for one in sorted(paths) if _letters(one)]
        self._attributes: dict[str, set[str]] = {}
        for one in literals:
            for name, value in ATTRIBUTE.findall(one):
                self._attributes.setdefault(name.lower(), set()).add(value.strip())
        own = {one.casefold() for one in {*whole, *pieces, *names}}
        self._typed = [
            re.compile(re.escape(one), re.IGNORECASE)
            for one in typed
            if len(one) >= TYPED_CHARACTERS and one.casefold() not in own
        ]

    def asks(self, attribute: str) -> bool:
        """Whether a selector of the script looks at this attribute."""
        return attribute in self._attributes

    def text(self, *parts: str) -> list[str]:
        """These texts, which follow each other on the page: what the script says stays, also where it spans several."""
        parts = tuple(INVISIBLE.sub("", part) for part in parts)
        kept = [self._kept(part, self._texts) for part in parts]
        across = self._kept("".join(parts), self._texts)
        filled, begin = [], 0
        for part, own in zip(parts, kept, strict=True):
            end = begin + len(part)
            filled.append(_filled(part, [a or b for a, b in zip(own, across[begin:end], strict=True)]))
            begin = end
        return filled

    def name(self, value: str, attribute: str = "") -> str:
        """An attribute's value, an address's path or host."""
        value = INVISIBLE.sub("", value)
        asked = self._attributes.get(attribute, set())
        if value in asked:
            return value
        parts = [_pattern(one, loose=True) for one in asked if _letters(one)]
        return _filled(value, self._kept(value, self._names + parts))

    def _kept(self, text: str, patterns: list[Phrase]) -> Mask:
        kept, lower = [False] * len(text), text.lower()
        for word, pattern in patterns:
            for found in pattern.finditer(text) if word in lower else ():
                kept[found.start() : found.end()] = [True] * (found.end() - found.start())
        for pattern in self._typed:
            for found in pattern.finditer(text):
                kept[found.start() : found.end()] = [False] * (found.end() - found.start())
        return kept


def _filled(text: str, kept: Mask) -> str:
    return "".join(one if stays else _filler(one) for one, stays in zip(text, kept, strict=True))


def _filler(one: str) -> str:
    if not _in_word(one):
        return one
    if one.isnumeric():
        return "0"
    return "X" if one.isupper() or one.istitle() else "x"


def _in_word(one: str) -> bool:
    return one.isalnum() or not (one.isascii() or one.isspace() or one in MARKS)


def _pattern(phrase: str, *, loose: bool) -> Phrase:
    """Words as they stand, any white space between them; the first is quickly looked for. Not loose: nothing may touch them."""
    words = r"\s+".join(re.escape(word) for word in phrase.split())
    if not loose:
        others = rf"[^\W_]|[^\x00-\x7f\s{''.join(sorted(MARKS))}]"
        before = rf"(?<!{others.replace('|', ')(?<!')})" if _in_word(phrase[0]) else ""
        after = rf"(?!{others})" if _in_word(phrase[-1]) else ""
        words = before + words + after
    return phrase.split(maxsplit=1)[0].lower(), re.compile(words, re.IGNORECASE)


def _letters(text: str) -> bool:
    return sum(one.isalpha() for one in text) > 1


def _long(text: str) -> bool:
    return len(text.split()) > 1 or len(text) >= PART_OF_WORD_LETTERS


def _pieces(literal: str) -> Iterator[str]:
    """The texts and names within a selector or a pattern."""
    yield from (piece.strip() for piece in SYNTAX.split(literal) if _letters(piece))


def _literals(sources: Sequence[Mapping[str, Any]]) -> tuple[set[str], set[str]]:
    """All texts in the code, and those among them that `says` looks for. Raises `SyntaxError`."""
    found: set[str] = set()
    said: set[str] = set()
    for source in sources:
        tree = trees.tree(str(source["text"]))
        beside = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in beside:
                found.add(node.value)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "says":
                said |= {str(one.value).strip() for one in node.args if isinstance(one, ast.Constant)}
    return found, {one for one in said if one}


def _values(record: Mapping[str, Any]) -> Iterator[str]:
    """The texts among a behaviour record's values; who said so (`source`) is nobody's business here."""
    for name, fact in record.items():
        told = fact.get("value") if isinstance(fact, Mapping) and name != "code_template" else fact
        yield from _strings(told)


def _strings(told: Any) -> Iterator[str]:
    if isinstance(told, str):
        yield told
    elif isinstance(told, Mapping):
        for one in told.values():
            yield from _strings(one)
    elif isinstance(told, list):
        for one in told:
            yield from _strings(one)
