"""People, from the machine's own shell: the first administrator of a grown set-up, and a way back in."""

from typing import Annotated

import typer
from sqlalchemy import select

from api.cli.console import operator
from broker.base.errors import Conflict, NotFound
from broker.base.settings import Settings
from broker.base.unit import Unit
from broker.directory import service as directory
from broker.directory.models import Organization
from broker.identity import service as identity
from broker.identity.models import User
from broker.identity.people import normal_email
from broker.identity.policy import Role
from broker.wiring import build


def administrator(
    practice: Annotated[str, typer.Option(help="Name of the practice or billing company.")],
    name: Annotated[str, typer.Option(help="The administrator's name.")],
    email: Annotated[str, typer.Option(help="Her e-mail address: she signs in with it.")],
) -> None:
    """Found the practice with its first administrator (or add one to it) and print her one-time sign-in link."""
    portunus = build()
    with portunus.unit(operator()) as work:
        link = sign_in_link(work, found_practice(work, practice, name, email), portunus.settings)
    typer.echo(link)


def link(email: Annotated[str, typer.Argument(help="Whose link.")]) -> None:
    """Print a new one-time sign-in link: it leads to choosing a password, with the second factor she has."""
    portunus = build()
    with portunus.unit(operator()) as work:
        user = work.db.scalar(select(User).where(User.email == normal_email(email)))
        if user is None:
            raise NotFound("Nobody has that e-mail address here.")
        if user.status != "active":
            raise Conflict(f"{user.name} is disabled.")
        made = sign_in_link(work, user, portunus.settings)
    typer.echo(made)


def found_practice(work: Unit, practice: str, name: str, email: str) -> User:
    """The practice of this name, new or known, and an administrator of it. Raises `Incomplete`, `Conflict`."""
    known = work.db.scalar(select(Organization).where(Organization.name == practice.strip()))
    org = known or directory.create_organization(work, practice)
    user = identity.create_user(work, org.id, email=email, name=name)
    identity.give_grant(work, role=Role.ADMIN, user_id=user.id)
    return user


def sign_in_link(work: Unit, user: User, settings: Settings) -> str:
    """The address of a new link, good once for 24 hours."""
    return f"{settings.public_url}/sign-in/link/{identity.create_link(work, user, direct=False)}"
