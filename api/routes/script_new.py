"""The first script of a portal that Portunus does not know yet: written or pasted here, handed in, approved by somebody else."""

import re
from typing import Annotated

from fastapi import APIRouter, Form, Request
from sqlalchemy import select
from starlette.responses import RedirectResponse, Response

from api.access import Here, HereNow, permits
from api.pages import page
from broker.adapters.script_process import digest_of, with_facts
from broker.base.errors import BrokerError, Conflict, Incomplete
from broker.base.unit import Unit
from broker.directory.models import Portal
from broker.directory.service import SCRIPT_KEY
from broker.identity.policy import Permission
from broker.scripts import service as scripts
from broker.scripts.models import ScriptBundle, ScriptInForce

router = APIRouter()
WRITERS = [permits(Permission.SCRIPT_MAINTAIN)]
Text = Annotated[str, Form(max_length=1000)]
Code = Annotated[str, Form(max_length=70_000)]
FAMILY = re.compile(r"^\s*from (carrier_scripts\.families\.\w+) import", re.MULTILINE)


@router.get("/script-new", dependencies=WRITERS)
def blank(request: Request, here: HereNow) -> Response:
    """Room for the script that `portunus script new` has made, or one that is written here."""
    return _page(request, here)


@router.post("/script-new", dependencies=WRITERS)
def hand_in(request: Request, here: HereNow, key: Text = "", text: Code = "", words: Text = "") -> Response:
    """The portal is proposed with it, attended; somebody else approves the version and records the terms."""
    key = key.strip()
    try:
        if not SCRIPT_KEY.fullmatch(key):
            raise Incomplete("The key is the script's file name: lower-case letters, digits, single underscores.")
        with here.reading() as work:
            if work.db.scalar(select(Portal.id).where(Portal.key == key)) is not None:
                raise Conflict(f"{key} is known already: change its script on its own page.")
            sources = [*_families(work, text), {"module": f"carrier_scripts.portals.{key}", "text": _lines(text)}]
        bundle = with_facts(key, digest_of(sources), sources)
        with here.unit() as work:
            scripts.submit(work, bundle, words)
    except BrokerError as no:
        return _page(request, here, key=key, text=text, words=words, error=no)
    return RedirectResponse(f"/scripts/{key}", 303)


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n")


def _families(work: Unit, text: str) -> list[dict[str, str]]:
    """The families it builds on, as a script in force has them. Raises `Incomplete` where none has."""
    wanted = set(FAMILY.findall(_lines(text)))
    if not wanted:
        return []
    in_force = work.db.scalars(select(ScriptBundle).join(ScriptInForce, ScriptInForce.digest == ScriptBundle.digest))
    of_others = [bundle.sources[:-1] for bundle in in_force if wanted <= {one["module"] for one in bundle.sources[:-1]}]
    if not of_others:
        raise Incomplete(
            "No script in force builds on that family: hand this one in at the shell, where the family's file is."
        )
    return [dict(one) for one in min(of_others, key=len)]


def _page(
    request: Request, here: Here, *, key: str = "", text: str = "", words: str = "", error: BrokerError | None = None
) -> Response:
    del here
    return page(
        request, "script_new.html", status=error.status if error else 200, key=key, text=text, words=words,
        error=error.message if error else "",
    )  # fmt: skip
