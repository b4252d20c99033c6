"""Every page we serve, as each role that may see it: no axe violation, nothing to scroll sideways on a telephone."""

import importlib
import re

import pytest
from fastapi.routing import APIRoute

from tests.e2e.conftest import NARROW

pytestmark = pytest.mark.browser
PAGES = {
    None: ["/codes/link/unknown", "/sign-in", "/sign-in/link/unknown", "/sign-in/help"],
    "Maria": ["/", "/codes", "/recordings", "/recordings/{recording}", "/tabs/{lease}", "/me", "/nowhere", "/audit"],
    "Dan": ["/", "/codes", "/recordings"],
    "Ana": ["/accounts", "/people", "/last-code", "/codes", "/me", "/status", "/locations", "/on-call"],
    "Audrey": [
        "/last-code",
        "/last-code?portal=harborline&location=phoenix",
        "/recordings",
        "/audit",
        "/accounts",
        "/code-requests/{code_request}",
    ],
    "Grace": ["/open-tabs"],
    "Newcomer": ["/sign-in/continue", "/me/second-factor"],
}
OURS = (
    "accounts", "audit", "codes", "custody", "desk_links", "home", "last_code", "locations", "login", "me", "on_call",
    "people", "recordings", "status", "supervision", "tabs",
)  # fmt: skip
"""Route modules whose pages are visited here; channels and lookups have browser tests of their own."""
NO_PAGES = re.compile(
    r"/(api|static|hooks|healthz|readyz|version|start|tiles/events)|/(export|proof|stream)$|/downloads/"
)


@pytest.fixture(scope="module")
def morning(office) -> dict[str, str]:
    """An ordinary morning: a tab that was open and is recorded, one that is, codes waited for, a login the portal locked."""
    done = office.open("Maria", "harborline")
    office.until_ready(done)
    recording = office.recorded("Maria", done)
    office.end("Maria", done)
    lease = office.open("Maria", "northgate")
    office.until_ready(lease)
    for portal in ("palo_verde", "juniper_mutual", "cascade_health", "ironwood"):
        office.open("Maria", portal)
    office.lock("sonoran", words="The portal locked this login after too many wrong passwords. Call the provider line.")
    office.checkpoint()
    return {"recording": recording, "lease": lease, "code_request": office.last_code_request("harborline")}


def visit(screen, office, morning, name, path, **more):
    if name == "Newcomer":
        window = screen(**more)
        window.go(office.link(office.newcomer("Eve Castro")))
        window.page.get_by_role("button", name="Sign in").click()
        window.page.get_by_label("New password again").wait_for()
        return window
    window = screen(name, **more)
    window.go(path.format(**morning))
    if path.startswith("/tabs/"):
        window.page.wait_for_function("() => window.portunusViewer.frames > 0")
    return window


def named(name, path) -> str:
    return f"{(name or 'nobody').lower()}_{re.sub('[^a-z]+', '_', path.partition('?')[0].strip('/')) or 'launcher'}" + (
        "_answer" if "?" in path else ""
    )


@pytest.mark.parametrize(("name", "path"), [(name, path) for name, paths in PAGES.items() for path in paths])
def test_page_has_no_axe_violation_and_fits_a_telephone(screen, office, morning, name, path) -> None:
    window = visit(screen, office, morning, name, path)
    window.picture(named(name, path))
    assert window.faults() == []
    window.page.set_viewport_size(NARROW)
    window.picture(named(name, path) + "_narrow")
    assert window.too_wide() == []


@pytest.mark.parametrize(
    ("name", "path"), [("Maria", "/"), ("Dan", "/codes"), ("Audrey", "/last-code?portal=harborline&location=phoenix")]
)
def test_page_is_as_readable_in_the_dark(screen, office, morning, name, path) -> None:
    window = visit(screen, office, morning, name, path, color_scheme="dark")
    window.picture(named(name, path) + "_dark")
    assert window.faults() == []


def test_player_plays_and_has_no_axe_violation(screen, office, morning) -> None:
    window = screen("Audrey")
    window.go(f"/recordings/{morning['recording']}")
    window.page.get_by_label("Why do you view it?").fill("Quarterly sample")
    window.page.keyboard.press("Enter")
    window.page.wait_for_function("() => window.portunusPlayer && window.portunusPlayer.drawn > 0")
    first = window.page.locator("#timeline li").first
    assert re.search(r"before\s+e-mail: code accepted, typed at \d\d:\d\d:\d\d UTC", first.inner_text())
    assert first.get_by_role("link").get_attribute("href") == f"/code-requests/{morning['code_request']}"
    window.picture("player")
    assert window.faults() == []
    window.page.set_viewport_size(NARROW)
    window.picture("player_narrow")
    assert window.too_wide() == []


def test_no_page_of_ours_is_left_out() -> None:
    served = {
        route.path
        for module in OURS
        for route in importlib.import_module(f"api.routes.{module}").router.routes
        if isinstance(route, APIRoute) and "GET" in route.methods and not NO_PAGES.search(route.path)
    }
    visited = {re.sub(r"\{\w+\}|unknown", "{}", path.partition("?")[0]) for paths in PAGES.values() for path in paths}
    assert [path for path in served if re.sub(r"\{\w+\}", "{}", path) not in visited] == []
