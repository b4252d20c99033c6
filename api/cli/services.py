"""Which processes make one Portunus on one machine, and how to tell that each is ready."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import httpx2

from api.cli import message_broker
from api.cli.children import Child
from broker.base.ready import file_of
from broker.base.settings import Settings

Ready = Callable[[], Awaitable[bool]]


def socket_answers(path: Path) -> Ready:
    """Ready when the Unix socket accepts a connection."""

    async def ready() -> bool:
        try:
            _, writer = await asyncio.open_unix_connection(str(path))
        except OSError:
            return False
        writer.close()
        return True

    return ready


def file_written(path: Path) -> Ready:
    """Ready when the child has written this file (removed before it is started)."""

    async def ready() -> bool:
        return path.exists()  # noqa: ASYNC240 - a stat, not a read

    path.unlink(missing_ok=True)
    return ready


def http_answers(url: str, socket: Path | None = None) -> Ready:
    """Ready when the address answers 200."""

    # verify=False: plain HTTP to ourselves, and loading the certificates for every look would cost more than the look
    transport = httpx2.AsyncHTTPTransport(uds=str(socket) if socket else None, verify=False)

    async def ready() -> bool:
        request = httpx2.Request("GET", url, extensions={"timeout": {"connect": 2, "read": 2, "write": 2, "pool": 2}})
        try:
            answer = await transport.handle_async_request(request)
            await answer.aclose()
        except httpx2.HTTPError:
            return False
        return answer.status_code == httpx2.codes.OK

    return ready


def valkey(settings: Settings) -> Child:
    socket = settings.run_dir / "valkey.sock"
    return Child("valkey", message_broker.command(settings), socket_answers(socket))


def lab(settings: Settings) -> Child:
    """The simulated carriers, for the demo only."""
    directory = settings.data_dir.absolute() / "lab"
    command = [sys.executable, "-m", "carrier_scripts.lab", "--state-dir", str(directory), "--die-with-parent"]
    command += ["--sms-url-base", f"http://{settings.host}:{settings.port}/hooks/sms/"]
    return Child("lab", command, file_written(directory / "lab.json"))


def lab_environment(settings: Settings) -> Mapping[str, str]:
    """What the other processes must know of the lab: where its hosts are and which certificate key is its own."""
    facts = json.loads((settings.data_dir.absolute() / "lab" / "lab.json").read_text(encoding="utf-8"))
    return {
        "PORTUNUS_SIMULATED_PORTALS": "true",
        "PORTUNUS_RESOLVE": json.dumps({**settings.resolve, **facts["resolve"]}),
        "PORTUNUS_TRUSTED_SPKI": json.dumps([*settings.trusted_spki, facts["trusted_spki"]]),
    }


def browserhost(settings: Settings, env: Mapping[str, str]) -> Child:
    return Child(
        "browserhost",
        [sys.executable, "-m", "workers.browserhost"],
        http_answers("http://browserhost/status", settings.hostsocket),
        env,
    )


def worker(settings: Settings, env: Mapping[str, str]) -> Child:
    """One Celery worker with beat inside; grown set-ups run beat once, elsewhere."""
    schedule = settings.run_dir / "beat-schedule"
    command = [sys.executable, "-m", "celery", "-A", "workers.app", "worker", "-B", "-s", str(schedule)]
    command += ["--concurrency", "2", "--loglevel", "WARNING", "--without-gossip", "--without-mingle"]
    return Child("worker", command, file_written(file_of(settings, "worker")), env)


def mailwatch(settings: Settings, env: Mapping[str, str]) -> Child:
    command = [sys.executable, "-m", "workers.mailwatch"]
    return Child("mailwatch", command, file_written(file_of(settings, "mailwatch")), env)


def api(settings: Settings, env: Mapping[str, str]) -> Child:
    command = [sys.executable, "-m", "uvicorn", "api.app:app", "--host", settings.host, "--port", str(settings.port)]
    command += ["--no-access-log", "--no-server-header", "--ws-per-message-deflate", "false"]
    command += ["--ws-max-size", "65536"]  # a larger message ends the socket before it is read
    command += ["--timeout-graceful-shutdown", "3"]
    return Child("api", command, http_answers(f"http://{settings.host}:{settings.port}/healthz"), env)
