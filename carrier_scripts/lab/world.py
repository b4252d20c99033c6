"""Everything the simulated carriers share: clock, judge, faults, post, logins, visits."""

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from carrier_scripts.lab.accounts import TERMS, UNTIL_MAIL, AccountState, founded
from carrier_scripts.lab.clock import LabClock
from carrier_scripts.lab.facts import Account
from carrier_scripts.lab.faults import AT_ONCE, NAMES, OF_ONE_LOGIN, Fault, Faults
from carrier_scripts.lab.founding import SEED
from carrier_scripts.lab.judge import Client, Judge
from carrier_scripts.lab.mailserver import MailServer
from carrier_scripts.lab.postbox import Postbox
from carrier_scripts.lab.visits import Visits


class Serial:
    """Numbers of messages, going on where the last run stopped: a message is never sent under an old number."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._last = int(file.read_text()) if file.exists() else 0

    def next(self) -> int:
        self._last += 1
        self._file.write_text(str(self._last))
        return self._last


@dataclass
class World:
    clock: LabClock
    judge: Judge
    faults: Faults
    postbox: Postbox
    mail: MailServer
    serial: Serial
    control_url: str = ""
    accounts: list[AccountState] = field(default_factory=list)
    visits: Visits = field(default_factory=Visits)
    abort: Callable[[Client], None] = lambda client: None
    """Cuts a connection."""
    founded_on: date = date(2026, 1, 1)
    spent: dict[str, tuple[int, float]] = field(default_factory=dict)
    """Answers and real seconds per carrier."""
    keep_hours: set[str] = field(default_factory=set)
    """Carriers that are closed outside their hours now (fault `keeps_hours`); the others never are."""
    terms_version: int = TERMS
    """What carriers with terms want accepted now."""

    def found(self) -> None:
        """Everything as founded, now."""
        self.faults.clear()
        self.visits.clear()
        self.judge.reset()
        self.postbox.outbox.clear()
        self.spent.clear()
        self.terms_version = TERMS
        self.keep_hours.clear()
        self.accounts = founded(self.clock.now())
        self.founded_on = self.clock.now().date()

    def spend(self, carrier: str, seconds: float) -> None:
        """Real time a carrier took for an answer: what a measurement of ours must subtract."""
        count, total = self.spent.get(carrier, (0, 0.0))
        self.spent[carrier] = (count + 1, total + seconds)

    def account(self, carrier: str, name: str) -> AccountState | None:
        """By username (in any case) or by key."""
        wanted = name.strip().lower()
        for state in self.accounts:
            if state.facts.carrier == carrier and wanted in (state.username.lower(), state.facts.key):
                return state
        return None

    def of(self, carrier: str, name: str | None) -> list[AccountState]:
        """One login, or all of a carrier when no name is given. Raises KeyError for a name it does not have."""
        if name is None:
            return [a for a in self.accounts if a.facts.carrier == carrier]
        state = self.account(carrier, name)
        if state is None:
            raise KeyError(f"{carrier} has no login {name!r}")
        return [state]

    def enrol(self, like: Account, username: str, address: str) -> AccountState:
        """A new login with the facts of another. Raises ValueError for a username that is taken."""
        if self.account(like.carrier, username) is not None:
            raise ValueError("this username is taken")
        state = AccountState(
            facts=replace(like, key=f"{like.carrier}-{username}", username=username, address=address),
            password_set_at=self.clock.now() - timedelta(days=10),
        )
        self.accounts.append(state)
        return state

    def digits(self, what: str, serial: int, length: int = 6) -> str:
        """A number that looks random and is the same for the same seed and serial."""
        made = hmac.new(str(SEED).encode(), f"{what}/{serial}".encode(), hashlib.sha256).digest()
        return f"{int.from_bytes(made[:8]) % 10**length:0{length}d}"

    async def fault(self, order: dict[str, Any]) -> None:
        """Switch a fault on; those that only change a state do so here. Raises ValueError or KeyError for nonsense."""
        fault = Fault(
            carrier=str(order["carrier"]),
            name=str(order["name"]),
            account=None,
            times=order.get("times"),
            args=dict(order.get("args") or {}),
        )
        named = order.get("account")
        states = self.of(fault.carrier, named)
        if named:
            if fault.name in NAMES - OF_ONE_LOGIN:
                raise ValueError(f"{fault.name} is for the whole carrier: leave the account out")
            fault.account = states[0].username
        if fault.name not in AT_ONCE:
            self.faults.add(fault)
            return
        if fault.name == "mailbox_down":
            self.faults.add(fault)
            await self.mail.refuse_password(True)
        for state in states:
            self._change(state, fault)

    async def unfault(self, carrier: str | None, name: str | None) -> int:
        gone = self.faults.clear(carrier, name)
        if any(one.name == "mailbox_down" for one in gone):
            await self.mail.refuse_password(False)
        return len(gone)

    def lock(self, state: AccountState, seconds: int | None) -> None:
        """Lock for so many seconds, or (None) until the link in a mail is opened."""
        state.locked_until = self.clock.now() + (UNTIL_MAIL if seconds is None else timedelta(seconds=seconds))
        if seconds is None:
            state.unlock_token = secrets.token_urlsafe(16)
        self.judge.count("locks", state.facts.carrier, state.username)
        self.judge.note(state.facts.carrier, state.username, "locked")

    def gauge(self, carrier: str, state: AccountState) -> None:
        self.judge.gauge(carrier, state.username, len(self.visits.signed_in(carrier, state)))

    def _change(self, state: AccountState, fault: Fault) -> None:
        args = fault.args
        match fault.name:
            case "terms":
                self.terms_version = int(args.get("version", TERMS + 1))
            case "profile":
                state.profile_complete = False
            case "password_age":
                state.password_set_at = self.clock.now() - timedelta(days=float(args.get("days", 60)))
                state.told_expired = False
            case "lock":
                self.lock(state, int(args.get("seconds", 1800)))
            case "keeps_hours":
                self.keep_hours.add(state.facts.carrier)
            case "enrolment" | "hold" | "recovery" | "training" | "recertify":
                state.told.add(fault.name)
            case "dormant":
                state.used_at = self.clock.now() - timedelta(days=float(args.get("days", 30)))
            case "usual_hours":
                state.usual_hours = (int(args["from"]), int(args["to"]))
            case "end_sessions":
                for visit in self.visits.signed_in(state.facts.carrier, state):
                    visit.end("timeout")
                self.gauge(state.facts.carrier, state)
            case _:
                return


def dump(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)
