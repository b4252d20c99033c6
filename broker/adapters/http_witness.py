"""A witness reached over HTTP, as https://c2sp.org/tlog-witness says."""

import httpx2

from broker.base.errors import Unavailable
from broker.ports.witness import Said

ANSWER_CHARACTERS = 4000
TIMEOUT_S = 10.0


class HttpWitness:
    """`url` is the witness's submission prefix; `key` its verifier key."""

    def __init__(self, url: str, key: str, transport: httpx2.BaseTransport | None = None) -> None:
        self.key = key
        self._url = url.rstrip("/") + "/add-checkpoint"
        self._transport = transport

    def show(self, body: str) -> Said:
        """Post one request. Raises `Unavailable` when nobody answers."""
        try:
            with httpx2.Client(timeout=TIMEOUT_S, transport=self._transport, follow_redirects=False) as client:
                answer = client.post(self._url, content=body.encode())
        except httpx2.HTTPError as failed:
            raise Unavailable(f"The witness did not answer ({type(failed).__name__}).") from failed
        return Said(answer.status_code, answer.text[:ANSWER_CHARACTERS])
