"""The lockout guard of a desk: how often a login was submitted from here, so that trying a script locks nobody out."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from broker.tabs.budget import Budget


@dataclass(frozen=True)
class Ledger:
    """Submits by login (a digest of portal and user name) in a file; a login that was proved gives its try back."""

    file: Path

    def left(self, portal: str, username: str, behaviour: dict[str, Any], now: datetime) -> int:
        """Tries left before the carrier could lock the login, by the portal's behaviour record."""
        return Budget.of(behaviour).left(self._taken(portal, username), now)

    def take(self, portal: str, username: str, now: datetime) -> None:
        """A password is about to be submitted."""
        self._write(portal, username, [*self._taken(portal, username), now])

    def take_one(self, portal: str, username: str, behaviour: dict[str, Any], now: datetime) -> bool:
        """Take a try where one is left; whether there was one."""
        if self.left(portal, username, behaviour, now) == 0:
            return False
        self.take(portal, username, now)
        return True

    def give_back(self, portal: str, username: str) -> None:
        """It was right: the carrier has forgotten the failures before it as well."""
        self._write(portal, username, [])

    def _taken(self, portal: str, username: str) -> list[datetime]:
        return [datetime.fromisoformat(one) for one in self._all().get(_name(portal, username), [])]

    def _write(self, portal: str, username: str, taken: list[datetime]) -> None:
        kept = self._all()
        newest = max(taken, default=None)
        recent = [one for one in taken if newest is None or one > newest - timedelta(days=30)]
        kept[_name(portal, username)] = [one.isoformat() for one in recent]
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(json.dumps(kept), encoding="ascii")

    def _all(self) -> dict[str, list[str]]:
        if not self.file.exists():
            return {}
        found: dict[str, list[str]] = json.loads(self.file.read_text(encoding="ascii"))
        return found


def _name(portal: str, username: str) -> str:
    return hashlib.sha256(f"{portal}\n{username}".encode()).hexdigest()[:24]
