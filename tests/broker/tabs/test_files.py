"""Files of a lease: sealed, on record by fingerprint, fetched with a ticket that does not last."""

import hashlib
import json

import pytest
from sqlalchemy import select

from broker.audit.acts import Act
from broker.audit.models import AuditEntry
from broker.base.errors import BrokerError, Incomplete, NotFound, Refused
from broker.tabs import files
from broker.tabs import service as tabs
from broker.tabs.models import Lease
from tests.broker.tabs.test_opening import HOST, Practice

BOTH_DATABASES = True

PDF = b"%PDF-1.7 explanation of benefits of nobody"
NAME = "../EOB of Jane\r\nDoe.exe"


@pytest.fixture
def practice(portunus) -> Practice:
    return Practice(portunus)


@pytest.fixture
def lease(practice: Practice) -> Lease:
    return practice.open(practice.maria)


@pytest.fixture
def kept(practice: Practice, lease: Lease) -> files.Kept:
    portunus = practice.portunus
    with portunus.unit(HOST) as work:
        return files.keep_download(work, portunus.vault, portunus.blobs, lease.id, PDF, NAME)


def ticket(practice: Practice, lease: Lease, file_id: str, *, inline: bool = False) -> str:
    with practice.portunus.unit(practice.maria) as work:
        own = tabs.own_lease(work, lease.id)
        return files.ticket(work, practice.portunus.vault, practice.portunus.blobs, own, file_id, inline=inline)


def fetched(practice: Practice, token: str) -> files.Opened:
    portunus = practice.portunus
    with portunus.reading(HOST) as work:
        return files.open_ticket(work, portunus.vault, portunus.blobs, token)


def test_what_is_stored_is_sealed_and_the_log_has_its_fingerprint(practice, kept) -> None:
    assert all(PDF not in bytes(blob) for blob in practice.portunus.blobs.kept.values())
    with practice.portunus.reading(HOST) as work:
        leaf = work.db.scalars(select(AuditEntry.leaf).where(AuditEntry.act == Act.DOWNLOAD_TAKEN.value)).one()
    assert json.loads(leaf)["detail"]["sha256"] == hashlib.sha256(PDF).hexdigest()
    assert b"Jane" not in bytes(leaf, "utf-8") if isinstance(leaf, str) else b"Jane" not in leaf


def test_the_ticket_fetches_the_file_under_a_plain_name(practice, lease, kept) -> None:
    opened = fetched(practice, ticket(practice, lease, kept.id))
    assert (opened.data, opened.name, opened.inline) == (PDF, "EOB-of-Jane-Doe.exe.pdf", False)


def test_only_harmless_kinds_are_shown(practice, lease, kept) -> None:
    assert fetched(practice, ticket(practice, lease, kept.id, inline=True)).inline
    portunus = practice.portunus
    with portunus.unit(HOST) as work:
        page = files.keep_download(work, portunus.vault, portunus.blobs, lease.id, b"<html>", "a.html")
    assert not fetched(practice, ticket(practice, lease, page.id, inline=True)).inline


def test_who_saves_which_bytes_is_on_record(practice, lease, kept) -> None:
    ticket(practice, lease, kept.id)
    with practice.portunus.reading(HOST) as work:
        entry = work.db.scalars(select(AuditEntry).where(AuditEntry.act == Act.DOWNLOAD_SAVED.value)).one()
    assert (entry.actor_id, entry.thing_id) == (practice.maria.id, kept.id)


@pytest.mark.parametrize("who", ["nora", "desk", "auditor"])
def test_another_gets_no_ticket_and_nothing_is_said_to_be_saved(practice, lease, kept, who: str) -> None:
    portunus = practice.portunus
    with pytest.raises(NotFound), portunus.unit(getattr(practice, who)) as work:
        files.ticket(work, portunus.vault, portunus.blobs, tabs.own_lease(work, lease.id), kept.id, inline=False)
    with portunus.reading(HOST) as work:
        assert work.db.scalars(select(AuditEntry).where(AuditEntry.act == Act.DOWNLOAD_SAVED.value)).all() == []


def test_a_ticket_lasts_a_minute(practice, lease, kept, clock) -> None:
    token = ticket(practice, lease, kept.id)
    clock.advance(seconds=61)
    with pytest.raises(Refused):
        fetched(practice, token)


def test_a_ticket_ends_with_the_lease(practice, lease, kept) -> None:
    token = ticket(practice, lease, kept.id)
    with practice.portunus.unit(practice.maria) as work:
        tabs.end_tab(work, lease.id)
    with pytest.raises(Refused):
        fetched(practice, token)


def test_a_tabs_files_are_deleted_when_it_has_ended(practice, lease, kept) -> None:
    portunus = practice.portunus
    with portunus.unit(HOST) as work:
        assert files.tidy(work, portunus.blobs) == 0
    assert portunus.blobs.kept
    with portunus.unit(practice.maria) as work:
        tabs.end_tab(work, lease.id)
    with portunus.unit(HOST) as work:
        assert files.tidy(work, portunus.blobs) == 1
        assert files.tidy(work, portunus.blobs) == 0
    assert not portunus.blobs.kept


def test_a_changed_ticket_opens_nothing(practice, lease, kept) -> None:
    token = ticket(practice, lease, kept.id)
    for bad in (token[:-8] + "AAAAAAA=", "lea_x." + token.partition(".")[2], "", "."):
        with pytest.raises(BrokerError):
            fetched(practice, bad)


@pytest.mark.parametrize("file_id", ["../../etc/passwd", "fil_", "upl/../x", "evi_1"])
def test_an_id_of_the_wrong_shape_is_no_file(practice, lease, file_id: str) -> None:
    with pytest.raises(BrokerError):
        ticket(practice, lease, file_id)


@pytest.mark.parametrize("data", [b"", b"x" * (files.LARGEST + 1)])
def test_an_upload_has_a_size(practice, lease, data: bytes) -> None:
    portunus = practice.portunus
    with portunus.unit(practice.maria) as work, pytest.raises(Incomplete):
        files.keep_upload(work, portunus.vault, portunus.blobs, tabs.own_lease(work, lease.id), data, "scan.png")


def test_an_upload_reaches_its_own_tab_only(practice, lease) -> None:
    portunus = practice.portunus
    with portunus.unit(practice.maria) as work:
        own = tabs.own_lease(work, lease.id)
        upload_id = files.keep_upload(work, portunus.vault, portunus.blobs, own, b"words", "note.txt")
    with portunus.unit(HOST) as work:
        taken = files.take_upload(work, portunus.vault, portunus.blobs, lease.id, upload_id)
        assert (taken.data, taken.name) == (b"words", "note.txt")
        with pytest.raises(BrokerError):
            files.take_upload(work, portunus.vault, portunus.blobs, "lea_another", upload_id)


@pytest.mark.parametrize(
    ("suggested", "name"),
    [
        ("../../etc/passwd", "etc-passwd"),
        ("..\\..\\x.pdf", "x.pdf"),
        ("a\0b\r\nSet-Cookie: c", "a-b-Set-Cookie-c"),
        ("claim\u202efdp.exe", "claim-fdp.exe"),
        ("x" * 4000 + ".pdf", "x" * 76 + ".pdf"),
        ("CON", "CON-file"),
        ("lpt1.txt", "lpt1-file.txt"),
        ("console.txt", "console.txt"),
        ("...", "download"),
    ],
)
def test_ud1_a_name_is_plain_whatever_is_suggested(suggested: str, name: str) -> None:
    assert files.safe_name(suggested) == name
