"""The v2 skin: what a carrier's redesign does to a page: other ids and names, other words, a button that moved."""

import re
from collections.abc import Mapping

PREFIX = "v2-"
WORDS = {
    ">Sign in<": ">Continue securely<",
    'value="Log In"': 'value="Enter"',
    ">Log in<": ">Enter the Exchange<",
    ">Verify<": ">Confirm code<",
    'value="Submit"': 'value="Go on"',
}
_NAMED = re.compile(r'(\s(?:id|name|for|data-testid|form|aria-labelledby)=")(?!viewport)([^"]+)"')


def reskin(html: str) -> str:
    """The same page after the redesign."""
    html = _NAMED.sub(rf'\1{PREFIX}\2"', html)
    for old, new in WORDS.items():
        html = html.replace(old, new)
    return html.replace('<body class="', '<body class="v2 ', 1)


def plain(form: Mapping[str, str]) -> dict[str, str]:
    """A posted form by its first names, whichever skin it came from."""
    return {name.removeprefix(PREFIX): value for name, value in form.items()}
