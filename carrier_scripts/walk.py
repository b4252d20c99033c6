"""From a recorded sign-in (Playwright's codegen) to declared facts: hosts, fields and buttons, in a script's own words.

The recording is read as text, never run. What was typed in it is thrown away: it may be a password.
"""

import ast
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from carrier_scripts.kit import selectors

FILLS, PRESSES = ("fill", "type"), ("click", "press", "check")
PASSWORDS, CODES = ("pass", "pwd", "secret"), ("code", "otp", "token", "verif", "pin")


@dataclass
class Walk:
    """What a recording shows, as selectors."""

    start: str = ""
    home: str = ""
    hosts: list[str] = field(default_factory=list)
    username: str = ""
    password: str = ""
    submit: str = ""
    code: str = ""
    verify: str = ""


def read(recording: str) -> Walk:
    """Raises ValueError when the text is no Python recording with a page that is gone to."""
    try:
        tree = ast.parse(recording)
    except SyntaxError as wrong:
        raise ValueError(f"the recording is not Python (line {wrong.lineno}): use --target=python-async") from wrong
    walk = Walk()
    for call in sorted(
        (node for node in ast.walk(tree) if isinstance(node, ast.Call)), key=lambda node: (node.lineno, node.col_offset)
    ):
        if isinstance(call.func, ast.Attribute):
            _take(walk, call.func.attr, call)
    if not walk.start:
        raise ValueError("the recording goes to no page: begin it at the sign-in page")
    return walk


def _take(walk: Walk, act: str, call: ast.Call) -> None:
    if act in ("goto", "wait_for_url") and call.args and isinstance(call.args[0], ast.Constant):
        address = urlsplit(str(call.args[0].value))
        plain = f"{address.scheme}://{address.netloc}{address.path or '/'}"
        walk.start, walk.home = walk.start or plain, plain
        if address.hostname and address.hostname not in walk.hosts:
            walk.hosts.append(address.hostname)
        return
    if act not in (*FILLS, *PRESSES):
        return
    assert isinstance(call.func, ast.Attribute)
    selector = _selector(call.func.value)
    if act in FILLS:
        _filled(walk, selector)
    elif act == "click":
        _clicked(walk, selector)


def _filled(walk: Walk, selector: str) -> None:
    plain = selector.lower()
    if any(word in plain for word in PASSWORDS):
        walk.password = walk.password or selector
    elif walk.password and any(word in plain for word in CODES):
        walk.code = walk.code or selector
    elif not walk.password:
        walk.username = selector


def _clicked(walk: Walk, selector: str) -> None:
    if walk.code and not walk.verify:
        walk.verify = selector
    elif walk.password and not walk.submit:
        walk.submit = selector


def _selector(node: ast.expr) -> str:
    """A locator chain as one selector of our own form: `role=button[name="Sign in"]`, `#id`, `text=…`, with `>>` between."""
    parts: list[str] = []
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        words = [str(arg.value) for arg in node.args if isinstance(arg, ast.Constant)]
        named = {key.arg: str(key.value.value) for key in node.keywords if isinstance(key.value, ast.Constant)}
        parts.append(_part(node.func.attr, words[0] if words else "", named.get("name", "")))
        node = node.func.value
    return " >> ".join(part for part in reversed(parts) if part)


def _part(method: str, word: str, name: str) -> str:
    quoted = word.replace('"', '\\"')
    forms = {
        "locator": word,
        "get_by_role": _of_role(word, name),
        "get_by_label": _labelled(word, quoted),
        "get_by_placeholder": f'[placeholder="{quoted}"]',
        "get_by_text": f"text={word}",
        "get_by_test_id": f'[data-testid="{quoted}"]',
        "get_by_title": f'[title="{quoted}"]',
        "nth": f"nth={word}",
    }
    return forms.get(method, "")


def _of_role(role: str, name: str) -> str:
    """What may be looked for by name; of a link or a heading it is the text that counts."""
    quoted = name.replace('"', '\\"')
    if not name:
        return f"role={role}"
    if role in selectors.NAMED:
        return f'role={role}[name="{name}"]'
    element = {"link": "a", "heading": ":is(h1, h2, h3, h4)", "option": "option"}.get(role, f"[role={role}]")
    return f'{element}:has-text("{quoted}")'


def _labelled(word: str, quoted: str) -> str:
    """A field by its label is a text box of that name; a password field has no role, and is known by its type."""
    secret = any(one in word.lower() for one in PASSWORDS)
    return "input[type=password]" if secret else f'role=textbox[name="{quoted}"]'
