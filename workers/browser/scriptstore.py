"""The very bytes a session runs: those on this machine when they are the approved ones, else those kept in the database."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from broker.base.errors import Refused
from broker.base.unit import Unit
from broker.scripts import service as scripts
from carrier_scripts import registry
from carrier_scripts.kit.process import declared
from carrier_scripts.registry import Script


@dataclass(frozen=True)
class Loaded:
    """A version and what it declares, without its code ever being imported here when it is not a shipped one."""

    script: Script
    home: str
    start: str
    hosts: frozenset[str]
    reads: tuple[str, ...]
    searches: tuple[str, ...]
    pages: tuple[tuple[str, str], ...] = ()

    def page_name(self, address: str) -> str:
        """What people call this page of the portal; empty where the script does not say it, and elsewhere."""
        where = urlsplit(address)
        if where.hostname not in self.hosts:
            return ""
        path = where.path or "/"
        return next((name for known, name in self.pages if _fits(path, known)), "")


def _fits(path: str, known: str) -> bool:
    return path.startswith(known[:-1]) if known.endswith("*") else path == known


def shipped(key: str) -> Loaded:
    """The version on this machine. Raises KeyError for an unknown key."""
    return _loaded(registry.script(key), declared(registry.portal(key)))


def load(work: Unit, key: str, digest: str) -> Loaded:
    """This version. Raises `Refused` when its bytes are nowhere."""
    if key in registry.keys() and registry.script(key).digest == digest:  # noqa: SIM118 - a function, not a dictionary
        return shipped(key)
    kept = scripts.bundle_of(work, digest)
    if kept is None or not kept.sources:
        raise Refused("This version's bytes are not here. Release another one.", code="script-not-here")
    return _loaded(Script(key, kept.sources, digest), kept.facts)


def _loaded(script: Script, facts: dict[str, object]) -> Loaded:
    def texts(name: str) -> tuple[str, ...]:
        value = facts.get(name)
        return tuple(str(one) for one in value) if isinstance(value, list) else ()

    pages = facts.get("pages")
    return Loaded(
        script,
        home=str(facts.get("home", "")),
        start=str(facts.get("start", "")),
        hosts=frozenset(texts("hosts")),
        reads=texts("reads"),
        searches=texts("searches"),
        pages=tuple((str(path), str(name)) for path, name in pages) if isinstance(pages, list) else (),
    )
