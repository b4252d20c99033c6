"""The process that reads a QR picture: `python -I -m broker.vault.qrreading`. Picture in, one line of JSON out.

It knows no setting, no database and no key.
"""

import io
import json
import resource
import sys
from typing import BinaryIO

import zxingcpp
from PIL import Image, UnidentifiedImageError

from broker.vault.qrpicture import LARGEST_BYTES, UNREADABLE

MOST_PIXELS = 50_000_000
"""What today's telephones take; each pixel is a byte once it is grey."""
SIDE_PIXELS = 2000
"""A picture is made so small before codes are looked for."""
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP")
CPU_S = 10
MEMORY_BYTES = 1024 * 1024 * 1024
MALFORMED = (OSError, ValueError, SyntaxError, RuntimeError, MemoryError, OverflowError, LookupError, EOFError)
"""What Pillow and zxing raise for files that are no pictures, or are broken ones."""
NO_CODE = "No QR code was found in the picture. Take it again, straight and sharp, with the whole code in it."
SEVERAL = "There is more than one authenticator code in the picture: give one that shows only this login's."
EXPORT = (
    "This is an app's export of several logins, not a portal's own QR code: in the portal choose to set the "
    "authenticator up anew, and use the code it shows."
)
OTHER = "The QR code in the picture is not for an authenticator: it says something else."


def read(picture: bytes) -> tuple[str | None, str | None]:
    """(the address, None), or (None, why not)."""
    try:
        with Image.open(io.BytesIO(picture), formats=FORMATS) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                return None, UNREADABLE
            opened.draft("L", (SIDE_PIXELS, SIDE_PIXELS))
            grey = opened.convert("RGBA") if "transparency" in opened.info or opened.mode == "RGBA" else opened
            if grey.mode == "RGBA":  # what is transparent is paper
                paper = Image.new("RGBA", grey.size, "white")
                grey = Image.alpha_composite(paper, grey)
            grey = grey.convert("L")
            grey.thumbnail((SIDE_PIXELS, SIDE_PIXELS))
        found = {
            one.text
            for one in zxingcpp.read_barcodes(grey, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode))
        }
    except (UnidentifiedImageError, Image.DecompressionBombError, *MALFORMED):
        return None, UNREADABLE
    ours = sorted(text for text in found if text.lower().startswith("otpauth://"))
    if len(ours) == 1:
        return ours[0], None
    if ours:
        return None, SEVERAL
    if any(text.lower().startswith("otpauth-migration:") for text in found):
        return None, EXPORT
    return None, OTHER if found else NO_CODE


def answer(source: BinaryIO, sink: BinaryIO) -> None:
    """One picture in, one line out."""
    text, why = read(source.read(LARGEST_BYTES + 1))
    sink.write(json.dumps({"text": text, "why": why}).encode())
    sink.flush()


def main() -> None:
    """Cap memory and time, write no core file, answer."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answer(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
