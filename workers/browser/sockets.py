"""The API's end of a viewer's socket, as a stream sees it, and a goodbye in words."""

import contextlib
import json

from fastapi import WebSocket, WebSocketDisconnect

from workers.browser.stream import Gone


class ViewerSocket:
    """The API's end of the socket as a stream sees it."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    async def send_bytes(self, data: bytes) -> None:
        await self._socket.send_bytes(data)

    async def receive_text(self) -> str:
        try:
            return await self._socket.receive_text()
        except (WebSocketDisconnect, RuntimeError, KeyError) as left:
            raise Gone from left


async def say_goodbye(socket: WebSocket, words: str, *, locked: bool = False) -> None:
    """Say why, then close; silent when it is closed already."""
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):
        await socket.send_text(json.dumps({"e": "ended", "words": words, **({"locked": True} if locked else {})}))
        await socket.close()
