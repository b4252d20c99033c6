"""`portunus audit`: who received the last code, and the log itself for an outsider to check."""

import sys
from dataclasses import asdict
from pathlib import Path

import typer

from api.cli.console import Json, console, operator, print_json, written_to
from broker.audit import alarms, monitor
from broker.audit import service as audit
from broker.audit import verify as verifier
from broker.audit.acts import Act
from broker.audit.seen import UNKNOWN
from broker.audit.service import LogKey
from broker.audit.witness import begin_anew
from broker.tabs import service as tabs
from broker.wiring import build

app = typer.Typer(help="The audit log: questions, exports, proofs.", no_args_is_help=True)


@app.command("last-code")
def last_code(
    portal: str = typer.Option(..., help="The portal's key, such as harborline."),
    location: str = typer.Option(..., help="The location's key, such as phoenix."),
    *,
    as_json: bool = Json,
) -> None:
    """Who received the last code for this portal at this location, with its proof."""
    portunus = build()
    with portunus.unit(operator()) as work:
        key = audit.log_key(work, portunus.keyring)
        request_id = tabs.ask_last_code(work, key, portal, location)
    with portunus.reading(operator()) as work:
        answer = tabs.last_code(work, key, request_id)
    if as_json:
        print_json(asdict(answer))
        return
    console.print(f"[bold]{answer.portal}[/bold] at [bold]{answer.location}[/bold]")
    console.print(f"  asked by      {answer.asked_by}, {answer.asked_at:%Y-%m-%d %H:%M:%S} UTC")
    console.print(f"  received by   {answer.received_by}")
    console.print(
        f"  channel       {answer.channel} to {answer.sent_to or 'an authenticator'} ({answer.endpoint or 'vault'})"
    )
    if answer.given_by:
        console.print(f"  handed in by  {answer.given_by}")
    console.print(f"  released      {answer.released_at:%Y-%m-%d %H:%M:%S} UTC; the portal {answer.answer_words}")
    console.print(f"  session       {answer.portal_session_id or 'none'}, its tab went to {answer.tab_of or 'nobody'}")
    told = f"{answer.recording_id}, which begins after the sign-in" if answer.recording_id else "none of this tab"
    console.print(f"  recording     {told}")
    console.print(f"  proof         entry {answer.proof.index} in the signed log of {answer.proof.size} entries")
    console.print(f"  take it away  portunus audit prove --code-request {request_id} -o proof.jsonl")
    if answer.missing:
        console.print(f"[yellow]Not in the log: {', '.join(answer.missing)}.[/yellow]")
    for words in answer.differs:
        console.print(f"[red]{words} The log counts.[/red]")


@app.command("prove")
def prove(
    code_request: str = typer.Option(..., help="The code request's id (cod_…), as the last-code report has it."),
    output: Path = typer.Option(Path("-"), "--output", "-o", help="File to write; - for standard output."),
) -> None:
    """Write one code's way as a proof file that broker/audit/verify.py checks on any machine."""
    portunus = build()
    with written_to(output) as sink:
        with portunus.unit(operator()) as work:
            key = audit.log_key(work, portunus.keyring)
            audit.record(work, Act.PROOF_TAKEN, "code_request", code_request)
            audit.sign_checkpoint(work, key)
        with portunus.reading(operator()) as work:
            sink.writelines(f"{line}\n" for line in tabs.prove_code(work, key, code_request))
    if str(output) != "-":
        console.print(f"Written to {output}. Check it anywhere: {_checking(output, key)}", soft_wrap=True)


@app.command("check")
def check(*, as_json: bool = Json) -> None:
    """Compare the log with what the second sink saw; exit code 1 and the entries when something was changed, 3 when it is unknown."""
    portunus = build()
    with portunus.unit(operator()) as work:
        key = audit.log_key(work, portunus.keyring)
    with portunus.reading(operator()) as work:
        found = monitor.check(work, key, portunus.settings.witness)
    changed = any(one.kind != UNKNOWN for one in found)
    if as_json:
        print_json({"findings": [asdict(one) for one in found]})
    else:
        for one in found:
            console.print(f"[red]{one.words}[/red]")
        console.print(f"{len(found)} findings." if found else "Nothing was changed.")
    raise typer.Exit(1 if changed else 3 if found else 0)


@app.command("acknowledge")
def acknowledge(reason: str = typer.Option(..., help="What happened: a restored backup, from when, by whom.")) -> None:
    """Say why the log is not as the second sink saw it; a restored copy is then no alarm any more, a change stays one."""
    portunus = build()
    with portunus.unit(operator()) as work:
        alarms.acknowledge(work, audit.log_key(work, portunus.keyring), portunus.settings.witness, reason)
    console.print("It is on record, with your reason.")


@app.command("new-sink")
def new_sink(reason: str = typer.Option(..., help="What became of the old one.")) -> None:
    """Begin a new second sink in the place of a lost one: within a minute it gets the whole log."""
    portunus = build()
    with portunus.unit(operator()) as work:
        begin_anew(work, portunus.settings.witness, reason)
    console.print(f"{portunus.settings.witness} gets the whole log within a minute.")


@app.command("export")
def export(
    output: Path = typer.Option(Path("-"), "--output", "-o", help="File to write; - for standard output."),
) -> None:
    """Write the whole log as JSON Lines that broker/audit/verify.py checks offline."""
    portunus = build()
    count = 0
    with written_to(output) as sink:
        with portunus.unit(operator()) as work:
            key = audit.log_key(work, portunus.keyring)
            audit.record(work, Act.LOG_EXPORTED, "audit_log", "all")
        with portunus.unit(operator()) as work:
            audit.sign_checkpoint(work, key)
        with portunus.reading(operator()) as work:
            for line in audit.export(work, key):
                sink.write(line + "\n")
                count += 1
    if str(output) != "-":
        console.print(f"{count} lines written to {output}. Check it anywhere: {_checking(output, key)}", soft_wrap=True)


def _checking(output: Path, key: LogKey) -> str:
    return f"python broker/audit/verify.py {output} --key {key.verifier}"


@app.command("verify")
def verify(
    file: Path,
    key: str | None = typer.Option(None, help="The log's key as you wrote it down: name+hash+key."),
    witness: Path | None = typer.Option(None, help="The second sink's checkpoints.log."),
    witness_key: str | None = typer.Option(None, help="The key of the witness elsewhere: name+hash+key."),
    restored: str | None = typer.Option(None, help="The entries that tell of restores you know of: 1234,5678."),
    *,
    as_json: bool = Json,
) -> None:
    """Check an export, as verify.py does on any machine; exit code 1 when it is rejected, 2 when it cannot be read."""
    given = (str(witness) if witness else None, key, witness_key, restored)
    code, words = verifier.judge(str(file), *given, hands=verifier.several(str(file)))
    if as_json:
        print_json({"accepted": code == 0, "words": words})
    else:
        print(words, file=sys.stderr if code else sys.stdout)
    raise typer.Exit(code)
