"""A recording as a film that any player shows: WebM (or MP4) with VP9, its watermark in every picture.

PyAV is no part of Portunus itself (its wheel bundles codecs under the GPL): whoever exports installs it beside.
"""

from collections.abc import Iterable
from fractions import Fraction
from io import BytesIO
from pathlib import PurePath

import numpy as np
from PIL import Image, ImageDraw

from broker.base.errors import Incomplete, Unavailable
from broker.recordings.container import Message
from broker.recordings.films import NEEDS
from workers.browser.screen import Picture
from workers.films.pictures import pictures

KINDS = (".webm", ".mp4")
CODEC = "libvpx-vp9"
OPTIONS = {"deadline": "realtime", "cpu-used": "8", "crf": "32", "b:v": "0", "g": "600"}
"""Readable letters; a tenth of a second a picture on one core."""
LAST_MS = 1000
"""How long the last picture stands."""
SPREAD = (420, 220)
"""Pixels between two repeats of the watermark."""


def drawn(name: str, messages: Iterable[Message], watermark: str) -> bytes:
    """The file of that name: made in memory, since a film on a disk is a recording that is not sealed.

    Raises `Incomplete` for another kind of file or nothing to show, `Unavailable` without PyAV.
    """
    kind = PurePath(name).suffix.lower()
    if kind not in KINDS:
        raise Incomplete("A film is a .webm or .mp4 file: name it so with -o.")
    try:
        import av
    except ImportError as missing:
        raise Unavailable(NEEDS) from missing
    shown = pictures(messages)
    first = next(shown, None)
    if first is None:
        raise Incomplete("This recording has no picture: nothing was shown.")
    file = BytesIO()
    with av.open(file, "w", format=kind[1:]) as film:
        stream = film.add_stream(CODEC, options=OPTIONS)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = _even(first[1].shape[1]), _even(first[1].shape[0])
        stream.pix_fmt, stream.time_base = "yuv420p", Fraction(1, 1000)
        stream.codec_context.time_base = Fraction(1, 1000)
        mark, at = _mark(stream.width, stream.height, watermark), first[0]

        def put(picture: Picture, ms: int) -> None:
            frame = av.VideoFrame.from_ndarray(_marked(picture, mark), format="rgb24")
            frame.pts, frame.time_base = ms, Fraction(1, 1000)
            film.mux(stream.encode(frame))

        put(first[1], at)
        last = first[1]
        for ms, picture in shown:
            at, last = max(ms, at + 1), picture  # two messages of one millisecond: a film has one picture a moment
            put(picture, at)
        put(last, at + LAST_MS)
        film.mux(stream.encode(None))
    return file.getvalue()


def _even(size: int) -> int:
    return size + size % 2


def _mark(width: int, height: int, words: str) -> Picture:
    """The watermark alone, white on black, slanted over everything."""
    image = Image.new("L", (width * 2, height * 2), 0)
    pen = ImageDraw.Draw(image)
    for top in range(0, height * 2, SPREAD[1]):
        for left in range(0, width * 2, SPREAD[0]):
            pen.text((left, top), words, fill=255, font_size=15)
    turned = image.rotate(20).crop((width // 2, height // 2, width // 2 + width, height // 2 + height))
    return np.asarray(turned)


def _marked(picture: Picture, mark: Picture) -> Picture:
    """A picture of the film's size, every letter of the watermark a shade darker or lighter than what is behind it."""
    height, width = mark.shape
    whole = np.full((height, width, 3), 255, np.uint8)
    part = picture[:height, :width]
    whole[: part.shape[0], : part.shape[1]] = part
    drawn = mark > 0
    behind = whole[drawn].astype(np.int16)
    whole[drawn] = np.where(behind > 127, behind - 48, behind + 48).astype(np.uint8)
    return whole
