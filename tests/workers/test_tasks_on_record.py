"""What each worker task does to something of the practice is on record under the name of the part that did it (AL13)."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from sqlalchemy import func, select, text

from broker.audit.acts import Act
from broker.audit.models import AuditEntry
from broker.base.actor import system
from broker.codes import service as codes
from broker.directory import service as directory
from broker.directory.models import Location
from broker.lookups import hooks
from broker.lookups import service as lookups
from broker.lookups.models import Lookup
from broker.recordings import films
from broker.recordings import service as recordings
from broker.recordings.service import Subject
from broker.tabs import early
from broker.tabs import service as tabs
from broker.wiring import Portunus
from tests.broker.lookups.conftest import Office as LookupOffice
from tests.broker.lookups.conftest import furnish
from tests.broker.lookups.test_batches import sent
from tests.broker.lookups.test_retention import kept
from tests.broker.tabs.conftest import Office
from tests.workers.films.test_export import recorded as shown
from tests.workers.films.test_export import told
from tests.workers.films.test_make_film import asked, audrey
from tests.workers.test_every_task import MODULES
from workers import (
    early_sign_ins,
    expire_lookups,
    make_film,
    monitor,
    read_batch,
    run_lookups,
    send_webhook,
    sweep,
    sweep_lookups,
    witness,
)

SYSTEM = system("test")
ON_RECORD = {
    "early_sign_ins",
    "expire_lookups",
    "make_film",
    "monitor",
    "read_batch",
    "run_lookups",
    "send_webhook",
    "sweep",
    "sweep_lookups",
    "witness",
}
"""Each has its test here."""
NOT_BY_ITSELF = {
    "open_tab": "passes a hint on; the host that claims the attempt is on record for it",
    "end_session": "passes a hint on; what ended the session is on record, and so is the host that signs out",
    "mail_alert": "tells the script's owner of a failure that is on record, with nothing of the practice in it",
}
"""Task → why it leaves no entry of its own."""


def test_every_task_is_on_record_or_says_why_not() -> None:
    assert sorted([*ON_RECORD, *NOT_BY_ITSELF]) == sorted(MODULES)


def left(portunus: Portunus, run: Callable[[], None]) -> set[tuple[str, str, str]]:
    """Kind and id of the actor, and the act, of each entry that came of it."""
    with portunus.reading(SYSTEM) as work:
        before = work.db.scalar(select(func.max(AuditEntry.index)))
    run()
    new = select(AuditEntry.actor_kind, AuditEntry.actor_id, AuditEntry.act).where(
        AuditEntry.index > (-1 if before is None else before)
    )
    with portunus.reading(SYSTEM) as work:
        return {(kind, actor, act) for kind, actor, act in work.db.execute(new)}


def by(part: str, *acts: Act) -> set[tuple[str, str, str]]:
    return {("system", part, act.value) for act in acts}


@pytest.fixture
def office(portunus: Portunus) -> Office:
    return Office(portunus)


@pytest.fixture
def asking(portunus: Portunus) -> LookupOffice:
    with portunus.unit(lookups.HOLDER) as work:
        return furnish(work, portunus)


def swept(office: Office) -> set[tuple[str, str, str]]:
    return left(office.portunus, lambda: sweep.run(office.portunus))


def test_the_sweep_ends_what_no_host_took_in_its_own_name(office: Office) -> None:
    office.open()
    office.portunus.clock.advance(minutes=4)
    assert swept(office) >= by("sweep", Act.ATTEMPT_ENDED, Act.SESSION_ENDED)


def test_the_sweep_ends_what_a_dead_host_left_in_its_own_name(office: Office) -> None:
    office.open()
    office.claim()
    office.portunus.clock.advance(seconds=30)
    assert swept(office) >= by("sweep", Act.ATTEMPT_ENDED, Act.SESSION_ENDED, Act.RECONCILED)


def test_the_sweep_ends_a_lease_that_ran_out_in_its_own_name(office: Office) -> None:
    office.whole_way()
    office.portunus.clock.advance(hours=12)
    assert swept(office) >= by("sweep", Act.TAB_ENDED)


def test_the_sweep_expires_a_code_request_in_its_own_name(office: Office) -> None:
    office.open()
    claim = office.claim()
    request_id = office.host(lambda work: tabs.submit(work, claim.attempt_id, claim.fence))
    office.host(lambda work: codes.waiting(work, request_id))
    office.portunus.clock.advance(hours=1)
    assert swept(office) >= by("sweep", Act.CODE_EXPIRED)


def test_a_login_that_signs_in_by_itself_is_on_record_under_that_name(office: Office) -> None:
    with office.portunus.unit(office.ana) as work:
        early.set_time(work, office.account.id, "09:00", work.db.get_one(Location, office.phoenix.id))
    office.portunus.clock.advance(minutes=61)
    begun = left(office.portunus, lambda: early_sign_ins.run(office.portunus))
    assert begun == by("early sign-in", Act.TAB_REQUESTED)
    office.finish(office.claim())
    ended = left(office.portunus, lambda: early_sign_ins.run(office.portunus))
    assert ended == by("early sign-in", Act.TAB_ENDED, Act.EARLY_SIGN_IN_ENDED)


def recorded(office: Office) -> str:
    lease = office.open()
    subject = Subject(
        office.org.id, lease.id, lease.portal_session_id, office.account.id, office.phoenix.id,
        "user", office.maria.id, office.maria.name,
    )  # fmt: skip
    return office.host(lambda work: recordings.start(work, office.portunus.vault, subject)[0].id)


def test_the_sweep_closes_a_dead_hosts_recording_in_its_own_name(office: Office) -> None:
    recorded(office)
    office.portunus.clock.advance(minutes=1)
    assert swept(office) >= by("sweep", Act.RECORDING_CLOSED)


def test_the_sweep_destroys_a_recording_whose_time_is_over_in_its_own_name(office: Office) -> None:
    recorded(office)
    office.portunus.clock.advance(minutes=1)
    sweep.run(office.portunus)
    office.portunus.clock.advance(days=office.portunus.settings.retention_recordings_d + 1)
    assert swept(office) >= by("sweep", Act.RECORDING_DESTROYED)


def test_making_a_film_is_on_record_under_who_asked_for_it(portunus: Portunus) -> None:
    recording_id = shown(portunus, told())
    who = audrey(portunus)
    film_id = asked(portunus, who, recording_id)
    found = left(portunus, lambda: make_film.look(portunus, film_id))
    assert found == {("user", who.id, Act.RECORDING_EXPORTED.value)}


def test_a_film_that_cannot_be_made_is_on_record(portunus: Portunus) -> None:
    recording_id = shown(portunus, told()[1:2])
    film_id = asked(portunus, audrey(portunus), recording_id)
    assert left(portunus, lambda: make_film.look(portunus, film_id)) == by("worker", Act.FILM_FAILED)


def test_the_sweep_destroys_a_film_whose_day_is_over_in_its_own_name(portunus: Portunus) -> None:
    recording_id = shown(portunus, told())
    film_id = asked(portunus, audrey(portunus), recording_id)
    make_film.look(portunus, film_id)
    portunus.clock.advance(hours=24)
    assert left(portunus, lambda: sweep.run(portunus)) == by("sweep", Act.FILM_DESTROYED)


def test_the_sweep_gives_up_a_film_whose_worker_died_in_its_own_name(portunus: Portunus) -> None:
    recording_id = shown(portunus, told())
    who = audrey(portunus)
    film_id = asked(portunus, who, recording_id)
    with portunus.unit(who) as work:
        films.begin(work, portunus.vault, film_id)
    portunus.clock.advance(minutes=3)
    assert left(portunus, lambda: sweep.run(portunus)) == by("sweep", Act.FILM_FAILED)


def test_taking_a_logins_turn_for_its_lookups_is_on_record(asking: LookupOffice) -> None:
    asking.ask()
    asking.sign_in()
    found = left(asking.portunus, lambda: run_lookups.look(asking.portunus, asking.account.id))
    assert found >= by("lookups", Act.TAB_GRANTED)
    assert len(asking.portunus.host.lookups) == 1


def test_lookups_that_go_on_after_a_release_are_on_record(asking: LookupOffice) -> None:
    portunus, row = asking.portunus, asking.ask()
    with portunus.unit(SYSTEM) as work:
        waiting = work.db.get_one(Lookup, row.id)
        waiting.state, waiting.error = "needs_human", "account_locked"
        account = directory.account_by_id(work, asking.account.id)
        directory.park_account(work, account, "locked", "The portal locked it.")
    portunus.clock.advance(minutes=1)
    with portunus.unit(SYSTEM) as work:
        directory.release_account(work, directory.account_by_id(work, asking.account.id), "Carrier unlocked it.")
    assert left(portunus, lambda: sweep_lookups.run(portunus)) == by("lookups", Act.RECONCILED)


def test_a_lookup_that_is_late_ends_on_record(asking: LookupOffice) -> None:
    portunus = asking.portunus
    asking.ask(deadline=portunus.clock.now() + timedelta(minutes=5))
    portunus.clock.advance(minutes=6)
    assert left(portunus, lambda: sweep_lookups.run(portunus)) == by("lookups", Act.LOOKUP_ENDED)


def test_rows_of_a_file_that_are_answered_at_once_are_on_record_under_who_sent_it(asking: LookupOffice) -> None:
    """The file itself was on record when it came; the other rows are when they are answered."""
    asking.ask()
    asking.sign_in()
    asking.answer(asking.next(asking.turn()))
    batch_id = sent(asking, max_age_s=3600)
    found = left(asking.portunus, lambda: read_batch.look(asking.portunus, batch_id))
    assert found == {("user", asking.maria.id, Act.LOOKUP_ENDED.value)}


def test_files_of_lookups_are_destroyed_on_record(asking: LookupOffice) -> None:
    portunus = asking.portunus
    kept(asking, asking.ask())
    portunus.clock.advance(days=portunus.settings.retention_recordings_d + 1)
    assert left(portunus, lambda: expire_lookups.run(portunus)) == by("sweep", Act.LOOKUP_FILE_DESTROYED)


def test_a_file_of_questions_whose_columns_nobody_names_is_destroyed_on_record(portunus: Portunus) -> None:
    made_ms = int(portunus.clock.now().timestamp() * 1000)
    portunus.blobs.append(f"lookups/uploads/upl_{made_ms:012x}{'7' * 20}", b"sealed")
    portunus.clock.advance(hours=25)
    assert left(portunus, lambda: expire_lookups.run(portunus)) == by("sweep", Act.LOOKUP_FILE_DESTROYED)


@pytest.fixture
def subscriber() -> Iterator[HTTPServer]:
    """A subscriber's server on a port of its own; `status` is what it answers."""

    class Taken(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(self.server.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_told: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Taken)
    server.status = 204
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def waiting_message(asking: LookupOffice, subscriber: HTTPServer) -> str:
    with asking.portunus.unit(asking.actor) as work:
        hooks.subscribe(work, asking.portunus.vault, f"http://127.0.0.1:{subscriber.server_port}/hook")
    asking.ask()
    asking.sign_in()
    asking.answer(asking.next(asking.turn()))
    with asking.portunus.unit(lookups.HOLDER) as work:
        return hooks.due(work)[0]


def test_signing_a_webhook_with_its_secret_is_on_record(asking: LookupOffice, subscriber: HTTPServer) -> None:
    message_id = waiting_message(asking, subscriber)
    found = left(asking.portunus, lambda: send_webhook.look(asking.portunus, message_id))
    assert found == by("webhooks", Act.SECRET_RELEASED)


def test_a_subscriber_that_is_gone_ends_its_webhook_on_record(asking: LookupOffice, subscriber: HTTPServer) -> None:
    subscriber.status = 410
    message_id = waiting_message(asking, subscriber)
    found = left(asking.portunus, lambda: send_webhook.look(asking.portunus, message_id))
    assert found == by("webhooks", Act.SECRET_RELEASED, Act.WEBHOOK_ENDED)


def test_the_beginning_of_the_second_sink_is_on_record(office: Office) -> None:
    assert by("witness", Act.SINK_BEGUN) <= left(office.portunus, lambda: witness.run(office.portunus))


def test_a_log_that_was_changed_is_an_alarm_on_record(office: Office) -> None:
    office.open()
    witness.run(office.portunus)
    with office.portunus.unit(system("attacker")) as work:
        work.db.execute(text("UPDATE audit_entry SET thing_id = 'changed' WHERE \"index\" = 0"))
    assert left(office.portunus, lambda: monitor.run(office.portunus)) == by("monitor", Act.LOG_ALARM)
