"""`python -m carrier_scripts`: new, check, list, behaviour."""

import argparse
import json
import sys

from carrier_scripts import registry, scaffold
from carrier_scripts.check import HERE, check, check_families


def main(words: list[str] | None = None) -> int:
    """Run one command; 0 when all is well."""
    parser = argparse.ArgumentParser(
        prog="python -m carrier_scripts", description="Write and look after carrier scripts."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    new = commands.add_parser("new", help="make a script, its behaviour record and its folder of saved pages")
    new.add_argument("key", help="file name of the script, such as harbor_dental")
    some = commands.add_parser("check", help="check all scripts, or the ones named")
    some.add_argument("keys", nargs="*")
    commands.add_parser("list", help="list the scripts and the version of each")
    record = commands.add_parser("behaviour", help="print a portal's behaviour record as JSON")
    record.add_argument("key")
    asked = parser.parse_args(words)
    match asked.command:
        case "new":
            return _new(asked.key)
        case "check":
            return _check(asked.keys)
        case "list":
            return _list()
        case _:
            return _behaviour(asked.key)


def _new(key: str) -> int:
    try:
        made = scaffold.create(key)
    except (ValueError, FileExistsError) as wrong:
        print(wrong, file=sys.stderr)
        return 1
    for file in made:
        print(f"made {file.relative_to(HERE.parent)}")
    print(f"Next: fill them in (carrier_scripts/README.md), then: python -m carrier_scripts check {key}")
    return 0


def _check(keys: list[str]) -> int:
    chosen = keys or registry.keys()
    said = [sentence for key in chosen for sentence in check(key)]
    said += [] if keys else check_families()
    for sentence in said:
        print(sentence)
    if not said:
        print(f"{len(chosen)} carrier script{'s' * (len(chosen) != 1)} in order")
    return 1 if said else 0


def _list() -> int:
    for key in registry.keys():  # noqa: SIM118 - a function, not a dictionary
        portal = registry.portal(key)
        print(f"{key:20} {registry.script(key).digest[:12]}  {portal.automation:10} {portal.name}")
    return 0


def _behaviour(key: str) -> int:
    if key not in registry.keys():  # noqa: SIM118 - a function, not a dictionary
        print(f"There is no script {key}. There are: {', '.join(registry.keys())}", file=sys.stderr)
        return 1
    print(json.dumps(registry.behaviour(key), indent=2, default=str))
    return 0


if __name__ == "__main__":
    sys.exit(main())
