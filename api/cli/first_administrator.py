"""`portunus up` the first time: asks who the first administrator is, and gives her a link until somebody has signed in."""

import sys
from collections.abc import Callable, Mapping
from typing import Any

import typer
from sqlalchemy import select

from api.cli.console import operator
from api.cli.people import found_practice, sign_in_link
from api.cli.up import Announce, console, step
from broker.base.errors import Incomplete
from broker.base.settings import Settings
from broker.directory import checks
from broker.identity.models import Grant, User
from broker.identity.people import normal_email
from broker.identity.policy import Role
from broker.wiring import build


class FirstAdministrator(Announce):
    """Asks once. While nobody has a password yet, each start gives a new link: one that was lost locks nobody out."""

    def __init__(self) -> None:
        self._link: str | None = None

    def ask(self, settings: Settings) -> None:
        """Before anything starts, while the terminal is ours. Raises `Incomplete` without a terminal."""
        portunus = build(settings)
        with portunus.reading(operator()) as work:
            somebody = work.db.scalar(select(User.id).limit(1)) is not None
            signed_in = work.db.scalar(select(User.id).where(User.password_hash.is_not(None)).limit(1)) is not None
        if signed_in:
            return
        answers = None if somebody else _answers()
        with portunus.unit(operator()) as work:
            if answers is not None:
                user = found_practice(work, *answers)
            else:
                first = select(User).join(Grant).where(Grant.role == Role.ADMIN.value).order_by(User.created_at)
                user = work.db.scalars(first).first()  # type: ignore[assignment]
            self._link = sign_in_link(work, user, settings) if user is not None else None
        portunus.engine.dispose()

    def seed(self, settings: Settings, env: Mapping[str, str]) -> None:
        """The shipped scripts' portals."""
        step("Registering the shipped portals", "workers.catalog", settings, env)

    def facts(self, settings: Settings) -> dict[str, Any]:
        """The address, and the first administrator's link while nobody has signed in yet."""
        return {**super().facts(settings), "link": self._link}

    def ready(self, settings: Settings) -> None:
        """The address, and the first administrator's link."""
        super().ready(settings)
        if self._link:
            console.print("\nSign in once with this link and choose a password:")
            console.print(f"  {self._link}", style="cyan", soft_wrap=True)


def _answers() -> tuple[str, str, str]:
    """Practice, name and e-mail address, each asked again until it can be one."""
    if not sys.stdin.isatty():
        raise Incomplete(
            "The first start asks for the first administrator: run portunus up in a terminal once, "
            "or name her with portunus administrator."
        )
    console.print("\nThis is the first start. Who administers Portunus?")
    return (
        _asked("  Name of the practice or billing company", lambda text: checks.name(text, "The name")),
        _asked("  Your name", lambda text: checks.name(text, "The name", 120)),
        _asked("  Your e-mail address", normal_email),
    )


def _asked(question: str, check: Callable[[str], str]) -> str:
    while True:
        try:
            answer: str = typer.prompt(question, err=True)
            check(answer)
        except Incomplete as wrong:
            console.print(f"  {wrong.message}", style="red", markup=False)
        else:
            return answer
