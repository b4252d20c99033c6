"""Portal accounts as pages and JSON show them: no secret, and in words what a stopped one needs."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from api.code_ways import in_words
from broker.base.unit import Unit
from broker.codes import recovery
from broker.directory.models import MfaMethod, PortalAccount
from broker.identity.policy import Permission, Reach, reach
from broker.tabs import early
from broker.tabs import service as tabs
from broker.vault.service import Vault

NEEDS_NEW_PASSWORD = ("wrong_password", "password_expired")


def account_rows(work: Unit, vault: Vault) -> list[dict[str, Any]]:
    """Accounts the actor may view, stopped ones first, then by portal and username."""
    where = reach(work, Permission.ACCOUNT_VIEW)
    query = select(PortalAccount).options(
        selectinload(PortalAccount.portal),
        selectinload(PortalAccount.locations),
        selectinload(PortalAccount.mfa_methods).selectinload(MfaMethod.endpoint),
    )
    rows = [_row(work, vault, row) for row in work.db.scalars(query) if _seen(where, row)]
    return sorted(rows, key=lambda one: (one["status"] == "active", one["portal"], one["username"]))


def _seen(where: Reach, row: PortalAccount) -> bool:
    return any(where.covers(account_id=row.id, location_id=place.id) for place in row.locations)


def _row(work: Unit, vault: Vault, row: PortalAccount) -> dict[str, Any]:
    stored = vault.set_at(work, "portal_account", row.id, "password")
    return {
        "id": row.id,
        "portal": row.portal.name,
        "portal_key": row.portal.key,
        "provider_line": row.portal.provider_line or "",
        "username": row.username,
        "label": row.label,
        "login_kind": row.login_kind.replace("_", " "),
        "locations": [place.name for place in row.locations],
        "location_keys": [place.key for place in row.locations],
        "status": row.status,
        "status_words": row.status_words or "",
        "status_at": row.status_at.isoformat() if row.status_at else None,
        "todo": _todo(row, fresh=bool(stored and row.status_at and stored[0] > row.status_at)),
        "stored_at": stored[0].isoformat() if stored else None,
        "has_seed": vault.has(work, "portal_account", row.id, "totp_seed"),
        "recovery_warning": recovery.warning(row.recovery_codes_left),
        "tries_left": tabs.tries_left(work, row),
        "automation": row.portal.automation,
        "last_login_at": row.last_login_at.isoformat() if row.last_login_at else None,
        "shared_reason": row.shared_reason or "",
        "review_on": row.review_on.isoformat() if row.review_on else "",
        "early_sign_in": _early(work, row),
        "channels": [
            {
                "channel": method.channel,
                "way": in_words(method.channel, method.template.get("by", "")),
                "to": method.masked_destination,
                "endpoint": method.endpoint.name if method.endpoint else "",
                "health": method.endpoint.health if method.endpoint else "",
                "health_words": (method.endpoint.health_words or "") if method.endpoint else "",
            }
            for method in row.mfa_methods
        ],
    }


def _early(work: Unit, row: PortalAccount) -> dict[str, Any]:
    """When it signs in by itself, how that went last, and why it must not, where it must not."""
    one = early.of_account(work, row)
    return {
        "at": one.at if one else "",
        "location": one.location_key if one else "",
        "location_name": one.location if one else "",
        "next_at": one.next_at.isoformat() if one and one.next_at else None,
        "last": one.last if one else "",
        "cannot": early.cannot(work, row),
    }


def _todo(row: PortalAccount, *, fresh: bool) -> list[str]:
    """Steps that bring a stopped account back, in order; none for an active one. `fresh`: a password came since."""
    if row.status == "active":
        return []
    line = f" The provider line is {row.portal.provider_line}." if row.portal.provider_line else ""
    steps = [f"Put it right with the carrier.{line} Portunus does not try again meanwhile."]
    if row.status in NEEDS_NEW_PASSWORD:
        steps.append(
            "A password was stored since it stopped."
            if fresh
            else "Store the password that works now: the stored one is from before."
        )
    elif row.status == "locked":
        steps.append("If the carrier gave a new password, store it.")
    return [*steps, "Release the account, and say what was put right."]
