"""Which shipped scripts somebody has released: a simulated one (no secret is at stake), or the very bytes in `released.json`.

That list is written by whoever makes a release of Portunus, after reading what it names: `python -m carrier_scripts release`.
A file that was edited since, or put there by somebody, is not in it: it is handed in and approved as any other version.
"""

import json
from pathlib import Path

from carrier_scripts import registry

MANIFEST = Path(__file__).parent / "released.json"


def released(key: str) -> bool:
    """Whether this script's bytes may run without anybody here having approved them."""
    return manifest().get(key) == registry.script(key).digest or registry.simulated(key)


def manifest() -> dict[str, str]:
    """Digest by key, of scripts for real carriers."""
    told: dict[str, str] = json.loads(MANIFEST.read_text(encoding="utf-8"))
    return told


def current() -> dict[str, str]:
    """What the list would say of the files as they are."""
    real = [key for key in registry.keys() if not registry.simulated(key)]  # noqa: SIM118 - a function, not a dictionary
    return {key: registry.script(key).digest for key in real}


def write() -> None:
    """Release the files as they are."""
    MANIFEST.write_text(json.dumps(current(), indent=2) + "\n", encoding="utf-8")
