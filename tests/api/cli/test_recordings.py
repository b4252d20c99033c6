"""`portunus recording verify`: a file is what the signed log names, or it is said what is wrong with it."""

import hashlib
import json

import pytest
from sqlalchemy import delete, update

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.audit.models import AuditEntry
from broker.recordings import service
from broker.recordings.attestation import Attestation
from broker.recordings.models import Recording
from tests.broker.recordings.test_service import HOST, begun  # noqa: F401 - a fixture
from tests.conftest import acting

FILM = b"\x1aE\xdf\xa3 a film"


def sign(portunus) -> None:
    with portunus.unit(HOST) as work:
        key = audit.log_key(work, portunus.keyring)
    with portunus.unit(HOST) as work:
        audit.sign_checkpoint(work, key)


@pytest.fixture
def unsigned(portunus, begun):  # noqa: F811
    """A finished recording whose closing no head covers yet: its id, blob and people."""
    recording_id, blob, writer, people = begun
    portunus.blobs.append(blob, writer.final())
    told = {"digest": writer.digest(), "size": portunus.blobs.size(blob), "messages": 3, "duration_ms": 20}
    with portunus.unit(HOST) as work:
        service.close(work, recording_id, **told, attestation=Attestation(first=1, last=3, pictures=3))
    return recording_id, blob, people


@pytest.fixture
def closed(portunus, unsigned):
    sign(portunus)
    return unsigned


def verdict(said) -> tuple[int, str, str]:
    told = json.loads(said.out)
    return said.code, told["outcome"], told["words"]


def test_a_recording_that_is_as_it_was_closed_is_proved_and_what_is_not_is_said(shell, closed):
    said = shell("recording", "verify", closed[0])
    assert said.code == 0
    assert said.out.startswith("PROVED: Every byte is as it was when it was closed")
    assert "None of its 3 messages is missing." in said.out
    assert "Not proved: what was on the screen before it was recorded" in said.out


def test_a_copy_of_the_file_is_proved_without_the_store(shell, portunus, closed, tmp_path):
    file = tmp_path / "copy"
    file.write_bytes(portunus.blobs.read(closed[1]))
    portunus.blobs.delete(closed[1])
    assert verdict(shell("recording", "verify", str(file), "--json"))[:2] == (0, "proved")


@pytest.mark.parametrize(
    "change", [lambda data: data[:-1], lambda data: data + b"x", lambda data: data[:-1] + bytes([data[-1] ^ 1])]
)
def test_a_copy_that_was_changed_is_not_what_the_log_names(shell, portunus, closed, tmp_path, change):
    file = tmp_path / "copy"
    file.write_bytes(change(portunus.blobs.read(closed[1])))
    code, outcome, words = verdict(shell("recording", "verify", str(file), "--json"))
    assert (code, outcome) == (1, "changed")
    assert words.startswith("It is not the file that the log names")


def test_a_file_that_is_gone_is_not_taken_for_a_destroyed_one(shell, portunus, closed):
    portunus.blobs.delete(closed[1])
    code, outcome, words = verdict(shell("recording", "verify", closed[0], "--json"))
    assert (code, outcome) == (1, "changed")
    assert "the log does not say that it was destroyed" in words


def test_a_file_exchanged_together_with_its_entry_breaks_the_signature(shell, portunus, closed):
    """Whoever writes both the store and the entry cannot write the signed head."""
    recording_id, blob, _ = closed
    old = portunus.blobs.read(blob)
    other = old[:-1] + bytes([old[-1] ^ 1])
    portunus.blobs.delete(blob)
    portunus.blobs.append(blob, other)
    with portunus.unit(HOST) as work:
        entry = work.db.query(AuditEntry).filter_by(act=Act.RECORDING_CLOSED.value, thing_id=recording_id).one()
        leaf = entry.leaf.replace(hashlib.sha256(old).hexdigest(), hashlib.sha256(other).hexdigest())
        assert leaf != entry.leaf
        work.db.execute(update(AuditEntry).where(AuditEntry.id == entry.id).values(leaf=leaf))
    code, outcome, words = verdict(shell("recording", "verify", recording_id, "--json"))
    assert (code, outcome) == (1, "changed")
    assert words.startswith("The log itself was changed")


def test_a_closing_that_was_taken_out_of_the_log_is_a_change(shell, portunus, closed):
    with portunus.unit(HOST) as work:
        work.db.execute(delete(AuditEntry).where(AuditEntry.act == Act.RECORDING_CLOSED.value))
    code, outcome, words = verdict(shell("recording", "verify", closed[0], "--json"))
    assert (code, outcome, words) == (1, "changed", "The log does not know that this recording was closed.")


def test_a_recording_that_runs_is_unknown(shell, begun):  # noqa: F811
    assert verdict(shell("recording", "verify", begun[0], "--json"))[:2] == (3, "unknown")


def test_a_closing_that_no_head_covers_yet_is_unknown(shell, unsigned):
    code, outcome, words = verdict(shell("recording", "verify", unsigned[0], "--json"))
    assert (code, outcome) == (3, "unknown")
    assert "not signed yet" in words


def test_a_destroyed_recording_is_unknown_and_said_to_be_destroyed(shell, portunus, closed, clock):
    with portunus.unit(HOST) as work:
        work.db.get_one(Recording, closed[0]).destroyed_at = clock.now()
    code, outcome, words = verdict(shell("recording", "verify", closed[0], "--json"))
    assert (code, outcome) == (3, "unknown")
    assert words.startswith("It was destroyed on")


def test_a_film_that_was_taken_out_is_proved_to_be_that_film(shell, portunus, closed, tmp_path):
    recording_id, _, people = closed
    file = tmp_path / "film.webm"
    file.write_bytes(FILM)
    with portunus.unit(acting(people["audrey"])) as work:
        service.exported(work, recording_id, hashlib.sha256(FILM).hexdigest())
    sign(portunus)
    code, outcome, words = verdict(shell("recording", "verify", str(file), "--json"))
    assert (code, outcome) == (0, "proved")
    assert f"the film of {recording_id} that Audrey Auditor had made" in words


def test_a_film_that_the_log_does_not_name_is_not_ours(shell, closed, tmp_path):
    file = tmp_path / "film.webm"
    file.write_bytes(FILM)
    assert verdict(shell("recording", "verify", str(file), "--json"))[:2] == (1, "changed")


def test_a_recording_that_never_was_and_a_folder_are_one_sentence(shell, tmp_path):
    assert shell("recording", "verify", "rec_none").errors.endswith("There is no recording rec_none.")
    folder = shell("recording", "verify", str(tmp_path))
    assert (folder.code, "cannot be read (Is a directory)" in folder.errors) == (2, True)
