"""The text of an HTML page as a person sees it: hidden, tiny, off-screen and ground-coloured letters are left out."""

import re
from dataclasses import dataclass, replace

from selectolax.lexbor import LexborHTMLParser, LexborNode

from broker.codes import colours
from broker.codes.colours import Colour
from broker.codes.stylesheet import Declarations, Unclear, styles

UNSEEN_TAGS = frozenset(
    re.findall(
        r"\w+",
        "script style head title template noscript object svg iframe audio video canvas map select textarea datalist",
    )
)
BLOCKS = frozenset(
    re.findall(
        r"\w+",
        "p div table tbody thead tfoot tr li ul ol dl dt dd h1 h2 h3 h4 h5 h6 section article header footer main center "
        "blockquote pre hr form fieldset address figure figcaption body",
    )
)
LEAST_PX = 4.0
OFF_PX = -100.0
ELEMENTS = 20_000
LENGTH = re.compile(r"(-?\d*\.?\d+)\s*(px|pt|em|rem|%|vw|vh|ch|ex|in|cm|mm)?")
PX = {"px": 1.0, "pt": 4 / 3, "in": 96.0, "cm": 37.8, "mm": 3.78, "vw": 10.0, "vh": 8.0, "ch": 8.0, "ex": 8.0}
FONT_WORDS = {"xx-small": 9.0, "x-small": 10.0, "small": 13.0, "medium": 16.0, "large": 18.0, "x-large": 24.0}
GONE = re.compile(r"scale[xy3d]*\(\s*0|translate[xy3d]*\(\s*-\s*\d{3,}|rotate[xy]\(\s*90deg")


@dataclass(frozen=True)
class Ink:
    """What an element hands on to the letters in it."""

    letters: Colour = colours.BLACK
    ground: Colour | None = colours.WHITE
    """None: a picture, or a colour that is not known; then letters count as seen."""
    font_px: float = 16.0
    visible: bool = True
    transform: str = ""

    @property
    def seen(self) -> bool:
        """Whether a person sees letters written with it."""
        if not self.visible or self.font_px < LEAST_PX or self.letters.alpha < colours.UNSEEN_ALPHA:
            return False
        return self.ground is None or colours.can_be_read(self.letters, self.ground)


def visible_text(html: str) -> str:
    """Visible text, a line per block. Raises `Unclear` when styles reorder or add letters, or it is too large."""
    tree = LexborHTMLParser(html)
    declared = styles(tree)
    root = tree.body or tree.root
    if root is None:
        return ""
    told: list[str] = []
    waiting: list[tuple[LexborNode | str, Ink]] = [(root, Ink())]
    count = 0
    while waiting:
        node, ink = waiting.pop()
        if isinstance(node, str):
            told.append(node)
            continue
        count += 1
        if count > ELEMENTS:
            raise Unclear("Its page has too many elements.")
        if node.is_text_node:
            if ink.seen:
                told.append(_transformed(re.sub(r"\s+", " ", node.text_content or ""), ink.transform))
            continue
        tag = node.tag or ""
        if not node.is_element_node or tag in UNSEEN_TAGS:
            continue
        if tag == "br":
            told.append("\n")
            continue
        style = declared.get(node.mem_id, {})
        if _gone(node, style):
            continue
        ink = _inked(node, style, ink)
        _refuse_reordered(node, style)
        edge = "\n" if tag in BLOCKS else " " if tag in ("td", "th") else ""
        told.append(edge)
        waiting.append((edge, ink))
        child = node.last_child
        while child is not None:
            waiting.append((child, ink))
            child = child.prev
    return "".join(told)


def _transformed(text: str, how: str) -> str:
    return text.upper() if how == "uppercase" else text.lower() if how == "lowercase" else text


def _gone(node: LexborNode, style: Declarations) -> bool:
    """Whether nothing in this element can be seen, whatever its children say."""
    attributes = node.attributes
    if "hidden" in attributes or (node.tag == "details" and "open" not in attributes):
        return True
    if style.get("display", "").startswith("none") or style.get("mso-hide", "").startswith("all"):
        return True
    if style.get("content-visibility", "").startswith("hidden"):
        return True
    opacity = _number(style.get("opacity", ""))
    if opacity is not None and opacity < colours.UNSEEN_ALPHA:
        return True
    if "opacity(0" in style.get("filter", "").replace(" ", "") or GONE.search(style.get("transform", "")):
        return True
    return _no_room(node, style) or _off_screen(style)


def _no_room(node: LexborNode, style: Declarations) -> bool:
    clip = style.get("clip", "").replace(" ", "").replace(",", "")
    if clip in ("rect(0000)", "rect(0px0px0px0px)", "rect(1px1px1px1px)", "rect(1px1px1px1px)!important"):
        return True
    if re.search(r"inset\(\s*(?:50|100)%|circle\(\s*0", style.get("clip-path", "")):
        return True
    cut = style.get("overflow", style.get("overflow-y", "")).startswith(("hidden", "clip"))
    small = [_px(style[name]) for name in ("max-height", "max-width", "height", "width") if name in style]
    if cut and any(size is not None and size <= 1 for size in small):
        return True
    if _px(style.get("max-height", "")) == 0:
        return True
    return node.tag in ("td", "th", "div", "img") and node.attributes.get("width") == "0"


def _off_screen(style: Declarations) -> bool:
    for name in ("text-indent", "margin-left", "margin-top", "margin-right"):
        moved = _px(style.get(name, ""))
        if moved is not None and moved <= OFF_PX:
            return True
    if not style.get("position", "").startswith(("absolute", "fixed", "relative")):
        return False
    moves = [_px(style[name]) for name in ("left", "top", "right", "bottom") if name in style]
    return any(moved is not None and moved <= OFF_PX for moved in moves)


def _inked(node: LexborNode, style: Declarations, ink: Ink) -> Ink:
    attributes = node.attributes
    letters = style.get("-webkit-text-fill-color") or style.get("color") or attributes.get("color")
    if letters and (colour := colours.parse(letters)):
        ink = replace(ink, letters=colour)
    ink = replace(ink, ground=_ground(style, attributes.get("bgcolor"), "background" in attributes, ink.ground))
    if size := style.get("font-size") or _size_in_font(style.get("font", "")):
        ink = replace(ink, font_px=_font_px(size, ink.font_px))
    if "text-transform" in style:
        ink = replace(ink, transform=style["text-transform"].partition("!")[0].strip())
    if "visibility" in style:
        ink = replace(ink, visible=style["visibility"].startswith(("visible", "inherit")))
    return ink


def _ground(style: Declarations, bgcolor: str | None, picture: bool, ground: Colour | None) -> Colour | None:
    text = style.get("background-color") or style.get("background") or bgcolor
    if picture or "url(" in (text or "") or "gradient" in (text or "") or "background-image" in style:
        return None
    if not text:
        return ground
    for part in re.findall(r"[a-z]+a?\([^()]*\)|[^\s]+", text.lower()):
        colour = colours.parse(part)
        if colour is not None:
            return colour.over(ground or colours.WHITE) if colour.alpha < 1 else colour
    return ground if text.strip() in ("none", "inherit", "initial", "unset", "0", "0 0") else None


def _size_in_font(text: str) -> str:
    found = re.search(r"(\d*\.?\d+(?:px|pt|em|rem|%))", text)
    return found[1] if found else ""


def _font_px(text: str, parent: float) -> float:
    text = text.partition("!")[0].strip()
    if text in FONT_WORDS:
        return FONT_WORDS[text]
    found = LENGTH.fullmatch(text)
    if found is None:
        return parent
    value, unit = float(found[1]), found[2] or "px"
    if unit in ("em", "%"):
        return parent * value / (100 if unit == "%" else 1)
    return value * (16 if unit == "rem" else PX[unit])


def _px(text: str) -> float | None:
    found = LENGTH.fullmatch(text.partition("!")[0].strip())
    if found is None:
        return None
    unit = found[2] or "px"
    return float(found[1]) * (16 if unit in ("em", "rem") else 8 if unit == "%" else PX[unit])


def _number(text: str) -> float | None:
    try:
        share = text.partition("!")[0].strip()
        return float(share.removesuffix("%")) / (100 if share.endswith("%") else 1)
    except ValueError:
        return None


def _refuse_reordered(node: LexborNode, style: Declarations) -> None:
    """Digits that styles put in another order than they stand in are for a person to read."""
    attributes = node.attributes
    turned = (
        style.get("direction", "").startswith("rtl")
        or (attributes.get("dir") or "").lower() == "rtl"
        or "override" in style.get("unicode-bidi", "")
        or node.tag == "bdo"
        or "reverse" in style.get("flex-direction", "")
        or "scale" in style.get("transform", "")
        or "rotate" in style.get("transform", "")
    )
    moved = (
        style.get("float", "").startswith("right")
        or style.get("position", "").startswith(("absolute", "fixed", "relative"))
        or "order" in style
    )
    words = node.text(deep=True).strip()[:200] if turned or moved else ""
    if turned and re.search(r"\d", words):
        raise Unclear("It turns the reading direction around numbers: a person must read it.")
    if moved and re.fullmatch(r"[\d\s]{1,8}", words):
        raise Unclear("It moves single digits about: a person must read it.")
