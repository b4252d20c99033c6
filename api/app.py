"""The web application: every router in `api/routes` is included, and none without an access declaration."""

import importlib
import pkgutil
from collections.abc import Iterator
from threading import Timer
from typing import Any

from fastapi import APIRouter, FastAPI

from api import errors, routes, static
from api.access import declarations
from api.security import Edge
from api.sms_gate import SmsGate
from broker.base.logs import set_up_logs
from broker.wiring import Portunus, build

WARM_UP_S = 3.0


def create_app(portunus: Portunus) -> FastAPI:
    """The application on the given parts. Raises RuntimeError when a route declares no access."""
    app = FastAPI(
        title="Portunus",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        telemetry={"logs": False, "auto_configure": False},
    )
    app.state.portunus = portunus
    for router in routers():  # as they are: including one would analyse each of its routes a second time
        app.router.routes.extend(router.routes)
    app.mount(static.PATH, static.VersionedFiles(directory=static.FOLDER), name="static")
    errors.install(app)
    app.add_middleware(SmsGate, portunus=portunus)
    app.add_middleware(Edge, public_url=portunus.settings.public_url, download_url=portunus.settings.download_url)
    undeclared = [name for name, found in declarations(app) if len(found) != 1]
    if undeclared:
        raise RuntimeError(f"routes without exactly one access declaration: {', '.join(undeclared)}")
    return app


def routers() -> Iterator[APIRouter]:
    """The `router` of every module in `api/routes`."""
    for module in sorted(pkgutil.iter_modules(routes.__path__), key=lambda found: found.name):
        yield importlib.import_module(f"{routes.__name__}.{module.name}").router


def __getattr__(name: str) -> Any:
    """`uvicorn api.app:app` builds the real one; importing this module builds nothing."""
    if name != "app":
        raise AttributeError(name)
    portunus = build()
    set_up_logs(json=portunus.settings.log_json)
    made = create_app(portunus)
    later = Timer(WARM_UP_S, portunus.queue.warm_up)  # not while everything else starts
    later.daemon = True
    later.start()
    globals()["app"] = made
    return made
