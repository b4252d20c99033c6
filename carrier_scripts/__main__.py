"""`python -m carrier_scripts`: new, check, list, behaviour, bundle, release."""

import argparse
import json
import sys
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from carrier_scripts import place, registry, released, scaffold
from carrier_scripts.behaviour_fields import FIELDS
from carrier_scripts.check import check, check_families, wrong_in
from carrier_scripts.quality import Quality, lines, quality
from carrier_scripts.walk import Walk, read


def main(words: list[str] | None = None) -> int:
    """Run one command; 0 when all is well."""
    parser = argparse.ArgumentParser(
        prog="python -m carrier_scripts", description="Write and look after carrier scripts."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    new = commands.add_parser("new", help="make a script, its behaviour record and its folder of saved pages")
    new.add_argument("key", help="file name of the script, such as harbor_dental")
    new.add_argument("--from", dest="start", default="", help="address of the sign-in page")
    new.add_argument("--walk", type=Path, help="a recorded sign-in (playwright codegen --target=python-async); not run")
    some = commands.add_parser("check", help="check all scripts, or the ones named")
    some.add_argument("keys", nargs="*")
    some.add_argument("--json", action="store_true", help="levels of the quality scale and what the next one asks")
    bundle = commands.add_parser("bundle", help="print a version to hand in, as JSON: bytes and their hash")
    bundle.add_argument("key")
    bundle.add_argument("--file", type=Path, help="the script, where it is not in this catalog")
    commands.add_parser("list", help="list the scripts and the version of each")
    commands.add_parser(
        "release", help="for a release of Portunus: write the shipped scripts, as they are, into released.json"
    )
    record = commands.add_parser("behaviour", help="print a portal's behaviour record as JSON")
    record.add_argument("key")
    asked = parser.parse_args(words)
    match asked.command:
        case "new":
            return _new(asked.key, asked.start, asked.walk)
        case "check":
            return _levels(asked.keys) if asked.json else _check(asked.keys)
        case "bundle":
            return _bundle(asked.key, asked.file)
        case "list":
            return _list()
        case "release":
            released.write()
            return 0
        case _:
            return _behaviour(asked.key)


def _new(key: str, start: str, recording: Path | None) -> int:
    try:
        walk = read(recording.read_text(encoding="utf-8")) if recording else Walk()
        if start:
            address = urlsplit(start)
            walk.start, walk.home = start, walk.home or f"https://{address.netloc}/home"
            walk.hosts = sorted({*walk.hosts, address.hostname or ""} - {""})
        scripts = place.folder()
        made = scaffold.create(key, scripts=scripts, pages=place.pages(scripts), walk=walk)
    except (ValueError, OSError) as wrong:
        print(wrong, file=sys.stderr)
        return 1
    for file in made:
        print(f"made {place.shown(file)}")
    print(f"Next: fill them in (carrier_scripts/README.md), then: portunus script check {key}")
    return 0


def _check(keys: list[str]) -> int:
    chosen = keys or registry.keys(place.folder())
    if not chosen:
        print(f"There is no script in {place.folder()}; portunus script new KEY makes one.", file=sys.stderr)
        return 1
    said = [sentence for key in chosen for sentence in _checked(key)]
    said += [] if keys else check_families(place.folder())
    for sentence in said:
        print(sentence)
    if not said:
        print(f"{len(chosen)} carrier script{'s' * (len(chosen) != 1)} in order")
    for key in [] if said else keys:
        found = _quality(key)
        print(f"{key} is {found.level}" + (f"; for {found.next_level}:" if found.next_level else "."))
        for sentence in found.missing:
            print(f"  {sentence}")
    return 1 if said else 0


def _levels(keys: list[str]) -> int:
    chosen = keys or registry.keys(place.folder())
    told = [asdict(_quality(key)) | {"lines": lines(key, place.holding(key))} for key in chosen]
    print(json.dumps(told, indent=2))
    return 1 if any(one["level"] == "none" for one in told) else 0


def _bundle(key: str, file: Path | None) -> int:
    """Nothing is imported: what the script declares is asked of a confined process, by whoever hands it in."""
    try:
        exact = registry.script_at(file, key) if file else registry.script(key, place.holding(key))
        record = _record(key, file)
    except (OSError, ValueError, KeyError, SyntaxError) as wrong:
        print(f"{key} cannot be read: {wrong}", file=sys.stderr)
        return 1
    level = "" if file else _quality(key).level
    told = {"key": key, "digest": exact.digest, "sources": exact.sources, "quality": level, "behaviour": record}
    print(json.dumps(told, default=str))
    return 0


def _record(key: str, file: Path | None) -> dict[str, Any]:
    """The behaviour record that lies beside the script. Raises ValueError for what it may not say, or TOML cannot."""
    record = registry.behaviour(key, file.absolute().parent.parent if file else place.holding(key))
    if wrong := next(wrong_in(record), None):
        raise ValueError(wrong)
    return {name: fact for name, fact in record.items() if name in FIELDS}


def _checked(key: str) -> list[str]:
    scripts = place.holding(key)
    return check(key, scripts=scripts, pages=place.pages(scripts))


def _quality(key: str) -> Quality:
    scripts = place.holding(key)
    return quality(key, _today(), scripts=scripts, pages=place.pages(scripts))


def _today() -> date:
    return datetime.now(UTC).date()  # noqa: TID251 - a command at somebody's desk


def _list() -> int:
    scripts = place.folder()
    for key in registry.keys(scripts):
        portal = registry.portal(key, scripts)
        print(f"{key:20} {registry.script(key, scripts).digest[:12]}  {portal.automation:10} {portal.name}")
    return 0


def _behaviour(key: str) -> int:
    scripts = place.holding(key)
    if key not in registry.keys(scripts):
        print(f"There is no script {key}. There are: {', '.join(registry.keys(scripts))}", file=sys.stderr)
        return 1
    print(json.dumps(registry.behaviour(key, scripts), indent=2, default=str))
    return 0


if __name__ == "__main__":
    sys.exit(main())
