"""A flood of forged text messages, and how long a genuine one takes to be kept in the middle of it.

`python -m workers.bench.flood ADDRESS PATH RATE SECONDS` posts the forgeries from a process of its own.
"""

import asyncio
import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx2
from standardwebhooks import Webhook

from broker.base.errors import Unavailable
from workers.bench.demo import Demo
from workers.bench.figures import Figures, p95

RATE = 1000
SECONDS = 8.0
CONNECTIONS = 16
EVERY_S = 0.25
PHONE = "16025550142"
SLICE_S = 0.02


async def measure(demo: Demo) -> Figures:
    """The rate that was really posted and refused, and the slowest and 95th of the genuine ones' answers."""
    path = f"/hooks/sms/{PHONE}"
    command = [sys.executable, "-m", "workers.bench.flood", demo.url, path, str(RATE), str(SECONDS)]
    async with httpx2.AsyncClient(base_url=demo.url, trust_env=False, timeout=30) as provider:
        await _genuine(provider, path, demo.lab["sms"]["secret"], 0)
        flood = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
        assert flood.stdout is not None
        await flood.stdout.readline()  # it has begun
        took: list[float] = []
        end = time.monotonic() + SECONDS - 1
        while time.monotonic() < end:
            took.append(await _genuine(provider, path, demo.lab["sms"]["secret"], len(took) + 1))
            await asyncio.sleep(EVERY_S)
        told = json.loads(await flood.stdout.readline())
        await flood.wait()
    if told["other"]:
        raise Unavailable(f"{told['other']} forged text messages were not answered with 401.")
    return {
        "flood_forged_per_s": round(told["refused"] / told["seconds"]),
        "sms_in_flood_p95_ms": p95(took),
        "sms_in_flood_max_ms": round(max(took), 1),
    }


async def _genuine(provider: httpx2.AsyncClient, path: str, secret: str, number: int) -> float:
    """Milliseconds until the answer, which comes once the message is kept."""
    body = json.dumps({"from": f"+160255502{number:02}", "text": "Your appointment is tomorrow."})
    at, name = datetime.fromtimestamp(time.time(), UTC), f"bench_{time.time_ns()}"
    headers = {
        "webhook-id": name,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(name, at, body),
    }
    began = time.perf_counter()
    answer = await provider.post(path, content=body, headers=headers)
    if answer.status_code != 204:
        raise Unavailable(f"A genuine text message was answered with {answer.status_code}.")
    return (time.perf_counter() - began) * 1000


async def flood(address: str, path: str, rate: int, seconds: float) -> dict[str, float]:
    """Open-loop: so many are due by now, however long the answers take; each with a signature of its own."""
    host = urlsplit(address).netloc
    due: asyncio.Queue[int | None] = asyncio.Queue()
    counted = {"refused": 0, "other": 0}
    began, number = time.monotonic(), 0
    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(_post(host, path, due, counted))
        while (passed := time.monotonic() - began) < seconds:
            while number < passed * rate:
                due.put_nowait(number)
                number += 1
            await asyncio.sleep(SLICE_S)
        for _ in range(CONNECTIONS):
            due.put_nowait(None)
    return {**counted, "seconds": time.monotonic() - began}


async def _post(host: str, path: str, due: "asyncio.Queue[int | None]", counted: dict[str, int]) -> None:
    name, _, port = host.partition(":")
    reader, writer = await asyncio.open_connection(name, int(port))
    body = b'{"from": "+16025550100", "text": "Copper Mesa: 482913 is your verification code."}'
    while (number := await due.get()) is not None:
        head = (
            f"POST {path} HTTP/1.1\r\nhost: {host}\r\nwebhook-id: forged_{number}\r\nwebhook-timestamp: {int(time.time())}"
            f"\r\nwebhook-signature: v1,{number:040}AAA=\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        counted["refused" if answer.startswith(b"HTTP/1.1 401") else "other"] += 1
    writer.close()


def main() -> None:
    address, path, rate, seconds = sys.argv[1:5]
    print("begun", flush=True)
    print(json.dumps(asyncio.run(flood(address, path, int(rate), float(seconds)))), flush=True)


if __name__ == "__main__":
    main()
