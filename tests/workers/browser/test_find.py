"""The browser that is found is one that the user who will run it can run; what is installed is asked again."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.base.errors import Unavailable
from broker.base.settings import Settings
from workers.browser import find as finding

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")
WORKS = "#!/bin/sh\necho 'Headless 1.0'\n"
LACKS_A_LIBRARY = "#!/bin/sh\necho 'libnss3.so: cannot open shared object file' >&2\nexit 127\n"


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A machine without a browser: an empty home, an empty shared cache and an empty PATH, open to every user."""
    folder = Path(tempfile.mkdtemp(prefix="ptn-find-", dir="/tmp"))
    folder.chmod(0o755)
    for name in ("home", "shared", "bin"):
        (folder / name).mkdir(mode=0o755)
    monkeypatch.setenv("HOME", str(folder / "home"))
    monkeypatch.setenv("PATH", str(folder / "bin"))
    monkeypatch.delenv("PLAYWRIGHT_BROWSERS_PATH", raising=False)
    monkeypatch.setattr(finding, "SHARED", folder / "shared")
    yield folder
    shutil.rmtree(folder)


def script(file: Path, text: str = WORKS) -> str:
    """An executable script; returns its path."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    file.chmod(0o755)
    return str(file)


def playwrights(cache: Path, text: str = WORKS) -> str:
    """Playwright's own headless shell in this cache."""
    return script(cache / "chromium_headless_shell-1" / "chrome-linux" / "headless_shell", text)


@pytest.fixture
def installed(machine: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, str]]]:
    """Installers that only note that they were called; a test says what they bring."""
    called: list[tuple[str, dict[str, str]]] = []
    script(machine / "bin" / "apt-get")
    monkeypatch.setattr(finding, "_quiet", lambda command, **more: called.append((" ".join(command[-4:]), more)))
    return called


def test_playwrights_own_is_preferred(machine: Path) -> None:
    script(machine / "bin" / "chromium")
    own = playwrights(machine / "shared")
    assert finding.find(Settings()).path == own


@as_root
def test_a_browser_in_roots_closed_home_is_not_one_for_the_user_who_will_run_it(machine: Path) -> None:
    playwrights(machine / "home" / ".cache" / "ms-playwright")
    (machine / "home").chmod(0o700)
    other = script(machine / "bin" / "chromium")
    assert finding.find(Settings()).path == other


@as_root
def test_a_chosen_browser_that_the_user_cannot_run_is_refused_with_the_users_name(machine: Path) -> None:
    own = script(machine / "home" / "chromium")
    (machine / "home").chmod(0o700)
    with pytest.raises(Unavailable, match="does not start as nobody"):
        finding.find(Settings(browser=Path(own)))


def test_a_browser_that_is_asked_for_its_version_sees_no_secret_of_ours(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTUNUS_ROOT_KEY", "planted")
    own = script(machine / "bin" / "chromium", '#!/bin/sh\necho "Headless ${PORTUNUS_ROOT_KEY:-sees nothing}"\n')
    assert finding.find(Settings(browser=Path(own))).version == "Headless sees nothing"


@as_root
def test_a_user_that_is_not_there_is_said_so(machine: Path) -> None:
    with pytest.raises(Unavailable, match="PORTUNUS_BROWSER_USER"):
        finding.find(Settings(browser_user="nobody-of-this-name"))


@as_root
def test_root_has_playwright_install_where_others_can_read(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def bring(command: list[str], **environment: str) -> None:
        playwrights(Path(environment["PLAYWRIGHT_BROWSERS_PATH"]))

    monkeypatch.setattr(finding, "_quiet", bring)
    assert finding.find(Settings()).path.startswith(str(machine / "shared"))


@as_root
def test_apt_is_tried_when_what_playwright_brought_lacks_libraries(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(machine / "bin" / "apt-get")

    def bring(command: list[str], **environment: str) -> None:
        if "playwright" in command:
            playwrights(machine / "shared", LACKS_A_LIBRARY)
        elif "install" in command:
            script(machine / "bin" / finding.PACKAGE)

    monkeypatch.setattr(finding, "_quiet", bring)
    assert finding.find(Settings()).path == str(machine / "bin" / finding.PACKAGE)


def test_apt_is_left_alone_when_what_playwright_brought_works(
    machine: Path, installed: list[tuple[str, dict[str, str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    noting = finding._quiet

    def bring(command: list[str], **environment: str) -> None:
        noting(command, **environment)
        playwrights(machine / "shared")

    monkeypatch.setattr(finding, "_quiet", bring)
    finding.find(Settings())
    assert [command for command, _ in installed] == ["playwright install --only-shell chromium"]


def test_where_nothing_helps_it_says_what_to_do(machine: Path, installed: list[tuple[str, dict[str, str]]]) -> None:
    with pytest.raises(Unavailable, match="apt-get install chromium-headless-shell"):
        finding.find(Settings())
    assert "playwright install --only-shell chromium" in [command for command, _ in installed]
