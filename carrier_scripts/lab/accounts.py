"""What a carrier knows of a login at this moment: lock, password age, live code, devices."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from carrier_scripts.lab.facts import Account
from carrier_scripts.lab.founding import ACCOUNTS

TERMS = 3
"""Version of Harborline's terms that the founding logins have accepted."""
UNTIL_MAIL = timedelta(days=3650)
"""A lock without an end of its own: the link in a mail opens it."""


@dataclass
class LiveCode:
    value: str
    sent_at: datetime
    expires: datetime
    wrong: int = 0
    void: bool = False
    used: bool = False


@dataclass(eq=False)
class AccountState:
    facts: Account
    password_set_at: datetime
    wrong_passwords: int = 0
    refused: set[str] = field(default_factory=set)
    """Passwords already answered with no: the same again is a wasted try."""
    told_expired: bool = False
    locked_until: datetime | None = None
    unlock_token: str | None = None
    code: LiveCode | None = None
    wrong_codes: int = 0
    terms_accepted: int = TERMS
    used_at: datetime | None = None
    """Its last sign-in; None: as founded, not long ago."""
    terms_on: datetime | None = None
    """When it last accepted them."""
    profile_complete: bool = True
    devices: dict[str, datetime] = field(default_factory=dict)
    """Remembered-device cookie and the end of its trust."""
    last_step: int = -1
    backup_used: set[str] = field(default_factory=set)
    told: set[str] = field(default_factory=set)
    """What its owner has been mailed once."""
    usual_hours: tuple[int, int] | None = None
    """UTC hours from and to; None for any."""

    @property
    def username(self) -> str:
        return self.facts.username

    def locked(self, now: datetime) -> bool:
        """Whether it is locked; a lock whose time has passed is lifted here."""
        if self.locked_until and now >= self.locked_until:
            self.unlock()
        return self.locked_until is not None

    def unlock(self) -> None:
        self.locked_until = None
        self.unlock_token = None
        self.wrong_passwords = 0
        self.wrong_codes = 0

    def password_days(self, now: datetime) -> int:
        return (now - self.password_set_at).days

    def trusts(self, device: str | None, now: datetime) -> bool:
        return device is not None and self.devices.get(device, now) > now

    def view(self, now: datetime) -> dict[str, Any]:
        """For the control plane: no password, no code, no seed."""
        return {
            "carrier": self.facts.carrier,
            "key": self.facts.key,
            "username": self.username,
            "locked": self.locked(now),
            "locked_until": self.locked_until.isoformat() if self.locked_until else None,
            "wrong_passwords": self.wrong_passwords,
            "wrong_codes": self.wrong_codes,
            "password_days": self.password_days(now),
            "code_until": self.code.expires.isoformat() if self.code and not self.code.used else None,
            "terms_accepted": self.terms_accepted,
            "profile_complete": self.profile_complete,
            "devices": len(self.devices),
        }


def founded(now: datetime) -> list[AccountState]:
    """Every login as founded: passwords are ten days old."""
    return [AccountState(facts=one, password_set_at=now - timedelta(days=10)) for one in ACCOUNTS]
