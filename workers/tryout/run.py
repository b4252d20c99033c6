"""`portunus script run KEY`: sign in once with a login of your own, and see every step the script takes.

The script runs in its confined process and the browser behind the egress door, as ever. The password is read from a file
or typed; it goes into no log and no database. A try-out never submits more often than the portal's lockout rule allows.
"""

import argparse
import asyncio
import getpass
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from broker.adapters.script_process import with_facts
from broker.base.errors import BrokerError, Refused
from broker.base.settings import Settings, settings
from carrier_scripts import place, registry
from carrier_scripts.kit.outcomes import Outcome
from workers.browser.calls import CallRefused
from workers.browser.trace import words_of
from workers.tryout import signing
from workers.tryout.desk import OwnLogin, asked_at_the_keyboard
from workers.tryout.guarding import Ledger
from workers.tryout.saving import Saver
from workers.tryout.vocabulary import Vocabulary
from workers.tryout.watching import AtTheTerminal


def main() -> int:
    """Exit code 0 when the script ended signed in."""
    asked = _parsed()
    try:
        own = place.holding(asked.key)
        script = registry.script_at(asked.file, asked.key) if asked.file else registry.script(asked.key, own)
        sources = [{"module": one["module"], "text": one["text"]} for one in script.sources]
        facts = with_facts(asked.key, script.digest, sources).facts
        check_mode(facts)
        chosen = _settings(asked.lab)
        hosts = frozenset(asked.host or facts["hosts"])
        typed_at = frozenset(asked.host or facts["sign_in_hosts"])
        login = _login(chosen, asked)
        typed = (login.username, login.password, login.practice)
        known = Vocabulary(script.sources, registry.behaviour(asked.key, own), typed)
        saver = Saver(asked.save, known, hosts) if asked.save else None
        watcher = AtTheTerminal(words_of(script.sources), step=asked.step, saver=saver)
        done = asyncio.run(signing.sign_in(chosen, script, hosts, typed_at, login, watcher, headed=asked.headed))
        for file in saver.saved if saver else []:
            print(f"saved {file}; read it before you commit it")
    except KeyError:
        print(f"There is no script {asked.key}; portunus script new {asked.key} makes one.", file=sys.stderr)
        return 1
    except (BrokerError, OSError, ValueError) as wrong:
        print(wrong, file=sys.stderr)
        return 1
    print(f"{done.outcome.value}{': ' + done.words if done.words else ''}")
    return 0 if done.outcome is Outcome.SIGNED_IN else 1


def check_mode(facts: dict[str, Any]) -> None:
    """Raises `Refused` for a portal whose terms allow no program: trying one out is using one."""
    if facts["automation"] == "attended":
        raise Refused(
            f'{facts["name"]} allows no program: its file says automation = "attended". If its terms allow one, write '
            '"assisted"; else a person signs in there herself, and you save its pages by hand.',
            code="automation-policy",
        )


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="portunus script run", description=__doc__)
    parser.add_argument("key")
    parser.add_argument("--username", required=True, help="a login that you yourself may use")
    parser.add_argument("--password-file", type=Path, help="its password; asked for when not named")
    parser.add_argument("--practice", default="", help="words of the practice to choose, where the portal asks")
    parser.add_argument("--file", type=Path, help="the script, where it is not in this catalog")
    parser.add_argument(
        "--host", action="append", help="each host of the portal, where it is not those the script says"
    )
    parser.add_argument("--lab", type=Path, help="lab.json of a running lab: its addresses and certificate")
    parser.add_argument("--code", default="", help="the code to type; asked for when not named")
    parser.add_argument(
        "--method",
        default="",
        help="how this login gets its codes, where the portal offers a choice: sms, totp, voice, …",
    )
    parser.add_argument(
        "--save", type=Path, help="folder for scrubbed copies of the pages it sees, as examples for tests"
    )
    parser.add_argument(
        "--by-hand",
        action="store_true",
        help="you have signed in by hand since the last try, so that it counts no more",
    )
    parser.add_argument("--step", action="store_true", help="wait for Enter before every step")
    parser.add_argument("--headed", action="store_true", help="show the browser's window; it needs a display")
    return parser.parse_args()


def _settings(lab: Path | None) -> Settings:
    if lab is None:
        return settings()
    facts: dict[str, Any] = json.loads(lab.read_text(encoding="utf-8"))
    spki = facts["trusted_spki"]
    keys = [spki] if isinstance(spki, str) else list(spki)
    return settings().model_copy(update={"resolve": dict(facts["resolve"]), "trusted_spki": keys})


def _login(chosen: Settings, asked: argparse.Namespace) -> OwnLogin:
    password = (
        asked.password_file.read_text(encoding="utf-8").rstrip("\n") if asked.password_file else getpass.getpass()
    )
    ledger = _ledger(chosen)
    if asked.by_hand:
        ledger.give_back(asked.key, asked.username)
    record = registry.behaviour(asked.key, place.holding(asked.key))
    behaviour = {name: fact["value"] for name, fact in record.items() if "value" in fact}

    def may_submit() -> None:
        if not ledger.take_one(asked.key, asked.username, behaviour, _now()):
            raise CallRefused(
                "refused",
                "Another try could make the carrier lock this login. Sign in by hand, then run again with --by-hand.",
            )

    async def code() -> str:
        return asked.code or await asked_at_the_keyboard()

    def proved() -> None:
        ledger.give_back(asked.key, asked.username)

    return OwnLogin(asked.username, password, code, may_submit, proved, asked.practice, asked.method)


def _ledger(chosen: Settings) -> Ledger:
    return Ledger(chosen.data_dir.absolute() / "tryouts.json")


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - a command at somebody's desk


if __name__ == "__main__":
    sys.exit(main())
