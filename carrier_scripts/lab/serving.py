"""The lab as one running thing: web server, control plane, mail server, post; in this process or in a thread of it."""

import asyncio
import contextlib
import json
import secrets
import socket
import ssl
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from carrier_scripts.lab import founding
from carrier_scripts.lab.certificate import certificate, expired
from carrier_scripts.lab.clock import LabClock
from carrier_scripts.lab.consent import CLIENT_ID
from carrier_scripts.lab.control import Control
from carrier_scripts.lab.faults import Faults
from carrier_scripts.lab.judge import Client, Judge
from carrier_scripts.lab.mailserver import MailServer
from carrier_scripts.lab.postbox import Postbox
from carrier_scripts.lab.web import Web
from carrier_scripts.lab.world import Serial, World

KEEP_ALIVE_S = 600
"""A connection is kept this long: the judge takes an open one for a browser that is still there."""


@dataclass(frozen=True)
class Ports:
    """Where to listen; 0 takes the port of the last run in this state folder, or a free one."""

    web: int = 0
    control: int = 0
    smtp: int = 0
    imap: int = 0


class Lab:
    """`start()` and `stop()` run it in a thread; `run()` in the caller's event loop."""

    def __init__(self, state_dir: Path, *, ports: Ports | None = None, sms_url_base: str | None = None) -> None:
        state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.state_dir = state_dir
        self._wanted = ports or Ports()
        self._sms_url_base = sms_url_base
        self._keys = _keys(state_dir / "keys.json")
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._failure: BaseException | None = None
        self.facts: dict[str, Any] = {}
        """What `lab.json` says, once it runs."""

    async def run(self, stop: asyncio.Event, ready: Callable[[], None] = lambda: None) -> None:
        """Serve until `stop` is set. Raises OSError when a port that was asked for is taken."""
        cert = certificate(self.state_dir)
        last = _last_ports(self.state_dir / "ports.json")
        web_socket = _listen(self._wanted.web, last.get("web"))
        control_socket = _listen(self._wanted.control, last.get("control"))
        world, mail = self._world(f"http://127.0.0.1:{control_socket.getsockname()[1]}")
        web = Web(world)
        web_config = _config(web, ssl_certfile=str(cert.chain), ssl_keyfile=str(cert.key))
        _let_certificates_expire(web_config, web, self.state_dir)
        web_server = _Server(web_config)
        control_server = _Server(_config(Control(world, web).app))
        self._watch_connections(world, web_server)
        await _start_mail(mail, self._wanted, last)
        world.postbox.smtp_port = mail.smtp_port
        world.found()
        tasks = [
            asyncio.ensure_future(web_server.serve([web_socket])),
            asyncio.ensure_future(control_server.serve([control_socket])),
            asyncio.ensure_future(world.postbox.run()),
        ]
        try:
            await _started(web_server, control_server, tasks)
            self.facts = self._describe(cert.spki, cert.ca, web_socket, control_socket, mail)
            _write(self.state_dir / "ports.json", self.facts["ports"])
            _write(self.state_dir / "lab.json", self.facts)
            ready()
            waiting = asyncio.ensure_future(stop.wait())
            await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
        finally:
            world.faults.clear()
            web_server.should_exit = control_server.should_exit = True
            tasks[2].cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await mail.stop()

    def start(self) -> dict[str, Any]:
        """Run in a thread of this process; returns the facts once everything answers. Raises what the start raised."""
        ready = threading.Event()

        async def main() -> None:
            self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
            await self.run(self._stop, ready.set)

        def body() -> None:
            try:
                asyncio.run(main())
            except BaseException as failure:  # noqa: BLE001 - handed to the thread that waits
                self._failure = failure
            finally:
                ready.set()

        self._thread = threading.Thread(target=body, name="lab", daemon=True)
        self._thread.start()
        ready.wait()
        if self._failure:
            raise self._failure
        return self.facts

    def stop(self) -> None:
        if self._loop and self._stop and self._thread and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(timeout=10)

    def _world(self, control_url: str) -> tuple[World, MailServer]:
        clock, connected = LabClock(), _Connections()
        mail = MailServer(self._keys["mailbox_password"], self._keys["consent_secret"])
        postbox = Postbox(clock, self._keys["webhook_secret"], self._sms_url_base)
        clock.on_change(postbox.wake)
        judge = Judge(clock.now, connected)
        self._connections = connected
        serial = Serial(self.state_dir / "serial")
        return World(clock, judge, Faults(), postbox, mail, serial, control_url=control_url), mail

    def _watch_connections(self, world: World, server: uvicorn.Server) -> None:
        self._connections.server = server
        world.abort = self._connections.abort

    def _describe(
        self, spki: str, ca: Path, web: socket.socket, control: socket.socket, mail: MailServer
    ) -> dict[str, Any]:
        ports = {
            "web": web.getsockname()[1],
            "control": control.getsockname()[1],
            "smtp": mail.smtp_port,
            "imap": mail.imap_port,
        }
        phones = [a.address for a in founding.ACCOUNTS if a.channel == "sms"]
        return {
            "ports": ports,
            "control": f"http://127.0.0.1:{ports['control']}",
            "hosts": {c.key: list(c.hosts) for c in founding.CARRIERS},
            "resolve": {"*" + founding.SUFFIX: f"127.0.0.1:{ports['web']}"},
            "trusted_spki": spki,
            "ca": str(ca),
            "mailbox": {
                "address": founding.MAILBOX,
                "host": "127.0.0.1",
                "port": ports["imap"],
                "tls": False,
                "username": founding.MAILBOX,
                "password": self._keys["mailbox_password"],
                "folder": "INBOX",
                "trusted_authserv": founding.AUTHSERV,
                "smtp_port": ports["smtp"],
                "consent": {
                    "client_id": CLIENT_ID,
                    "client_secret": mail.consents.client_secret,
                    "authorize_url": f"http://localhost:{ports['control']}/oauth/authorize",
                    "token_url": f"http://127.0.0.1:{ports['control']}/oauth/token",
                },
            },
            "sms": {
                "secret": self._keys["webhook_secret"],
                "phones": {p: self._sms_url_base + p.lstrip("+") if self._sms_url_base else None for p in phones},
            },
            "founding": founding.document(),
        }


class _Connections:
    """The web server's open connections."""

    def __init__(self) -> None:
        self.server: uvicorn.Server | None = None

    def __call__(self) -> set[Client]:
        if self.server is None:
            return set()
        clients = (getattr(one, "client", None) for one in self.server.server_state.connections)
        return {(client[0], client[1]) for client in clients if client}

    def abort(self, client: Client) -> None:
        """Cut this connection at once."""
        for one in list(self.server.server_state.connections) if self.server else []:
            if getattr(one, "client", None) == client and getattr(one, "transport", None):
                one.transport.abort()


class _Server(uvicorn.Server):
    """Leaves the signals to whoever runs the lab."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _config(app: Any, **tls: str) -> uvicorn.Config:
    return uvicorn.Config(
        app, loop="asyncio", http="h11", ws="none", lifespan="off", log_level="error", access_log=False,
        server_header=False, timeout_keep_alive=KEEP_ALIVE_S, timeout_graceful_shutdown=1, **tls,  # type: ignore[arg-type]
    )  # fmt: skip


def _let_certificates_expire(config: uvicorn.Config, web: Web, directory: Path) -> None:
    """Hosts of a carrier with the fault `expired_certificate` answer with one that ended yesterday."""
    config.load()
    assert config.ssl is not None
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    old.load_cert_chain(*expired(directory))

    def choose(connection: ssl.SSLObject, host: str | None, _: ssl.SSLContext) -> None:
        key = web.carrier_of(host or "")
        if key and web.world.faults.all(key, "expired_certificate"):
            connection.context = old

    config.ssl.sni_callback = choose


def _listen(wanted: int, last: int | None) -> socket.socket:
    for port in (wanted,) if wanted else (last or 0, 0):
        # asyncio sets TCP_NODELAY only on sockets that say they are TCP; without it each answer waits 40 ms
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            listener.close()
            if wanted:
                raise
            continue
        return listener
    raise OSError("no free port on loopback")


async def _start_mail(mail: MailServer, wanted: Ports, last: dict[str, int]) -> None:
    try:
        await mail.start(wanted.smtp or last.get("smtp", 0), wanted.imap or last.get("imap", 0))
    except OSError:
        if wanted.smtp or wanted.imap:
            raise
        await mail.stop()
        await mail.start()


async def _started(web: uvicorn.Server, control: uvicorn.Server, tasks: Sequence["asyncio.Future[None]"]) -> None:
    while not (web.started and control.started):
        for task in tasks:
            if task.done():
                task.result()
        await asyncio.sleep(0.01)


def _keys(file: Path) -> dict[str, str]:
    """The mailbox's password, the secrets of the webhook and of the program that asks for consent: made once for a state folder."""
    kept: dict[str, str] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    made = {
        "mailbox_password": secrets.token_urlsafe(18),
        "webhook_secret": "whsec_" + b64encode(secrets.token_bytes(32)).decode(),
        "consent_secret": secrets.token_urlsafe(18),
    } | kept
    _write(file, made)
    return made


def _last_ports(file: Path) -> dict[str, int]:
    if not file.exists():
        return {}
    ports: dict[str, int] = json.loads(file.read_text(encoding="utf-8"))
    return ports


def _write(file: Path, value: dict[str, Any]) -> None:
    """Whole or not at all, readable by the owner only."""
    half = file.with_suffix(".half")
    half.touch(mode=0o600)
    half.write_text(json.dumps(value, indent=2, ensure_ascii=False), encoding="utf-8")
    half.replace(file)
