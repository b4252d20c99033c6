"""What may be asked of the host over its socket: one line each, the host does it."""

import asyncio
from typing import Any

from fastapi import FastAPI, WebSocket

from workers.browser.host import Host
from workers.tryout.served import TryOuts


def make_app(host: Host, tryouts: TryOuts) -> FastAPI:
    """The host's own small server; only this machine's Portunus processes can reach its socket."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.post("/attempts/{attempt_id}", status_code=202)
    async def attempts(attempt_id: str) -> None:
        host.run_attempt(attempt_id)

    @app.post("/leases/{lease_id}/lookups", status_code=202)
    async def look_up(lease_id: str) -> None:
        await host.run_lookups(lease_id)

    @app.post("/leases/{lease_id}/expect", status_code=202)
    async def expect(lease_id: str) -> None:
        host.expect_soon(lease_id)

    @app.post("/portal-sessions/{session_id}/end", status_code=202)
    async def end(session_id: str) -> None:
        await host.end_session(session_id)

    @app.get("/status")
    async def status() -> dict[str, Any]:
        return await asyncio.to_thread(host.status)

    @app.websocket("/leases/{lease_id}/stream")
    async def stream(socket: WebSocket, lease_id: str) -> None:
        await host.stream(lease_id, socket)

    @app.websocket("/leases/{lease_id}/watch")
    async def watch(socket: WebSocket, lease_id: str) -> None:
        await host.watch(lease_id, socket)

    @app.post("/try-outs")
    async def try_out(asked: dict[str, Any]) -> dict[str, str]:
        return tryouts.ask(asked)

    @app.websocket("/try-outs/{tryout_id}")
    async def watch_try_out(socket: WebSocket, tryout_id: str) -> None:
        await tryouts.serve(tryout_id, socket)

    return app
