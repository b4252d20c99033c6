"""What makes a portal's pages heavy: style sheets, a script library, an image sprite, pictures; cached as in real life."""

import io
import random
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw
from starlette.requests import Request
from starlette.responses import Response

from carrier_scripts.lab.founding import SEED

TEMPLATES = Path(__file__).parent / "templates"
ICONS = 24
DAY = "public, max-age=86400, immutable"
COLOURS = {
    "harborline": ((11, 79, 108), (64, 188, 216)),
    "copper_mesa_az": ((140, 58, 22), (229, 168, 96)),
    "northgate": ((38, 34, 98), (126, 112, 214)),
}
COLOURS |= {"copper_mesa_nv": COLOURS["copper_mesa_az"]}
COLOURS |= {"oldfield_guild": ((90, 74, 18), (206, 190, 130))}
COLOURS |= {"evergreen_medicaid": ((31, 90, 50), (150, 200, 160))}
COLOURS |= {"sentinel_dental": ((43, 47, 56), (255, 210, 74))}
COLOURS |= {"tidewater_trust": ((14, 92, 99), (140, 205, 206))}
COLOURS |= {"meridian_shared": ((107, 31, 92), (222, 170, 210))}
COLOURS |= {"union_summit": ((10, 63, 143), (150, 190, 240))}
COLOURS |= {"pelican_federal": ((17, 46, 81), (150, 175, 205))}
COLOURS |= {"bluestone_mutual": ((20, 66, 122), (122, 176, 232))}
OWN_STYLES = {"harborline", "copper_mesa_az", "copper_mesa_nv", "northgate"}
"""Portals whose style sheet is all their own; the others add to a common one."""
LOOKS = {"copper_mesa_nv": "copper_mesa_az"}
"""Whose style sheet a portal shares."""
TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".png": "image/png"}


async def asset(request: Request, key: str) -> Response:
    """One file under `/assets/`."""
    name = request.path_params["name"]
    content = make(key, name)
    if content is None:
        return Response(status_code=404)
    etag = f'"{key}-{name}-{len(content)}"'
    headers = {"cache-control": DAY, "etag": etag}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=TYPES[Path(name).suffix], headers=headers)


@lru_cache(maxsize=256)
def make(key: str, name: str) -> bytes | None:
    """The file's bytes; None for a name the portal does not have."""
    if name == "site.css" and key not in OWN_STYLES:
        return (TEMPLATES / "common" / "house.css").read_bytes() + (TEMPLATES / key / "site.css").read_bytes()
    if name == "site.css":
        return (TEMPLATES / LOOKS.get(key, key) / "site.css").read_bytes()
    if name == "grid.css":
        return _grid().encode()
    if name == "library.js":
        return _library(key).encode()
    if name == "hero.png":
        return _hero(key)
    if name == "sprite.png":
        return _sprite(key)
    stem, _, number = name.removesuffix(".png").partition("-")
    if name.endswith(".png") and number.isdigit() and int(number) < ICONS:
        if stem == "icon":
            return _icon(key, int(number))
        if stem == "photo":
            return _photo(key, int(number))
    return None


def _grid() -> str:
    """Utility classes such as every large portal carries around, and hardly uses."""
    rules = [
        f".{side}-{size}-{unit}{{{name}:{size / 4}{unit}}}"
        for side, name in (
            ("mt", "margin-top"),
            ("mb", "margin-bottom"),
            ("pt", "padding-top"),
            ("pb", "padding-bottom"),
        )
        for size in range(40)
        for unit in ("rem", "em", "vh", "px")
    ]
    rules += [f".col-{n}-of-{of}{{width:{100 * n / of:.4f}%}}" for of in range(2, 37) for n in range(1, of + 1)]
    return "\n".join(rules)


def _library(key: str) -> str:
    """A script of the usual weight; defines one object and does nothing."""
    luck = random.Random(f"{SEED}/library/{key}")
    words = [f'"{luck.randbytes(24).hex()}"' for _ in range(2200)]
    return f"window.PortalLibrary=Object.freeze({{version:'{luck.randrange(3, 9)}.4.1',table:[{','.join(words)}]}});\n"


def _hero(key: str) -> bytes:
    """A wide picture of hills at dusk, with the grain of a photograph."""
    luck = random.Random(f"{SEED}/hero/{key}")
    dark, light = COLOURS[key]
    wide, high = 960, 180
    picture = Image.new("RGB", (wide, high), light)
    draw = ImageDraw.Draw(picture)
    for layer in range(5):
        share = layer / 5
        colour = tuple(round(light[c] * (1 - share) + dark[c] * share) for c in range(3))
        points = [(0, high)]
        height = high * (0.35 + 0.12 * layer)
        for x in range(0, wide + 40, 40):
            height += luck.uniform(-9, 9)
            points.append((x, round(height)))
        draw.polygon([*points, (wide, high)], fill=colour)
    return _png(_grain(picture, luck, 0.06))


def _photo(key: str, number: int) -> bytes:
    luck = random.Random(f"{SEED}/photo/{key}/{number}")
    dark, light = COLOURS[key]
    picture = Image.new("RGB", (120, 72), light)
    draw = ImageDraw.Draw(picture)
    for _ in range(6):
        x, y, r = luck.randrange(120), luck.randrange(72), luck.randrange(10, 40)
        share = luck.random()
        draw.ellipse(
            (x - r, y - r, x + r, y + r), fill=tuple(round(light[c] * share + dark[c] * (1 - share)) for c in range(3))
        )
    return _png(_grain(picture, luck, 0.05))


def _sprite(key: str) -> bytes:
    sheet = Image.new("RGBA", (32 * 6, 32 * 4), (0, 0, 0, 0))
    for number in range(ICONS):
        sheet.paste(_icon_picture(key, number), (32 * (number % 6), 32 * (number // 6)))
    return _png(sheet)


def _icon(key: str, number: int) -> bytes:
    return _png(_icon_picture(key, number))


def _icon_picture(key: str, number: int) -> Image.Image:
    luck = random.Random(f"{SEED}/icon/{key}/{number}")
    dark, light = COLOURS[key]
    picture = Image.new("RGBA", (32, 32), (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    draw.rounded_rectangle((2, 2, 29, 29), 7, fill=(*dark, 255))
    for _ in range(3):
        x, y = luck.randrange(6, 18), luck.randrange(6, 18)
        draw.rounded_rectangle((x, y, x + luck.randrange(4, 10), y + luck.randrange(4, 10)), 2, fill=(*light, 255))
    return picture


def _grain(picture: Image.Image, luck: random.Random, strength: float) -> Image.Image:
    noise = Image.frombytes("RGB", picture.size, luck.randbytes(picture.width * picture.height * 3))
    return Image.blend(picture, noise, strength)


def _png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()
