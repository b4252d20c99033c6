"""Who is asking: a person, a service account, the system itself, or the operator at the machine's own shell."""

from dataclasses import dataclass
from enum import StrEnum


class ActorKind(StrEnum):
    USER = "user"
    SERVICE = "service"
    SYSTEM = "system"
    OPERATOR = "operator"


@dataclass(frozen=True)
class Actor:
    """`id` is the user's or service account's id, or the process name for the system, the OS user for the operator."""

    kind: ActorKind
    id: str
    name: str
    login_id: str | None = None
    """The sign-in session (`Login`) the request came with, if a person's."""
    address: str | None = None
    """Client IP address, if the request came over the network."""


def system(process: str) -> Actor:
    """The actor for work no person asked for: `system("browserhost")`."""
    return Actor(kind=ActorKind.SYSTEM, id=process, name=process)
