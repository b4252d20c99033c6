"""Tell the directory which scripts are shipped: their portals, facts and exact versions. Run when a browser host starts."""

from datetime import date

import structlog

from broker.base.actor import system
from broker.codes import templates
from broker.directory import service as directory
from broker.directory.service import Fact
from broker.scripts import service as scripts
from broker.wiring import Portunus, build
from carrier_scripts import registry
from carrier_scripts.check import PAGES
from carrier_scripts.kit.process import declared
from carrier_scripts.quality import quality
from carrier_scripts.released import released

ACTOR = system("catalog")
log = structlog.get_logger("catalog")


def register(portunus: Portunus) -> list[str]:
    """Add or update every released script's portal, simulated ones only where the settings allow; returns their keys."""
    keys = [key for key in offered(portunus) if released(key)]
    with portunus.unit(ACTOR) as work:
        for key in keys:
            script = registry.portal(key)
            portal = directory.register_portal(
                work,
                key=key,
                name=script.name,
                start_url=script.start,
                hosts=sorted(script.hosts),
                automation=script.automation,
                carriers=script.carriers or (script.name,),
                facts=facts(key),
                script_digest=registry.script(key).digest,
                provider_line=registry.behaviour(key).get("provider_line", {}).get("value"),
            )
            exact = registry.script(key)
            shipped = scripts.Bundle(
                key,
                exact.digest,
                [{"module": one["module"], "text": one["text"]} for one in exact.sources],
                declared(script),
                quality(key, portunus.clock.now().date()).level if PAGES.is_dir() else "",
                {name: vars(fact) | {"verified_on": fact.verified_on.isoformat()} for name, fact in facts(key).items()},
            )
            scripts.keep_shipped(work, portal, shipped)
            shape = registry.behaviour(key).get("code_template", {})
            for channel in code_channels(key) if shape.get("senders") else ():
                templates.ship(work, portal, channel, shape)
    return keys


def offered(portunus: Portunus) -> list[str]:
    """Keys of the files on this machine; what is not released of them is said in the log and otherwise left alone."""
    keys = [key for key in registry.keys() if portunus.settings.simulated_portals or not registry.simulated(key)]
    for key in keys:
        if not released(key):
            log.warning("not released: hand it in with portunus script submit", script=key)
    return keys


def code_channels(key: str) -> list[str]:
    """The channels that the portal sends its codes by and that a template is for."""
    methods = registry.behaviour(key).get("mfa_methods", {}).get("value", [])
    return [channel for channel in ("email", "sms") if channel in methods]  # a call's number is not a message's sender


def facts(key: str) -> dict[str, Fact]:
    """The shipped behaviour record as facts."""
    found = registry.behaviour(key)
    return {
        name: Fact(value=fact["value"], source=fact["source"], verified_on=_day(fact["verified_on"]))
        for name, fact in found.items()
        if isinstance(fact, dict) and "value" in fact
    }


def _day(value: date | str) -> date:
    return value if isinstance(value, date) else date.fromisoformat(value)


if __name__ == "__main__":
    register(build())
