"""The watch over one mailbox: no mail is lost, none blocks, none is used twice; outages of any part are survived."""

import select as ears
import threading
from collections import Counter
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from broker.adapters import imap_mailbox
from broker.base.actor import system
from broker.base.errors import Refused, Unavailable
from broker.codes import service as codes
from broker.codes.matching import Arrival
from broker.codes.models import CodeMessage, CodeRequest
from broker.codes.reader import MailReader
from broker.codes.samples import Sample, opened
from broker.directory.models import DeliveryEndpoint
from broker.ports.mailbox import RawMail
from broker.wiring import Portunus
from tests import factories as make
from tests.broker.codes.mails import AUTHSERV, mail
from tests.conftest import acting
from tests.fakes.clock import ManualClock
from tests.waiting import until
from workers import mailbox as watching
from workers.mailbox import Dials, Gone, Watch


class FakeMailbox:
    """A mailbox in memory; the test puts mails in and takes the server away."""

    def __init__(self) -> None:
        self.mails: list[RawMail] = []
        self.validity = 1
        self.away: Exception | None = None
        self.closed = 0

    def put(self, raw: bytes, clock: ManualClock, *, size: int | None = None, ago: float = 0) -> None:
        at = (clock.now() - timedelta(seconds=ago)).replace(microsecond=0)
        self.mails.append(RawMail(len(self.mails) + 1, at, len(raw) if size is None else size, raw))

    def renumbered(self) -> None:
        """The server gives every message a new number."""
        self.validity += 1

    def baseline(self) -> tuple[int, int]:
        return self.validity, len(self.mails) + 1

    def since(self, uid: int, *, newest_first: bool = False, known: Collection[int] = ()) -> Iterator[RawMail]:
        for one in self.newest_few_first() if newest_first else list(self.mails):
            if self.away:
                raise self.away
            if one.uid >= uid and one.uid not in known:
                yield one

    def newest_few_first(self) -> list[RawMail]:
        few = imap_mailbox._newest_few_first([one.uid for one in self.mails])
        return [self.mails[uid - 1] for some in few for uid in some]

    def wait(self, seconds: float, wake: int | None = None) -> bool:
        return True

    def probe(self) -> None:
        if self.away:
            raise self.away

    def close(self) -> None:
        self.closed += 1


class Scene:
    """One mailbox of a practice, one login whose codes come there, and the watch."""

    def __init__(self, portunus: Portunus, reader: MailReader, box: FakeMailbox) -> None:
        self.portunus, self.box = portunus, box
        with portunus.unit(system("test")) as work:
            org = make.organization(work)
            self.place = make.location(work, org)
            self.endpoint = make.endpoint(
                work, org, settings={"host": "127.0.0.1", "port": 1, "tls": False, "trusted_authserv": AUTHSERV}
            )
            rule = {"senders": ["security@harborline.sim.test"], "context": ["your code is"], "pattern": r"\d{6}"}
            self.account = make.account(work, make.portal(work), [self.place], endpoint=self.endpoint, template=rule)
            self.maria = acting(make.user(work, org))
            portunus.vault.put(work, org.id, "delivery_endpoint", self.endpoint.id, "mailbox_password", b"Marble")
        self.watch = Watch(portunus, self.endpoint.id, reader, threading.Event(), Dials(1))

    def connect(self) -> None:
        self.watch._connect()

    def look(self) -> None:
        self.watch._read_all(self.box)

    def expect(self, attempt: str = "att_1") -> str:
        with self.portunus.unit(system("browserhost")) as work:
            request = codes.expect(
                work, attempt_id=attempt, account=self.account, location=self.place, requester=self.maria, life_s=600
            )
        self.watch._wanted = True
        return request.id

    def write_something(self) -> None:
        with self.portunus.unit(system("test")) as work:
            work.db.get_one(DeliveryEndpoint, self.endpoint.id).name = "written meanwhile"

    def verdicts(self) -> list[str]:
        with self.portunus.reading(system("test")) as work:
            return list(work.db.scalars(select(CodeMessage.verdict).order_by(CodeMessage.id)))

    def state(self) -> str:
        with self.portunus.reading(system("test")) as work:
            return work.db.scalars(select(CodeRequest.state)).one()

    def sample(self) -> Sample:
        """The one mail that came, as an administrator has it before her."""
        with self.portunus.reading(system("test")) as work:
            row = work.db.scalars(select(CodeMessage)).one()
            shown = opened(work, self.portunus.vault, self.endpoint, row)
        assert shown is not None
        return shown

    def row(self) -> DeliveryEndpoint:
        with self.portunus.reading(system("test")) as work:
            return work.db.get_one(DeliveryEndpoint, self.endpoint.id)


@pytest.fixture(scope="module")
def reader() -> Iterator[MailReader]:
    made = MailReader()
    yield made
    made.close()


@pytest.fixture
def scene(portunus: Portunus, reader: MailReader, monkeypatch: pytest.MonkeyPatch) -> Scene:
    box = FakeMailbox()
    monkeypatch.setattr(watching, "ImapMailbox", lambda address: box)
    made = Scene(portunus, reader, box)
    made.connect()
    return made


def test_a_new_mail_is_matched(scene: Scene, clock: ManualClock) -> None:
    scene.expect()
    scene.box.put(mail(), clock)
    scene.look()
    assert (scene.verdicts(), scene.state()) == (["matched"], "matched")


def test_a_mail_that_comes_while_the_one_before_is_read_is_not_waited_for(
    scene: Scene, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server tells of it in the answer to a FETCH, and an IDLE that begins later hears nothing."""
    scene.expect()
    looks = iter((mail("<p>Your statement is ready.</p>", message_id="<decoy@x>"), mail(message_id="<code@x>")))

    def since(uid: int, *, known: Collection[int] = (), **_: Any) -> Iterator[RawMail]:
        yield from [one for one in scene.box.mails if one.uid >= uid and one.uid not in known]
        if (coming := next(looks, None)) is not None:
            scene.box.put(coming, clock)

    scene.box.put(mail("<p>Welcome back.</p>", message_id="<first@x>"), clock)
    monkeypatch.setattr(scene.box, "since", since)
    scene.watch._read_all(scene.box)
    assert scene.state() == "matched"
    assert len(scene.verdicts()) == 3


def test_what_lay_there_before_is_not_read(portunus, reader, monkeypatch, clock) -> None:
    box = FakeMailbox()
    box.put(mail(), clock)
    monkeypatch.setattr(watching, "ImapMailbox", lambda address: box)
    scene = Scene(portunus, reader, box)
    scene.connect()
    scene.look()
    assert scene.verdicts() == []


def test_a_mail_from_before_the_request_is_not_used_though_it_is_read_only_now(
    scene: Scene, clock: ManualClock
) -> None:
    scene.box.put(mail(), clock)
    clock.advance(seconds=4)
    scene.expect()
    scene.look()
    assert (scene.verdicts(), scene.state()) == (["foreign"], "expected")


def test_a_mail_that_cannot_be_processed_is_kept_and_the_next_one_is_used(
    scene: Scene, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.expect()
    scene.box.put(mail(message_id="<poison@x>"), clock)
    scene.box.put(mail(message_id="<good@x>"), clock)
    receive = codes.receive

    def stumble(work, vault, endpoint, arrival):
        if "poison" in arrival.external_id:
            raise ValueError("a bug in our own code")
        return receive(work, vault, endpoint, arrival)

    monkeypatch.setattr(codes, "receive", stumble)
    with pytest.raises(ValueError):
        scene.look()  # the first time the connection is made anew
    scene.look()
    assert scene.verdicts() == ["unreadable", "matched"]


def test_a_database_that_is_away_skips_no_mail(
    scene: Scene, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.expect()
    scene.box.put(mail(), clock)
    with monkeypatch.context() as patched:
        patched.setattr(codes, "receive", lambda *_: (_ for _ in ()).throw(OperationalError("", {}, Exception())))
        for _ in range(5):
            with pytest.raises(OperationalError):
                scene.look()
    scene.look()
    assert scene.verdicts() == ["matched"]


def test_an_outage_in_mid_login_loses_nothing(scene: Scene, clock: ManualClock) -> None:
    scene.expect()
    scene.box.away = Unavailable("gone")
    scene.box.put(mail(), clock)
    with pytest.raises(Unavailable):
        scene.look()
    clock.advance(seconds=30)
    scene.box.away = None
    scene.connect()
    scene.look()
    assert (scene.verdicts(), scene.state()) == (["matched"], "matched")


def test_a_renumbered_mailbox_delivers_nothing_twice_and_loses_nothing(scene: Scene, clock: ManualClock) -> None:
    request = scene.expect()
    scene.box.put(mail("<p>Your statement is ready.</p>", message_id="<first@x>"), clock)
    scene.look()
    scene.box.renumbered()
    scene.box.put(mail("<p>Your code is 771204.</p>", message_id="<second@x>"), clock)
    scene.connect()
    scene.look()
    assert scene.verdicts() == ["no_code", "matched"]
    with scene.portunus.unit(system("browserhost")) as work:
        taken = codes.take(work, scene.portunus.vault, request, "att_1")
    assert taken.code == "771204"


def test_a_renumbered_mailbox_with_nobody_waiting_is_read_from_its_end(scene: Scene, clock: ManualClock) -> None:
    scene.box.put(mail(message_id="<first@x>"), clock)
    scene.look()
    scene.box.renumbered()
    scene.connect()
    scene.look()
    assert scene.verdicts() == ["unsolicited"]


def test_a_mail_of_25_megabytes_is_listed_and_the_next_one_is_used(scene: Scene, clock: ManualClock) -> None:
    scene.expect()
    scene.box.put(b"", clock, size=25 * 1024 * 1024)
    scene.box.put(mail(), clock)
    scene.look()
    assert scene.verdicts() == ["unreadable", "matched"]


def test_two_large_mails_are_two(scene: Scene, clock: ManualClock) -> None:
    for _ in range(2):
        scene.box.put(b"", clock, size=25 * 1024 * 1024)
    scene.look()
    assert scene.verdicts() == ["unreadable", "unreadable"]


def flood(scene: Scene, clock: ManualClock, mails: int) -> None:
    for number in range(mails):
        sender = "news@shop.test" if number % 2 else "security@harborline.sim.test"
        forged = mail(
            "<p>Your code is 111222.</p>", sender=sender, message_id=f"<{number}@x>", verdict="mx.lab.test; none"
        )
        scene.box.put(forged, clock)


def test_in_a_flood_the_newest_mails_are_read_first_and_of_forged_ones_only_the_header(
    scene: Scene, clock: ManualClock, reader: MailReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Arrival] = []

    def noted(raw: bytes, **more: Any) -> Arrival:
        read.append(reader.arrival(raw, **more))
        return read[-1]

    monkeypatch.setattr(scene.watch, "_reader", SimpleNamespace(arrival=noted))
    scene.expect()
    flood(scene, clock, 24)
    scene.box.put(mail(message_id="<code@x>"), clock)
    scene.look()
    names = [one.external_id for one in read]
    assert names.index("<code@x>") == imap_mailbox.FEW - 1
    assert [one.text for one in read if one.text] == ["Your code is 482913."]
    assert scene.state() == "matched"
    assert Counter(scene.verdicts()) == {"foreign": 12, "untrusted": 12, "matched": 1}
    assert scene.row().cursor["uidnext"] == 26


@pytest.mark.parametrize("waits_from", ["the first mail on", "the third mail on"])
def test_a_code_that_comes_while_a_backlog_is_read_is_not_behind_it(
    scene: Scene, clock: ManualClock, reader: MailReader, monkeypatch: pytest.MonkeyPatch, waits_from: str
) -> None:
    """Whether the sign-in waited already, or begins only then."""
    read: list[str] = []

    def noted(raw: bytes, **more: Any) -> Arrival:
        arrival = reader.arrival(raw, **more)
        read.append(arrival.external_id)
        if len(read) == 3:
            if waits_from == "the third mail on":
                scene.expect()
            scene.box.put(mail(message_id="<code@x>"), clock)
        return arrival

    monkeypatch.setattr(scene.watch, "_reader", SimpleNamespace(arrival=noted))
    monkeypatch.setattr(watching, "AGAIN_S", 0.0)
    if waits_from == "the first mail on":
        scene.expect()
    flood(scene, clock, 40)
    scene.watch._read_all(scene.box)
    assert read.index("<code@x>") < 3 + imap_mailbox.FEW
    assert scene.state() == "matched"
    assert sorted(read) == sorted({f"<{number}@x>" for number in range(40)} | {"<code@x>"}), "each is read once"
    assert scene.row().cursor["uidnext"] == 42


def test_while_nobody_waits_every_mail_is_read_whole(scene: Scene, clock: ManualClock) -> None:
    """Administrators make their rules from what came."""
    scene.box.put(mail("<p>Your code is 482913.</p>", sender="code@unknown.test"), clock)
    scene.look()
    sample = scene.sample()
    assert (sample.text, sample.head_only) == ("Your code is 111111.", False)


def test_a_mail_whose_text_was_left_unread_while_another_code_was_awaited_says_so(
    scene: Scene, clock: ManualClock
) -> None:
    scene.expect()
    scene.box.put(mail("<p>Your code is 482913.</p>", sender="code@unknown.test"), clock)
    scene.look()
    sample = scene.sample()
    assert (sample.text, sample.head_only) == ("", True)


def test_a_look_at_the_newest_that_broke_off_leaves_the_older_ones_to_the_next(
    scene: Scene, clock: ManualClock, reader: MailReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks_off(raw: bytes, **more: Any) -> Arrival:
        arrival = reader.arrival(raw, **more)
        scene.box.away = Unavailable("gone") if arrival.external_id == "<code@x>" else None
        return arrival

    scene.expect()
    flood(scene, clock, 14)
    scene.box.put(mail(message_id="<code@x>"), clock)
    with monkeypatch.context() as patched:
        patched.setattr(scene.watch, "_reader", SimpleNamespace(arrival=breaks_off))
        with pytest.raises(Unavailable):
            scene.look()
    assert (scene.state(), len(scene.verdicts())) == ("matched", imap_mailbox.FEW)
    scene.box.away = None
    scene.connect()
    scene.look()
    assert (scene.state(), len(scene.verdicts())) == ("matched", 15)


def test_a_server_whose_clock_is_behind_is_understood_after_a_few_mails(scene: Scene, clock: ManualClock) -> None:
    for number in range(3):
        scene.look()
        clock.advance(seconds=1)
        scene.box.put(mail(f"<p>Your code is 11122{number}.</p>", message_id=f"<{number}@x>"), clock, ago=180)
        scene.look()
    clock.advance(seconds=1)
    scene.expect()
    clock.advance(seconds=1)
    scene.box.put(mail(message_id="<genuine@x>"), clock, ago=180)
    scene.look()
    assert scene.verdicts()[-1] == "matched"


def test_a_wrong_password_is_a_word_on_the_channels_page(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(address):
        scene.watch.hang_up()
        raise Refused("The mailbox does not accept its stored password: store it again.")

    monkeypatch.setattr(watching, "ImapMailbox", refuse)
    scene.watch.run()
    assert (scene.row().health, "store it again" in str(scene.row().health_words)) == ("down", True)


def test_health_that_cannot_be_written_ends_nothing(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_):
        raise OperationalError("", {}, Exception())

    monkeypatch.setattr(scene.portunus, "unit", broken, raising=False)
    scene.watch._note_health("down", "x")


def test_a_bug_of_ours_is_noted_and_the_watch_goes_on(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def fails_twice():
        seen.append(1)
        if len(seen) > 2:
            scene.watch.hang_up()
            return
        raise ZeroDivisionError

    monkeypatch.setattr(scene.watch, "_one_connection", fails_twice)
    monkeypatch.setattr(scene.watch, "_pause", lambda seconds: None)
    scene.watch.run()
    assert len(seen) == 3
    assert scene.row().health == "down"


def test_a_mailbox_taken_out_of_the_directory_ends_its_watch(scene: Scene) -> None:
    scene.watch._endpoint_id = "end_gone"
    with pytest.raises(Gone):
        scene.connect()
    scene.watch.run()  # comes back


def test_pauses_grow_and_are_cut_short_by_a_sign_in_that_waits(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    def note(seconds):
        pauses.append(seconds)
        if len(pauses) == 6:
            scene.watch.hang_up()

    def down():
        raise Unavailable("down")

    monkeypatch.setattr(scene.watch, "_one_connection", down)
    monkeypatch.setattr(scene.watch, "_pause", note)
    scene.watch.run()
    assert pauses[-1] > pauses[0]
    assert max(pauses) <= watching.LONGEST_PAUSE_S * 1.5
    monkeypatch.undo()
    threading.Timer(0.1, scene.watch.ring, kwargs={"wanted": True}).start()
    scene.watch._pause(60)  # ends with the ring


def test_other_writers_go_on_while_a_mail_is_read(
    scene: Scene, clock: ManualClock, reader: MailReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody may send a mail that takes its two seconds: it must not hold the one database that can be written."""
    scene.expect()
    scene.box.put(mail(), clock)

    def slowly(raw: bytes, **more: Any) -> Arrival:
        with ThreadPoolExecutor(1) as other:
            other.submit(scene.write_something).result(timeout=20)
        return reader.arrival(raw, **more)

    monkeypatch.setattr(scene.watch, "_reader", SimpleNamespace(arrival=slowly))
    scene.look()
    assert (scene.verdicts(), scene.row().name) == (["matched"], "written meanwhile")


def test_a_mail_that_another_watch_took_meanwhile_is_left_to_it(
    scene: Scene, clock: ManualClock, reader: MailReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.box.put(mail(), clock)

    def overtaken(raw: bytes, **more: Any) -> Arrival:
        with scene.portunus.unit(system("test")) as work:
            row = work.db.get_one(DeliveryEndpoint, scene.endpoint.id)
            row.cursor = {**row.cursor, "uidnext": 7}
        return reader.arrival(raw, **more)

    monkeypatch.setattr(scene.watch, "_reader", SimpleNamespace(arrival=overtaken))
    scene.look()
    assert (scene.verdicts(), scene.row().cursor["uidnext"]) == ([], 7)


@pytest.mark.parametrize("code", ["mailbox-login", "mailbox-token", "mailbox-client", "mailbox-consent"])
def test_a_server_that_refused_is_left_alone_until_its_settings_change(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    tried = Counter[str]()

    def refuse(address: object) -> FakeMailbox:
        tried[code] += 1
        if tried[code] > 1:
            scene.watch.hang_up()
        raise Refused("No.", code=code)

    monkeypatch.setattr(watching, "ImapMailbox", refuse)
    resting = threading.Event()
    rest = scene.watch._rest
    monkeypatch.setattr(scene.watch, "_rest", lambda seconds: (resting.set(), rest(seconds)))
    scene.watch.start()
    assert resting.wait(20)
    for _ in range(3):
        scene.watch.ring(wanted=True)
        until(lambda: not ears.select([scene.watch._ear], [], [], 0)[0])
        scene.watch.ring(wanted=False)
    assert (tried[code], scene.watch.is_alive()) == (1, True)
    scene.watch.ring(wanted=False, changed=True)
    scene.watch.join(20)
    assert tried[code] == 2


def test_a_server_that_does_not_answer_holds_up_only_its_own_mailboxes() -> None:
    dials = Dials(1)
    with dials.at("imap.black-hole.test"):
        assert dials.at("imap.healthy.test").acquire(blocking=False)
        assert not dials.at("IMAP.black-hole.test").acquire(blocking=False)


def test_a_server_that_says_nothing_is_asked_in_time_to_notice_within_a_minute_that_it_is_frozen(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []

    def silent(seconds: float, wake: int | None = None) -> bool:
        asked.append(seconds)
        scene.box.away = Unavailable("no answer")
        return False

    scene.box.put(mail(), scene.portunus.clock)  # type: ignore[arg-type]
    monkeypatch.setattr(scene.box, "wait", silent)
    with pytest.raises(Unavailable):
        scene.watch._watch(scene.box)
    assert len(asked) == 1
    assert asked[0] + imap_mailbox.READ_S <= 60
