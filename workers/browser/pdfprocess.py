"""The process that reads one PDF: limits first, then pypdf on standard input, lines as JSON on standard output. Imports little."""

import io
import json
import resource
import sys

MEMORY_BYTES = 768 * 1024 * 1024
CPU_S = 20
PAGES = 60
LINES = 4000


def main() -> int:
    """0 and the lines of each page, or 1 for what cannot be read."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    try:
        reader = PdfReader(io.BytesIO(sys.stdin.buffer.read()))
        pages = [
            [" ".join(line.split()) for line in page.extract_text().splitlines() if line.strip()][:LINES]
            for page in reader.pages[:PAGES]
        ]
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, RecursionError, MemoryError):
        return 1
    sys.stdout.write(json.dumps(pages))
    return 0


if __name__ == "__main__":
    sys.exit(main())
