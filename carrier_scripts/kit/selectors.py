"""Which selectors a script may use: those that find things, none that reads what a field holds.

Some pages copy what is typed into the `value` attribute, and component engines look into a page's own state: with
`[value^=a]` and a count, a hostile script could spell out a password. So it could with the name of a row or a heading, which
holds the value of each field that stands in it. Pure.
"""

import re
from collections.abc import Iterator

ENGINES = frozenset({"css", "css:light", "text", "text:light", "id", "data-testid", "data-test-id", "data-test", "nth", "visible", "role"})  # fmt: skip
ENGINE = re.compile(r"^\s*([a-zA-Z_0-9:+-]+)\s*=")
"""What Playwright takes for an engine's name: letters before the first `=`, ahead of anything else."""
HEXADECIMAL = re.compile(r"\\[0-9a-fA-F]")
TESTS_VALUE = re.compile(r"\[\s*(?:[\w*-]*\|)?\s*value\b")
HARMLESS = re.compile(
    r"(?:option|button|input\s*\[\s*type\s*=\s*[\"']?(?:submit|button|radio|checkbox|image)[\"']?\s*\])\s*$"
)
"""What may stand right before `[value…]`: there it is a label or a choice, never something typed."""
ROLE = re.compile(r"role\s*=\s*([a-z]+)\s*(\[.*)?", re.DOTALL)
NAMED = frozenset(
    {
        "alert", "alertdialog", "banner", "button", "checkbox", "combobox", "dialog", "form", "group", "img", "list", "listbox",
        "main", "menuitem", "menuitemcheckbox", "menuitemradio", "navigation", "radio", "radiogroup", "region", "searchbox",
        "slider", "spinbutton", "status", "switch", "table", "textbox",
    }
)  # fmt: skip
"""Roles that a script may look for by name. Of the others (rows, cells, headings, links, tabs) the name is all that they hold."""
NOT_NAMED = "is not looked for by name, which would hold what its fields hold; use its own selector and has_text"


def refused(selector: str) -> str | None:
    """Why a script may not use this selector; None when it may."""
    if HEXADECIMAL.search(selector) or "/*" in selector:
        return "a selector cannot spell characters as numbers, nor hold comments"
    for part in selector.split(">>"):
        plain = part.replace("\\", "").strip().lstrip("*").lower()
        engine = ENGINE.match(plain)
        if engine is not None and engine[1] not in ENGINES:
            return f"the selector engine {engine[1][:20]} is not open to scripts"
        if plain.startswith(("//", "..", "(")):
            return "XPath is not open to scripts; use CSS, text or a role"
        for role in _named(plain):
            if role not in NAMED:
                return f"{role or 'that'} {NOT_NAMED}"
        for found in TESTS_VALUE.finditer(plain):
            if not HARMLESS.search(plain[: found.start()]):
                return "a selector cannot ask what a field holds (value); only options, buttons, boxes and radios"
    return None


def names_asked(selector: str) -> Iterator[str]:
    """The roles whose name the selector asks for."""
    for part in selector.split(">>"):
        yield from _named(part.replace("\\", "").strip().lstrip("*").lower())


def _named(plain: str) -> Iterator[str]:
    engine = ENGINE.match(plain)
    if engine is not None and engine[1] == "role":
        found = ROLE.fullmatch(plain)
        if found is None or "name" in (found[2] or ""):
            yield found[1] if found else ""
