"""One person after the other in the same portal session: each has her own recording, and nothing of the one before."""

import asyncio
import json
import os
import signal

from sqlalchemy import select

from broker.base.actor import Actor, system
from broker.directory.models import Location, PortalAccount
from broker.identity.models import User
from broker.recordings import container
from broker.recordings.models import Recording
from broker.tabs import service as tabs
from broker.tabs.models import Lease
from carrier_scripts import registry
from carrier_scripts.kit.outcomes import MEANINGS, Outcome
from tests.conftest import acting
from tests.waiting import soon
from tests.workers.browser.conftest import LOGIN, Node
from workers.browser import attempt, keepalive, messages

MEMBER = "HD1000427315566"


class Viewer:
    """The API's end of one viewer's socket: counts pictures, answers them, hears the goodbye."""

    def __init__(self) -> None:
        self.pictures = 0
        self.words: list[str] = []
        self.closed = asyncio.Event()
        self.seen = asyncio.Event()
        self._acks: asyncio.Queue[str] = asyncio.Queue()

    async def accept(self) -> None:
        pass

    async def send_bytes(self, data: bytes) -> None:
        if self.closed.is_set():
            raise RuntimeError("closed")
        self.pictures += 1
        self.seen.set()
        self._acks.put_nowait('{"t":"ack"}')

    async def send_text(self, text: str) -> None:
        self.words.append(json.loads(text).get("words", ""))

    async def receive_text(self) -> str:
        return await self._acks.get()

    async def close(self, *_: object, **__: object) -> None:
        self.closed.set()


def person(node: Node, name: str) -> Actor:
    with node.portunus.reading(system("test")) as work:
        return acting(work.db.scalars(select(User).where(User.name == name)).one())


def open_tab(node: Node, who: str) -> str:
    with node.portunus.unit(person(node, who)) as work:
        account = work.db.scalars(select(PortalAccount).where(PortalAccount.username == LOGIN)).one()
        place = work.db.scalars(select(Location).where(Location.key == "phoenix")).one()
        return tabs.open_tab(work, account.id, place.id, "check eligibility").id


def lease_of(node: Node, session_id: str) -> str:
    with node.portunus.reading(system("test")) as work:
        return work.db.scalars(
            select(Lease.id).where(Lease.portal_session_id == session_id, Lease.ended_at.is_(None))
        ).one()


def recordings(node: Node) -> dict[str, list[str | None]]:
    """End states by lease."""
    found: dict[str, list[str | None]] = {}
    with node.portunus.reading(system("test")) as work:
        for row in work.db.scalars(select(Recording)):
            found.setdefault(row.lease_id, []).append(row.end_state)
    return found


def test_the_next_holder_finds_nothing_of_the_one_before_and_is_recorded_under_her_own_name(node: Node) -> None:
    async def test() -> None:
        live = await node.live()
        host = await node.untended()
        first, second = Viewer(), Viewer()
        marias = await asyncio.to_thread(lease_of, node, live.id)
        maria = asyncio.create_task(host.stream(marias, first))  # type: ignore[arg-type]
        await asyncio.wait_for(first.seen.wait(), 60)
        page = live.tabs[0].page
        await page.click("#nav-eligibility")
        await page.fill("#member-id", MEMBER)

        await asyncio.to_thread(node.give_back, live.id)
        dans = await asyncio.to_thread(open_tab, node, "Dan Whitfield")
        dan = asyncio.create_task(host.stream(dans, second))  # type: ignore[arg-type]
        await asyncio.wait_for(second.seen.wait(), 60)
        await asyncio.wait_for(maria, 60)
        assert first.closed.is_set()
        assert page.url.rstrip("/") == registry.portal(live.claim.portal_key).home.rstrip("/")
        await page.evaluate("history.back()")
        assert page.url.rstrip("/") == registry.portal(live.claim.portal_key).home.rstrip("/")
        kept = await asyncio.to_thread(recordings, node)
        assert kept == {marias: ["complete"], dans: [None]}
        dan.cancel()

    node.run(test)


def test_a_holder_who_comes_before_the_host_has_taken_the_session_over_sees_it(node: Node, monkeypatch) -> None:
    """She is told in the moment of the commit; on a busy machine she is there before the host goes on."""

    async def test() -> None:
        host = await node.untended()
        lease, attempt_id = await asyncio.to_thread(node.reserve, LOGIN, "phoenix")
        ready, viewer = asyncio.Event(), Viewer()
        goes_on, looked, unit, reading = asyncio.Event(), asyncio.Event(), host.node.unit, host.node.reading

        async def slow_to_return(act) -> object:
            done = await unit(act)
            if getattr(act, "func", None) is attempt._finish:
                ready.set()
                await goes_on.wait()
            return done

        async def noted(act) -> object:
            found = await reading(act)
            looked.set()
            return found

        monkeypatch.setattr(host.node, "unit", slow_to_return)
        host.run_attempt(attempt_id)
        await asyncio.wait_for(ready.wait(), 60)
        monkeypatch.setattr(host.node, "reading", noted)
        streaming = asyncio.create_task(host.stream(lease, viewer))  # type: ignore[arg-type]
        await asyncio.wait_for(looked.wait(), 60)
        for _ in range(10):
            await asyncio.sleep(0)
        assert (viewer.words, streaming.done()) == ([], False)
        goes_on.set()
        await asyncio.wait_for(viewer.seen.wait(), 60)
        streaming.cancel()

    node.run(test)


def test_a_page_of_the_holder_before_is_not_shown_while_the_portal_does_not_answer(node: Node, monkeypatch) -> None:
    async def unanswered(*_: object) -> Outcome:
        return Outcome.DOWN  # a look that times out leaves the page as it is

    async def test() -> None:
        live = await node.live()
        host = await node.untended()
        await live.tabs[0].page.click("#nav-eligibility")
        live.held_by = await asyncio.to_thread(lease_of, node, live.id)
        await asyncio.to_thread(node.give_back, live.id)
        monkeypatch.setattr(keepalive, "prove", unanswered)
        dans, viewer = await asyncio.to_thread(open_tab, node, "Dan Whitfield"), Viewer()
        await host.expect(dans)
        await asyncio.wait_for(host.stream(dans, viewer), 60)  # type: ignore[arg-type]
        assert viewer.words == [MEANINGS[Outcome.DOWN].words]
        assert viewer.pictures == 0

    node.run(test)


def test_of_two_windows_on_one_tab_the_later_one_streams_into_the_same_recording(node: Node) -> None:
    async def test() -> None:
        live = await node.live()
        host = await node.untended()
        lease = await asyncio.to_thread(lease_of, node, live.id)
        viewers = Viewer(), Viewer()
        running = [asyncio.create_task(host.stream(lease, viewer)) for viewer in viewers]  # type: ignore[arg-type]
        closings = [asyncio.create_task(viewer.closed.wait()) for viewer in viewers]
        await asyncio.wait(closings, timeout=60, return_when=asyncio.FIRST_COMPLETED)
        (replaced,) = [viewer for viewer in viewers if viewer.closed.is_set()]
        (streaming,) = [viewer for viewer in viewers if viewer is not replaced]
        await asyncio.wait_for(streaming.seen.wait(), 60)
        assert "open in another window" in replaced.words[-1]
        assert not streaming.closed.is_set()
        assert [len(ends) for ends in (await asyncio.to_thread(recordings, node)).values()] == [1]
        for task in [*running, *closings]:
            task.cancel()

    node.run(test)


def test_after_a_picture_that_could_not_be_recorded_she_goes_on_in_a_recording_that_can_be_written(
    node: Node, monkeypatch
) -> None:
    """A disk that is full for a moment: she reloads, and everything that she was shown is readable, before and after."""

    async def test() -> None:
        live = await node.live()
        host = await node.untended()
        lease, append = await asyncio.to_thread(lease_of, node, live.id), node.portunus.blobs.append
        first, second = Kept(), Kept()

        def full(name: str, data: bytes) -> None:
            append(name, data[:7])
            raise OSError(28, "No space left on device")

        streaming = asyncio.create_task(host.stream(lease, first))  # type: ignore[arg-type]
        await asyncio.wait_for(first.seen.wait(), 60)
        with monkeypatch.context() as disk:
            disk.setattr(node.portunus.blobs, "append", full)
            await live.tabs[0].page.evaluate("document.body.style.background = 'teal'")
            await asyncio.wait_for(streaming, 60)
        assert "no longer be recorded" in first.words[-1]
        again = asyncio.create_task(host.stream(lease, second))  # type: ignore[arg-type]
        await asyncio.wait_for(second.seen.wait(), 60)
        await asyncio.to_thread(node.give_back, live.id)
        await asyncio.to_thread(open_tab, node, "Dan Whitfield")
        await host._tend_one(live)
        await asyncio.wait_for(again, 60)
        ends, written = await asyncio.to_thread(written_of, node, lease)
        assert ends == [None, "complete"]
        assert {*first.shown, *second.shown} <= set(written)

    node.run(test)


class Kept(Viewer):
    """A viewer who keeps what she was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[bytes] = []

    async def send_bytes(self, data: bytes) -> None:
        await super().send_bytes(data)
        self.shown.append(data)


def written_of(node: Node, lease_id: str) -> tuple[list[str | None], list[bytes]]:
    """How the recordings of a lease ended, oldest first, and every message in them."""
    with node.portunus.unit(system("test")) as work:
        rows = work.db.scalars(select(Recording).where(Recording.lease_id == lease_id).order_by(Recording.started_at))
        ends, found = [], []
        for row in rows:
            key = node.portunus.vault.open_key(work, row.organization_id, "recording", row.id, row.wrapped_key)
            kept = container.read(node.portunus.blobs.read(row.blob), row.id, key)
            ends.append(row.end_state)
            found += [message.data for message in kept.messages]
        return ends, found


def test_a_holder_who_comes_while_the_portal_is_down_is_told_so_and_the_session_stays(node: Node) -> None:
    async def test() -> None:
        live = await node.live()
        host = await node.untended()
        viewer, lease = Viewer(), await asyncio.to_thread(lease_of, node, live.id)
        live.proved = float("-inf")
        await asyncio.to_thread(node.lab.fault, "harborline", "error", status=503)
        await asyncio.wait_for(host.stream(lease, viewer), 60)  # type: ignore[arg-type]
        assert viewer.words == [MEANINGS[Outcome.DOWN].words]
        assert viewer.pictures == 0
        assert (await asyncio.to_thread(node.session, live.id)).state == "ready"

    node.run(test)


def test_a_holder_whose_browser_crashes_is_told_and_the_next_one_opens_anew(node: Node) -> None:
    async def test() -> None:
        live = await node.live()
        host = await node.untended()
        viewer, lease = Viewer(), await asyncio.to_thread(lease_of, node, live.id)
        streaming = asyncio.create_task(host.stream(lease, viewer))  # type: ignore[arg-type]
        await asyncio.wait_for(viewer.seen.wait(), 60)
        assert live.shard.pid is not None
        os.kill(live.shard.pid, signal.SIGKILL)
        await asyncio.wait_for(viewer.closed.wait(), 60)
        await asyncio.wait_for(streaming, 60)
        row = await asyncio.to_thread(node.session, live.id)
        assert (row.state, row.end_reason) == ("ended", "browser_crashed")
        await asyncio.gather(*(task for task in asyncio.all_tasks() if task.get_name() == "crashed session"))
        assert await asyncio.to_thread(recordings, node) == {lease: ["complete"]}
        session, outcome = await node.open()
        assert (outcome, session.id != live.id) == ("signed_in", True)

    node.run(test)


def test_a_session_that_has_no_browser_any_more_is_ended_at_the_second_beat(node: Node) -> None:
    async def test() -> None:
        live = await node.live()
        host = await node.untended()
        host._sessions.pop(live.id)
        await host._beat()
        assert (await asyncio.to_thread(node.session, live.id)).state == "ready"
        await host._beat()
        row = await asyncio.to_thread(node.session, live.id)
        assert (row.state, row.end_reason) == ("ended", "browser_crashed")
        host._sessions[live.id] = live

    node.run(test)


def test_a_holder_whom_the_portal_signs_out_is_not_left_before_its_sign_in(node: Node) -> None:
    async def test() -> None:
        live = await node.live()
        assert node.host is not None
        viewer = Viewer()
        lease = await asyncio.to_thread(lease_of, node, live.id)
        streaming = asyncio.create_task(node.host.stream(lease, viewer))  # type: ignore[arg-type]
        await asyncio.wait_for(viewer.seen.wait(), 60)
        await asyncio.to_thread(node.lab.fault, "harborline", "end_sessions")
        await live.tabs[0].page.reload()
        await asyncio.wait_for(viewer.closed.wait(), 60)
        row = await asyncio.to_thread(node.session, live.id)
        assert (row.state, row.end_reason) == ("ended", "signed_out")
        streaming.cancel()

    node.run(test)


def test_a_tab_that_is_handed_over_stays_as_it_stands_and_each_holder_has_her_own_recording(node: Node) -> None:
    async def test() -> None:
        live = await node.live()
        host = await node.untended()
        first, second = Viewer(), Viewer()
        marias = await asyncio.to_thread(lease_of, node, live.id)
        maria = asyncio.create_task(host.stream(marias, first))  # type: ignore[arg-type]
        await asyncio.wait_for(first.seen.wait(), 60)
        page = live.tabs[0].page
        await page.click("#nav-eligibility")
        await page.fill("#member-id", MEMBER)

        def hand_over() -> str:
            dan = person(node, "Dan Whitfield")
            with node.portunus.unit(person(node, "Maria Lopez")) as work:
                return tabs.hand_over(work, marias, dan.id, "Ask for the PDF").id

        dans = await asyncio.to_thread(hand_over)
        await host.end_session(live.id)  # looks at the row, as every second
        dan = asyncio.create_task(host.stream(dans, second))  # type: ignore[arg-type]
        await asyncio.wait_for(second.seen.wait(), 60)
        await asyncio.wait_for(maria, 60)
        assert await page.input_value("#member-id") == MEMBER
        ends = await asyncio.to_thread(told_in_recordings, node, "holder")
        assert ends[marias] == [{"e": "holder", "how": "passed_on", "to": "Dan Whitfield"}]
        assert [(one["from"], one["how"], one["note"]) for one in ends[dans]] == [
            ("Maria Lopez", "handed_over", "Ask for the PDF")
        ]
        assert (await asyncio.to_thread(recordings, node)) == {marias: ["complete"], dans: [None]}

        await asyncio.to_thread(end, node, dans, "Dan Whitfield")
        await host._tend_one(live)
        await soon(lambda: live.held_by is None)
        assert page.url.rstrip("/") == registry.portal(live.claim.portal_key).home.rstrip("/")
        dan.cancel()

    node.run(test)


def told_in_recordings(node: Node, name: str) -> dict[str, list[dict[str, object]]]:
    """Events of that name in each lease's recording."""
    found: dict[str, list[dict[str, object]]] = {}
    with node.portunus.unit(system("test")) as work:
        for row in work.db.scalars(select(Recording)):
            key = node.portunus.vault.open_key(work, row.organization_id, "recording", row.id, row.wrapped_key)
            kept = container.read(node.portunus.blobs.read(row.blob), row.id, key).messages
            events = [json.loads(one.data[12:]) for one in kept if one.data[0] == messages.EVENT]
            found[row.lease_id] = [one for one in events if one["e"] == name]
    return found


def end(node: Node, lease_id: str, who: str) -> None:
    with node.portunus.unit(person(node, who)) as work:
        tabs.end_tab(work, lease_id)
