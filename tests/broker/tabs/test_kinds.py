"""A file is what is in it, not what it is called."""

import pytest

from broker.tabs.kinds import ANYTHING, kind_of


@pytest.mark.parametrize(
    ("data", "name", "mime", "odd"),
    [
        (b"%PDF-1.7 ...", "eob.pdf", "application/pdf", False),
        (b"%PDF-1.7 ...", "eob", "application/pdf", False),
        (b"%PDF-1.7 ...", "eob.png", "application/pdf", True),
        (b"<!DOCTYPE html><script>", "eob.pdf", ANYTHING, True),
        (b"  <svg onload=alert(1)>", "logo.png", ANYTHING, True),
        (b"<html>", "report.html", ANYTHING, False),
        (b"MZ\x90\0", "statement.pdf", ANYTHING, True),
        (b"#!/bin/sh\n", "claims.csv", ANYTHING, True),
        (b"PK\x03\x04....", "claims.xlsx", "application/zip", False),
        (b"PK\x03\x04....", "claims.pdf", "application/zip", True),
        (b"ISA*00*          *00*", "remit.835", "text/plain", False),
        (b"patient,amount\r\n", "claims.csv", "text/plain", False),
        (b"\x89PNG\r\n\x1a\n", "scan.png", "image/png", False),
        (b"\0\1\2\3", "blob.bin", ANYTHING, False),
        (b"", "empty.pdf", ANYTHING, False),
    ],
)
def test_kind_is_found_in_the_bytes(data: bytes, name: str, mime: str, odd: bool) -> None:
    found = kind_of(data, name)
    assert (found.mime, bool(found.warning)) == (mime, odd)


def test_a_name_gets_the_ending_of_what_is_in_the_file() -> None:
    assert kind_of(b"%PDF-1.7", "eob.exe").named("eob.exe") == "eob.exe.pdf"
    assert kind_of(b"%PDF-1.7", "EOB.PDF").named("EOB.PDF") == "EOB.PDF"


def test_only_pdf_and_pictures_are_ever_shown() -> None:
    assert kind_of(b"%PDF-1.7", "a.pdf").shown_by_browsers
    assert not kind_of(b"<html>", "a.html").shown_by_browsers
    assert not kind_of(b"words", "a.txt").shown_by_browsers
