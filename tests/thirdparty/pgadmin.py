"""pgAdmin 4 in an environment of its own, on loopback behind TLS, its code mails delivered by SMTP to whom the test names."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from carrier_scripts.lab.certificate import Certificate
from tests.thirdparty.environment import environment
from tests.thirdparty.serving import Running, free_port, process

HOST = "pgadmin.sim.test"
SENDER = f"no-reply@{HOST}"


@contextmanager
def pgadmin(folder: Path, proof: Certificate, *, smtp_port: int, email: str) -> Iterator[Running]:
    """The application with one user whose second factor is a mailed code. Ends with the block, its process with it."""
    data, port, password = folder / "data", free_port(), "Granite-Swift-6618"
    data.mkdir(mode=0o700, exist_ok=True)
    settings = folder / "pgadmin.json"
    told = {
        "data": str(data), "port": port, "chain": str(proof.chain), "key": str(proof.key), "smtp_port": smtp_port,
        "email": email, "password": password, "sender": SENDER,
    }  # fmt: skip
    settings.write_text(json.dumps(told), encoding="utf-8")
    script = Path(__file__).with_name("serve_pgadmin.py")
    with process([str(environment()), "-I", str(script), str(settings)], folder) as app:
        app.answers(f"https://localhost:{port}/login", proof.ca)
        yield Running(HOST, port, email, password, proof)
