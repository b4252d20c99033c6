"""A witness of the tests' own, over real HTTP: it remembers the last head it saw and signs only what continues it."""

import base64
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from broker.audit import verify
from broker.audit.checkpoint import public_bytes

NAME = "witness.example.test"


class FakeWitness:
    """`verifier` is the log's key; `size` and `root` are the last head it signed."""

    def __init__(self, verifier: str = "", name: str = NAME) -> None:
        self.verifier = verifier
        self.size, self.root = 0, hashlib.sha256(b"").digest()
        self.url = ""
        self.broken_signature = False
        self._private = Ed25519PrivateKey.generate()
        data = b"\x04" + public_bytes(self._private)
        self._hash = hashlib.sha256(name.encode() + b"\n" + data).digest()[:4]
        self.key = f"{name}+{self._hash.hex()}+{base64.b64encode(data).decode()}"

    def answer(self, body: str) -> tuple[int, str]:
        """Status and text, as https://c2sp.org/tlog-witness says."""
        told, _, note = body.partition("\n\n")
        first, *proof = told.split("\n")
        old = int(first.removeprefix("old "))
        try:
            size, root = verify.open_checkpoint(note, self.verifier)
        except verify.Rejected:
            return 403, "not signed by the log"
        if old != self.size:
            return 409, f"{self.size}\n"
        path = [base64.b64decode(node) for node in proof if node]
        if self.size and not verify.is_prefix(self.size, self.root, size, root, path):
            return 422, "no consistency"
        self.size, self.root = size, root
        text = note.split("\n\n", 1)[0] + "\n"
        signature = self._private.sign(f"cosignature/v1\ntime 1800000000\n{text}".encode())
        if self.broken_signature:
            signature = bytes(64)
        blob = self._hash + (1_800_000_000).to_bytes(8) + signature
        return 200, f"— {NAME} {base64.b64encode(blob).decode()}\n"


@contextmanager
def running_witness() -> Iterator[FakeWitness]:
    """On a port of its own; `url` is what PORTUNUS_WITNESS_URL would hold."""
    witness = FakeWitness()

    class Asked(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            status, text = witness.answer(body) if self.path == "/log/add-checkpoint" else (404, "")
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_told: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Asked)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    witness.url = f"http://127.0.0.1:{server.server_port}/log"
    try:
        yield witness
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
