"""`portunus script run --headed`: a window where there is a display, one sentence where there is none."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.base.errors import Unavailable
from broker.base.settings import Settings
from workers.browser import find
from workers.browser.pool import Pool
from workers.tryout.run import main


@pytest.fixture
def password(tmp_path: Path) -> str:
    file = tmp_path / "password"
    file.write_text("whatever\n")
    return str(file)


def test_without_a_display_it_says_so_in_one_sentence(
    password: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name in find.DISPLAY:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PORTUNUS_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(
        "sys.argv", ["run", "harborline", "--username", "mira", "--password-file", password, "--headed"]
    )
    assert main() == 1
    assert capsys.readouterr().err.strip() == find.NO_DISPLAY


def test_a_browser_without_windows_is_not_taken_for_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shell = tmp_path / "chromium-headless-shell"
    shell.write_text("#!/bin/sh\necho Shell 140\n")
    shell.chmod(0o755)
    tmp_path.chmod(0o755)
    monkeypatch.setenv("DISPLAY", ":7")
    monkeypatch.setattr(find, "_asked", lambda path, user: find.Browser(path, "Shell 140", headless_shell=True))
    with pytest.raises(Unavailable, match="has no window"):
        find.with_a_window(Settings(browser=shell))


@pytest.fixture
def display() -> Iterator[str]:
    """A display nobody looks at."""
    server = shutil.which("Xvfb")
    if server is None or not any(map(shutil.which, find.ON_PATH[1:])):
        pytest.skip("needs Xvfb and a Chromium with windows")
    ours, theirs = os.pipe()
    with subprocess.Popen(
        [server, "-displayfd", str(theirs), "-screen", "0", "1400x1000x24", "-nolisten", "tcp"],
        pass_fds=[theirs],
        stderr=subprocess.DEVNULL,
    ) as running:
        os.close(theirs)
        with os.fdopen(ours) as told:
            number = told.readline().strip()
        yield f":{number}"
        running.terminate()


def test_the_window_is_on_the_display_of_whoever_sits_there(
    display: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DISPLAY", display)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    chosen = Settings(data_dir=tmp_path)

    async def agent_of_the_page() -> str:
        pool = Pool(chosen, find.with_a_window(chosen), lambda shard: None, headed=True)
        await pool.start()
        try:
            _, context = await pool.context("tryout")
            page = await context.new_page()
            return str(await page.evaluate("navigator.userAgent"))
        finally:
            await pool.stop()

    agent = asyncio.run(agent_of_the_page())
    assert "Chrome/" in agent
    assert "Headless" not in agent


def test_a_display_that_takes_no_window_is_said_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if not any(map(shutil.which, find.ON_PATH[1:])):
        pytest.skip("needs a Chromium with windows")
    monkeypatch.setenv("DISPLAY", ":4711")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    chosen = Settings(data_dir=tmp_path)

    async def started() -> None:
        pool = Pool(chosen, find.with_a_window(chosen), lambda shard: None, headed=True)
        try:
            await pool.start()
        finally:
            await pool.stop()

    with pytest.raises(Unavailable, match="could not open its window"):
        asyncio.run(started())
