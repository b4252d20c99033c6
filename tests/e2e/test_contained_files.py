"""Files that a portal hands out under hostile names and with hostile content, to the person's own disk (threats UD1, UD2)."""

import re

import pytest
from playwright.sync_api import Response, expect

from broker.tabs.files import RESERVED
from tests.e2e.remote import Remote, Viewer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
PDF = b"%PDF-1.4\n%\xe2\xe3\n1 0 obj<<>>endobj trailer<<>>\n%%EOF"
PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,90}")
NAMES = (
    'filename="../../x.pdf"',
    r'filename="..\..\x.pdf"',
    "filename*=UTF-8''a%00b.pdf",
    'filename="CON.pdf"',
    f'filename="{"x" * 4000}.pdf"',
    "filename*=UTF-8''claim%E2%80%AEfdp.exe",
    "filename*=UTF-8''a%0D%0ASet-Cookie:%20b=c.pdf",
)
CONTENTS = {
    "page": b"<!doctype html><script>document.title = 'ran'</script>",
    "program": b"MZ\x90\x00" + b"\0" * 200,
    "old office file": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 200,
    "new office file": b"PK\x03\x04" + b"\0" * 26 + b"word/vbaProject.bin",
    "drawing with a script": b"<svg xmlns='http://www.w3.org/2000/svg'><script>document.title = 'ran'</script></svg>",
    "picture that is a page": b"GIF89a/*<script>document.title = 'ran'</script>*/=1;",
}


@pytest.fixture(autouse=True)
def one_tab(maria: Viewer) -> None:
    """Each test begins with one tab."""
    maria.one_tab()


def saved(maria: Viewer, remote: Remote) -> tuple[str, bytes, Response]:
    """She clicks the portal's link and saves what comes: its name on her disk, its bytes, the answer it came with."""
    answers: list[Response] = []

    def came(answer: Response) -> None:
        answers.append(answer)

    maria.page.context.on("response", came)
    remote.show("<a href='/eob'>EOB</a>")
    maria.click("a")
    row = maria.page.locator("#files li").first
    with maria.page.expect_download() as coming:
        row.get_by_role("button", name="Save").click()
    data = coming.value.path().read_bytes()
    row.get_by_role("button", name="away").click()
    expect(row).to_have_count(0)
    maria.page.context.remove_listener("response", came)
    (answer,) = [one for one in answers if one.url == f"{remote.office.portunus.settings.download_url}/files"]
    return coming.value.suggested_filename, data, answer


@pytest.mark.parametrize("told", NAMES)
def test_ud1_a_hostile_name_is_replaced_by_a_plain_one(maria: Viewer, remote: Remote, told: str) -> None:
    remote.pages["/eob"] = ("application/pdf", f"attachment; {told}", PDF)
    name, data, answer = saved(maria, remote)
    assert data == PDF
    assert PLAIN.fullmatch(name)
    assert name.endswith(".pdf")
    assert not RESERVED.match(name)
    headers = answer.headers
    assert headers["content-disposition"] == f'attachment; filename="{name}"'
    assert "set-cookie" not in headers


@pytest.mark.parametrize("what", CONTENTS)
def test_ud2_a_pdf_that_is_something_else_is_named_so_and_never_shown(maria: Viewer, remote: Remote, what: str) -> None:
    remote.pages["/eob"] = ("application/pdf", "attachment; filename=eob.pdf", CONTENTS[what])
    remote.sent.clear()
    _, data, answer = saved(maria, remote)
    headers = answer.headers
    assert data == CONTENTS[what]
    assert (headers["content-type"], headers["x-content-type-options"]) == ("application/octet-stream", "nosniff")
    assert headers["content-disposition"].startswith("attachment;")
    assert any(b"This file is a program" in one or b"not what its name says" in one for one in remote.sent)
    assert not answer.url.startswith(remote.office.portunus.settings.public_url + "/")
