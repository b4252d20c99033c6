"""Lines of a PDF, read in a process of its own with limits: a portal's file is hostile until proved otherwise."""

import asyncio
import json
import resource
import sys
from typing import Any

from workers.browser.facade import CallRefused

LARGEST = 20 * 1024 * 1024
PAGES = 60
LIMIT_S = 20
MEMORY_BYTES = 768 * 1024 * 1024
LINES = 4000


async def lines_of(data: bytes) -> list[list[str]]:
    """Page by page. Raises `CallRefused` for what is no whole, readable PDF."""
    if not data.startswith(b"%PDF-"):
        raise CallRefused("unrecognised", "the file is no PDF")
    if b"%%EOF" not in data[-2048:]:
        raise CallRefused("unrecognised", "the file ends in the middle")
    if len(data) > LARGEST:
        raise CallRefused("unrecognised", "the file is larger than a lookup reads")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "workers.browser.pdftext",
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


def _main() -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (LIMIT_S, LIMIT_S))
    import io

    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    try:
        reader = PdfReader(io.BytesIO(sys.stdin.buffer.read()))
        pages: list[Any] = []
        for page in reader.pages[:PAGES]:
            text = page.extract_text()
            pages.append([" ".join(line.split()) for line in text.splitlines() if line.strip()][:LINES])
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, RecursionError, MemoryError):
        return 1
    sys.stdout.write(json.dumps(pages))
    return 0


if __name__ == "__main__":
    sys.exit(_main())
