"""Where an administrator looks after people and automations: invite, give and take roles, reset, disable, make keys."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from api.access import Here, HereNow, permits
from api.pages import page
from broker.base.errors import BrokerError, Conflict, Incomplete, Refused
from broker.identity import keys, links, people, roster, second_factor, shell
from broker.identity.policy import ROLE_WORDS, Permission, Role, organization_of

router = APIRouter()

Text = Annotated[str, Form()]
MANAGES = [permits(Permission.USER_MANAGE)]
PEOPLE_ROLES = [(role.value, words) for role, words in ROLE_WORDS.items() if role is not Role.SERVICE]
SAID = (Incomplete, Conflict, Refused)
"""Errors that the page itself shows, beside the form."""


@router.get("/people", dependencies=MANAGES)
def everybody(request: Request, here: HereNow) -> Response:
    return _page(request, here)


@router.post("/people", dependencies=MANAGES)
def invite(
    request: Request, here: HereNow, name: Text = "", email: Text = "", role: Text = "", location_id: Text = ""
) -> Response:
    try:
        with here.unit() as work:
            user = people.create_user(work, organization_of(work) or "", email=email, name=name)
            if role:
                people.give_grant(work, role=role, user_id=user.id, location_id=location_id or None)
            token = links.create_link(work, user)
    except SAID as no:
        return _page(request, here, no)
    return _page(request, here, link=_address(here, token), about=user.name)


@router.post("/people/{user_id}/link", dependencies=MANAGES)
def new_link(request: Request, here: HereNow, user_id: str) -> Response:
    with here.unit() as work:
        user = people.find_user(work, user_id)
        token = links.create_link(work, user)
    return _page(request, here, link=_address(here, token), about=user.name)


@router.post("/people/{user_id}/grants", dependencies=MANAGES)
def give(request: Request, here: HereNow, user_id: str, role: Text = "", location_id: Text = "") -> Response:
    try:
        with here.unit() as work:
            people.give_grant(work, role=role, user_id=user_id, location_id=location_id or None)
    except SAID as no:
        return _page(request, here, no)
    return _back()


@router.post("/people/{user_id}/second-factor/reset", dependencies=MANAGES)
def reset(here: HereNow, user_id: str) -> Response:
    with here.unit() as work:
        second_factor.reset_second_factor(work, here.portunus.vault, user_id)
    return _back()


@router.post("/people/{user_id}/shell-name", dependencies=MANAGES)
def name_at_shell(request: Request, here: HereNow, user_id: str, name: Text = "") -> Response:
    try:
        with here.unit() as work:
            shell.name_at_shell(work, user_id, name)
    except SAID as no:
        return _page(request, here, no)
    return _back()


@router.post("/people/{user_id}/disable", dependencies=MANAGES)
def disable(request: Request, here: HereNow, user_id: str) -> Response:
    try:
        with here.unit() as work:
            people.disable_user(work, user_id)
    except SAID as no:
        return _page(request, here, no)
    return _back()


@router.post("/people/{user_id}/enable", dependencies=MANAGES)
def enable(here: HereNow, user_id: str) -> Response:
    with here.unit() as work:
        people.enable_user(work, user_id)
    return _back()


@router.post("/people/grants/{grant_id}/revoke", dependencies=MANAGES)
def revoke(request: Request, here: HereNow, grant_id: str) -> Response:
    try:
        with here.unit() as work:
            people.revoke_grant(work, grant_id)
    except SAID as no:
        return _page(request, here, no)
    return _back()


@router.post("/people/automations", dependencies=MANAGES)
def automate(request: Request, here: HereNow, name: Text = "", location_id: Text = "") -> Response:
    try:
        with here.unit() as work:
            row = people.create_service_account(work, organization_of(work) or "", name, here.actor.id)
            people.give_grant(work, role=Role.SERVICE, service_account_id=row.id, location_id=location_id or None)
    except SAID as no:
        return _page(request, here, no)
    return _back()


@router.post("/people/automations/{service_account_id}/keys", dependencies=MANAGES)
def new_key(request: Request, here: HereNow, service_account_id: str) -> Response:
    with here.unit() as work:
        row = people.find_service_account(work, service_account_id)
        _, key = keys.create_api_key(work, row)
    return _page(request, here, key=key, about=row.name)


@router.post("/people/keys/{key_id}/revoke", dependencies=MANAGES)
def revoke_key(here: HereNow, key_id: str) -> Response:
    with here.unit() as work:
        keys.revoke_api_key(work, key_id)
    return _back()


def _address(here: Here, token: str) -> str:
    return f"{here.portunus.settings.public_url.rstrip('/')}/sign-in/link/{token}"


def _back() -> Response:
    return RedirectResponse("/people", 303)


def _page(
    request: Request, here: Here, no: BrokerError | None = None, *, link: str = "", key: str = "", about: str = ""
) -> Response:
    with here.reading() as work:
        found, at_shell = roster.roster(work), shell.shell_names(work)
    status = no.status if no else 200
    shown = {"words": no.message if no else "", "link": link, "key": key, "about": about}
    return page(request, "people.html", status=status, roster=found, at_shell=at_shell, roles=PEOPLE_ROLES, **shown)
