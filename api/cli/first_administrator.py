"""`portunus up` the first time: asks who the first administrator is, and gives her a link to sign in with."""

import os
import subprocess
import sys
from collections.abc import Mapping

import typer
from sqlalchemy import select

from api.cli.console import operator
from api.cli.up import Announce, console
from broker.base.errors import Incomplete
from broker.base.settings import Settings
from broker.directory import service as directory
from broker.identity import service as identity
from broker.identity.models import User
from broker.identity.policy import Role
from broker.wiring import build


class FirstAdministrator(Announce):
    """Asks once; later starts say nothing."""

    def __init__(self) -> None:
        self._link: str | None = None

    def ask(self, settings: Settings) -> None:
        """Before anything starts, while the terminal is ours. Raises `Incomplete` without a terminal."""
        portunus = build(settings)
        with portunus.unit(operator()) as work:
            if work.db.scalar(select(User.id).limit(1)) is not None:
                return
            if not sys.stdin.isatty():
                raise Incomplete(
                    "The first start asks for the first administrator: run portunus up in a terminal once."
                )
            console.print("\nThis is the first start. Who administers Portunus?")
            practice = typer.prompt("  Name of the practice or billing company")
            name = typer.prompt("  Your name")
            email = typer.prompt("  Your e-mail address")
            org = directory.create_organization(work, practice)
            user = identity.create_user(work, org.id, email=email, name=name)
            identity.give_grant(work, role=Role.ADMIN, user_id=user.id)
            self._link = f"{settings.public_url}/sign-in/link/{identity.create_link(work, user, direct=False)}"
        portunus.engine.dispose()

    def seed(self, settings: Settings, env: Mapping[str, str]) -> None:
        """The shipped scripts' portals."""
        del settings
        subprocess.run([sys.executable, "-m", "workers.catalog"], env={**os.environ, **env}, check=True)

    def ready(self, settings: Settings) -> None:
        """The address, and the first administrator's link once."""
        super().ready(settings)
        if self._link:
            console.print("\nSign in once with this link and choose a password:")
            console.print(f"  {self._link}", style="cyan", soft_wrap=True)
