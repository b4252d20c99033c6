"""What the README promises first: a fresh clone, `make run`, and Ctrl-C leaves nothing behind."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.demos import Demo, free_port, kill_group, left_of, tree
from tests.waiting import until

pytestmark = [pytest.mark.walk, pytest.mark.slow, pytest.mark.timeout(500)]
HERE = Path(__file__).parents[2]
SETUP_S = 300
REGISTRY = ("PIP_", "UV_", "SSL_CERT_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE")
"""How this machine reaches a package registry; nothing else of whoever runs the tests goes along."""
FETCHED = Path.home() / ".cache" / "uv"
"""What `make setup` has fetched here before, by hash: it is not fetched a second time."""


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Demo]:
    """`make run` in a clone of this repository, for somebody whose home is empty."""
    if subprocess.run(["git", "-C", str(HERE), "rev-parse", "--git-dir"], capture_output=True).returncode:
        pytest.skip("these sources are no git work tree")
    root, home, output, port = tmp_path / "portunus", tmp_path / "home", tmp_path / "output", free_port()
    home.mkdir()
    subprocess.run(["git", "clone", "-q", str(HERE), str(root)], check=True, timeout=60)
    environment = {name: value for name, value in os.environ.items() if name.upper().startswith(REGISTRY)}
    environment = {"UV_CACHE_DIR": str(FETCHED), **environment, "HOME": str(home), "PATH": os.environ["PATH"]}
    environment.setdefault("XDG_CONFIG_HOME", os.environ.get("XDG_CONFIG_HOME", str(Path.home() / ".config")))
    environment["PORTUNUS_PORT"] = str(port)
    with output.open("wb") as sink:
        process = subprocess.Popen(
            ["make", "run"], cwd=root, env=environment, stdout=sink, stderr=sink, start_new_session=True
        )
    try:
        yield Demo(root / "var" / "demo", f"http://127.0.0.1:{port}", process, output)
    finally:
        kill_group(process)


def test_a_fresh_clone_runs_and_ctrl_c_leaves_nothing_behind(clone: Demo) -> None:
    until(clone.has_started, SETUP_S)
    assert httpx2.get(f"{clone.url}/healthz", trust_env=False).status_code == 200
    link = clone.link("Maria")
    assert link.startswith(clone.url)
    assert "Sign in" in httpx2.get(link, trust_env=False).text

    started = tree(clone.process.pid)
    os.killpg(clone.process.pid, signal.SIGINT)  # as a terminal does: to make and to what it runs
    clone.process.wait(timeout=60)
    assert left_of(started) == []
    assert "Nothing is left running." in clone.said
    assert subprocess.check_output(["git", "-C", str(clone.data_dir.parents[1]), "status", "--porcelain"]) == b""
