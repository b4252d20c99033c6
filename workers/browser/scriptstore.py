"""The very bytes a session runs: those on this machine when they are the approved ones, else those kept in the database."""

from dataclasses import dataclass

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

    return Loaded(
        script,
        home=str(facts.get("home", "")),
        start=str(facts.get("start", "")),
        hosts=frozenset(texts("hosts")),
        reads=texts("reads"),
        searches=texts("searches"),
    )
