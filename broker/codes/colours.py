"""CSS colours, as far as needed to tell whether letters can be seen on their ground (CSS Color 4; WCAG 2.2 contrast)."""

import colorsys
import re
from typing import NamedTuple

UNSEEN_CONTRAST = 1.25
"""Below this contrast ratio nobody reads the letters; WCAG asks for 4.5."""
UNSEEN_ALPHA = 0.1
NAMED = dict(
    re.findall(
        r"(\w+):(\w{6})",
        "aliceblue:f0f8ff antiquewhite:faebd7 aqua:00ffff aquamarine:7fffd4 azure:f0ffff beige:f5f5dc bisque:ffe4c4 "
        "black:000000 blanchedalmond:ffebcd blue:0000ff blueviolet:8a2be2 brown:a52a2a cornsilk:fff8dc crimson:dc143c "
        "cyan:00ffff darkblue:00008b darkgray:a9a9a9 darkgreen:006400 darkgrey:a9a9a9 darkred:8b0000 dimgray:696969 "
        "dimgrey:696969 floralwhite:fffaf0 fuchsia:ff00ff gainsboro:dcdcdc ghostwhite:f8f8ff gold:ffd700 gray:808080 "
        "green:008000 grey:808080 honeydew:f0fff0 indigo:4b0082 ivory:fffff0 khaki:f0e68c lavender:e6e6fa "
        "lavenderblush:fff0f5 lemonchiffon:fffacd lightblue:add8e6 lightcyan:e0ffff lightgray:d3d3d3 lightgreen:90ee90 "
        "lightgrey:d3d3d3 lightyellow:ffffe0 lime:00ff00 linen:faf0e6 magenta:ff00ff maroon:800000 midnightblue:191970 "
        "mintcream:f5fffa mistyrose:ffe4e1 navy:000080 oldlace:fdf5e6 olive:808000 orange:ffa500 orangered:ff4500 "
        "pink:ffc0cb plum:dda0dd purple:800080 red:ff0000 royalblue:4169e1 seashell:fff5ee silver:c0c0c0 skyblue:87ceeb "
        "slategray:708090 slategrey:708090 snow:fffafa steelblue:4682b4 tan:d2b48c teal:008080 tomato:ff6347 "
        "violet:ee82ee white:ffffff whitesmoke:f5f5f5 yellow:ffff00",
    )
)
HEX = re.compile(r"#?([0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})")
FUNCTION = re.compile(r"(rgb|hsl)a?\(([^()]*)\)")


class Colour(NamedTuple):
    """Red, green, blue and alpha, each 0 to 1."""

    red: float
    green: float
    blue: float
    alpha: float = 1.0

    @property
    def luminance(self) -> float:
        """Relative luminance (WCAG 2.2)."""
        parts = [
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
            for part in (self.red, self.green, self.blue)
        ]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    def over(self, ground: "Colour") -> "Colour":
        """This colour as it looks on an opaque ground."""
        mix = [mine * self.alpha + theirs * (1 - self.alpha) for mine, theirs in zip(self[:3], ground[:3], strict=True)]
        return Colour(*mix)


WHITE, BLACK = Colour(1, 1, 1), Colour(0, 0, 0)


def can_be_read(letters: Colour, ground: Colour) -> bool:
    """Whether a person sees letters of this colour on this ground."""
    if letters.alpha < UNSEEN_ALPHA:
        return False
    a, b = letters.over(ground).luminance, ground.luminance
    return (max(a, b) + 0.05) / (min(a, b) + 0.05) >= UNSEEN_CONTRAST


def parse(text: str) -> Colour | None:
    """A CSS colour; None for one that is not known (a variable, a system colour)."""
    text = text.strip().lower().replace("!important", "").strip()
    if text == "transparent":
        return Colour(0, 0, 0, 0)
    if text in NAMED:
        return _from_number(NAMED[text])
    if found := HEX.fullmatch(text):
        return _from_number(found[1])
    if found := FUNCTION.fullmatch(text):
        parts = [part for part in re.split(r"[\s,/]+", found[2].strip()) if part]
        try:
            return _from_rgb(parts) if found[1] == "rgb" else _from_hsl(parts)
        except ValueError:
            return None
    return None


def _from_number(digits: str) -> Colour:
    if len(digits) in (3, 4):
        digits = "".join(2 * digit for digit in digits)
    return Colour(*(int(digits[place : place + 2], 16) / 255 for place in range(0, len(digits), 2)))


def _from_rgb(parts: list[str]) -> Colour:
    if len(parts) not in (3, 4):
        raise ValueError
    red, green, blue = (_share(part, 255) for part in parts[:3])
    return Colour(red, green, blue, _share(parts[3], 1) if len(parts) == 4 else 1.0)


def _from_hsl(parts: list[str]) -> Colour:
    if len(parts) not in (3, 4):
        raise ValueError
    hue = float(parts[0].removesuffix("deg")) / 360 % 1
    red, green, blue = colorsys.hls_to_rgb(hue, _share(parts[2], 100), _share(parts[1], 100))
    return Colour(red, green, blue, _share(parts[3], 1) if len(parts) == 4 else 1.0)


def _share(text: str, whole: float) -> float:
    value = float(text.removesuffix("%")) / (100 if text.endswith("%") else whole)
    return min(max(value, 0.0), 1.0)
