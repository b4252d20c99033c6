"""What the second sink holds, read back: its lines and heads, and where it holds two histories."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from broker.audit import tree, verify
from broker.audit.service import LogKey
from broker.audit.witness import CHECKPOINTS, ENTRIES

CHANGED, FORKED, UNKNOWN = "changed", "forked", "unknown"


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it was: the entry's index (None: the log as a whole) and words for a person."""

    index: int | None
    words: str
    kind: str = CHANGED
    """changed; forked: the sink holds another history; unknown: it cannot be compared."""


@dataclass(frozen=True)
class Known:
    """What a person said about an alarm: a copy was restored. What the sink had by then from entry `start` on is of before."""

    start: int
    end: int
    lines: int
    heads: int


@dataclass
class Seen:
    """The sink's content. `lines` and `notes` count what it holds."""

    leaves: dict[int, bytes] = field(default_factory=dict)
    heads: dict[int, bytes] = field(default_factory=dict)
    of_before: dict[int, set[bytes]] = field(default_factory=dict)
    """Entries of a history that ended with a restore that is known."""
    lines: int = 0
    notes: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def last(self) -> int:
        """The highest entry that it holds, or holds a head over; -1 for none."""
        return max([*self.leaves, *(size - 1 for size in self.heads)], default=-1)

    @property
    def end(self) -> int:
        """The same, of earlier histories too."""
        return max([self.last, *self.of_before], default=-1)

    def says(self, index: int, hashed: bytes) -> bool:
        """Whether the sink has nothing against this entry."""
        if index in self.leaves:
            return self.leaves[index] == hashed
        return index not in self.of_before or hashed in self.of_before[index]


def seen_in(directory: Path, key: LogKey, known: Sequence[Known] = ()) -> Seen:
    """Read a folder. What a crash tore is passed over: it was written again."""
    seen = Seen()
    for leaf in _lines(directory / ENTRIES):
        try:
            index = int(json.loads(leaf)["index"])
        except (ValueError, KeyError, TypeError):
            continue
        place, hashed = seen.lines, tree.leaf_hash(leaf)
        seen.lines += 1
        if any(index >= one.start and place < one.lines for one in known):
            seen.of_before.setdefault(index, set()).add(hashed)
        elif seen.leaves.setdefault(index, hashed) != hashed:
            words = f"the witness saw two different entries {index}: the log was forked."
            seen.findings.append(Finding(index, words, FORKED))
    try:
        for note in verify.notes_in(str(directory / CHECKPOINTS)):
            size, root = verify.open_checkpoint(note, key.verifier)
            place = seen.notes
            seen.notes += 1
            if any(size > one.start and place < one.heads for one in known):
                continue
            if seen.heads.setdefault(size, root) != root:
                words = f"the witness saw two logs of {size} entries: the log was forked."
                seen.findings.append(Finding(size - 1, words, FORKED))
    except FileNotFoundError:
        pass
    except verify.Rejected as wrong:
        seen.findings.append(Finding(None, f"the witness's file: {wrong}."))
    return seen


def _lines(file: Path) -> Iterator[bytes]:
    if not file.exists():
        return
    with file.open("rb") as lines:
        for line in lines:
            yield line.rstrip(b"\n")
