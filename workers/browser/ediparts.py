"""Segments of an X12 835 as a portal sent it: cut at the terminator its own envelope names, or refused."""

from workers.browser.calls import CallRefused

LARGEST = 8 * 1024 * 1024
ENVELOPE = 106
"""Characters of an ISA segment, its terminator the last."""


def segments_of(data: bytes) -> list[str]:
    """One text a segment. Raises `CallRefused` for what is no whole 835: an error page, half a download."""
    text = data.decode("latin-1").strip()
    if len(data) > LARGEST:
        raise CallRefused("unrecognised", "the file is larger than a lookup reads")
    if not text.startswith("ISA") or len(text) < ENVELOPE:
        raise CallRefused("unrecognised", "the file is no 835")
    element, terminator = text[3], text[ENVELOPE - 1]
    segments = [one.strip() for one in text.split(terminator) if one.strip()]
    if not segments[-1].startswith(f"IEA{element}") or not any(one.startswith(f"ST{element}835") for one in segments):
        raise CallRefused("unrecognised", "the file ends in the middle, or is no 835")
    return [one.replace(element, "*") for one in segments]
