"""`portunus script`: write, try, check and release carrier scripts. What touches code runs in other processes."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import typer
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from api.cli.console import Json, as_person, console, operator, print_json
from broker.adapters.script_editing import handed_in
from broker.base.errors import Incomplete, NotFound, Refused
from broker.base.settings import settings
from broker.base.unit import Unit
from broker.directory import service as directory
from broker.directory.models import Portal, PortalAccount
from broker.scripts import service as scripts
from broker.scripts.service import Bundle
from broker.tabs import service as tabs
from broker.wiring import build

app = typer.Typer(help="Carrier scripts: write, try, check, release, watch.", no_args_is_help=True)
Key = typer.Argument(help="The portal's key, such as harborline.")
Version = typer.Argument(help="The version: eight or more letters of its hash.")
File = typer.Option(
    None, "--file", help="The script's file, where it is not in this catalog (a repository of your own)."
)


@app.command("new")
def new(
    key: str = typer.Argument(help="File name of the script, such as harbor_dental."),
    start: str = typer.Option("", "--from", help="Address of the sign-in page: its fields are looked up there."),
    walk: Path | None = typer.Option(None, help="A recording of a sign-in (playwright codegen --target=python-async)."),
) -> None:
    """Make a script, its behaviour record and its folder of saved pages."""
    words = ["new", key, *(["--from", start] if start else []), *(["--walk", str(walk)] if walk else [])]
    raise typer.Exit(_catalog(*words))


@app.command("check")
def check(
    keys: list[str] = typer.Argument(None, help="Scripts; all when none is named."), *, as_json: bool = Json
) -> None:
    """Rules and quality scale: bronze, silver, gold, platinum."""
    raise typer.Exit(_catalog("check", *(keys or []), *(["--json"] if as_json else [])))


@app.command("test")
def test(
    keys: list[str] = typer.Argument(None, help="Scripts; all when none is named."), *, as_json: bool = Json
) -> None:
    """Show every saved page to its script in a real browser; a sign without a page fails."""
    raise typer.Exit(_module("workers.tryout.pages", *(keys or []), *(["--json"] if as_json else [])))


@app.command("run", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def run(context: typer.Context, key: str = Key) -> None:
    """Sign in with a script on this desk, step by step, with a login of your own. `portunus script run KEY --help`."""
    if "--help" not in context.args:
        _check_mode(key)
    raise typer.Exit(_module("workers.tryout.run", key, *context.args))


@app.command("list")
def listed(*, as_json: bool = Json) -> None:
    """Every portal, the version in force, and a release under way."""
    with build().reading(operator()) as work:
        told = [_standing(work, portal) for portal in work.db.scalars(select(Portal).order_by(Portal.key))]
    if as_json:
        print_json(told)
    for one in [] if as_json else told:
        console.print(f"{one['portal']:24} {one['in_force'][:12]:12}  {one['automation']:10} {one['release']}")


@app.command("versions")
def versions(key: str = Key, *, as_json: bool = Json) -> None:
    """A portal's versions and releases, newest first."""
    with build().reading(operator()) as work:
        portal = directory.portal_by_key(work, key)
        in_force = scripts.standing(work, portal.id)
        told = [
            {
                "digest": row.digest,
                "author": row.author_name,
                "submitted_at": row.submitted_at.isoformat(),
                "approved_by": row.version.approved_by,
                "refused": row.refused_words,
                "in_force": row.digest == in_force,
                "quality": row.quality,
                "words": row.words,
            }
            for row in scripts.history(work, portal.id)
        ]
        gone = [
            {"digest": row.digest, "stage": row.stage, "end": row.end, "words": row.end_words}
            for row in scripts.releases(work, portal.id)
        ]
    if as_json:
        print_json({"versions": told, "releases": gone})
        return
    for one in told:
        state = (
            "in force"
            if one["in_force"]
            else "refused"
            if one["refused"]
            else "approved"
            if one["approved_by"]
            else "waits"
        )
        console.print(f"{str(one['digest'])[:12]}  {state:9} {one['author']}: {one['words']}", markup=False)
    for past in gone:
        console.print(
            f"  release of {str(past['digest'])[:12]}: {past['end'] or past['stage']} {past['words'] or ''}",
            markup=False,
        )


@app.command("diff")
def diff(
    key: str = Key,
    old: str = typer.Argument("", help="A version; the one in force when not named."),
    new: str = typer.Argument("", help="Another; the file on this machine when not named."),
    file: Path | None = File,
) -> None:
    """What changed between two versions, and what the newer knows of the portal that Portunus does not; exit code 1 when something did."""
    with build().reading(operator()) as work:
        portal = directory.portal_by_key(work, key)
        in_force = scripts.version(work, old).digest if old else scripts.standing(work, portal.id)
        before = _sources(work, in_force) if in_force else []
        after = _version(work, new) if new else _local(key, file)
        known = directory.behaviour(work, portal)
        counts = scripts.behaviour_news(work, portal, after["behaviour"])
    lines = scripts.difference(before, after["sources"])
    for name, fact in counts.items():
        if name not in known or known[name] != fact["value"]:
            lines += [f"-{name} = {json.dumps(known[name])}"] if name in known else []
            lines += [f"+{name} = {json.dumps(fact['value'])}"]
    for line in lines:
        console.print(line, style={"+": "green", "-": "red"}.get(line[:1]), markup=False, soft_wrap=True)
    raise typer.Exit(1 if lines else 0)


@app.command("submit")
def submit(
    key: str = Key,
    words: str = typer.Option(..., "--words", "-w", help="What changes and why, in a sentence."),
    file: Path | None = File,
) -> None:
    """Hand the script in for approval by somebody else."""
    local = _local(key, file)
    bundle: Bundle = handed_in(key, local["digest"], local["sources"], local["quality"], local["behaviour"])
    with as_person(build()) as work:
        scripts.submit(work, bundle, words)
    console.print(
        f"Handed in as {bundle.digest[:12]}. Somebody else approves it: portunus script approve {bundle.digest[:12]}"
    )


@app.command("approve")
def approve(digest: str = Version) -> None:
    """Approve a version that somebody else wrote and you have read."""
    with as_person(build()) as work:
        row = scripts.approve(work, digest)
    console.print(f"Approved. Release it: portunus script release {row.digest[:12]} --canary LOCATION")


@app.command("refuse")
def refuse(
    digest: str = Version, words: str = typer.Option(..., "--words", "-w", help="What is wrong with it.")
) -> None:
    """Say no to a version, or withdraw one: it never runs again, and what it has open ends."""
    with build().unit(operator()) as work:
        tabs.withdraw_script(work, digest, words)
    console.print("Refused.")


@app.command("release")
def release(
    digest: str = Version,
    canary: str = typer.Option("", help="The location that runs it first, such as phoenix."),
    *,
    further: bool = typer.Option(
        False, "--further", help="Take the release under way one stage on, or let a held one go on."
    ),
) -> None:
    """Release an approved version: one location first, then a share, then everywhere. It goes back by itself."""
    with build().unit(operator()) as work:
        if further:
            row = scripts.advance(work, scripts.version(work, digest).portal_id)
        elif canary:
            row = scripts.release(work, digest, canary=canary)
        else:
            raise Incomplete("Name the location that runs it first: --canary LOCATION")
        stage, share = row.stage, row.share
    console.print(f"{digest[:12]}: {stage}" + (f", {share} % of the accounts" if share else ""))


@app.command("rollback")
def rollback(key: str = Key, words: str = typer.Option(..., "--words", "-w", help="Why.")) -> None:
    """Back to the version before."""
    with build().unit(operator()) as work:
        digest = scripts.roll_back(work, directory.portal_by_key(work, key).id, words)
    console.print(f"{key} runs {digest[:12]} again." if digest else f"{key} runs no version: that was its first.")


@app.command("pin")
def pin(
    key: str = Key,
    login: str = typer.Argument(help="The login's user name."),
    digest: str = typer.Argument("", help="The version to stay on; none: run what the others run."),
    words: str = typer.Option("", "--words", "-w", help="Why."),
) -> None:
    """Keep one login on one version, or let it go."""
    with build().unit(operator()) as work:
        portal = directory.portal_by_key(work, key)
        query = select(PortalAccount).where(PortalAccount.portal_id == portal.id, PortalAccount.username == login)
        account = work.db.scalar(query)
        if account is None:
            raise NotFound(f"{portal.name} has no login {login}.")
        if digest:
            scripts.pin(work, account, digest, words)
        else:
            scripts.unpin(work, account)
    console.print("Pinned." if digest else "It runs what the others run.")


@app.command("owner")
def owner(key: str = Key, email: str = typer.Argument(help="Mail address of somebody who may change scripts.")) -> None:
    """Name who is told when this script fails."""
    with build().unit(operator()) as work:
        scripts.set_owner(work, directory.portal_by_key(work, key), email)
    console.print(f"{email} is told when {key} fails.", markup=False)


@app.command("look")
def look(key: str = Key) -> None:
    """Look at the portal's sign-in page at the next opportunity (within half a minute), without signing in."""
    with build().unit(operator()) as work:
        scripts.look_now(work, directory.portal_by_key(work, key).id)
    console.print("It is looked at next. What was seen: portunus script health")


@app.command("health")
def health(*, as_json: bool = Json) -> None:
    """Script x portal x location of the last seven days, worst first; and key pages that changed."""
    with build().reading(operator()) as work:
        rows, raised = scripts.health(work), scripts.alerts(work)
        told = [
            {"portal": one.portal.key, "words": one.words, "step": one.step, "times": one.times, "since": one.raised_at}
            for one in raised
        ]
        names = {portal.id: portal.key for portal in work.db.scalars(select(Portal))}
        drift = [
            {"portal": names[row.portal_id], "page": row.page, "likeness": row.likeness, "since": row.drifted_at}
            for row in scripts.drifted(work)
        ]
    if as_json:
        print_json({"health": [vars(row) | {"rate": row.rate} for row in rows], "drift": drift, "alerts": told})
        return
    for each in told:
        console.print(f"{each['portal']}: {each['words']}. {each['step']}", style="red", markup=False)
    for row in rows:
        rate = "-" if row.rate is None else f"{row.rate} %"
        console.print(
            f"{row.portal:20} {row.location or 'looks':28} {row.digest[:8]} {rate:>6}  {row.last_failure}", markup=False
        )
    for one in drift:
        console.print(
            f"{one['portal']}: the {one['page']} page has changed ({one['likeness']} % alike)", style="yellow"
        )


def _check_mode(key: str) -> None:
    """What the register of terms says of the portal, if it is known here. The script's own word is asked besides."""
    try:
        with build().reading(operator()) as work:
            portal = directory.portal_by_key(work, key)
            name, mode = portal.name, portal.automation
    except (NotFound, SQLAlchemyError):
        return
    if mode == "attended":
        raise Refused(f"{name} allows no program. A person signs in there herself.", code="automation-policy")


def _standing(work: Unit, portal: Portal) -> dict[str, Any]:
    under_way = scripts.running(work, portal.id)
    return {
        "portal": portal.key,
        "in_force": scripts.standing(work, portal.id) or "",
        "automation": portal.automation,
        "release": f"{under_way.digest[:12]} {under_way.stage}{' (held)' if under_way.held_at else ''}"
        if under_way
        else "",
    }


def _version(work: Unit, wanted: str) -> dict[str, Any]:
    digest = scripts.version(work, wanted).digest
    kept = scripts.bundle_of(work, digest)
    return {"sources": _sources(work, digest), "behaviour": kept.behaviour if kept is not None else {}}


def _sources(work: Unit, digest: str) -> list[dict[str, str]]:
    found = scripts.bundle_of(work, digest)
    if found is None:
        raise NotFound("The bytes of that version were not kept.")
    return list(found.sources)


def _local(key: str, file: Path | None) -> dict[str, Any]:
    words = ["bundle", key, *(["--file", str(file.absolute())] if file else [])]
    command = [sys.executable, "-m", "carrier_scripts", *words]
    made = subprocess.run(command, env=_environment(), capture_output=True, text=True, check=False)
    if made.returncode:
        raise Incomplete(made.stderr.strip() or f"{key} cannot be read.")
    told: dict[str, Any] = json.loads(made.stdout)
    return told


def _catalog(*words: str) -> int:
    return _module("carrier_scripts", *words)


def _module(name: str, *words: str) -> int:
    return subprocess.run([sys.executable, "-m", name, *words], env=_environment(), check=False).returncode


def _environment() -> dict[str, str]:
    """With the folder that all these commands look in first (carrier_scripts/place.py)."""
    chosen = settings().scripts_dir
    return {**os.environ, "PORTUNUS_SCRIPTS_DIR": str(chosen.expanduser().absolute()) if chosen else ""}
