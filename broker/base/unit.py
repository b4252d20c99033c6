"""One unit of work: a transaction, who asks, what time it is, and what must happen right before and after commit.

Services take a `Unit` first and never commit. The request, the task or the loop that made the unit does.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from broker.base.actor import Actor
from broker.base.clock import Clock


@dataclass
class Unit:
    db: Session
    actor: Actor
    clock: Clock
    tasks: list[tuple[str, str]] = field(default_factory=list)
    """(task name, row id) pairs, enqueued after commit. A hint only: a sweeper finds rows nobody works on."""
    signals: list[str] = field(default_factory=list)
    """Channels to wake after commit. A hint only: whoever waits also looks at the database."""
    denials: list[str] = field(default_factory=list)
    """What was refused in this unit; recorded in a unit of its own, since a refusal rolls this one back."""
    last_steps: list[Callable[["Unit"], None]] = field(default_factory=list)
    """Run inside the transaction, just before commit (the audit log takes its locked head row here)."""

    def enqueue(self, task: str, row_id: str) -> None:
        """Ask a worker to look at the row `row_id` once this transaction has committed."""
        self.tasks.append((task, row_id))

    def signal(self, channel: str) -> None:
        """Wake whoever waits on `channel` once this transaction has committed. Never carries content."""
        if channel not in self.signals:
            self.signals.append(channel)

    def commit(self) -> None:
        """Run the last steps and commit. Sending tasks and signals is up to whoever made the unit (`broker.wiring`)."""
        self.db.flush()
        for step in self.last_steps:
            step(self)
        self.last_steps.clear()
        self.db.commit()
