"""A batch of 10,000 different questions at a portal that answers at once: what the broker itself does, loses and doubles.

No browser: the engine is driven as the browser host drives it, against a database, a vault and blobs of its own.
"""

import gc
import os
import tempfile
import time
from collections import Counter
from datetime import date
from pathlib import Path

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
from broker.lookups import batches
from broker.lookups import service as lookups
from broker.lookups.evidence import Sighting
from broker.lookups.models import BatchRow, Lookup, LookupResult
from broker.tabs.models import PortalSession
from broker.wiring import Portunus
from workers.bench.figures import Figures

FIELDS = 40
"""Values of an answer, each with its sighting: about what an eligibility page gives."""
BORN = date(1984, 3, 17)


class Nobody:
    """Hints and signals for nobody: everything is looked up."""

    def enqueue(self, task: str, row_id: str) -> None:
        """Not sent."""

    def send(self, channel: str) -> None:
        """Not sent."""


def measure(size: int) -> Figures:
    """So many rows from file to answer. Memory is this process's: after the first tenth, and at the end."""
    with tempfile.TemporaryDirectory(prefix="portunus-bench-rows-") as folder:
        portunus = _portunus(Path(folder))
        biller, account_id = _furnished(portunus)
        began = time.monotonic()
        batch_id = _read(portunus, biller, size)
        read_s = time.monotonic() - began
        asked, first, last = _worked_off(portunus, account_id, size)
        took_s = time.monotonic() - began
        with portunus.reading(lookups.HOLDER) as work:
            rows = select(func.count(BatchRow.id)).where(BatchRow.batch_id == batch_id)
            done = work.db.scalar(rows.join(Lookup, Lookup.id == BatchRow.lookup_id).where(Lookup.state == "done"))
            results = work.db.scalar(select(func.count(LookupResult.id)))
        portunus.engine.dispose()
    return {
        "batch_rows": size,
        "batch_lost": size - (done or 0),
        "batch_doubled": sum(times - 1 for times in asked.values()) + max(0, (results or 0) - size),
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


def _question(number: int) -> dict[str, str]:
    return {
        "kind": "eligibility",
        "portal": "harborline",
        "location": "phoenix",
        "member_id": f"HD{number:09d}",
        "birth_date": BORN.isoformat(),
    }


def _read(portunus: Portunus, biller: Actor, size: int) -> str:
    questions = [_question(number) for number in range(size)]
    with portunus.unit(biller) as work:
        batch = batches.create(
            work, portunus.vault, portunus.blobs, name="bench", headings=[*_question(0)],
            rows=[([*one.values()], {**one}) for one in questions],
        )  # fmt: skip
    more = True
    while more:
        with portunus.unit(biller) as work:
            more = batches.read_piece(work, portunus.vault, portunus.blobs, batch.id)
    return batch.id


def _worked_off(portunus: Portunus, account_id: str, size: int) -> tuple[Counter[str], float, float]:
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
            said = _answered(portunus, turn)
            with portunus.unit(lookups.HOLDER) as work:
                lookups.answer(work, vault, turn, said)
                turn = lookups.next_job(work, vault, lease_id)
        if isinstance(turn, lookups.Wait) and turn.seconds > 1:
            break
    return asked, first or _memory(), _memory()


def _answered(portunus: Portunus, job: lookups.Job) -> lookups.Answered:
    """What a portal says at once: as many values as a page has, each with where it was seen."""
    member = job.question["member_id"]
    seen = {
        "/patient/member_id": member,
        "/patient/birth_date": BORN.strftime("%m/%d/%Y"),
        "/coverage/status": "Active coverage",
    }
    benefits = []
    for number in range((FIELDS - len(seen)) // 2):
        benefits.append({"category": "restorative_basic", "plan_pays_percent": "80"})
        seen |= {
            f"/benefits/{number}/category": "Basic restorative",
            f"/benefits/{number}/plan_pays_percent": "80 %",
        }
    fields = {
        pointer: [Sighting(raw_text=text, page="benefits", selector="#benefit-table > tr", box=(10, 20, 300, 24))]
        for pointer, text in seen.items()
    }
    patient = {"member_id": member, "birth_date": BORN.isoformat()}
    result = {"patient": patient, "coverage": {"status": "active"}, "benefits": benefits}
    return lookups.Answered(result, fields, [], [], portunus.clock.now(), "d" * 64, "ses_bench")


def _memory() -> float:
    """MB of this process, what is only not yet collected left out."""
    gc.collect()
    size: int = psutil.Process(os.getpid()).memory_info().rss
    return round(size / 2**20, 1)
