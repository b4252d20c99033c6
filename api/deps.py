"""What routes ask FastAPI for."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from api.access import Here, HereNow, here
from broker.wiring import Portunus

__all__ = ["Here", "HereNow", "PortunusNow", "here"]


def portunus(connection: HTTPConnection) -> Portunus:
    """The process's one Portunus."""
    found = connection.app.state.portunus
    assert isinstance(found, Portunus)
    return found


PortunusNow = Annotated[Portunus, Depends(portunus)]
