"""The helper process can hang, die or eat memory: the message becomes unreadable, and the next one is read."""

import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from broker.codes import reader as reading
from broker.codes.reader import MailReader
from tests.broker.codes.mails import AUTHSERV, SENDER, mail

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


@pytest.fixture
def reader():
    made = MailReader()
    yield made
    made.close()


def read(reader: MailReader, raw: bytes):
    return reader.arrival(raw, endpoint_id="end_1", authserv=AUTHSERV, received_at=NOW, external_id="uid:1:7")


def instead(monkeypatch: pytest.MonkeyPatch, does: str) -> None:
    """A helper that does this after it has said that it listens."""
    code = f"import sys; sys.stdout.buffer.write(bytes(4)); sys.stdout.flush(); {does}"
    monkeypatch.setattr(reading, "COMMAND", (sys.executable, "-I", "-c", code))
    monkeypatch.setattr(reading, "TIME_LIMIT_S", 0.3)


def test_a_good_mail_arrives_whole(reader: MailReader) -> None:
    arrival = read(reader, mail())
    assert (arrival.sender, arrival.trusted, arrival.unreadable) == (SENDER, True, None)
    assert (arrival.text, arrival.external_id) == ("Your code is 482913.", "<1@harborline.sim.test>")


def test_a_bad_mail_is_an_unreadable_arrival_that_keeps_its_place(reader: MailReader) -> None:
    arrival = read(reader, b"no mail at all")
    assert arrival.unreadable == "It does not have one sender."
    assert (arrival.external_id, arrival.trusted, arrival.text) == ("uid:1:7", False, "")


def test_twenty_five_megabytes_never_reach_the_helper(reader: MailReader) -> None:
    assert "larger" in str(read(reader, bytes(25 * 1024 * 1024)).unreadable)
    assert reader._idle.get()._process is None


@pytest.mark.parametrize(
    "raw",
    [
        b"From: a@b.test\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        + b"".join(b"--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" for _ in range(1500)),
        b"From: a@b.test\r\nContent-Type: multipart/mixed; boundary=b0\r\n\r\n"
        + b"".join(b"--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n" % (n, n + 1) for n in range(1990)),
        b"From: a@b.test\r\n" + b"Content-Type: message/rfc822\r\n\r\n" * 3000,
    ],
    ids=["same boundary", "own boundaries", "messages in messages"],
)
def test_thousands_of_nested_parts_leave_the_reader_alive(reader: MailReader, raw: bytes) -> None:
    read(reader, raw)
    assert read(reader, mail()).text == "Your code is 482913."


def test_a_helper_that_hangs_is_killed_and_the_next_mail_is_read(
    reader: MailReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        instead(patched, "import time; time.sleep(60)")
        assert read(reader, mail()).unreadable == reading.SLOW
    assert read(reader, mail()).unreadable is None


@pytest.mark.parametrize(
    "does",
    [
        "sys.exit(1)",
        "sys.stdout.buffer.write(b'\\xff' * 9_000_000)",
        "sys.stdin.buffer.read(8); sys.stdout.buffer.write((5).to_bytes(4) + b'{[}]!'); sys.stdout.flush(); sys.stdin.read()",
        "sys.stdin.buffer.read(8); sys.stdout.buffer.write((2).to_bytes(4) + b'[]'); sys.stdout.flush(); sys.stdin.read()",
    ],
    ids=["dies", "floods", "nonsense", "another answer"],
)
def test_whatever_the_helper_does_the_arrival_is_unreadable(
    reader: MailReader, monkeypatch: pytest.MonkeyPatch, does: str
) -> None:
    instead(monkeypatch, does)
    assert read(reader, mail()).unreadable == reading.SLOW


def test_a_killed_helper_is_replaced(reader: MailReader) -> None:
    reader.warm_up()
    helper = reader._idle.get()
    os.kill(helper._process.pid, signal.SIGKILL)
    helper._process.wait()
    reader._idle.put(helper)
    assert read(reader, mail()).unreadable is None


def test_the_helper_knows_no_secret_of_ours(reader: MailReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTUNUS_ROOT_KEY", "a root key")
    reader.warm_up()
    helper = reader._idle.get()
    assert b"root key" not in Path(f"/proc/{helper._process.pid}/environ").read_bytes()
    reader._idle.put(helper)


def test_memory_beyond_its_cap_ends_in_words(reader: MailReader, monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "import broker.codes.reading as r; r.MEMORY_BYTES = 300 << 20\n"
        "r.read = lambda raw, authserv: bytes(400 << 20)\nr.main()"
    )
    monkeypatch.setattr(reading, "COMMAND", (sys.executable, "-I", "-c", code))
    assert read(reader, mail()).unreadable == "It is not a well-formed message."


def test_several_threads_share_few_helpers() -> None:
    from concurrent.futures import ThreadPoolExecutor

    reader = MailReader(helpers=2)
    try:
        with ThreadPoolExecutor(8) as threads:
            told = list(threads.map(lambda n: read(reader, mail(message_id=f"<{n}@x>")).external_id, range(40)))
    finally:
        reader.close()
    assert told == [f"<{n}@x>" for n in range(40)]
