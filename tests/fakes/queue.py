"""Remembers what was enqueued."""


class MemoryQueue:
    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    def enqueue(self, task: str, row_id: str) -> None:
        self.sent.append((task, row_id))

    def warm_up(self) -> None:
        """Nothing to make."""
