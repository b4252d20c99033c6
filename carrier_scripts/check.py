"""Rules for every carrier script: one function a rule, each returns sentences that say what to do. No sentence, no fault.

They are about care and taste, not a wall: the wall is that a script runs in a process without network and secrets.
"""

import ast
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from carrier_scripts import place, registry, trees
from carrier_scripts.asking import outline
from carrier_scripts.behaviour_fields import FIELDS, TEMPLATE_FIELDS
from carrier_scripts.kit import selectors
from carrier_scripts.kit.outcomes import Outcome
from carrier_scripts.kit.outline import selectors_of
from carrier_scripts.kit.portal import Portal
from carrier_scripts.kit.process import class_name

HERE = place.SHIPPED
PAGES = place.pages(HERE)
KEY = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
PAGE_PATH = re.compile(r"/[^?#*\s]*\*?")
PAGE_NAME_CHARACTERS = 40
HOST = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+")
MODULES = {"collections.abc", "dataclasses", "datetime", "decimal", "re", "typing", "carrier_scripts.kit"}
FORBIDDEN_NAMES = {
    "__builtins__", "__import__", "__loader__", "__spec__", "breakpoint", "compile", "delattr", "eval", "exec", "getattr",
    "globals", "input", "locals", "open", "print", "setattr", "vars",
}  # fmt: skip
PASSED_THROUGH = {"builtins", "ctypes", "importlib", "inspect", "io", "modules", "os", "socket", "subprocess", "sys"}
"""Modules that hang on the modules a script may import, and the list of all of them."""
WAITS = {"sleep", "wait_for_timeout"}
JAVASCRIPT = {"evaluate", "evaluate_handle", "eval_on_selector", "add_init_script"}
FRAME_DOORS = ("gi_", "cr_", "ag_", "tb_", "f_")
MODES = {"attended", "assisted", "automated"}
NOT_SIGNS = {Outcome.SCRIPT_FAILED, Outcome.REFUSED, Outcome.UNRECOGNISED, Outcome.NO_CODE, Outcome.WRONG_PRACTICE}


@dataclass(frozen=True)
class Subject:
    """A script under check: its tree, and what stands in for its class once a confined process has told its facts."""

    key: str
    tree: ast.Module
    portal: type[Portal] | None
    pages: Path
    behaviour: Path


def check(key: str, *, scripts: Path = HERE, pages: Path = PAGES) -> list[str]:
    """All sentences about the script `key`. What it declares a confined process says, once its text passed the rules on text."""
    file = scripts / "portals" / f"{key}.py"
    if not file.is_file():
        return [f"{key}: there is no portals/{key}.py; make one with: python -m carrier_scripts new {key}"]
    try:
        tree = trees.tree(file.read_text(encoding="utf-8"))
    except SyntaxError as wrong:
        return [f"{key}: line {wrong.lineno}: {wrong.msg}"]
    subject = Subject(key, tree, None, pages / key, scripts / "behaviour" / f"{key}.toml")
    said = [sentence for rule in TEXT_RULES for sentence in rule(subject)]
    if said:
        return [f"{key}: {sentence}" for sentence in said]
    said = _families_of(key, scripts)
    if said:
        return said
    try:
        portal = outline(registry.script(key, scripts))
    except (OSError, ValueError) as none:
        return [f"{key}: {none}"]
    subject = Subject(key, tree, portal, subject.pages, subject.behaviour)
    return [f"{key}: {sentence}" for rule in FACT_RULES for sentence in rule(subject)]


def _families_of(key: str, scripts: Path) -> list[str]:
    """What is wrong with the texts that come with this script: they are loaded before it."""
    try:
        texts = {one["module"].rpartition(".")[2]: one["text"] for one in registry.script(key, scripts).sources[:-1]}
        trees_of = {name: trees.tree(text) for name, text in texts.items()}
    except (OSError, SyntaxError) as wrong:
        return [f"{key}: a family it imports cannot be read: {wrong}"]
    subjects = [Subject(name, tree, None, scripts, scripts) for name, tree in trees_of.items()]
    return [f"families/{one.key}.py: {said}" for one in subjects for rule in FAMILY_RULES for said in rule(one)]


def check_families(scripts: Path = HERE) -> list[str]:
    """A family is worth its file when two portals use it; its text obeys the rules of scripts."""
    said: list[str] = []
    texts = [file.read_text(encoding="utf-8") for file in (scripts / "portals").glob("*.py")]
    for family in sorted((scripts / "families").glob("*.py")):
        if family.stem == "__init__":
            continue
        users = sum(f"carrier_scripts.families.{family.stem} import" in text for text in texts)
        if users < 2:
            said.append(
                f"families/{family.stem}.py is used by {users} portal(s); write a family when the second one needs it."
            )
        subject = Subject(family.stem, trees.tree(family.read_text(encoding="utf-8")), None, scripts, scripts)
        said += [f"families/{family.stem}.py: {sentence}" for rule in FAMILY_RULES for sentence in rule(subject)]
    return said


def named_after_its_file(subject: Subject) -> Iterator[str]:
    """File name = key, class = its CamelCase: nobody keeps a list."""
    if not KEY.fullmatch(subject.key):
        yield f"the file name {subject.key} is not lower_case_with_underscores; rename the file."
    wanted = class_name(subject.key)
    if wanted not in {node.name for node in subject.tree.body if isinstance(node, ast.ClassDef)}:
        yield f"the class must be called {wanted}, after the file."


def has_a_docstring(subject: Subject) -> Iterator[str]:
    """Who reads the file at night wants to know what is odd about this portal."""
    if not ast.get_docstring(subject.tree):
        yield "begin the file with a docstring: the carrier, how its codes come, what is odd."


def imports_only_the_kit(subject: Subject) -> Iterator[str]:
    """The kit, a family, and a few plain modules."""
    for node in ast.walk(subject.tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = ["." * node.level + (node.module or "")]
        else:
            continue
        for name in names:
            if name not in MODULES and not re.fullmatch(r"carrier_scripts\.families\.[a-z0-9_]+", name):
                yield f"line {node.lineno}: a script cannot import {name}; what it needs comes from carrier_scripts.kit."


def calls_nothing_forbidden(subject: Subject) -> Iterator[str]:
    """No way around the kit, and no printing: standard output is the wire to the host."""
    for node in ast.walk(subject.tree):
        if isinstance(node, ast.Name) and node.id in FORBIDDEN_NAMES:
            yield f"line {node.lineno}: {node.id} is not open to scripts; to say something use desk.log."
        if isinstance(node, ast.Attribute):
            own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            dunder = node.attr.startswith("__")
            private = node.attr.startswith("_") and not own
            if dunder or private or node.attr.startswith(FRAME_DOORS) or node.attr in PASSED_THROUGH:
                yield f"line {node.lineno}: .{node.attr} is inside of the kit or of Python; use a public name."


def does_not_sleep(subject: Subject) -> Iterator[str]:
    """A pause is a guess; a sign is an observation."""
    for node, name in _names(subject.tree):
        if name in WAITS:
            yield f"line {node.lineno}: do not wait for time to pass ({name}); wait for a sign: locator.wait_for() or recognise()."


def runs_no_javascript(subject: Subject) -> Iterator[str]:
    """Scripts do what a user can do."""
    for node, name in _names(subject.tree):
        if name in JAVASCRIPT:
            yield f"line {node.lineno}: a script runs no JavaScript in the page ({name}); use locators."


def stays_on_its_hosts(subject: Subject) -> Iterator[str]:
    """`hosts` is the wall of the browser's egress: whole names, no patterns; start and home lie inside, https."""
    portal = _portal(subject)
    hosts: frozenset[str] = getattr(portal, "hosts", frozenset())
    if not hosts:
        yield "hosts is empty: list every host the browser needs, for the portal opens no other."
    for host in sorted(hosts):
        if not HOST.fullmatch(host):
            yield f"{host!r} is no plain host name: lower case, no scheme, no port, no star."
    for host in sorted(getattr(portal, "sign_in_hosts", frozenset()) - hosts):
        yield f"sign_in_hosts names {host}, which is not among hosts: list it there too, or take it out."
    for fact in ("start", "home"):
        address = urlsplit(getattr(portal, fact, ""))
        if address.scheme != "https" or address.hostname not in hosts:
            yield f"{fact} must be an https address on one of hosts."


def names_its_pages(subject: Subject) -> Iterator[str]:
    """`pages` is read by people: a short name for a path, and no path that an earlier one hides."""
    hidden: list[str] = []
    for path, name in getattr(_portal(subject), "pages", {}).items():
        if not PAGE_PATH.fullmatch(path):
            yield f"pages names {path!r}, which is no path: begin with /, no query; a star at its end stands for the rest."
        if not 1 <= len(name.strip()) <= PAGE_NAME_CHARACTERS:
            yield f"pages calls {path} {name!r}: say in 1 to {PAGE_NAME_CHARACTERS} characters what people call it."
        if above := next((one for one in hidden if path.startswith(one)), None):
            yield f"pages names {path} below {above}*, which comes first and fits it too: put it above."
        if path.endswith("*"):
            hidden.append(path[:-1])


def says_what_it_is(subject: Subject) -> Iterator[str]:
    """Name, login form, mode."""
    portal = _portal(subject)
    for fact in ("name", "login", "signs"):
        if not getattr(portal, fact, None):
            yield f"{fact} is missing."
    if portal.automation not in MODES:
        yield f"automation is one of {', '.join(sorted(MODES))}: the strongest mode that the carrier's terms are known to allow."


def asks_for_no_values(subject: Subject) -> Iterator[str]:
    """What a field holds is nobody's to ask; the host refuses such a selector, so say it early."""
    portal = _portal(subject)
    asked = getattr(portal, "selectors", None) or selectors_of(portal)
    for selector in sorted(asked):
        if (why := selectors.refused(selector)) is not None:
            yield f"{selector}: {why}."


def has_the_needed_signs(subject: Subject) -> Iterator[str]:
    """Without these two a sign-in cannot be told from a lockout in the making."""
    portal = _portal(subject)
    signs = getattr(portal, "signs", {})
    for needed in (Outcome.SIGNED_IN, Outcome.WRONG_PASSWORD):
        if needed not in signs:
            yield f"signs needs {needed.name}."
    for outcome in signs:
        if outcome in NOT_SIGNS:
            yield f"{outcome.name} is not something a page shows; the host or the kit says it."
    if (Outcome.ASKS_CODE in signs) != (portal.code is not None):
        yield "ASKS_CODE in signs and code = CodeStep(…) belong together: declare both or neither."


def signs_are_in_order(subject: Subject) -> Iterator[str]:
    """The first sign that shows wins, and a "wrong code" page still shows the code field."""
    order = list(getattr(_portal(subject), "signs", {}))
    for special, general in (
        (Outcome.WRONG_CODE, Outcome.ASKS_CODE),
        (Outcome.CODE_LATE, Outcome.ASKS_CODE),
        (Outcome.DOWN, Outcome.SIGNED_IN),
    ):
        if special in order and general in order and order.index(special) > order.index(general):
            yield f"{special.name} must stand above {general.name} in signs, or it is never seen."


def has_a_page_for_every_sign(subject: Subject) -> Iterator[str]:
    """A sign nobody has seen is a guess."""
    saved, where = {expected(page) for page in subject.pages.glob("*.html")}, place.shown(subject.pages)
    for outcome in getattr(_portal(subject), "signs", {}):
        if outcome.value not in saved:
            yield f"save a page for {outcome.name}: {where}/{outcome.value}.html"
    for number, _ in enumerate(_portal(subject).between):
        if f"between:{number}" not in saved:
            yield f"save a page for between[{number}]: {where}/between_{number}.html"
    known = {outcome.value for outcome in Outcome} | {"login_form", "password_form"}
    for name in sorted(saved - known):
        if not name.startswith("between:"):
            yield f"{where}/{name}.html: {name} is no outcome; the file name is what the page must be recognised as."


def has_a_behaviour_record(subject: Subject) -> Iterator[str]:
    """Facts about the portal, each with its source and the day it was verified."""
    if not subject.behaviour.is_file():
        yield f"write down how the portal behaves: behaviour/{subject.key}.toml"
        return
    try:
        record = tomllib.loads(subject.behaviour.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as wrong:
        yield f"behaviour/{subject.key}.toml: {wrong}"
        return
    yield from wrong_in(record)


def wrong_in(record: dict[str, Any]) -> Iterator[str]:
    """What a behaviour record says that it may not, in sentences."""
    template = record.get("code_template", {})
    for name in sorted(set(template) - TEMPLATE_FIELDS):
        yield f"behaviour: code_template has no field {name}; it has {', '.join(sorted(TEMPLATE_FIELDS))}."
    try:
        re.compile(template.get("pattern", ""))
    except re.error:
        yield "behaviour: code_template.pattern is no regular expression."
    for name, fact in record.items():
        if name == "code_template":
            continue
        if name not in FIELDS:
            yield f"behaviour: there is no field {name}; see carrier_scripts/behaviour_fields.py."
        elif not isinstance(fact, dict) or set(fact) != {"value", "source", "verified_on"} or not fact["source"]:
            yield f"behaviour: {name} needs value, source and verified_on."
        elif type(fact["value"]) is not FIELDS[name][0]:
            yield f"behaviour: {name} is {FIELDS[name][1]}, so its value is of type {FIELDS[name][0].__name__}."


def expected(page: Path) -> str:
    """What a saved page must be recognised as: `wrong_code__second_try.html` → `wrong_code`, `between_0.html` → `between:0`."""
    name = page.stem.partition("__")[0]
    return re.sub(r"^between_(\d+)$", r"between:\1", name)


def _portal(subject: Subject) -> type[Portal]:
    assert subject.portal is not None, "rules on facts run after the rules on text"
    return subject.portal


def _names(tree: ast.Module) -> Iterator[tuple[ast.expr, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node, node.attr
        elif isinstance(node, ast.Name):
            yield node, node.id


Rule = Callable[[Subject], Iterator[str]]
TEXT_RULES: tuple[Rule, ...] = (
    named_after_its_file, has_a_docstring, imports_only_the_kit, calls_nothing_forbidden, does_not_sleep, runs_no_javascript,
)  # fmt: skip
FAMILY_RULES = TEXT_RULES[1:]
"""A family's class may be called as it likes."""
FACT_RULES: tuple[Rule, ...] = (
    says_what_it_is, stays_on_its_hosts, names_its_pages, has_the_needed_signs, signs_are_in_order, has_a_page_for_every_sign,
    has_a_behaviour_record, asks_for_no_values,
)  # fmt: skip
