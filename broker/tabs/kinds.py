"""What a file is, by what is in it; what its name says is only compared. Anything a browser could run is a plain download."""

from dataclasses import dataclass

ANYTHING = "application/octet-stream"
SIGNS = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"PK\x03\x04", "application/zip"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"{\\rtf", "application/rtf"),
)
ENDINGS = {
    "application/pdf": (".pdf",),
    "image/png": (".png",),
    "image/jpeg": (".jpg", ".jpeg"),
    "image/gif": (".gif",),
    "image/tiff": (".tif", ".tiff"),
    "application/zip": (".zip", ".xlsx", ".docx", ".pptx", ".ods", ".odt"),
    "application/x-ole-storage": (".xls", ".doc", ".ppt", ".msg"),
    "application/rtf": (".rtf",),
    "text/plain": (".txt", ".csv", ".tsv", ".edi", ".x12", ".835", ".837", ".271", ".277", ".999", ".log", ".md"),
}
"""The endings each kind may have; the first is added when a name has none of them."""
SHOWN = frozenset({"application/pdf", "image/png", "image/jpeg", "image/gif"})
RUNS = (b"MZ", b"\x7fELF", b"#!", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe")
MARKUP = (b"<!doctype", b"<html", b"<script", b"<svg", b"<?xml")
HEAD = 1024


@dataclass(frozen=True)
class Kind:
    """A content type that was found, and what is odd about it."""

    mime: str
    warning: str = ""

    @property
    def shown_by_browsers(self) -> bool:
        return self.mime in SHOWN

    def named(self, name: str) -> str:
        """The name with an ending that fits what is in the file."""
        endings = ENDINGS.get(self.mime)
        if endings is None or name.lower().endswith(endings):
            return name
        return name + endings[0]


def kind_of(data: bytes, name: str) -> Kind:
    """What these bytes are. A file that pretends, or that a machine would run, comes with a warning."""
    start = data[:HEAD]
    lower = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(RUNS):
        return Kind(ANYTHING, "This file is a program. Do not open it unless you expected one.")
    if lower.startswith(MARKUP):
        return Kind(ANYTHING, "" if name.lower().endswith((".xml", ".html", ".htm", ".svg")) else _pretends(name))
    for sign, mime in SIGNS:
        if start.startswith(sign):
            return Kind(mime, "" if _fits(name, mime) else _pretends(name))
    if data and b"\0" not in start and _is_text(start):
        return Kind("text/plain", "" if _fits(name, "text/plain") else _pretends(name))
    return Kind(ANYTHING)


def _fits(name: str, mime: str) -> bool:
    """Whether the name has an ending of this kind, or none that any other kind has."""
    lower = name.lower()
    others = [ending for kind, endings in ENDINGS.items() if kind != mime for ending in endings]
    return lower.endswith(ENDINGS[mime]) or not lower.endswith(tuple(others))


def _pretends(name: str) -> str:
    return f"The file is not what its name says ({name.rpartition('.')[2][:8] or 'no ending'}). Open it with care."


def _is_text(start: bytes) -> bool:
    try:
        start.decode("utf-8")
    except UnicodeDecodeError as wrong:
        return wrong.start >= len(start) - 3 or all(byte >= 9 for byte in start)
    return True
