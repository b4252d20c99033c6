"""Node-RED from npm: its one address draws a dialog for name and password by script, and a token in the browser's storage signs in."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from carrier_scripts.lab.certificate import Certificate
from tests.thirdparty.serving import Running, free_port, process, tls_before

ROOT = Path(__file__).parents[2]
LISTS = ROOT / "requirements" / "node_red"
MODULES = ROOT / ".node-thirdparty"
HOST = "node-red.sim.test"
SETTINGS = """module.exports = {{
    uiHost: "127.0.0.1", uiPort: {port}, userDir: {folder}, flowFile: "flows.json", credentialSecret: "of one test",
    telemetry: {{ enabled: false }}, editorTheme: {{ tours: false }}, diagnostics: {{ enabled: false }},
    adminAuth: {{
        type: "credentials", sessionExpiryTime: 3600,
        users: [{{ username: {username}, password: require("bcryptjs").hashSync({password}, 8), permissions: "*" }}],
    }},
}};
"""


def modules() -> Path:
    """The application with what it needs; fetched on first use and again when the list changed. No package's script runs."""
    stamp = MODULES / "made-from.json"
    lock = LISTS / "package-lock.json"
    if not (stamp.exists() and stamp.read_bytes() == lock.read_bytes()):
        shutil.rmtree(MODULES, ignore_errors=True)
        shutil.copytree(LISTS, MODULES)
        command = ["npm", "ci", "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund", "--silent"]
        subprocess.run(command, cwd=MODULES, check=True, stdout=subprocess.DEVNULL)
        shutil.copy(lock, stamp)
    return MODULES / "node_modules"


@contextmanager
def node_red(folder: Path, proof: Certificate) -> Iterator[Running]:
    """The application with one user. Ends with the block."""
    port, username, password = free_port(), "office", "Amber-Falcon-9053"
    words = {"folder": str(folder), "username": username, "password": password}
    told = SETTINGS.format(port=port, **{name: json.dumps(value) for name, value in words.items()})
    settings = folder / "settings.js"
    settings.write_text(told, encoding="utf-8")
    found = modules()
    command = ["node", str(found / "node-red" / "red.js"), "--settings", str(settings)]
    with process(command, folder, NODE_PATH=str(found)) as app:
        app.answers(f"http://127.0.0.1:{port}/")
        with tls_before(port, proof) as before:
            yield Running(HOST, before, username, password, proof)


def present() -> bool:
    """Whether this machine has Node and npm."""
    return shutil.which("npm") is not None
