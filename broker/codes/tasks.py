"""What a portal asks of a person instead of a message: to call its provider line, to choose a number on a telephone, to use a key."""

from typing import Any

from broker.audit.acts import Act
from broker.base.unit import Unit
from broker.codes import asking, records
from broker.codes.models import CodeRequest

LINE, PUSH, TOUCH = "line", "push", "touch"


def ask_person(work: Unit, request_id: str, kind: str, say: str = "") -> None:
    """The portal shows what it wants: the code desk shows it too. `say` is a reference or a number, never a secret."""
    row = records.locked(work, request_id)
    row.task = {"kind": kind, "say": say[:12]}
    asking.waiting(work, request_id)
    work.signal("desk")


def confirmed(work: Unit, request_id: str) -> None:
    """The portal moved on after somebody chose the number or used the key; its answer comes with the next page."""
    row = records.locked(work, request_id)
    if row.state in records.OPEN:
        records.move(work, row, "released")
        records.record(work, Act.CODE_CONFIRMED, row, detail={"task": _kind(row), **records.asker(work, row)})


def is_for_the_hand(row: CodeRequest) -> bool:
    """Whether there is nothing to type: the person acts on a telephone or with a key."""
    return _kind(row) in (PUSH, TOUCH)


def in_words(row: CodeRequest, line: str, hours: str) -> str:
    """What to do, for who looks at the code desk; empty for a code that is only typed in."""
    task: dict[str, Any] = row.task or {}
    match task.get("kind"):
        case "line":
            number = line or "the provider line"
            return f"Call {number}{f' ({hours})' if hours else ''}, give the reference {task['say']}, and type the code you are told."
        case "push":
            return f"On this login's telephone choose {task['say']}."
        case "touch":
            return (
                "This login's passkey or security key is wanted now, at the machine that Portunus runs on: touch the key that "
                "is plugged in there. One at your own desk does not reach it."
            )
    return ""


def _kind(row: CodeRequest) -> str:
    return str((row.task or {}).get("kind", ""))
