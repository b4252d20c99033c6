"""The browser host's process: owns the browsers of this node, answers on its Unix socket, ends them all on SIGTERM."""

import asyncio
import ctypes
import signal
import sys

import uvicorn

from broker.base.errors import BrokerError
from broker.base.logs import set_up_logs
from broker.wiring import build
from workers import catalog
from workers.browser.door import make_app
from workers.browser.host import Host
from workers.tryout.served import TryOuts

SWITCH_S = 0.001
"""Transactions run in threads beside the event loop: they get the interpreter back sooner than after 5 ms."""
M_MMAP_THRESHOLD, M_TRIM_THRESHOLD = -3, -1
"""Of glibc's mallopt(3)."""
KEPT_BYTES = 32 * 1024 * 1024


async def serve() -> None:
    """Until SIGTERM or SIGINT."""
    portunus = build()
    set_up_logs(json=portunus.settings.log_json)
    catalog.register(portunus)
    host, tryouts = Host(portunus), TryOuts(portunus.settings)
    await host.start()
    socket = portunus.settings.hostsocket
    socket.unlink(missing_ok=True)
    config = uvicorn.Config(
        make_app(host, tryouts),
        uds=str(socket),
        log_level="warning",
        access_log=False,
        ws_per_message_deflate=False,
        ws_max_size=64 * 1024,
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lambda: setattr(server, "should_exit", True))
    try:
        await server.serve()
    finally:
        await tryouts.stop()
        await host.stop()
        socket.unlink(missing_ok=True)


def keep_memory() -> None:
    """Have glibc keep what a picture took for the next one: given back and asked for again, it costs 2 ms of page faults each time."""
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)) is not None:
        mallopt(M_MMAP_THRESHOLD, KEPT_BYTES)
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)


def main() -> None:
    """Exit code 1 and one sentence when it cannot start."""
    sys.setswitchinterval(SWITCH_S)
    keep_memory()
    try:
        with asyncio.Runner(loop_factory=uvicorn.Config("").get_loop_factory()) as runner:
            runner.run(serve())
    except BrokerError as failed:
        sys.exit(failed.message)


if __name__ == "__main__":
    main()
