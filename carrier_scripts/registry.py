"""Which scripts there are: the files in `portals/`. File name = key, class = its CamelCase; there is no list to edit.

Without another folder it is about those that came with Portunus; where a command looks, `place.py` says.
"""

import ast
import importlib
import pkgutil
import sys
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from carrier_scripts import place, trees
from carrier_scripts.kit.portal import Portal
from carrier_scripts.kit.process import class_name, digest_of, load
from carrier_scripts.kit.wire import Source

HERE = place.SHIPPED
FAMILIES = "carrier_scripts.families."


@dataclass(frozen=True)
class Script:
    """A script's exact bytes (families first, then its own file) and their digest."""

    key: str
    sources: list[Source]
    digest: str


def keys(scripts: Path = HERE) -> list[str]:
    """Keys of all scripts of a folder, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules([str(scripts / "portals")]))


def portal(key: str, scripts: Path = HERE) -> type[Portal]:
    """The script's class, imported. Raises KeyError for an unknown key, AttributeError for a misnamed class."""
    _known(key, scripts)
    if scripts != HERE:
        return _loaded(script(key, scripts))
    found: type[Portal] = getattr(importlib.import_module(f"carrier_scripts.portals.{key}"), class_name(key))
    return found


def simulated(key: str) -> bool:
    """Whether the script is for learning, the demo and tests: none of its hosts can be a carrier's (`.test`, RFC 6761)."""
    return all(host.endswith(".test") for host in portal(key).hosts)


@cache
def script(key: str, scripts: Path = HERE) -> Script:
    """The script's sources as they were when first asked for. Raises KeyError for an unknown key."""
    _known(key, scripts)
    own = _read(f"carrier_scripts.portals.{key}", scripts)
    sources = [*(_read(family, scripts) for family in _families(own["text"], scripts)), own]
    return Script(key=key, sources=sources, digest=digest_of(sources))


def script_at(file: Path, key: str) -> Script:
    """A script kept anywhere, with the families of `scripts_dir` and of this catalog. Raises OSError, ValueError."""
    if file.stem != key:
        raise ValueError(f"{file.name} must be called {key}.py, after its portal")
    own: Source = {"module": f"carrier_scripts.portals.{key}", "text": file.read_text(encoding="utf-8")}
    scripts = place.folder()
    sources = [*(_read(family, scripts) for family in _families(own["text"], scripts)), own]
    return Script(key=key, sources=sources, digest=digest_of(sources))


def behaviour(key: str, scripts: Path = HERE) -> dict[str, Any]:
    """The behaviour record beside the script: field → {value, source, verified_on}; empty if none."""
    file = scripts / "behaviour" / f"{key}.toml"
    return tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def _loaded(exact: Script) -> type[Portal]:
    """A class from elsewhere: the modules that came with Portunus stay what they are."""
    names = [source["module"] for source in exact.sources]
    before = {name: sys.modules.get(name) for name in names}
    try:
        return type(load(exact.key, exact.sources, exact.digest))
    finally:
        for name, module in before.items():
            if module is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = module


def _known(key: str, scripts: Path) -> None:
    """One look at one file: a list of all, for each of them, would be a square of work."""
    if not key.isidentifier() or key.startswith("_") or not (scripts / "portals" / f"{key}.py").is_file():
        raise KeyError(key)


def _read(module: str, scripts: Path) -> Source:
    """A file of this folder; a family that it does not have is the one that came with Portunus."""
    within = Path(*module.split(".")[1:]).with_suffix(".py")
    file = scripts / within if (scripts / within).is_file() else HERE / within
    return {"module": module, "text": file.read_text(encoding="utf-8")}


def _families(text: str, scripts: Path) -> list[str]:
    """Families a script imports, those they build on first."""
    found: list[str] = []
    if FAMILIES not in text:
        return found
    for node in _imports(_upper_part(text)):
        if (node.module or "").startswith(FAMILIES):
            for name in (*_families(_read(node.module or "", scripts)["text"], scripts), node.module or ""):
                if name not in found:
                    found.append(name)
    return found


def _upper_part(text: str) -> list[ast.stmt]:
    """The statements above the first class, where all that names a family stands there; else all statements."""
    upper, _, rest = text.partition("\nclass ")
    if FAMILIES not in rest:
        with suppress(SyntaxError):  # cut within a text of several lines
            return trees.tree(upper).body
    return trees.tree(text).body


def _imports(statements: Iterable[ast.AST]) -> Iterator[ast.ImportFrom]:
    """Statements alone are looked through: most of a text's nodes are expressions, and there are hundreds of texts."""
    for one in statements:
        if isinstance(one, ast.ImportFrom):
            yield one
        for part in ("body", "orelse", "finalbody", "handlers", "cases"):
            yield from _imports(getattr(one, part, ()))
