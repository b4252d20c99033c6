"""`serving_try_outs`: the browser host's part that runs texts from the script editor, on a socket of its own."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from broker.adapters.socket_browserhost import SocketBrowserHost
from broker.base.settings import Settings
from tests.waiting import until
from workers.browser.door import make_app
from workers.tryout.served import TryOuts


@contextmanager
def serving_try_outs(settings: Settings, socket: Path) -> Iterator[SocketBrowserHost]:
    """Try-outs with these settings, asked as the API asks."""
    nobody: Any = None
    config = uvicorn.Config(make_app(nobody, TryOuts(settings)), uds=str(socket), log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started)
    try:
        yield SocketBrowserHost(socket)
    finally:
        server.should_exit = True
        thread.join(timeout=20)
