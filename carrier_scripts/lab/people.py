"""Invented members and their claims, the same for the same seed: enough of them that lists are long."""

import random
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache

from carrier_scripts.lab.facts import Carrier
from carrier_scripts.lab.founding import LOCATIONS, SEED

FIRST = (
    "Ada", "Boris", "Carmela", "Dorian", "Elspeth", "Fenwick", "Greta", "Hollis", "Imara", "Jasper", "Keziah", "Linus",
    "Maribel", "Nestor", "Odile", "Percival", "Quilla", "Rosalind", "Silas", "Tamsin", "Ulric", "Verity", "Wystan", "Zelda",
)  # fmt: skip
LAST = (
    "Arroyo", "Birchfield", "Castellane", "Dunmore", "Eastlake", "Fairweather", "Galindo", "Hawthorne", "Ibanez", "Jarvie",
    "Kestrel", "Lockridge", "Montague", "Nightingale", "Ocotillo", "Pemberton", "Quesada", "Ravenscroft", "Saltmarsh",
    "Thistlewood", "Underhill", "Valdespino", "Whitlock", "Yarborough",
)  # fmt: skip
PROVIDERS = ("Dr. Amaya Stroud", "Dr. Benedikt Oakes", "Dr. Corazon Lisle", "Dr. Dashiell Frye")
PROCEDURES = (
    ("D0120", "Recall visit", 58), ("D0150", "First visit, full", 94), ("D0210", "Full set of images", 148),
    ("D0274", "Four bitewing images", 72), ("D1110", "Adult cleaning", 104), ("D1120", "Child cleaning", 76),
    ("D2140", "Filling, one surface, silver", 162), ("D2391", "Filling, one surface, white, back", 189),
    ("D2740", "Crown, ceramic", 1240), ("D3330", "Root canal, molar", 1165), ("D4341", "Deep cleaning, quadrant", 268),
    ("D4910", "Periodontal upkeep", 142), ("D7140", "Simple extraction", 196), ("D7210", "Surgical extraction", 318),
)  # fmt: skip
GROUPS = ("Sunbelt Tile Works", "Mesa Verde Charter School", "Copper Belt Freight", "Palo Brea Botanicals")
DENIALS = (
    "Benefit used up for this period",
    "Not covered under this plan",
    "Please send the charting of this visit",
    "Another carrier pays first",
)
PER_LOCATION = 240
MEMBERS = 24


@dataclass(frozen=True)
class Cover:
    """What a plan pays for a category of services, in percent."""

    category: str
    in_network: int
    out_of_network: int
    deductible: bool
    waiting: str = "None"


COVERAGE = (
    Cover("Preventive and diagnostic", 100, 100, False), Cover("Basic restorative", 80, 70, True),
    Cover("Periodontal", 80, 60, True, "6 months"), Cover("Root canals", 80, 60, True, "6 months"),
    Cover("Major restorative", 50, 40, True, "12 months"), Cover("Implants", 50, 0, True, "12 months"),
    Cover("Orthodontics", 50, 50, False, "12 months"),
)  # fmt: skip


@dataclass(frozen=True)
class Member:
    id: str
    first: str
    last: str
    born: date
    group: str
    group_number: str
    active: bool
    plan: str
    maximum: int
    used: int
    deductible: int
    deductible_met: int

    @property
    def name(self) -> str:
        return f"{self.first} {self.last}"

    @property
    def left(self) -> int:
        return self.maximum - self.used


@dataclass(frozen=True)
class Line:
    code: str
    words: str
    tooth: str
    fee: int
    allowed: int
    paid: int
    remark: str


@dataclass(frozen=True)
class Claim:
    number: str
    member: Member
    location: str
    provider: str
    served: date
    received: date
    kind: str
    """claim or predetermination"""
    status: str
    lines: tuple[Line, ...]
    check: str | None
    paid_on: date | None

    @property
    def billed(self) -> int:
        return sum(line.fee for line in self.lines)

    @property
    def paid(self) -> int:
        return sum(line.paid for line in self.lines)


@dataclass(frozen=True)
class Book:
    """A carrier's members and claims, newest claim first."""

    members: dict[str, Member]
    claims: tuple[Claim, ...]

    def member(self, member_id: str, born: str) -> Member | None:
        """The member with this ID and this date of birth (ISO); None when either differs."""
        found = self.members.get(member_id.strip().upper())
        return found if found and found.born.isoformat() == born.strip() else None

    def twin(self, member: Member) -> Member:
        """Another member of the same name and date of birth."""
        return replace(member, id=member.id[:-1] + str((int(member.id[-1]) + 5) % 10), group="Another employer")

    def history(self, member_id: str, most: int = 4) -> list[tuple[date, str, str]]:
        """Newest first: when, which procedure, which tooth; of claims that were paid."""
        paid = [one for one in self.claims if one.member.id == member_id and one.check]
        return [(one.served, line.code, line.tooth) for one in paid for line in one.lines][:most]

    def at(self, location: str) -> list[Claim]:
        return [c for c in self.claims if c.location == location]

    def claim(self, number: str, location: str) -> Claim | None:
        return next((c for c in self.at(location) if c.number == number), None)


@lru_cache(maxsize=16)
def book(carrier: Carrier, statuses: tuple[str, ...], paid: str, denied: str, founded_on: date) -> Book:
    """The carrier's book; dates lie before `founded_on`."""
    luck = random.Random(f"{SEED}/{carrier.key}")
    members = {m.id: m for m in (_member(carrier, n, luck) for n in range(MEMBERS))}
    people = list(members.values())
    claims = [
        _claim(carrier, number, place.key, people, statuses, paid, denied, founded_on, luck)
        for number, place in enumerate(place for place in LOCATIONS for _ in range(PER_LOCATION))
    ]
    return Book(members, tuple(sorted(claims, key=lambda c: (c.served, c.number), reverse=True)))


def _member(carrier: Carrier, number: int, luck: random.Random) -> Member:
    first = number == 0
    tail = "00042731" if first else f"{luck.randrange(10**7, 10**8):08d}"
    maximum = luck.choice([1000, 1250, 1500, 2000, 2500])
    return Member(
        id=carrier.member_prefix + tail,
        first=FIRST[number % len(FIRST)],
        last=LAST[(number * 7 + 3) % len(LAST)],
        born=date(1984, 3, 17) if first else date(1944, 1, 9) + timedelta(days=luck.randrange(25000)),
        group=luck.choice(GROUPS),
        group_number=f"{luck.randrange(10000, 99999)}-{luck.randrange(1, 9):02d}",
        active=first or luck.random() > 0.15,
        plan=luck.choice(["Choice 1500", "Select", "Choice 2000 Plus", "Basic"]),
        maximum=maximum,
        used=luck.randrange(0, maximum, 25),
        deductible=50,
        deductible_met=luck.choice([0, 25, 50]),
    )


def _claim(
    carrier: Carrier,
    number: int,
    location: str,
    people: list[Member],
    statuses: tuple[str, ...],
    paid: str,
    denied: str,
    founded_on: date,
    luck: random.Random,
) -> Claim:
    served = founded_on - timedelta(days=int(luck.triangular(2, 1100, 60)))
    status = luck.choice(statuses) if (founded_on - served).days < 60 else luck.choice([paid, paid, paid, denied])
    lines = tuple(_line(status, paid, denied, luck) for _ in range(luck.choice([1, 1, 2, 2, 3, 4])))
    is_paid = status == paid
    return Claim(
        number=f"{carrier.claim_prefix}{served:%y%j}{number:05d}",
        member=luck.choice(people),
        location=location,
        provider=luck.choice(PROVIDERS),
        served=served,
        received=served + timedelta(days=1),
        kind="predetermination" if status == "Estimated" else "claim",
        status=status,
        lines=lines,
        check=f"{luck.randrange(10**7, 10**8)}" if is_paid else None,
        paid_on=served + timedelta(days=luck.randrange(9, 28)) if is_paid else None,
    )


def _line(status: str, paid: str, denied: str, luck: random.Random) -> Line:
    code, words, fee = luck.choice(PROCEDURES)
    allowed = round(fee * luck.uniform(0.55, 0.8))
    share = luck.choice([1.0, 0.8, 0.5])
    tooth = str(luck.randrange(1, 33)) if code[1] in "237" else ""
    return Line(
        code=code,
        words=words,
        tooth=tooth,
        fee=fee,
        allowed=allowed if status in (paid, "Estimated") else 0,
        paid=round(allowed * share) if status == paid else 0,
        remark=luck.choice(DENIALS) if status == denied else "",
    )
