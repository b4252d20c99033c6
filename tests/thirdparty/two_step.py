"""Django's administration behind django-two-factor-auth (PyPI): name and password on one page, an authenticator's code on the next."""

import json
from base64 import b32decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from carrier_scripts.lab.certificate import Certificate
from tests.thirdparty.environment import environment
from tests.thirdparty.serving import Running, free_port, process, tls_before

HOST = "two-step.sim.test"
SEED = "MFRGGZDFMZTWQ2LKLABTWOSTEPAAAAA4"


@contextmanager
def two_step(folder: Path, proof: Certificate) -> Iterator[Running]:
    """The application with one user. Ends with the block."""
    told = {
        "data": str(folder), "port": free_port(), "host": HOST, "username": "office", "password": "Cobalt-Heron-4127",
        "seed": b32decode(SEED).hex(),
    }  # fmt: skip
    settings = folder / "two_step.json"
    settings.write_text(json.dumps(told), encoding="utf-8")
    script = Path(__file__).with_name("serve_two_step.py")
    with process([str(environment()), "-I", str(script), str(settings)], folder) as app:
        app.answers(f"http://127.0.0.1:{told['port']}/account/login/")
        with tls_before(told["port"], proof) as port:
            yield Running(HOST, port, told["username"], told["password"], proof, seed=SEED)
