"""Who somebody is at the machine's own shell: an account of the operating system that an administrator has named a person's."""

import re

from sqlalchemy import select

from broker.audit import service as audit
from broker.audit.acts import Act
from broker.base.actor import Actor, ActorKind
from broker.base.errors import Conflict, Incomplete, Refused
from broker.base.unit import Unit
from broker.identity.models import ShellName, User
from broker.identity.people import find_user
from broker.identity.policy import Permission, require

_NAME = re.compile(r"[a-z_][a-z0-9_.-]{0,31}\$?")


def name_at_shell(work: Unit, user_id: str, name: str) -> None:
    """From now on this account of the operating system is this person, and no other; an empty name: none is.

    Raises `Incomplete`, `Conflict` for somebody else's, `Refused` at the shell, where anybody could name herself.
    """
    require(work, Permission.USER_MANAGE, anywhere=True)
    if work.actor.kind is ActorKind.OPERATOR:
        raise Refused("An administrator says on the page People who is who at this machine's shell.")
    user, name = find_user(work, user_id), name.strip()
    if name and not _NAME.fullmatch(name):
        raise Incomplete("That is no account name of an operating system: it looks like mira or mira.chen.")
    known = work.db.get(ShellName, name) if name else None
    if known is not None and known.user_id != user.id:
        raise Conflict("That account is somebody else's here already.")
    for row in work.db.scalars(select(ShellName).where(ShellName.user_id == user.id, ShellName.name != name)):
        work.db.delete(row)
    work.db.flush()
    if name and known is None:
        work.db.add(ShellName(name=name, user_id=user.id, set_by=work.actor.id, set_at=work.clock.now()))
    audit.record(work, Act.USER_CHANGED, "user", user.id, detail={"name_at_shell": name})
    work.db.flush()


def shell_names(work: Unit) -> dict[str, str]:
    """Account of the operating system by user id."""
    return {row.user_id: row.name for row in work.db.scalars(select(ShellName))}


def person_at_shell(work: Unit) -> Actor:
    """The operator as the person she is. Raises `Refused` where nobody has said who that is."""
    row = work.db.get(ShellName, work.actor.id)
    user = work.db.get(User, row.user_id) if row is not None else None
    if work.actor.kind is not ActorKind.OPERATOR or user is None or user.status != "active":
        raise Refused(
            f"Portunus does not know who {work.actor.id} is. What takes two people needs that: do it on the page Scripts, or "
            f"have an administrator enter {work.actor.id} as your name at the shell on the page People.",
            code="unknown-at-shell",
        )
    return Actor(kind=ActorKind.USER, id=user.id, name=f"{user.name} at the shell")
