"""Can a login's code come at all? Asked before anything is submitted: a password without a code burns a try for nothing."""

from datetime import timedelta

from broker.base.beats import beats
from broker.base.errors import Conflict
from broker.base.unit import Unit
from broker.codes.presence import at_the_desk
from broker.directory.models import DeliveryEndpoint, MfaMethod, PortalAccount

AUTOMATIC = ("email", "sms", "voice")
"""Channels whose codes come by themselves."""
SICK = ("down", "unlinked", "gone")
"""Health of a mailbox or telephone that brings no code."""
BLINK = timedelta(seconds=8)
"""A mailbox whose connection broke comes back within a second or two: only one that stays away is known to bring no codes."""
SILENT = timedelta(seconds=40)
"""After so long without a sign of life, four of its rounds, the mail watcher counts as dead."""


def trouble(work: Unit, endpoint: DeliveryEndpoint | None) -> str:
    """Why no code comes by this mailbox or telephone now, in words; empty while nothing is known against it."""
    if endpoint is None:
        return ""
    what = "mailbox" if endpoint.kind == "mailbox" else "telephone"
    if endpoint.health in SICK and not _blinks(work, endpoint):
        why = (endpoint.health_words or "it does not answer").rstrip(". ")
    elif endpoint.kind == "mailbox" and _nobody_reads(work):
        why = "the mail watcher, which reads it, has stopped"
    else:
        return ""
    return f"The {what} {endpoint.name} brings no codes now: {why}."


def _blinks(work: Unit, endpoint: DeliveryEndpoint) -> bool:
    since = endpoint.health_at
    return (
        endpoint.kind == "mailbox"
        and endpoint.health == "down"
        and since is not None
        and work.clock.now() - since < BLINK
    )


def _nobody_reads(work: Unit) -> bool:
    """Whether the mail watcher did its rounds once and does them no more: a mailbox's health is then an old word."""
    last = beats(work).get("mailwatch")
    return last is not None and work.clock.now() - last > SILENT


def method_of(account: PortalAccount) -> MfaMethod | None:
    """How its codes come."""
    return account.mfa_methods[0] if account.mfa_methods else None


def refuse_without(work: Unit, account: PortalAccount, location_id: str) -> None:
    """Raises `Conflict` (code `channel-down`) when the login's only way for codes is down and nobody sits at the code desk."""
    method = method_of(account)
    if method is None or method.channel not in AUTOMATIC:
        return
    wrong = trouble(work, method.endpoint)
    if not wrong or at_the_desk(work, account.id, location_id):
        return
    raise Conflict(
        f"{wrong} Nothing was tried at the portal. Who can read the code another way opens the Code desk and leaves it "
        "open; then open the portal again. An administrator finds the channel under Channels.",
        code="channel-down",
    )
