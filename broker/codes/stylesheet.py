"""The style rules of an e-mail's HTML, as far as they decide what is seen: which declarations hold for which element."""

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

RULES = 400
WORK = 400_000
"""Most selectors times elements: each selector is held against each element."""
COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)|<!--|-->", re.DOTALL)
PSEUDO = re.compile(r"::?(?:before|after)\b", re.IGNORECASE)
STATE = re.compile(r":(?:hover|visited|active|focus|link|first-line|first-letter|selection)\b", re.IGNORECASE)
SHOWN_MEDIA = re.compile(r"@media\s+(?:all|screen|only\s+screen)\s*$", re.IGNORECASE)
WORDS_IN_CONTENT = re.compile(r"[\"'][^\"']*\w[^\"']*[\"']|attr\(|counter")

IDS, CLASSES = re.compile(r"#[\w-]+"), re.compile(r"\.[\w-]+|\[[^\]]*\]|(?<!:):(?!is\b|not\b|has\b)[\w-]+")
ELEMENTS = re.compile(r"(?:^|(?<=[\s>+~(,]))[a-z][\w-]*", re.IGNORECASE)
NO_WEIGHT = re.compile(r":where\([^()]*\)", re.IGNORECASE)
TEXT = re.compile(r"\"[^\"]*\"|'[^']*'")

Declarations = dict[str, str]
Weight = tuple[int, int, int]
Weighed = dict[str, tuple[tuple[bool, Weight], str]]
OWN_STYLE: Weight = (10_000, 0, 0)
"""An element's own style: before any selector."""


class Unclear(ValueError):
    """Styles put letters on the page, or in another order, so that the text alone does not say what is seen."""


def declarations(text: str) -> Declarations:
    """`name: value` pairs in lower case; the last of a name holds, one with `!important` before the others."""
    found: Declarations = {}
    for part in text.split(";"):
        name, colon, value = part.partition(":")
        if not colon:
            continue
        name, value = name.strip().lower(), value.strip().lower()
        if "!important" in found.get(name, "") and "!important" not in value:
            continue
        found[name] = value
    return found


def rules(sheet: str) -> Iterator[tuple[str, Declarations]]:
    """(selector, declarations) of a style element; of `@media` only what a screen shows for certain."""
    sheet = COMMENT.sub(" ", sheet)
    place, counted = 0, 0
    while counted < RULES:
        opening = sheet.find("{", place)
        if opening < 0:
            return
        prelude = sheet[place:opening].rpartition(";")[2].strip()
        closing = _closing(sheet, opening)
        body = sheet[opening + 1 : closing]
        place, counted = closing + 1, counted + 1
        if SHOWN_MEDIA.match(prelude):
            yield from rules(body)
        elif not prelude.startswith("@"):
            yield prelude, declarations(body)


def _closing(sheet: str, opening: int) -> int:
    depth = 0
    for found in re.finditer(r"[{}]", sheet[opening:]):
        depth += 1 if found.group() == "{" else -1
        if depth == 0:
            return opening + found.start()
    return len(sheet)


def styles(tree: LexborHTMLParser) -> dict[int, Declarations]:
    """The declarations that hold for each element (by `mem_id`): important ones, then the element's own, then the most specific.

    Of two alike the later one holds (CSS Cascading and Inheritance, 6.1).
    """
    found: dict[int, Weighed] = {}
    elements, counted = len(tree.css("*")), 0
    for sheet in tree.css("style"):
        for selectors, declared in rules(sheet.text() or ""):
            counted += selectors.count(",") + 1
            if counted * elements > WORK:
                raise Unclear("Its styles are larger than any code message's.")
            for selector in selectors.split(","):
                if not STATE.search(selector):
                    _apply(tree, selector.strip(), declared, found)
    for node in tree.css("[style]"):
        own = declarations(node.attributes.get("style") or "")
        _merge(found.setdefault(node.mem_id, {}), own, OWN_STYLE)
    return {place: {name: value for name, (_, value) in held.items()} for place, held in found.items()}


def specificity(selector: str) -> Weight:
    """How many ids, classes and the like, and elements it names (Selectors 4, 17)."""
    bare = NO_WEIGHT.sub(" ", TEXT.sub("", selector))
    return len(IDS.findall(bare)), len(CLASSES.findall(bare)), len(ELEMENTS.findall(bare))


def _apply(tree: LexborHTMLParser, selector: str, declared: Declarations, found: dict[int, Weighed]) -> None:
    bare = PSEUDO.sub("", selector)
    if bare != selector:
        if WORDS_IN_CONTENT.search(declared.get("content", "")) and _matching(tree, bare or "*"):
            raise Unclear("Its styles write letters of their own.")
        return
    weight = specificity(selector)
    for node in _matching(tree, selector):
        _merge(found.setdefault(node.mem_id, {}), declared, weight)


def _matching(tree: LexborHTMLParser, selector: str) -> list[LexborNode]:
    try:
        return list(tree.css(selector))
    except (SelectolaxError, ValueError):
        return []  # a selector that the parser does not know


def _merge(into: Weighed, declared: Declarations, weight: Weight) -> None:
    for name, value in declared.items():
        strength = ("!important" in value, weight)
        if name not in into or into[name][0] <= strength:
            into[name] = (strength, value)
