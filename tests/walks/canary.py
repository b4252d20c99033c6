"""Planted secrets, looked for in every byte a running Portunus wrote, said or recorded."""

import base64
import hashlib
import json
import os
import re
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, quote_plus

import redis
from sqlalchemy import select

from broker.base.actor import system
from broker.base.settings import Settings
from broker.directory.models import Organization
from broker.recordings import service as recordings
from broker.recordings.models import Recording
from broker.wiring import build
from tests.demos import Demo
from workers.browser import messages

AUDITOR = system("canary")
BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{8,}={0,2}")
ID = re.compile(rb"[0-9a-f-]{16,}")
CLOCK = re.compile(rb"[0-9]\.[0-9]+")


def forms(secret: str) -> dict[str, bytes]:
    """The ways a secret is written by mistake."""
    raw = secret.encode()
    return {
        "itself": raw,
        "in UTF-16": secret.encode("utf-16-le"),
        "in an address": quote(secret, safe="").encode(),
        "in a form": quote_plus(secret).encode(),
        "in JSON": json.dumps(secret)[1:-1].encode(),
        "in hexadecimal": raw.hex().encode(),
        **{f"in base64, {pad} before": _base64(raw, pad) for pad in range(3)},
    }


def _base64(raw: bytes, pad: int) -> bytes:
    """What of it stands in a base64 text whatever is around it."""
    text = base64.b64encode(b"\0" * pad + raw).rstrip(b"=")
    return text[(0, 2, 3)[pad] : len(text) - (0 if (pad + len(raw)) % 3 == 0 else 1)]


def has_secret(data: bytes, secret: str) -> str | None:
    """In which form the secret stands in these bytes."""
    return next((how for how, what in forms(secret).items() if what in data), None)


def has_code(data: bytes, code: str) -> bool:
    """Whether the code stands there as a number of its own: not inside an id, a digest, a longer number or a time of day."""
    return _plain(data, code) or any(_plain(one, code) for one in _decoded(data))


def _plain(data: bytes, code: str) -> bool:
    for hit in re.finditer(rb"(?<![0-9])" + re.escape(code.encode()) + rb"(?![0-9])", data):
        start, end = hit.span()
        low = max(start - 64, 0)
        around = data[low : end + 64]
        covered = [*ID.finditer(around), *CLOCK.finditer(around)]
        if not any(one.start() + low <= start and end <= one.end() + low for one in covered):
            return True
    return False


def _decoded(data: bytes) -> Iterator[bytes]:
    """Base64 inside (Celery's bodies are), decoded."""
    for text in BASE64.findall(data):
        whole = text.rstrip(b"=")
        whole = whole[: len(whole) - 1] if len(whole) % 4 == 1 else whole
        yield base64.urlsafe_b64decode(whole.translate(bytes.maketrans(b"+/", b"-_")) + b"=" * (-len(whole) % 4))


@dataclass
class Overheard:
    """Everything the message broker was told while somebody listened: tasks and signals."""

    heard: list[bytes] = field(default_factory=list)

    @property
    def bytes(self) -> bytes:
        return b"\n".join(self.heard)


def broker_of(demo: Demo) -> redis.Redis:
    """The demo's message broker."""
    password = (demo.data_dir / "keys" / "valkey.password").read_text().strip()
    return redis.Redis(unix_socket_path=str(run_dir(demo) / "valkey.sock"), password=password)


def run_dir(demo: Demo) -> Path:
    return Settings(data_dir=demo.data_dir).run_dir


@contextmanager
def listening(demo: Demo) -> Iterator[Overheard]:
    """MONITOR for as long as the block takes: also what is gone from the broker before anybody looks."""
    overheard, begun = Overheard(), threading.Event()
    client = broker_of(demo)

    def listen() -> None:
        try:
            with client.monitor() as monitor:
                begun.set()
                for said in monitor.listen():
                    overheard.heard.append(said["command"].encode("utf-8", "surrogateescape"))
        except (redis.RedisError, OSError, ValueError):
            return

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    assert begun.wait(10)
    yield overheard
    client.close()


def held(demo: Demo) -> bytes:
    """Every key and value in the message broker, unpacked."""
    server, parts = broker_of(demo), []
    for key in server.keys("*"):
        parts.append(key)
        match server.type(key):
            case b"string":
                parts.append(server.get(key))
            case b"list":
                parts += server.lrange(key, 0, -1)
            case b"hash":
                parts += [one for pair in server.hgetall(key).items() for one in pair]
            case b"set":
                parts += server.smembers(key)
            case b"zset":
                parts += server.zrange(key, 0, -1)
            case other:
                raise AssertionError(f"{key!r} is of a type nobody looks into: {other!r}")
    return b"\n".join(parts)


def written(demo: Demo) -> dict[str, bytes]:
    """Every file of the demo apart from the lab's own: its data, its sockets' folder, what its browsers put aside."""
    folders = {demo.data_dir, run_dir(demo), *([demo.temporary] if demo.temporary else [])}
    lab = demo.data_dir / "lab"
    return {str(path): data for folder in folders for path, data in files_in(folder) if not path.is_relative_to(lab)}


def files_in(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file below and its bytes; one that vanishes meanwhile (a browser's do) is passed over, nothing else is."""
    for at, _, names in os.walk(folder, onerror=_unless_gone):
        for path in (Path(at) / name for name in names):
            with suppress(FileNotFoundError):
                if path.is_file():
                    yield path, path.read_bytes()


def _unless_gone(wrong: OSError) -> None:
    if not isinstance(wrong, FileNotFoundError):
        raise wrong


@contextmanager
def watching(folder: Path) -> Iterator[dict[str, bytes]]:
    """Every state in which a file below is found by looking five times a second: also of those that are gone later."""
    seen: dict[str, bytes] = {}
    done = threading.Event()

    def look() -> None:
        while not done.wait(0.2):
            seen.update({f"{path} {hashlib.sha256(data).hexdigest()[:8]}": data for path, data in files_in(folder)})

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    yield seen
    assert watcher.is_alive(), "whoever watched stopped watching"
    done.set()
    watcher.join()


def cells(demo: Demo) -> dict[str, bytes]:
    """Every value of every table by its column: in the file itself values stand without a gap, so that a code would hide."""
    found: dict[str, bytes] = {}
    with closing(sqlite3.connect(f"file:{demo.data_dir / 'portunus.db'}?mode=ro", uri=True)) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            asked = db.execute(f'SELECT * FROM "{table}"')
            names = [column[0] for column in asked.description]
            for row in asked:
                for name, value in zip(names, row, strict=True):
                    text = value if isinstance(value, bytes) else str(value).encode()
                    found[f"{table}.{name}"] = found.get(f"{table}.{name}", b"") + b"\n" + text
    return found


@dataclass(frozen=True)
class Recorded:
    """A recording, opened."""

    id: str
    messages: list[bytes]
    events: list[dict]

    @property
    def pages(self) -> list[str]:
        """Host and path of every page it ever showed."""
        shown = [tab for event in self.events if event["e"] == "tabs" for tab in event["tabs"]]
        return [f"{tab['host']}{tab['path']}" for tab in shown]


def recorded(demo: Demo) -> list[Recorded]:
    """All recordings, decrypted as an auditor's player would."""
    portunus = build(Settings(data_dir=demo.data_dir))
    opened = []
    with portunus.reading(AUDITOR) as work:
        for row in work.db.query(Recording):
            contents = recordings.contents(row, recordings._key(work, portunus.vault, row), portunus.blobs)
            data = [message.data for message in contents.messages]
            events = [json.loads(one[messages.HEAD.size :]) for one in data if one[0] == messages.EVENT]
            opened.append(Recorded(row.id, data, events))
    portunus.engine.dispose()
    return opened


def evidence(demo: Demo) -> dict[str, dict]:
    """What was kept of pages where a sign-in stopped, unsealed."""
    portunus = build(Settings(data_dir=demo.data_dir))
    kept = {}
    with portunus.reading(AUDITOR) as work:
        organization = work.db.scalars(select(Organization.id)).one()
        for name in portunus.blobs.names("evidence/"):
            context = ("evidence", name.partition("/")[2])
            kept[name] = json.loads(portunus.vault.unseal(work, organization, context, portunus.blobs.read(name)))
    portunus.engine.dispose()
    return kept


def leaks(places: dict[str, bytes], secrets: Iterable[str], codes: Iterable[str]) -> list[str]:
    """Where something stands that must not; a secret is named by its first four letters only."""
    secrets, codes = list(secrets), list(codes)
    told = [
        f"{name}: {what[:4]}… {how}"
        for name, data in places.items()
        for what in secrets
        if (how := has_secret(data, what))
    ]
    return told + [f"{name}: a code" for name, data in places.items() for code in codes if has_code(data, code)]
