"""A page's HTML with nothing in it that its script does not say, and the look at what is about to be written.

Both read the HTML by themselves: the look believes nothing that the scrubbing has done.
"""

import re
from dataclasses import dataclass, field
from html import escape
from html.parser import HTMLParser
from urllib.parse import urlsplit

from broker.base.errors import Refused
from workers.tryout.vocabulary import Vocabulary

TAGS = frozenset(
    [
        "html",
        "head",
        "body",
        "a",
        "abbr",
        "address",
        "article",
        "aside",
        "b",
        "blockquote",
        "br",
        "button",
        "caption",
        "center",
        "cite",
        "code",
        "col",
        "colgroup",
        "dd",
        "del",
        "details",
        "dfn",
        "dialog",
        "div",
        "dl",
        "dt",
        "em",
        "fieldset",
        "figcaption",
        "figure",
        "font",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hgroup",
        "hr",
        "i",
        "iframe",
        "input",
        "ins",
        "kbd",
        "label",
        "legend",
        "li",
        "main",
        "map",
        "mark",
        "menu",
        "meter",
        "nav",
        "ol",
        "optgroup",
        "option",
        "output",
        "p",
        "picture",
        "pre",
        "progress",
        "q",
        "s",
        "samp",
        "search",
        "section",
        "select",
        "small",
        "span",
        "strong",
        "sub",
        "summary",
        "sup",
        "table",
        "tbody",
        "td",
        "textarea",
        "tfoot",
        "th",
        "thead",
        "time",
        "tr",
        "tt",
        "u",
        "ul",
        "var",
        "wbr",
    ]
)
VOID = frozenset(
    ["br", "col", "hr", "input", "wbr", "link", "meta", "base", "img", "embed", "source", "track", "param", "frame"]
)
GONE = frozenset(
    [
        "script",
        "style",
        "link",
        "meta",
        "title",
        "base",
        "img",
        "svg",
        "math",
        "frame",
        "object",
        "embed",
        "noscript",
        "noembed",
        "noframes",
        "template",
        "xmp",
        "plaintext",
        "canvas",
        "audio",
        "video",
        "source",
        "track",
        "param",
    ]
)
EMPTIED = frozenset({"textarea", "iframe"})
"""They stay without what stands in them: a field's text; a frame's document is in its `srcdoc`."""
TEXTS = frozenset({"alt", "title", "aria-label", "placeholder"})
NAMES = frozenset({"class", "name", "data-testid"})
LINKS = frozenset({"href", "action"})
CLOSED = {
    "type": "button checkbox date email file hidden image month number password radio reset search submit tel text time url",
    "role": "alert alertdialog article banner button cell checkbox columnheader combobox dialog form grid gridcell group "
    "heading img link list listbox listitem main menu menubar menuitem navigation none option presentation radio radiogroup "
    "region row rowgroup rowheader search searchbox status switch tab table tablist tabpanel textbox toolbar tree treeitem",
    "method": "get post dialog",
    "autocomplete": "on off username current-password new-password one-time-code email tel",
}
NEVER = re.compile(r"on.*|style|src.*|content|value|formaction|ping|data|xmlns.*|http-equiv|is|slot|part")
BUTTONS = frozenset({"submit", "button", "reset"})
REFERS = frozenset({"id", "for", "aria-labelledby"})
STATUS = re.compile(r"[1-5]\d\d")
Attributes = list[tuple[str, str]]


@dataclass
class _Piece:
    """A tag, an end tag, a text, or anything else (a comment, a processing instruction)."""

    kind: str
    what: str
    attributes: Attributes = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[_Piece] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.pieces.append(_Piece("tag", tag, [(name, value or "") for name, value in attrs]))

    def handle_endtag(self, tag: str) -> None:
        self.pieces.append(_Piece("end", tag))

    def handle_data(self, data: str) -> None:
        if self.pieces and self.pieces[-1].kind == "text":
            self.pieces[-1].what += data
        else:
            self.pieces.append(_Piece("text", data))

    def handle_comment(self, data: str) -> None:
        self.pieces.append(_Piece("comment", data))

    def handle_decl(self, decl: str) -> None:
        self.pieces.append(_Piece("doctype" if decl.lower() == "doctype html" else "comment", decl))

    def handle_pi(self, data: str) -> None:
        self.pieces.append(_Piece("comment", data))

    def unknown_decl(self, data: str) -> None:
        self.pieces.append(_Piece("comment", data))


def scrubbed(html: str, address: str, status: int, known: Vocabulary) -> str:
    """The page as it is to be saved, with its address (no query) and the status it came with."""
    head = f'<link rel="canonical" href="{escape(canonical(address, known))}">'
    if status != 200:
        head += f'<meta name="saved-status" content="{status}">'
    return f"<!doctype html>\n<html><head>{head}</head>{_body(html, known)}</html>\n"


def _body(html: str, known: Vocabulary) -> str:
    """A document without its head; those of its frames by the same rules."""
    pieces = _speaking(_Reader(html).pieces)
    texts = [piece for piece in pieces if piece.kind == "text"]
    for piece, text in zip(texts, known.text(*(one.what for one in texts)), strict=True):
        piece.what = text
    ids = _Ids(known)
    for piece in pieces:
        if piece.kind in ("tag", "end"):
            piece.what = _tag(piece.what, known)
            piece.attributes = _attributes(piece, known, ids)
    return "".join(_written(piece) for piece in pieces if piece.kind == "text" or piece.what not in ("html", "head"))


def canonical(address: str, known: Vocabulary) -> str:
    """An address without what the script does not name; its port goes with a host that is not one of the script's."""
    shown = urlsplit(address)
    host = known.name(shown.hostname or "")
    port = f":{shown.port}" if shown.port and host == shown.hostname else ""
    return f"https://{host}{port}{known.name(shown.path)}"


def check(html: str, known: Vocabulary) -> None:
    """Raises `Refused` when this text holds anything that its script does not say. The words never tell what it is."""
    _check(html, known)


def _check(html: str, known: Vocabulary, *, framed: bool = False) -> None:
    pieces = _Reader(html).pieces
    for number, piece in enumerate(pieces):
        inside = pieces[number - 1].what if number else ""
        if piece.kind == "comment":
            raise _refused("a comment")
        if piece.kind == "tag" and piece.what in ("link", "meta") and not framed:
            _check_head(piece, known)
        elif piece.kind == "tag" and not _of_a_page(piece, known):
            raise _refused("an element that is none of a page's own")
        elif piece.kind == "tag":
            _check_attributes(piece, known)
        elif piece.kind == "text" and inside in EMPTIED and piece.what.strip():
            raise _refused("what a field holds")
    texts = [piece.what for piece in pieces if piece.kind == "text"]
    if known.text(*texts) != texts:
        raise _refused("words or numbers")


def _of_a_page(piece: _Piece, known: Vocabulary) -> bool:
    return piece.what not in GONE and piece.what == _tag(piece.what, known) and _stays(piece)


def _check_head(piece: _Piece, known: Vocabulary) -> None:
    told = dict(piece.attributes)
    if piece.what == "meta":
        if set(told) != {"name", "content"} or told["name"] != "saved-status" or not STATUS.fullmatch(told["content"]):
            raise _refused("facts in its head")
    elif set(told) != {"rel", "href"} or told["rel"] != "canonical" or told["href"] != canonical(told["href"], known):
        raise _refused("an address")


def _check_attributes(piece: _Piece, known: Vocabulary) -> None:
    for name, value in piece.attributes:
        if _carries(piece, name):
            _check(value, known, framed=True)
        elif _attribute(piece, name, value, known) != value:
            raise _refused(f"words or numbers in {name}" if re.fullmatch("[a-z-]{2,20}", name) else "an attribute")


def _refused(what: str) -> Refused:
    return Refused(f"A page still shows {what} that its script does not say; it was not saved.")


def _speaking(pieces: list[_Piece]) -> list[_Piece]:
    """Without the elements that go, what stands in them, comments, what fields hold, and frames that carry no document."""
    kept: list[_Piece] = []
    inside: _Piece | None = None
    for piece in pieces:
        if inside is not None:
            if piece.kind == "end" and piece.what == inside.what:
                kept += [piece] if _stays(inside) else []
                inside = None
            continue
        if piece.kind == "tag" and piece.what in GONE - VOID | EMPTIED:
            inside = piece
        if piece.kind == "text" or (piece.kind in ("tag", "end") and _stays(piece)):
            kept.append(piece)
    return kept


def _stays(piece: _Piece) -> bool:
    """Whether a tag is one of those that are kept; an end tag without its element is not."""
    if piece.what == "iframe":
        return any(_carries(piece, name) for name, _ in piece.attributes)
    return piece.what not in GONE


def _carries(piece: _Piece, name: str) -> bool:
    """Whether this attribute is a frame's document."""
    return piece.what == "iframe" and name == "srcdoc"


class _Ids:
    """Filler that tells two elements apart where their own ids did: a label belongs to its field."""

    def __init__(self, known: Vocabulary) -> None:
        self._known = known
        self._made: dict[str, str] = {}

    def __call__(self, one: str) -> str:
        if one not in self._made:
            made = filled = self._known.name(one, "id")
            others = 0
            while made != one and made in self._made.values():
                others += 1
                made = f"{filled}-{'x' * others}"
            self._made[one] = made
        return self._made[one]


def _attributes(piece: _Piece, known: Vocabulary, ids: _Ids) -> Attributes:
    made: Attributes = []
    for name, value in piece.attributes:
        if _carries(piece, name):
            made.append((name, f"<html><head></head>{_body(value, known)}</html>"))
        elif name in REFERS:
            made.append((name, " ".join(ids(one) for one in value.split())))
        elif (kept := _attribute(piece, name, value, known)) is not None:
            made.append((name, kept))
    return made


def _attribute(piece: _Piece, name: str, value: str, known: Vocabulary) -> str | None:
    """What stays of an attribute; None: it goes."""
    if name == "value" and piece.what == "input" and dict(piece.attributes).get("type", "").lower() in BUTTONS:
        return known.text(value)[0]
    if NEVER.fullmatch(name):
        return None
    if name in CLOSED and value.lower() in CLOSED[name].split():
        return value
    if name in TEXTS:
        return known.text(value)[0]
    if name in REFERS:
        return known.name(value, "id")
    if name == "href" and not known.asks(name):
        return "#"
    if name in LINKS:
        return (
            known.name(re.split(r"[?#]", value)[0] or value[:1], name) if name == "action" else known.name(value, name)
        )
    return known.name(value, name) if name in NAMES or name in CLOSED or known.asks(name) else None


def _tag(tag: str, known: Vocabulary) -> str:
    return tag if tag in TAGS or tag in GONE else known.name(tag).lower()


def _written(piece: _Piece) -> str:
    if piece.kind == "text":
        return escape(piece.what, quote=False)
    if piece.kind == "end":
        return f"</{piece.what}>" if piece.what not in VOID else ""
    attributes = "".join(f' {name}="{escape(value)}"' for name, value in piece.attributes)
    return f"<{piece.what}{attributes}>"
