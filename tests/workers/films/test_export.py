"""A recording as a film: the same pictures at the same times, watermarked, with a manifest; in the log before it is made."""

import hashlib
import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from sqlalchemy import select

from broker.audit.acts import Act
from broker.audit.models import AuditEntry
from broker.base.actor import Actor, ActorKind, system
from broker.base.errors import BrokerError, Incomplete, NotFound, Refused
from broker.recordings import service as recordings
from broker.recordings.container import Message, Writer
from broker.recordings.service import Subject
from tests import factories
from tests.conftest import acting
from workers.browser import messages, tiles
from workers.browser.screen import Picture, difference
from workers.films.export import export
from workers.films.pictures import pictures

HOST, SHELL = system("browserhost"), Actor(kind=ActorKind.OPERATOR, id="root", name="root at the shell")
WIDTH, HEIGHT = 322, 240
WHY = "Asked for by the carrier's auditor"


def page(shade: int) -> Picture:
    """White, with a dark band whose place says which picture it is."""
    made = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    made[shade : shade + 20] = 30
    return made


PAGES = [page(0), page(40), page(120)]


def told() -> list[Message]:
    """Shown at 0, 1 and 4 seconds: the first whole, the others as changes."""
    first = messages.frame(0, 1, 0, WIDTH, HEIGHT, tiles.packed(PAGES[0]))
    found = [Message(0, first), Message(500, messages.event(0, 2, 500, {"e": "click", "x": 1, "y": 2}))]
    for seq, ms, old, new in ((3, 1000, PAGES[0], PAGES[1]), (4, 4000, PAGES[1], PAGES[2])):
        change = difference(old, new)
        found.append(Message(ms, messages.update(0, seq, ms, change.moves, change.tiles)))
    return found


@pytest.fixture
def recording(portunus: Any) -> str:
    return recorded(portunus, told())


def recorded(portunus: Any, lines: list[Message]) -> str:
    """A finished recording of Maria's in Phoenix; its id."""
    with portunus.unit(HOST) as work:
        org = factories.organization(work)
        phoenix = factories.location(work, org)
        account = factories.account(work, factories.portal(work), [phoenix])
        maria = factories.user(work, org, locations=[phoenix])
        subject = Subject(org.id, "lea_1", "ses_1", account.id, phoenix.id, "user", maria.id, maria.name)
        row, key = recordings.start(work, portunus.vault, subject)
        writer = Writer(row.id, key)
        data = writer.header() + writer.chunk(lines) + writer.final()
        portunus.blobs.append(row.blob, data)
        recordings.close(work, row.id, digest=writer.digest(), size=len(data), messages=len(lines), duration_ms=4000)
        return row.id


def entries(portunus: Any, act: Act) -> list[dict[str, Any]]:
    with portunus.reading(HOST) as work:
        return [json.loads(one.leaf) for one in work.db.scalars(select(AuditEntry).where(AuditEntry.act == act.value))]


def test_pictures_are_drawn_again_exactly() -> None:
    shown = list(pictures(told()))
    assert [ms for ms, _ in shown] == [0, 1000, 4000]
    assert all(np.array_equal(one, wanted) for (_, one), wanted in zip(shown, PAGES, strict=True))


@pytest.mark.parametrize("kind", ["webm", "mp4"])
def test_film_shows_each_picture_at_its_time_with_the_watermark_and_its_manifest_holds(
    portunus: Any, recording: str, tmp_path: Path, kind: str
) -> None:
    output = tmp_path / f"evidence.{kind}"
    manifest = export(portunus, SHELL, recording, output, WHY)
    with av.open(str(output)) as film:
        frames = [(round(float(one.time) * 1000), one.to_ndarray(format="rgb24")) for one in film.decode(video=0)]
    assert [ms for ms, _ in frames] == [0, 1000, 4000, 5000]
    for (_, frame), wanted in zip(frames, [*PAGES, PAGES[2]], strict=True):
        far = np.abs(frame[:HEIGHT, :WIDTH].astype(int) - wanted.astype(int)).mean(axis=2)
        assert np.median(far) < 6
        assert (far > 25).mean() > 0.002  # the watermark's letters
    assert manifest == json.loads((tmp_path / f"evidence.{kind}.manifest.json").read_text())
    assert manifest["film"]["sha256"] == hashlib.sha256(output.read_bytes()).hexdigest()
    assert (manifest["recording"]["complete"], manifest["recording"]["missing"]) == (True, 0)
    (closed,) = entries(portunus, Act.RECORDING_CLOSED)
    assert manifest["recording"]["sha256"] == closed["detail"]["digest"]
    (asked,), (done,) = (entries(portunus, act) for act in (Act.RECORDING_EXPORT_ASKED, Act.RECORDING_EXPORTED))
    assert (asked["reason"], done["detail"]["film_digest"]) == (WHY, manifest["film"]["sha256"])


@pytest.mark.parametrize(
    ("change", "error"),
    [({"reason": " "}, Incomplete), ({"name": "film.avi"}, Incomplete), ({"recording": "rec_unknown"}, NotFound)],
)
def test_what_cannot_be_exported_leaves_no_file(
    portunus: Any, recording: str, tmp_path: Path, change: dict[str, str], error: type[BrokerError]
) -> None:
    asked = {"recording": recording, "name": "film.webm", "reason": WHY} | change
    with pytest.raises(error):
        export(portunus, SHELL, asked["recording"], tmp_path / asked["name"], asked["reason"])
    assert list(tmp_path.glob("film*")) == []


def test_its_own_holder_does_not_take_it_out(portunus: Any, recording: str, tmp_path: Path) -> None:
    with portunus.reading(HOST) as work:
        maria = acting(work.db.get_one(factories.User, work.db.get_one(recordings.Recording, recording).holder_id))
    with pytest.raises(Refused):
        export(portunus, maria, recording, tmp_path / "film.webm", WHY)


def test_a_film_is_never_written_over(portunus: Any, recording: str, tmp_path: Path) -> None:
    (tmp_path / "film.webm").write_text("mine")
    with pytest.raises(Incomplete):
        export(portunus, SHELL, recording, tmp_path / "film.webm", WHY)
    assert (tmp_path / "film.webm").read_text() == "mine"
