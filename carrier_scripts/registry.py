"""Which scripts there are: the files in `portals/`. File name = key, class = its CamelCase; there is no list to edit."""

import ast
import importlib
import pkgutil
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from carrier_scripts import portals, trees
from carrier_scripts.kit.portal import Portal
from carrier_scripts.kit.process import class_name, digest_of
from carrier_scripts.kit.wire import Source

HERE = Path(__file__).parent
FAMILIES = "carrier_scripts.families."


@dataclass(frozen=True)
class Script:
    """A script's exact bytes (families first, then its own file) and their digest."""

    key: str
    sources: list[Source]
    digest: str


def keys() -> list[str]:
    """Keys of all scripts, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules(portals.__path__))


def portal(key: str) -> type[Portal]:
    """The script's class, imported. Raises KeyError for an unknown key, AttributeError for a misnamed class."""
    _known(key)
    found: type[Portal] = getattr(importlib.import_module(f"carrier_scripts.portals.{key}"), class_name(key))
    return found


def simulated(key: str) -> bool:
    """Whether the script is for learning, the demo and tests: none of its hosts can be a carrier's (`.test`, RFC 6761)."""
    return all(host.endswith(".test") for host in portal(key).hosts)


@cache
def script(key: str) -> Script:
    """The script's sources as they were when first asked for. Raises KeyError for an unknown key."""
    _known(key)
    own = _read(f"carrier_scripts.portals.{key}")
    sources = [*(_read(family) for family in _families(own["text"])), own]
    return Script(key=key, sources=sources, digest=digest_of(sources))


def script_at(file: Path, key: str) -> Script:
    """A script kept anywhere (a repository of one's own), with the families of this catalog. Raises OSError, ValueError."""
    if file.stem != key:
        raise ValueError(f"{file.name} must be called {key}.py, after its portal")
    own: Source = {"module": f"carrier_scripts.portals.{key}", "text": file.read_text(encoding="utf-8")}
    sources = [*(_read(family) for family in _families(own["text"])), own]
    return Script(key=key, sources=sources, digest=digest_of(sources))


def behaviour(key: str) -> dict[str, Any]:
    """The behaviour record that is shipped with the script: field → {value, source, verified_on}; empty if none."""
    file = HERE / "behaviour" / f"{key}.toml"
    return tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def _known(key: str) -> None:
    """One look at one file: a list of all, for each of them, would be a square of work."""
    if not key.isidentifier() or key.startswith("_") or not (HERE / "portals" / f"{key}.py").is_file():
        raise KeyError(key)


def _read(module: str) -> Source:
    file = HERE.parent / Path(*module.split(".")).with_suffix(".py")
    return {"module": module, "text": file.read_text(encoding="utf-8")}


def _families(text: str) -> list[str]:
    """Families a script imports, those they build on first."""
    found: list[str] = []
    if FAMILIES not in text:
        return found
    for node in ast.walk(trees.tree(text)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(FAMILIES):
            for name in (*_families(_read(node.module or "")["text"]), node.module or ""):
                if name not in found:
                    found.append(name)
    return found
