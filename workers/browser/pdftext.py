"""Lines of a PDF, read in a process of its own with limits: a portal's file is hostile until proved otherwise."""

import asyncio
import json
import sys

from workers.browser.calls import CallRefused

LARGEST = 20 * 1024 * 1024
LIMIT_S = 60


async def lines_of(data: bytes) -> list[list[str]]:
    """Page by page. Raises `CallRefused` for what is no whole, readable PDF."""
    if not data.startswith(b"%PDF-"):
        raise CallRefused("unrecognised", "the file is no PDF")
    if b"%%EOF" not in data[-2048:]:
        raise CallRefused("unrecognised", "the file ends in the middle")
    if len(data) > LARGEST:
        raise CallRefused("unrecognised", "the file is larger than a lookup reads")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "workers.browser.pdfprocess",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(LIMIT_S):
            told, _ = await process.communicate(data)
    except TimeoutError as slow:
        raise CallRefused("unrecognised", "the file could not be read in time") from slow
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise CallRefused("unrecognised", "the file could not be read")
    pages: list[list[str]] = json.loads(told)
    return pages
