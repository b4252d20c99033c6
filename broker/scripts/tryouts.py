"""A text that nobody has approved, run in the editor by the person who writes it: which text, where, with whose login.

Portunus gives such a run nothing it keeps: she types a login of her own. And a carrier's lockout rule is counted by portal, so
the text goes where an approved version goes, and no login that Portunus signs in with is put at risk by it. A simulator's
hosts end in `.test`, a name that no carrier can have (RFC 6761): nothing can be lost there.
"""

from typing import Any

from sqlalchemy import func, select

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.errors import Incomplete, Refused
from broker.base.unit import Unit
from broker.directory import service as directory
from broker.directory.models import Portal, PortalAccount
from broker.identity.policy import Permission, require
from broker.scripts.releases import standing
from broker.scripts.versions import Bundle, bundle_of

SIMULATED = ".test"
AT_HER_DESK = "Try it at your own desk: portunus script run"


def tried(work: Unit, bundle: Bundle, username: str) -> dict[str, Any]:
    """She is about to run this text with that login; the portal's behaviour record, which says how many tries are safe.

    Raises `Refused` (no program allowed there, a host nobody approved, a login of Portunus), `Incomplete`, `NotFound`.
    """
    require(work, Permission.SCRIPT_MAINTAIN, anywhere=True)
    portal = directory.portal_by_key(work, bundle.key)
    if not username.strip():
        raise Incomplete("Say with which login of your own it signs in.")
    if "attended" in (portal.automation, bundle.facts.get("automation")):
        raise Refused(f"{portal.name} allows no program. A person signs in there herself.", code="automation-policy")
    hosts = [str(one) for one in bundle.facts.get("hosts", [])]
    if not hosts or not all(one.endswith(SIMULATED) for one in hosts):
        _check_hosts(work, portal, hosts)
        _check_login(work, portal, username.strip())
    audit.record(
        work,
        Act.SCRIPT_TRIED,
        "portal",
        portal.id,
        detail={"portal": portal.key, "text": bundle.digest[:32], "hosts": ", ".join(hosts)},
    )
    return directory.behaviour(work, portal)


def tried_on_pages(work: Unit, bundle: Bundle) -> None:
    """She is about to run this text on the portal's saved pages: whatever it names, nothing is typed and no host is reached.

    Raises `Refused`, `NotFound`.
    """
    require(work, Permission.SCRIPT_MAINTAIN, anywhere=True)
    portal = directory.portal_by_key(work, bundle.key)
    audit.record(
        work, Act.SCRIPT_TESTED, "portal", portal.id, detail={"portal": portal.key, "text": bundle.digest[:32]}
    )


def try_ended(work: Unit, key: str, outcome: str) -> None:
    """It is over: by itself, stopped, or she has left the page."""
    portal = directory.portal_by_key(work, key)
    audit.record(work, Act.SCRIPT_TRY_ENDED, "portal", portal.id, outcome=outcome, detail={"portal": portal.key})


def _check_hosts(work: Unit, portal: Portal, hosts: list[str]) -> None:
    digest = standing(work, portal.id)
    approved = bundle_of(work, digest) if digest else None
    if approved is None:
        raise Refused(
            f"No version of {portal.name} is in force, so nobody has approved its hosts. {AT_HER_DESK} {portal.key}"
        )
    new = sorted(set(hosts) - set(approved.facts.get("hosts", [])))
    if new or not hosts:
        raise Refused(
            f"The version in force does not name {new[0] if new else 'these hosts'}: here a text goes only where that one goes. "
            f"{AT_HER_DESK} {portal.key}"
        )


def _check_login(work: Unit, portal: Portal, username: str) -> None:
    same = func.lower(PortalAccount.username) == username.lower()
    if work.db.scalar(select(PortalAccount.id).where(PortalAccount.portal_id == portal.id, same).limit(1)):
        raise Refused(
            "Portunus signs in with this login for the office. Run a text that nobody has approved with a test login of your own."
        )
