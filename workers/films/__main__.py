"""`python -m workers.films RECORDING -o FILE --reason WORDS`: what `portunus recording export` runs, as whoever is at the shell."""

import argparse
import json
import sys
from pathlib import Path

from broker.base.actor import Actor, ActorKind
from broker.base.errors import BrokerError
from broker.wiring import build
from workers.films.export import export


def main() -> int:
    """Exit code 1, and one sentence, when it could not be done."""
    parser = argparse.ArgumentParser(prog="python -m workers.films", description=__doc__)
    parser.add_argument("recording")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--reason", required=True)
    parser.add_argument("--who", required=True, help="the operator's name")
    asked = parser.parse_args()
    actor = Actor(kind=ActorKind.OPERATOR, id=asked.who, name=f"{asked.who} at the shell")
    try:
        manifest = export(build(), actor, asked.recording, asked.output, asked.reason)
    except BrokerError as error:
        print(error.message, file=sys.stderr)
        return 1
    print(json.dumps(manifest, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
