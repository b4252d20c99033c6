"""The browsers: sandboxed, no debugging port, never two organizations in one, gone when their host is killed."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from broker.base.settings import Settings
from workers.browser.find import find
from workers.browser.pool import Pool, Shard

HOST = """
import asyncio, json, sys
from broker.base.settings import Settings
from workers.browser.find import find
from workers.browser.pool import Pool

async def main():
    chosen = Settings()
    pool = Pool(chosen, find(chosen), lambda shard: None)
    await pool.start()
    await pool.context("org_1")
    print("open", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def chromium_processes(of: psutil.Process) -> list[psutil.Process]:
    return [one for one in of.children(recursive=True) if "headless" in " ".join(one.cmdline()) and one.is_running()]


def test_organizations_never_share_a_browser_and_a_dead_one_ends_its_own_alone() -> None:
    dead: list[Shard] = []

    async def test() -> None:
        chosen = Settings()
        pool = Pool(chosen, find(chosen), dead.append)
        await pool.start()
        try:
            one, first = await pool.context("org_1")
            same, _ = await pool.context("org_1")
            other, second = await pool.context("org_2")
            assert one is same
            assert one is not other
            page = await second.new_page()
            gone = asyncio.Event()
            one.browser.on("disconnected", lambda _: gone.set())
            assert one.pid is not None
            psutil.Process(one.pid).kill()
            async with asyncio.timeout(20):
                await gone.wait()
            assert dead == [one]
            assert await page.evaluate("1 + 1") == 2
        finally:
            await pool.stop()

    asyncio.run(test())


def test_a_browser_is_not_closed_while_the_next_session_comes_into_it() -> None:
    async def test() -> None:
        chosen = Settings()
        pool = Pool(chosen, find(chosen), lambda shard: None)
        await pool.start()
        try:
            shard, leaving = await pool.context("org_1")
            await pool.context("org_2")
            coming = asyncio.ensure_future(pool.context("org_1"))
            while not shard.coming:
                await asyncio.sleep(0)
            await pool.give_back(shard, leaving)
            same, context = await coming
            assert same is shard
            assert await (await context.new_page()).evaluate("1 + 1") == 2
        finally:
            await pool.stop()

    asyncio.run(test())


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_browsers_run_sandboxed_without_a_port_and_die_with_a_killed_host() -> None:
    host = subprocess.Popen(
        [sys.executable, "-c", HOST], cwd=Path(__file__).parents[3], stdout=subprocess.PIPE, text=True
    )
    try:
        assert host.stdout is not None
        assert "open\n" in host.stdout, "the host's own log may come first"
        family = psutil.Process(host.pid)
        browsers = chromium_processes(family)
        lines = [one.cmdline() for one in browsers]
        assert browsers
        assert not any(
            word.split("=")[0] in ("--no-sandbox", "--remote-debugging-port") for line in lines for word in line
        )
        if os.geteuid() == 0:
            assert {one.uids().real for one in browsers if not one.cmdline()[0].endswith("sh")} - {0}
        own = Path("/proc/self/ns/pid").readlink()
        assert any(Path(f"/proc/{one.pid}/ns/pid").readlink() != own for one in browsers), "no process is in a sandbox"
        everyone = family.children(recursive=True)
        host.kill()
        host.wait()
        _, alive = psutil.wait_procs(everyone, timeout=10)
        assert [one.cmdline() for one in alive if one.status() != psutil.STATUS_ZOMBIE] == []
    finally:
        if host.poll() is None:
            host.kill()
            host.wait()


def test_find_says_which_browser_in_json() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "workers.browser.find", "--json"],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert json.loads(done.stdout)["version"]
