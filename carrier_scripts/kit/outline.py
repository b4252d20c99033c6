"""What `check` wants to know of a script, said by the confined process that has loaded it."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from carrier_scripts.kit.portal import Portal

NOT_SELECTORS = {"question"}


def told(portal: type[Portal]) -> dict[str, Any]:
    """As JSON; a fact that the script does not declare is empty."""
    return {
        **{name: str(getattr(portal, name, "")) for name in ("name", "start", "home", "automation")},
        **{
            name: sorted(str(one) for one in getattr(portal, name, ()))
            for name in ("hosts", "sign_in_hosts", "practice", "reads")
        },
        "pages": [[str(path), str(name)] for path, name in getattr(portal, "pages", {}).items()],
        "signs": [str(outcome) for outcome in getattr(portal, "signs", {})],
        "selectors": sorted(selectors_of(portal)),
        "between": len(portal.between),
        "has": [name for name in ("login", "code", "sign_out") if getattr(portal, name, None)],
        "own": sorted(str(name) for name in vars(portal)),
        "written": sorted(written(portal)),
    }


def written(portal: type[Portal]) -> set[str]:
    """Names that the script and its families define."""
    return {str(name) for kind in portal.__mro__ if kind not in (Portal, object) for name in vars(kind)}


def selectors_of(portal: type[Portal]) -> set[str]:
    """Every selector of its declared facts."""
    asked = {*portal.practice, portal.sign_out or ""}
    for step in (getattr(portal, "login", None), *portal.between, portal.code, portal.office):
        asked |= set(_selectors(step)) if is_dataclass(step) else set()
    for sign in getattr(portal, "signs", {}).values():
        asked |= set(_seen(sign.to_json()))
    return asked - {""}


def _selectors(step: Any) -> Iterator[str]:
    """The texts of a declared step that are selectors; a question or a rule of dates is none."""
    for one in fields(step):
        value = getattr(step, one.name)
        if isinstance(value, str) and one.name not in NOT_SELECTORS:
            yield value


def _seen(sign: list[Any]) -> Iterator[str]:
    kind, *what = sign
    if kind == "sees":
        yield str(what[0])
    for part in what:
        if isinstance(part, list):
            yield from _seen(part)
