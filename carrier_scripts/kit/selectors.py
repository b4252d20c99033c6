"""Which selectors a script may use: those that find things, none that reads what a field holds.

Some pages copy what is typed into the `value` attribute, and component engines look into a page's own state: with
`[value^=a]` and a count, a hostile script could spell out a password. Pure.
"""

import re

ENGINES = frozenset({"css", "css:light", "text", "text:light", "id", "data-testid", "data-test-id", "data-test", "nth", "visible", "role"})  # fmt: skip
ENGINE = re.compile(r"^\s*([a-zA-Z_0-9:+-]+)\s*=")
"""What Playwright takes for an engine's name: letters before the first `=`, ahead of anything else."""
HEXADECIMAL = re.compile(r"\\[0-9a-fA-F]")
TESTS_VALUE = re.compile(r"\[\s*(?:[\w*-]*\|)?\s*value\b")
HARMLESS = re.compile(
    r"(?:option|button|input\s*\[\s*type\s*=\s*[\"']?(?:submit|button|radio|checkbox|image)[\"']?\s*\])\s*$"
)
"""What may stand right before `[value…]`: there it is a label or a choice, never something typed."""


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
        for found in TESTS_VALUE.finditer(plain):
            if not HARMLESS.search(plain[: found.start()]):
                return "a selector cannot ask what a field holds (value); only options, buttons, boxes and radios"
    return None
