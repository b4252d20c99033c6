"""Server-rendered pages: one Jinja environment, everything escaped, a missing value is an error."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse

from api import static
from api.access import Here
from api.act_words import in_words
from broker.identity.policy import Permission

WEB = Path(__file__).parent / "web"

environment = Environment(
    loader=FileSystemLoader(WEB / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
environment.globals["in_words"] = in_words
environment.globals["static"] = static.BASE

MENU: list[tuple[str, str, Permission]] = [
    ("Portals", "/", Permission.TAB_OPEN),
    ("Open tabs", "/open-tabs", Permission.TAB_WATCH),
    ("Open tabs", "/open-tabs", Permission.TAB_END_ANY),
    ("Lookups", "/lookups", Permission.LOOKUP_RUN),
    ("Code desk", "/codes", Permission.CODE_GIVE),
    ("My recordings", "/recordings", Permission.RECORDING_VIEW_OWN),
    ("Recordings", "/recordings", Permission.RECORDING_VIEW_ALL),
    ("Last code", "/last-code", Permission.LAST_CODE),
    ("Accounts", "/accounts", Permission.ACCOUNT_VIEW),
    ("Channels", "/channels", Permission.ACCOUNT_MANAGE),
    ("Locations", "/locations", Permission.PORTAL_MANAGE),
    ("Scripts", "/scripts", Permission.STATUS_VIEW),
    ("Audit log", "/audit", Permission.AUDIT_VIEW),
    ("People", "/people", Permission.USER_MANAGE),
    ("Status", "/status", Permission.STATUS_VIEW),
    ("Code waits", "/code-report", Permission.STATUS_VIEW),
]

HOMES: list[tuple[Permission, str]] = [
    (Permission.TAB_OPEN, "/"),
    (Permission.ACCOUNT_MANAGE, "/accounts"),
    (Permission.AUDIT_VIEW, "/last-code"),
    (Permission.SCRIPT_MAINTAIN, "/scripts"),
]
"""Where a day begins, by what a person is here for; the first that fits."""


def page(request: Request, name: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """Render a template. It also sees `here` (or None), `menu`, `csrf`, `path` and `request_id`."""
    found = getattr(request.state, "here", None)
    here = found if isinstance(found, Here) and found.login is not None and found.login.second_factor_at else None
    shared = {
        "here": here,
        "menu": list(
            dict.fromkeys((title, address) for title, address, needed in MENU if here and needed in here.held)
        ),
        "csrf": found.csrf if isinstance(found, Here) else "",
        "path": request.url.path,
        "request_id": request_id(request),
    }
    return HTMLResponse(environment.get_template(name).render(**shared | values), status)


def home(here: Here) -> str:
    """Where a person starts: where her work is, else the first page of her menu."""
    menu = [(needed, address) for _, address, needed in MENU]
    return next((address for needed, address in HOMES + menu if needed in here.held), "/me")


def request_id(connection: HTTPConnection) -> str:
    """The number of this request, in its answer's header and in the log."""
    return str(connection.scope.get("state", {}).get("request_id", "-"))
