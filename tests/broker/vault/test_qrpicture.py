"""Pictures of authenticator QR codes: honest ones in any shape, and ones made to break the reader."""

import io
import struct
import zlib

import pytest
import segno
from PIL import Image

from broker.base.errors import Incomplete
from broker.vault import qrpicture, qrreading
from broker.vault.totp import Seed

SEED = (
    "otpauth://totp/Northgate:dlopez?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Northgate&algorithm=SHA256&digits=8"
)


def drawn(text: str = SEED, **how) -> Image.Image:
    sink = io.BytesIO()
    segno.make(text).save(sink, kind="png", **({"scale": 6, "border": 4} | how))
    return Image.open(io.BytesIO(sink.getvalue())).convert("RGB")


def saved(image: Image.Image, kind: str = "PNG", **how) -> bytes:
    sink = io.BytesIO()
    image.save(sink, kind, **how)
    return sink.getvalue()


def beside(*images: Image.Image) -> Image.Image:
    whole = Image.new("RGB", (sum(one.width for one in images), max(one.height for one in images)), "white")
    at = 0
    for one in images:
        whole.paste(one, (at, 0))
        at += one.width
    return whole


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP"])
def test_a_picture_in_any_usual_format_is_read(kind: str) -> None:
    assert qrreading.read(saved(drawn(), kind)) == (SEED, None)


def test_a_large_turned_photograph_is_read() -> None:
    photo = Image.new("RGB", (4000, 3000), (214, 208, 199))
    photo.paste(drawn(scale=16).rotate(12, expand=True, fillcolor="white"), (900, 700))
    assert qrreading.read(saved(photo, "JPEG", quality=70))[0] == SEED


def test_a_code_on_transparent_ground_is_read() -> None:
    grey = drawn().convert("L")
    clear = Image.merge("RGBA", (*[Image.new("L", grey.size, 0)] * 3, grey.point(lambda level: 255 - level)))
    assert qrreading.read(saved(clear))[0] == SEED


def test_the_whole_way_through_the_killable_process() -> None:
    seed = Seed.parse(qrpicture.seed_in(saved(drawn())))
    assert (seed.totp.digits, seed.totp.interval) == (8, 30)


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (saved(Image.new("RGB", (300, 300), "white")), "No QR code"),
        (saved(drawn("https://harborline.sim.test/app")), "says something else"),
        (saved(drawn("otpauth-migration://offline?data=CjMKFGRvdWdo")), "export of several logins"),
        (saved(beside(drawn(), drawn(SEED.replace("dlopez", "mchen")))), "more than one"),
        (b"", "cannot be read"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 400, "cannot be read"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "cannot be read"),
        (saved(drawn())[:-200], "cannot be read"),
        (b"x" * (qrpicture.LARGEST_BYTES + 1), "cannot be read"),
    ],
    ids=["blank", "link", "export", "two", "empty", "torn", "svg", "cut", "large"],
)  # fmt: skip
def test_a_picture_that_does_not_help_is_refused_in_words(picture: bytes, words: str) -> None:
    with pytest.raises(Incomplete, match=words) as refused:
        qrpicture.seed_in(picture)
    assert "JBSWY3DP" not in str(refused.value)


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few kilobytes that says it is this large."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" * 4_000_000, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("width", "height"), [(60_000, 60_000), (2_000_000, 20), (7_000, 7_000)])
def test_a_picture_that_unfolds_to_gigabytes_is_given_up(width: int, height: int) -> None:
    with pytest.raises(Incomplete, match="cannot be read|No QR code"):
        qrpicture.seed_in(bomb(width, height))


def test_a_picture_that_takes_too_long_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qrpicture, "TIME_LIMIT_S", 0.01)
    with pytest.raises(Incomplete, match="cannot be read"):
        qrpicture.seed_in(saved(drawn()))
