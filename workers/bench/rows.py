"""A batch of 10,000 different questions: what the broker itself does, loses and doubles.

All of it is real but the browser: the CSV is read and mapped, its rows become lookups in SQL, the engine hands them out under
a lease and keeps what is answered, sealed, and the answers are read over HTTP from a simulated carrier that runs in a process
of its own and counts what it was asked. Not in it: the API, the browser host, carrier scripts, pictures. The engine is driven
as the browser host drives it. The same through the whole product, with fewer questions, is `shared_*` (`lookups.py`): a browser
would need two hours for 10,000 questions.
"""

import gc
import os
import tempfile
import time
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
from pydantic import SecretStr
from sqlalchemy import func, select

import broker.base.beats
import broker.codes.models
import broker.recordings.models
import broker.scripts.models  # noqa: F401 - the tables
from broker.adapters.file_keyring import FileKeyring
from broker.adapters.socket_browserhost import SocketBrowserHost
from broker.adapters.stored_blobs import open_blobs
from broker.base.actor import Actor, ActorKind
from broker.base.clock import SystemClock
from broker.base.db import Base, make_engine
from broker.base.ids import new_id
from broker.base.settings import Settings
from broker.directory.models import BehaviourFact, Location, Organization, Portal, PortalAccount
from broker.identity.models import Grant, User
from broker.lookups import batches, columns, exports, sheets
from broker.lookups import service as lookups
from broker.lookups.evidence import Sighting
from broker.lookups.models import BatchRow, Lookup, LookupResult
from broker.tabs.models import PortalSession
from broker.wiring import Portunus
from workers.bench.figures import Figures
from workers.bench.overhttp import AtHarborline, harborline

PLACE = "phoenix"
ACTIVE = {True: "active", False: "inactive"}
SHOWN = ("Member ID", "As of", "Coverage", "Annual maximum", "Maximum used", "Maximum left")


class Nobody:
    """Hints and signals for nobody: everything is looked up."""

    def enqueue(self, task: str, row_id: str) -> None:
        """Not sent."""

    def send(self, channel: str) -> None:
        """Not sent."""


def measure(size: int) -> Figures:
    """So many rows from file to answer. Memory is this process's: after the first tenth, and at the end."""
    with (
        tempfile.TemporaryDirectory(prefix="portunus-bench-rows-") as folder,
        harborline(Path(folder) / "lab", PLACE) as portal,
    ):
        portunus = _portunus(Path(folder))
        biller, account_id = _furnished(portunus)
        members = {one["id"]: one for one in portal.truth()["members"]}
        questions = _questions([*members.values()], size)
        began = time.monotonic()
        batch_id = _read(portunus, biller, questions)
        read_s = time.monotonic() - began
        asked, first, last = _worked_off(portunus, account_id, size, portal)
        took_s = time.monotonic() - began
        with portunus.reading(lookups.HOLDER) as work:
            rows = select(func.count(BatchRow.id)).where(BatchRow.batch_id == batch_id)
            done = work.db.scalar(rows.join(Lookup, Lookup.id == BatchRow.lookup_id).where(Lookup.state == "done"))
            results = work.db.scalar(select(func.count(LookupResult.id)))
        seen = Counter({(member_id, on): times for member_id, on, times in portal.truth()["asked_for"]})
        wrong = _wrong(portunus, biller, batch_id, members)
        portunus.engine.dispose()
    never = sum((one["Member ID"], one["Date of service"]) not in seen for one in questions)
    return {
        "batch_rows": size,
        "batch_lost": max(size - (done or 0), never),
        "batch_doubled": sum(times - 1 for times in asked.values())
        + sum(times - 1 for times in seen.values())
        + max(0, (results or 0) - size),
        "batch_wrong": wrong,
        "batch_read_s": round(read_s, 1),
        "batch_took_s": round(took_s, 1),
        "batch_row_ms": round((took_s - read_s) * 1000 / size, 2),
        "batch_first_rss_mb": first,
        "batch_last_rss_mb": last,
    }


def _portunus(folder: Path) -> Portunus:
    chosen = Settings(data_dir=folder, database_url=SecretStr(f"sqlite:///{folder}/portunus.db"))
    engine = make_engine(chosen.database)
    Base.metadata.create_all(engine)
    nobody = Nobody()
    return Portunus(
        settings=chosen,
        engine=engine,
        clock=SystemClock(),
        queue=nobody,  # type: ignore[arg-type]
        signals=nobody,  # type: ignore[arg-type]
        blobs=open_blobs(f"file://{folder}/blobs"),
        keyring=FileKeyring(folder / "keys", chosen.root_key_passphrase),
        host=SocketBrowserHost(folder / "none.sock"),
    )


def _furnished(portunus: Portunus) -> tuple[Actor, str]:
    """A biller, and her office's one login at one portal without a pause, signed in."""
    with portunus.unit(lookups.HOLDER) as work:
        now, today = work.clock.now(), work.clock.now().date()
        office = Organization(id=new_id("org"), name="Bench", kind="dso")
        work.db.add(office)
        work.db.flush()
        place = Location(
            id=new_id("loc"), organization_id=office.id, key="phoenix", name="Phoenix", npi="1999999984",
            city="Phoenix", time_zone="America/Phoenix", tax_entities=[],
        )  # fmt: skip
        portal = Portal(
            id=new_id("por"), key="harborline", name="Harborline", start_url="https://harborline.sim.test/",
            hosts=["harborline.sim.test"], automation="automated", provider_line=None, carriers=[],
        )  # fmt: skip
        work.db.add_all([place, portal])
        work.db.flush()
        fact = BehaviourFact(
            id=new_id("fact"), portal_id=portal.id, field="lookup_pause_ms", value=0, source="bench",
            verified_on=today, recorded_by="bench", recorded_at=now,
        )  # fmt: skip
        account = PortalAccount(
            id=new_id("acc"), organization_id=office.id, portal_id=portal.id, username="bench",
            login_kind="individual", locations=[place], portal=portal,
        )  # fmt: skip
        work.db.add_all([fact, account])
        work.db.flush()
        session = PortalSession(
            id=new_id("ses"), account_id=account.id, location_id=place.id, state="ready", state_at=now, created_at=now
        )
        work.db.add(session)
        portunus.vault.digest(work, office.id, "first key")
        biller = User(
            id=new_id("usr"), organization_id=office.id, email="bench@saguaro.test", name="Bench", created_at=now
        )
        work.db.add(biller)
        work.db.flush()
        grant = Grant(
            id=new_id("gra"), user_id=biller.id, role="biller", location_id=None, granted_by="bench", granted_at=now
        )
        work.db.add(grant)
        return Actor(kind=ActorKind.USER, id=biller.id, name=biller.name), account.id


def _questions(members: list[dict[str, str]], size: int) -> list[dict[str, str]]:
    """All different: each member for one day after the other, going back."""
    today = date.today()
    return [
        {
            "Member ID": members[n % len(members)]["id"],
            "DOB": members[n % len(members)]["born"],
            "Date of service": (today - timedelta(days=1 + n // len(members))).isoformat(),
        }
        for n in range(size)
    ]


def _read(portunus: Portunus, biller: Actor, questions: list[dict[str, str]]) -> str:
    """As an uploaded file goes: read, mapped by its headings, kept, turned into lookups piece by piece."""
    lines = [",".join(questions[0]), *(",".join(one.values()) for one in questions)]
    sheet = sheets.read("\n".join(lines).encode(), "bench.csv")
    rows = batches.rows_of(sheet, columns.guess(sheet.headings), {"portal": "harborline", "location": PLACE})
    with portunus.unit(biller) as work:
        batch = batches.create(work, portunus.vault, portunus.blobs, name="bench", headings=sheet.headings, rows=rows)
    more = True
    while more:
        with portunus.unit(biller) as work:
            more = batches.read_piece(work, portunus.vault, portunus.blobs, batch.id)
    return batch.id


def _worked_off(
    portunus: Portunus, account_id: str, size: int, portal: AtHarborline
) -> tuple[Counter[str], float, float]:
    """Every row as the host does it: one transaction ends a row and takes the next. How often each was taken; MB."""
    vault, asked, first = portunus.vault, Counter[str](), 0.0
    while True:
        with portunus.unit(lookups.HOLDER) as work:
            lease_id = lookups.take_turn(work, account_id)
        if lease_id is None:
            break  # nothing is due any more
        with portunus.unit(lookups.HOLDER) as work:
            turn = lookups.next_job(work, vault, lease_id)
        while isinstance(turn, lookups.Job):
            asked[turn.lookup_id] += 1
            if asked.total() == size // 10:
                first = _memory()
            said = _answered(portunus, turn, portal)
            with portunus.unit(lookups.HOLDER) as work:
                lookups.answer(work, vault, turn, said)
                turn = lookups.next_job(work, vault, lease_id)
        if isinstance(turn, lookups.Wait) and turn.seconds > 1:
            break
    return asked, first or _memory(), _memory()


def _answered(portunus: Portunus, job: lookups.Job, portal: AtHarborline) -> lookups.Answered:
    """What the carrier's pages say, each value with the words it was read from."""
    question = job.question
    rows = portal.look(question["member_id"], question["birth_date"], question["service_date"])
    head = next(row[0] for row in rows if question["member_id"] in row[0])
    said = {row[0]: row for row in rows}
    status, plan, maximum = ACTIVE["Active coverage" in head], said["Plan"][1], said["Calendar-year maximum"]
    born = datetime.strptime(head.split("born ")[1][:10], "%m/%d/%Y").date().isoformat()
    seen = {
        "/patient/member_id": head, "/patient/birth_date": head, "/coverage/status": head, "/coverage/plan_name": plan,
        "/accumulators/0/kind": maximum[0],
    }  # fmt: skip
    amounts = {"kind": "annual_maximum"}
    for name, text in zip(("limit", "used", "remaining"), (maximum[1], *maximum[3:]), strict=True):
        amounts[name] = text.removeprefix("$").replace(",", "")
        seen[f"/accumulators/0/{name}"] = text
    benefits = []
    for number, row in enumerate(row for row in rows if len(row) == 5 and row[1].endswith("%")):
        benefits.append({"category": "other", "label": row[0], "plan_pays_percent": row[1].removesuffix(" %")})
        place = f"/benefits/{number}"
        seen |= {f"{place}/category": row[0], f"{place}/label": row[0], f"{place}/plan_pays_percent": row[1]}
    fields = {
        pointer: [Sighting(raw_text=text, page="benefits", selector="#benefit-table > tr", box=(10, 20, 300, 24))]
        for pointer, text in seen.items()
    }
    result = {
        "patient": {"member_id": head.split(" ")[0], "birth_date": born},
        "coverage": {"status": status, "plan_name": plan}, "accumulators": [amounts], "benefits": benefits,
    }  # fmt: skip
    return lookups.Answered(result, fields, [], [], portunus.clock.now(), "d" * 64, "ses_bench")


def _wrong(portunus: Portunus, biller: Actor, batch_id: str, members: dict[str, dict[str, Any]]) -> int:
    """Rows of the batch's own export whose member, coverage or amounts are not the carrier's."""
    head, *rows = exports.table(lambda: portunus.reading(biller), portunus.vault, batch_id)
    ours = {name: head.index(name, head.index("What to do")) for name in SHOWN}
    wrong = 0
    for row in rows:
        member = members[row[0]]
        right = (
            member["id"], row[head.index("Date of service")], ACTIVE[member["active"]],
            *(f"{member[name]}.00" for name in ("maximum", "used", "left")),
        )  # fmt: skip
        wrong += tuple(row[ours[name]] for name in SHOWN) != right
    return wrong


def _memory() -> float:
    """MB of this process, what is only not yet collected left out."""
    gc.collect()
    size: int = psutil.Process(os.getpid()).memory_info().rss
    return round(size / 2**20, 1)
