"""A code's way is complete in the log, and a proof of it holds on any machine; anything changed in it is noticed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from broker.audit import proofs, tree, verify
from broker.audit import service as audit
from broker.audit.acts import Act
from broker.audit.checkpoint import sign
from broker.audit.entry import encode
from broker.audit.models import AuditEntry
from broker.audit.service import LogKey
from broker.audit.witness import witness
from broker.base.actor import system
from broker.base.errors import BrokerError, NotFound
from broker.codes import service as codes
from broker.recordings import service as recordings
from broker.recordings.service import Subject
from broker.tabs import service as tabs
from tests.broker.tabs.conftest import FAILED, Office
from tests.fakes.clock import ManualClock

BOTH_DATABASES = True


def recorded(office: Office, request_id: str) -> str:
    """The tab is shown and recorded, and closed; returns the recording's digest."""
    attempt = office.attempt()
    subject = Subject(
        office.org.id, office.lease_id, attempt.portal_session_id, office.account.id, office.phoenix.id, "user",
        office.maria.id, "Maria Lopez",
    )  # fmt: skip
    row, _ = office.host(lambda work: recordings.start(work, office.portunus.vault, subject))
    office.host(lambda work: codes.shown_in_recording(work, [attempt.id], row.id))
    digest = "ab" * 32
    office.host(lambda work: recordings.close(work, row.id, digest=digest, size=10, messages=1, duration_ms=5))
    return digest


def custody(office: Office, request_id: str, who=None) -> tabs.Custody:
    with office.portunus.reading(who or office.audrey) as work:
        return tabs.custody(work, request_id)


def signed(office: Office) -> audit.LogKey:
    """A head over all there is by now."""
    key = office.host(lambda work: audit.log_key(work, office.portunus.keyring))
    office.host(lambda work: audit.sign_checkpoint(work, key))
    return key


def proof(office: Office, request_id: str, file: Path) -> Path:
    key = signed(office)
    with office.portunus.reading(office.audrey) as work:
        file.write_text("".join(f"{line}\n" for line in tabs.prove_code(work, key, request_id)))
    return file


def test_every_link_of_the_way_is_in_the_log(office: Office) -> None:
    request_id = office.whole_way()
    digest = recorded(office, request_id)
    way = custody(office, request_id)
    assert way.missing == ()
    parts = [link.part for link in way.links]
    assert [part for number, part in enumerate(parts) if part not in parts[:number]] == [
        "tab", "asked", "arrived", "matched", "released", "typed", "answered", "session", "recording",
    ]  # fmt: skip
    assert (way.recording_digest, way.recording_offset_ms, way.asked_by) == (digest, 0, "Maria Lopez")


def test_a_way_that_ended_early_says_what_is_missing(office: Office) -> None:
    office.open()
    claim = office.claim()
    request_id = office.host(lambda work: tabs.submit(work, claim.attempt_id, claim.fence))
    office.finish(claim, FAILED)
    assert custody(office, request_id).missing == ("arrived", "matched", "released", "typed", "answered", "session")


def test_another_sign_in_of_the_same_login_is_not_part_of_it(office: Office, clock: ManualClock) -> None:
    first = office.whole_way()
    with office.portunus.unit(office.maria) as work:
        tabs.sign_out(work, office.lease_id)
    clock.advance(minutes=5)
    second = office.whole_way("2", "771204")
    ids = {link.index for link in custody(office, first).links} & {link.index for link in custody(office, second).links}
    assert ids == set()


def test_no_code_is_in_the_way_or_its_proof(office: Office, tmp_path: Path) -> None:
    request_id = office.whole_way()
    assert "482913" not in str(custody(office, request_id)) + proof(office, request_id, tmp_path / "p").read_text()


def test_who_may_not_ask_hears_of_nothing(office: Office) -> None:
    request_id = office.whole_way()
    for who in (office.maria, office.dan):
        with pytest.raises(BrokerError):
            custody(office, request_id, who)
    with pytest.raises(NotFound):
        custody(office, "cod_none")


def test_the_proof_holds_for_the_script_alone_on_any_machine(office: Office, tmp_path: Path) -> None:
    request_id = office.whole_way()
    digest = recorded(office, request_id)
    file = proof(office, request_id, tmp_path / "proof.jsonl")
    done = subprocess.run([sys.executable, "-I", "broker/audit/verify.py", str(file)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("accepted: ")
    assert digest in done.stdout
    assert "code:value:release" in done.stdout


def seen_by_witness(office: Office, tmp_path: Path) -> str:
    signed(office)
    office.host(lambda work: witness(work, tmp_path / "witness"))
    return str(tmp_path / "witness" / "checkpoints.log")


def test_the_proof_fits_what_the_witness_saw_before_it_and_says_which_entries_are_newer(
    office: Office, tmp_path: Path
) -> None:
    sink = seen_by_witness(office, tmp_path)
    told = verify.verify(str(proof(office, office.whole_way(), tmp_path / "proof")), sink)
    assert "1 heads witnessed" in told
    assert "and later ones are newer than what it saw" in told


def test_an_old_copy_of_the_sink_is_enough(office: Office, tmp_path: Path) -> None:
    request_id = office.whole_way()
    old = tmp_path / "old.log"
    old.write_text(Path(seen_by_witness(office, tmp_path)).read_text())
    for _ in range(20):
        office.host(lambda work: audit.record(work, Act.REPORT_VIEWED, "code_request", "cod_other"))
        seen_by_witness(office, tmp_path)
    told = verify.verify(str(proof(office, request_id, tmp_path / "proof")), str(old))
    assert "1 heads witnessed" in told
    assert "newer than" not in told


def forked(office: Office, lines: list[str]) -> str:
    """As an insider with the log's key: the same way in a short log of its own, for somebody else, every signature right."""
    key = signed(office)
    leaves = []
    for place, line in enumerate(one for one in map(json.loads, lines) if one["kind"] == "proof"):
        fields = json.loads(line["leaf"].replace("Maria Lopez", "Nora Quill")) | {"index": place}
        leaves.append(encode(fields))
    hashes = [tree.leaf_hash(leaf.encode()) for leaf in leaves]

    def root_at(start: int, end: int) -> bytes:
        return tree.root(hashes[start:end])

    note = sign(audit.ORIGIN, len(leaves), tree.root(hashes), key.private)
    made = [json.loads(lines[0]) | {"size": len(leaves)}, json.loads(lines[1])]
    for index, leaf in enumerate(leaves):
        path = [node.hex() for node in tree.inclusion_proof(index, len(leaves), root_at)]
        made.append({"kind": "proof", "leaf": leaf, "index": index, "path": path})
    made.append({"kind": "checkpoint", "note": note})
    return "".join(f"{encode(line)}\n" for line in made)


def test_a_fork_signed_with_the_logs_own_key_is_rejected_with_the_witness(
    office: Office, lines: list[str], tmp_path: Path
) -> None:
    sink = seen_by_witness(office, tmp_path)
    fork = tmp_path / "fork"
    fork.write_text(forked(office, lines))
    assert "for Nora Quill" in verify.verify(str(fork))
    with pytest.raises(verify.Rejected, match="saw none of this file's heads"):
        verify.verify(str(fork), sink)


def test_a_witness_file_without_a_head_proves_nothing(office: Office, lines: list[str], tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("")
    with pytest.raises(verify.Rejected, match="nothing could be compared"):
        verify.verify(str(tmp_path / "proof"), str(tmp_path / "empty"))


def test_a_changed_hash_in_the_database_spoils_the_proof(office: Office, tmp_path: Path) -> None:
    request_id = office.whole_way()
    sink = seen_by_witness(office, tmp_path)
    with office.portunus.unit(system("insider")) as work:
        work.db.execute(text('UPDATE audit_entry SET leaf_hash = :h WHERE "index" = 1'), {"h": b"\x01" * 32})
    office.arrive("nothing", "9")
    file = proof(office, request_id, tmp_path / "proof")
    with pytest.raises(verify.Rejected, match="is not in the signed log"):
        verify.verify(str(file), sink)


def test_a_foreign_message_of_the_same_mailbox_does_not_belong_to_it(office: Office, tmp_path: Path) -> None:
    office.arrive("Your code is 000111", "8")
    key, request_id = signed(office), office.whole_way()
    signed(office)
    with office.portunus.reading(office.audrey) as work:
        way = [link.index for link in tabs.custody(work, request_id).links]
        foreign = work.db.scalars(select(AuditEntry.index).where(AuditEntry.act == Act.CODE_QUARANTINED)).one()
        entries = work.db.scalars(select(AuditEntry).where(AuditEntry.index.in_([*way, foreign]))).all()
        subject = {"code_request": request_id, "recording": None, "recording_digest": None, "recording_offset_ms": None}
        (tmp_path / "p").write_text("".join(f"{line}\n" for line in proofs.bundle(work, key, entries, subject)))
    with pytest.raises(verify.Rejected, match=f"entry {foreign} has nothing to do with this code request"):
        verify.verify(str(tmp_path / "p"))


def test_a_proof_of_the_opening_alone_says_what_it_does_not_hold(
    office: Office, lines: list[str], tmp_path: Path
) -> None:
    opening = next(line for line in lines if '\\"act\\":\\"code:request:open' in line)
    subject = json.loads(lines[1]) | {"recording": None, "recording_digest": None, "recording_offset_ms": None}
    ends = [line for line in lines if '"kind":"checkpoint"' in line]
    (tmp_path / "p").write_text("".join(f"{line}\n" for line in [lines[0], encode(subject), opening, *ends]))
    told = verify.verify(str(tmp_path / "p"))
    assert "NOT IN THIS FILE: arrived, matched, released, typed, answered, session" in told


def test_without_the_key_it_is_said_that_none_was_compared(office: Office, lines: list[str], tmp_path: Path) -> None:
    verifier = signed(office).verifier
    assert "compared with none that you trust" in verify.verify(str(tmp_path / "proof"))
    assert "compared with none" not in verify.verify(str(tmp_path / "proof"), None, verifier)
    other = LogKey(Ed25519PrivateKey.generate()).verifier
    with pytest.raises(verify.Rejected, match="another key"):
        verify.verify(str(tmp_path / "proof"), None, other)


@pytest.fixture
def lines(office: Office, tmp_path: Path) -> list[str]:
    request_id = office.whole_way()
    recorded(office, request_id)
    return proof(office, request_id, tmp_path / "proof").read_text().splitlines()


def rejected(lines: list[str], tmp_path: Path) -> bool:
    (tmp_path / "changed").write_text("".join(f"{line}\n" for line in lines))
    return verify.main([str(tmp_path / "changed")]) != 0


def test_a_file_that_claims_another_subject_is_rejected(lines: list[str], tmp_path: Path) -> None:
    assert not rejected(lines, tmp_path)
    subject = json.loads(lines[1])
    for change in (
        {"code_request": "cod_" + "0" * 32},
        {"recording_digest": "cd" * 32},
        {"recording": "rec_" + "0" * 32},
        {"more": 1},
    ):
        changed = json.dumps({**subject, **change}, sort_keys=True, separators=(",", ":"))
        assert rejected([lines[0], changed, *lines[2:]], tmp_path), change


def test_a_proof_in_another_order_or_twice_is_rejected(lines: list[str], tmp_path: Path) -> None:
    assert rejected([*lines[:2], lines[3], lines[2], *lines[4:]], tmp_path)
    assert rejected([*lines[:3], lines[2], *lines[3:]], tmp_path)
    assert rejected(lines[:-1], tmp_path)
    assert rejected([*lines, lines[-1]], tmp_path)


def test_a_hash_or_a_signature_in_another_spelling_is_rejected(lines: list[str], tmp_path: Path) -> None:
    """The same bytes, written otherwise: a proof has one form."""
    at = next(number for number, line in enumerate(lines) if '"path":["' in line)
    head, _, path = lines[at].partition('"path":')
    assert rejected([*lines[:at], f'{head}"path":{path.upper()}', *lines[at + 1 :]], tmp_path)
    with pytest.raises(verify.Rejected, match="base64"):
        verify.b64("QR==")


@given(place=st.floats(0, 0.9999), change=st.integers(1, 255))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_one_changed_byte_of_a_proof_is_rejected(
    lines: list[str], tmp_path: Path, place: float, change: int
) -> None:
    whole = "".join(f"{line}\n" for line in lines).encode()
    at = int(place * len(whole))
    if b'"recording_offset_ms"' in whole[max(0, at - 30) : at + 30]:
        return  # the moment in the recording is a pointer, not a claim about the log
    (tmp_path / "wrong").write_bytes(whole[:at] + bytes([whole[at] ^ change]) + whole[at + 1 :])
    assert verify.main([str(tmp_path / "wrong")]) != 0
