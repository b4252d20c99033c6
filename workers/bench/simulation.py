"""Codes on their way, by the million: random sign-ins, resends, delays, duplicates, forgeries, judged by the product's own rules.

Pure: no database and no clock of the machine. The world below knows whose code each message really is, which the
rules do not. `python -m workers.bench.simulation --steps 10000000` prints its seed; the same seed walks the same way.
"""

import argparse
import bisect
import json
import random
import sys
import zlib
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from broker.codes import matching
from broker.codes.matching import HELD_BACK, LATEST, RECENT, SKEW, Arrival, Earlier, Kept, Rule, Verdict, Waiting

START = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
LIVES = (timedelta(seconds=600), timedelta(seconds=1800))
SLOWEST = timedelta(seconds=90)
"""Longest that a portal takes to write a message."""
TOO_LATE = LATEST - SLOWEST
"""Texts that are held up for longer come only from a telephone that was switched off: once it is on again, within `BACK`."""
NIGHT = (1800, 16 * 3600)
BACK = timedelta(minutes=10)
MAILBOX = "codes@lab.test"
SENDERS = tuple(f"code@carrier{number}.test" for number in range(8))


WRONG = ("misassigned", "reused", "outdated")
"""What must never be counted."""


@dataclass(frozen=True)
class Login:
    """A login at a carrier: where its codes go, and whether a message says whose it is."""

    number: int
    endpoint: int
    rule: Rule
    sms: bool


@dataclass(eq=False)
class Request:
    """What the product knows of a request (as its table has it)."""

    login: Login
    asked_at: datetime
    deadline: datetime
    state_at: datetime
    sent: int = 1
    came: int = 0
    state: str = "waiting"
    held: str | None = None
    asked_before: datetime | None = None
    doubted_at: datetime | None = None
    """When a message for it was last left to a person."""
    codes: set[str] = field(default_factory=set)
    """Different codes that came for it."""

    def move(self, state: str, now: datetime) -> None:
        """What it held is dropped."""
        self.state, self.state_at, self.held = state, now, None

    @property
    def open(self) -> bool:
        return self.state in ("waiting", "matched")


@dataclass(frozen=True)
class Message:
    """A message on its way; only the world knows for whom its code is."""

    login: Login
    code: str
    written_at: datetime
    external_id: str
    sender: str
    trusted: bool = True


@dataclass
class World:
    """Logins that share endpoints, the messages on their way, and what was typed."""

    logins: list[Login]
    now: datetime = START
    requests: dict[int, list[Request]] = field(default_factory=dict)
    """By endpoint, newest last; those older than the product remembers are dropped."""
    air: list[Message] = field(default_factory=list)
    seen: dict[int, set[str]] = field(default_factory=dict)
    spoke: dict[int, list[datetime]] = field(default_factory=dict)
    """When messages came, by endpoint, oldest first."""
    off: dict[int, tuple[datetime, datetime]] = field(default_factory=dict)
    """From when until when a telephone was last switched off."""
    used: dict[str, Request] = field(default_factory=dict)
    kept: dict[str, list[tuple[Request | None, datetime, bool]]] = field(default_factory=dict)
    """Codes that came, for which request if for any, when, and whether too late or unasked for."""
    counted: Counter[str] = field(default_factory=Counter)
    serial: int = 0
    recent: deque[Login] = field(default_factory=lambda: deque(maxlen=64))
    """Who signed in last: with thousands of logins, what happens next happens mostly to them."""

    # --- what happens

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def night(self, seconds: float, telephones: set[int]) -> None:
        """A long while in which nobody signs in; these telephones are switched off, and hold back what came for them."""
        began = self.now
        self.advance(seconds)
        self.off |= dict.fromkeys(telephones, (began, self.now))

    def ask(self, login: Login) -> Request | None:
        """A sign-in submits its password: the product opens a request first, or makes it wait its turn."""
        known = self._known(login.endpoint)
        for other in known:
            if other.open and (other.login is login or not matching.told_apart(other.login.rule, login.rule)):
                self.counted["waited_turn"] += 1
                return None
        life = LIVES[login.number % len(LIVES)]
        row = Request(login, self.now, self.now + life, self.now)
        known.append(row)
        self.recent.append(login)
        self.counted["requests"] += 1
        self._send(row)
        return row

    def resend(self, row: Request) -> None:
        if row.open and self.now < row.deadline:
            row.move("waiting", self.now)
            row.asked_before, row.asked_at, row.sent = row.asked_at, self.now, row.sent + 1
            self._send(row)

    def withdraw(self, row: Request) -> None:
        """The browser host dies: what comes now for it is late."""
        if row.open:
            row.move("withdrawn", self.now)

    def deliver(self, place: int, *, twice: bool = False, other_id: bool = False) -> None:
        """A message reaches its endpoint: in any order, perhaps again, perhaps under another id."""
        message = self.air[place]
        if message.written_at > self.now:
            return  # the portal is slow: it is not written yet
        if not twice:
            self.air[place] = self.air[-1]
            self.air.pop()
        self._arrive(message, f"{message.external_id}'" if other_id else message.external_id)

    def forge(self, login: Login, code: str) -> None:
        """An attacker writes as the carrier; the receiving server does not confirm it."""
        self.serial += 1
        sender = next(iter(login.rule.senders))
        self._arrive(
            Message(login, code, self.now, f"forged{self.serial}", sender, trusted=False), f"forged{self.serial}"
        )

    def foreign(self, login: Login, code: str) -> None:
        """A genuine message of somebody else with a number in it."""
        self.serial += 1
        self._arrive(Message(login, code, self.now, f"news{self.serial}", "news@shop.test"), f"news{self.serial}")

    def type_in(self, row: Request) -> None:
        """The attempt takes its code and types it; the world judges whose it was."""
        if row.state != "matched" or row.held is None or self.now > row.deadline:
            return
        code = row.held
        row.move("released", self.now)
        owner, asked_at = code.split(":")[:2]
        self.counted["typed"] += 1
        self.counted["misassigned"] += int(owner) != row.login.number
        self.counted["reused"] += code in self.used
        self.counted["outdated"] += int(owner) == row.login.number and asked_at != row.asked_at.isoformat().replace(
            ":", "-"
        )
        self.used[code] = row

    # --- inside

    def _send(self, row: Request) -> None:
        self.serial += 1
        stamp = row.asked_at.isoformat().replace(":", "-")
        code = f"{row.login.number}:{stamp}:{self.serial}"
        sender = next(iter(row.login.rule.senders))
        written_at = self.now + timedelta(seconds=0 if self.serial % 4 else self.serial * 7919 % SLOWEST.seconds)
        self.air.append(Message(row.login, code, written_at.replace(microsecond=0), f"m{self.serial}", sender))

    def _known(self, endpoint: int) -> list[Request]:
        rows = self.requests.setdefault(endpoint, [])
        for row in rows:
            if row.open and self.now > row.deadline:
                row.move("expired", row.deadline)  # as the sweeper does in time
        rows[:] = [row for row in rows if row.open or row.state_at > self.now - LATEST or self._held_back(row)]
        return rows

    def _held_back(self, row: Request) -> bool:
        spoke = self.spoke.get(row.login.endpoint, [])
        since = bisect.bisect_right(spoke, matching.to_have_come(row.asked_at, row.state_at))
        silent = matching.held_back(spoke[since] if since < len(spoke) else None, self.now)
        return row.login.sms and silent and row.state_at > self.now - HELD_BACK

    def may_come(self, message: Message) -> bool:
        """Of texts that come very late: no product can tell whose one is that its telephone brings after newer ones."""
        if not message.login.sms or message.written_at >= self.now - TOO_LATE:
            return True
        began, over = self.off.get(message.login.endpoint, (START, START))
        spoke = self.spoke.get(message.login.endpoint, [])
        before = bisect.bisect_right(spoke, began)
        overtaken = before > 0 and spoke[before - 1] >= message.written_at
        return began - TOO_LATE <= message.written_at <= over and not overtaken and self.now <= over + BACK

    def recently(self, endpoint: int) -> list[Request]:
        """Requests that something may still happen to."""
        rows = self.requests.get(endpoint) or []
        return [row for row in rows if row.open or row.state_at > self.now - RECENT]

    def _ended(self, known: list[Request], arrival: Arrival) -> list[Waiting]:
        """Those that ended a short while ago; where no message bears a date, longer those whose code never came."""
        remembered = matching.remembered(arrival)
        return [
            _waiting(row)
            for row in known
            if not row.open and row.state_at > self.now - (remembered if row.sent > row.came else RECENT)
        ]

    def _silent(self, known: list[Request], arrival: Arrival) -> list[Waiting]:
        """Those whose text a telephone may hold back."""
        if arrival.channel != "sms":
            return []
        return [_waiting(row) for row in known if not row.open and row.sent > row.came and self._held_back(row)]

    def _came_before(self, row: Request, code: str, arrival: Arrival) -> bool:
        earlier = [Earlier(at, other not in (None, row), unused) for other, at, unused in self.kept.get(code, ())]
        return code in self.used or matching.came_before(arrival, row.asked_at, earlier)

    def _arrive(self, message: Message, external_id: str) -> None:
        login = message.login
        self.counted["messages"] += 1
        seen = self.seen.setdefault(login.endpoint, set())
        if external_id in seen:
            self.counted["duplicate_ids"] += 1
            return
        seen.add(external_id)
        known = self._known(login.endpoint)
        number = f"{zlib.crc32(message.code.encode()) % 1_000_000:06d}"
        written_to = frozenset() if login.sms else frozenset({login.rule.alias or MAILBOX})
        arrival = Arrival(
            endpoint_id=str(login.endpoint),
            channel="sms" if login.sms else "email",
            external_id=external_id,
            sender=message.sender,
            trusted=message.trusted,
            recipients=written_to,
            addressed=written_to,
            subject="",
            text=f"{login.rule.names or ''} Your code is {number}.",
            received_at=self.now,
            raw_digest="",
            written_at=None if login.sms else message.written_at,
        )
        waiting = [_waiting(row) for row in known if row.open]
        decision = matching.decide(arrival, waiting, self._ended(known, arrival), self._silent(known, arrival))
        self.counted[decision.verdict.value] += 1
        self.spoke.setdefault(login.endpoint, []).append(self.now)
        row = next((one for one in known if str(id(one)) == decision.request_id), None)
        if decision.verdict is Verdict.MATCHED and row is not None:
            if self._came_before(row, message.code, arrival):
                self.counted["duplicate_codes"] += 1
                return
            self._count(row, message.code)
            self.counted[self._keep(row, message.code).value] += 1
        elif decision.verdict is Verdict.LATE and row is not None:
            self._count(row, message.code, late=True)
        elif self._unasked(message, decision.verdict, known):
            self.kept.setdefault(message.code, []).append((None, self.now, True))
        elif decision.verdict is Verdict.AMBIGUOUS and row is not None:
            row.doubted_at = self.now

    def _unasked(self, message: Message, verdict: Verdict, known: list[Request]) -> bool:
        """A genuine code of a login that does not wait."""
        nobodys = verdict is Verdict.UNSOLICITED or (verdict is Verdict.FOREIGN and message.trusted)
        waits = any(row.open and row.login is message.login for row in known)
        return nobodys and not waits and message.sender in message.login.rule.senders

    def _count(self, row: Request, code: str, *, late: bool = False) -> None:
        row.came += code not in row.codes
        row.codes.add(code)
        self.kept.setdefault(code, []).append((row, self.now, late))

    def _keep(self, row: Request, code: str) -> Kept:
        doubted = row.doubted_at is not None and row.doubted_at >= row.asked_at - SKEW
        kept = matching.keep(code, row.held, doubted=doubted, came=row.came, sent=row.sent)
        if kept is Kept.HELD:
            row.move("matched", self.now)
            row.held = code
        elif kept is Kept.DOUBTED:
            row.move("waiting", self.now)
            row.doubted_at = self.now
        return kept


def _waiting(row: Request) -> Waiting:
    return Waiting(
        request_id=str(id(row)),
        account_id=str(row.login.number),
        asked_at=row.asked_at,
        deadline=row.deadline,
        rule=row.login.rule,
        outstanding=row.sent - row.open > row.came,
        asked_before=row.asked_before,
    )


def logins(count: int, random_: random.Random, share: int = 6) -> list[Login]:
    """Logins of which about `share` use one mailbox or phone; a third are told apart by an alias, a third by a name."""
    made = []
    for number in range(count):
        sms = number % share % 2 == 1
        mark = random_.randrange(3)
        usual = SENDERS[number // share % len(SENDERS)]  # who share a mailbox mostly work at the same carriers
        rule = Rule(
            senders=frozenset({usual if random_.random() < 0.8 else random_.choice(SENDERS)}),
            alias=f"codes+{number}@lab.test" if mark == 0 and not sms else None,
            names=f"user{number}" if mark == 1 else None,
            context=("your code is",),
            addresses=frozenset() if sms else frozenset({MAILBOX}),
        )
        made.append(Login(number, 2 * (number // share) + sms, rule, sms))
    return made


def walk(seed: int, steps: int, accounts: int = 60) -> Counter[str]:
    """So many random steps; returns what was counted. `misassigned`, `reused` and `outdated` must be 0."""
    chance = random.Random(seed)
    world = World(logins(accounts, chance))
    for _ in range(steps):
        step(world, chance)
    return world.counted


def step(world: World, chance: random.Random) -> None:
    """One random thing happens."""
    roll = chance.random()
    login = world.logins[chance.randrange(len(world.logins))]
    if roll < 0.20:
        world.ask(login)
    elif roll < 0.52 and world.air:
        # mostly the newest, often an old one: mails overtake each other
        place = len(world.air) - 1 if chance.random() < 0.5 else chance.randrange(len(world.air))
        if chance.random() < 0.03:
            world.air.pop(place)  # lost for ever
            return
        message = world.air[place]
        if message.login.sms:
            if not world.may_come(message):
                world.air.pop(place)
                world.counted["texts_too_late"] += 1
                return
            world.counted["texts_late"] += message.written_at < world.now - RECENT
            world.counted["texts_held_back"] += message.written_at < world.now - TOO_LATE
        world.deliver(place, twice=chance.random() < 0.1, other_id=chance.random() < 0.05)
    else:
        if world.recent:
            login = world.recent[chance.randrange(len(world.recent))]
        rows = world.recently(login.endpoint)
        row = rows[chance.randrange(len(rows))] if rows else None
        if roll < 0.68:
            if row is not None:
                world.type_in(row)
        elif roll < 0.73:
            if row is not None:
                world.resend(row)
        elif roll < 0.81:
            if row is not None:
                world.withdraw(row)
        elif roll < 0.85:
            world.forge(login, f"-1:forged:{world.serial}")
        elif roll < 0.89:
            world.foreign(login, f"-1:news:{world.serial}")
        elif chance.random() < 0.01:
            world.night(chance.uniform(*NIGHT), {one.endpoint for one in world.logins if chance.random() < 0.5})
        else:
            world.advance(chance.choice((0.2, 1, 5, 30, 120)))


def main() -> int:
    """Exit code 1 when a code was misassigned, used twice, or used after the portal had been asked for a newer one."""
    parser = argparse.ArgumentParser(prog="python -m workers.bench.simulation", description=__doc__)
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--accounts", type=int, default=60)
    parser.add_argument("--seed", type=int, default=None)
    asked = parser.parse_args()
    seed = asked.seed if asked.seed is not None else random.SystemRandom().randrange(2**32)
    counted = walk(seed, asked.steps, asked.accounts)
    print(json.dumps({"seed": seed, "steps": asked.steps, **dict(sorted(counted.items()))}))
    return 1 if any(counted[what] for what in WRONG) else 0


if __name__ == "__main__":
    sys.exit(main())
