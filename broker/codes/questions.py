"""A portal's security questions: each answer in the vault beside the others, found by the question's own words."""

import json
from collections.abc import Mapping

from broker.base.errors import Incomplete
from broker.base.unit import Unit
from broker.directory.models import PortalAccount
from broker.vault.service import Vault

OWNER, FIELD = "portal_account", "security_answers"
LONGEST = 300


def keep(work: Unit, vault: Vault, account: PortalAccount, answers: Mapping[str, str]) -> None:
    """Store answers beside those stored already: portals ask one of several. Raises `Incomplete`."""
    for question, answer in answers.items():
        if not plain(question) or not answer.strip() or max(len(question), len(answer)) > LONGEST:
            raise Incomplete("Type the question as the portal words it, and its answer.")
    known: dict[str, str] = {}
    if vault.has(work, OWNER, account.id, FIELD):
        known = json.loads(vault.use(work, OWNER, account.id, FIELD, purpose="store another answer"))
    new = {plain(question) for question in answers}
    kept = {question: answer for question, answer in known.items() if plain(question) not in new} | dict(answers)
    vault.put(work, account.organization_id, OWNER, account.id, FIELD, json.dumps(kept).encode())


def stored(work: Unit, vault: Vault, account: PortalAccount) -> bool:
    """Whether any answer is stored."""
    return vault.has(work, OWNER, account.id, FIELD)


def answers(work: Unit, vault: Vault, account: PortalAccount, question: str) -> bool:
    """Whether an answer to exactly this question is stored; the answer itself does not leave the vault."""
    if not stored(work, vault, account):
        return False

    def asked(kept: bytes) -> bool:
        return plain(question) in {plain(known) for known in json.loads(kept)}

    return vault.verify_with(work, OWNER, account.id, FIELD, asked, purpose="look whether a question is known")


def plain(question: str) -> str:
    """The question without what portals change about it: case, spaces, the mark at its end."""
    return " ".join(question.split()).casefold().rstrip("?: ")
