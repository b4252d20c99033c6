"""What can be done with script versions, in one place to import; each verb lives in the file that its subject names."""

from broker.scripts.alerts import alerts, maintainers, owner, set_owner
from broker.scripts.alerts import seen as alert_seen
from broker.scripts.behaving import news as behaviour_news
from broker.scripts.board import Health, health, level
from broker.scripts.downtime import Downtime, downtimes
from broker.scripts.downtime import steps as fallback
from broker.scripts.drift import accept, changes, drifted, look_now, looked, seen, structures, take_due
from broker.scripts.pins import login as login_to_pin
from broker.scripts.pins import logins as logins_to_pin
from broker.scripts.pins import pin, pins, unpin
from broker.scripts.releases import (
    advance,
    chosen,
    in_force,
    release,
    releases,
    roll_back,
    running,
    standing,
    trial,
)
from broker.scripts.runs import Report, failed, forget_old, note, open_failed, portal_of
from broker.scripts.shipped import keep_shipped
from broker.scripts.terms import MODES, PERMISSIONS, newest, record, register
from broker.scripts.tryouts import tried, tried_on_pages, try_ended
from broker.scripts.versions import (
    Bundle,
    approval_holds,
    approve,
    bundle_of,
    difference,
    history,
    runnable,
    submit,
    version,
)
from broker.scripts.withdrawal import refuse

__all__ = [
    "MODES",
    "PERMISSIONS",
    "Bundle",
    "Downtime",
    "Health",
    "Report",
    "accept",
    "advance",
    "alert_seen",
    "alerts",
    "approval_holds",
    "approve",
    "behaviour_news",
    "bundle_of",
    "changes",
    "chosen",
    "difference",
    "downtimes",
    "drifted",
    "failed",
    "fallback",
    "forget_old",
    "health",
    "history",
    "in_force",
    "keep_shipped",
    "level",
    "login_to_pin",
    "logins_to_pin",
    "look_now",
    "looked",
    "maintainers",
    "newest",
    "note",
    "open_failed",
    "owner",
    "pin",
    "pins",
    "portal_of",
    "record",
    "refuse",
    "register",
    "release",
    "releases",
    "roll_back",
    "runnable",
    "running",
    "seen",
    "set_owner",
    "standing",
    "structures",
    "submit",
    "take_due",
    "trial",
    "tried",
    "tried_on_pages",
    "try_ended",
    "unpin",
    "version",
]
