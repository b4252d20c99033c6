"""How a person goes through each carrier's front door."""

import httpx2
import pyotp

from tests.labs import Browser, RunningLab


def password(browser: Browser, lab: RunningLab, key: str, secret: str | None = None) -> httpx2.Response:
    """Submit a login's password (or another) at its carrier."""
    account = lab.account(key)
    secret = account.password if secret is None else secret
    match account.carrier:
        case "harborline":
            browser.get("/signin")
            return browser.post("/signin", data={"username": account.username, "password": secret})
        case "copper_mesa_az":
            browser.get("/Account/Login")
            return browser.post("/Account/Login", data={"UserName": account.username, "Password": secret})
        case _:
            browser.get("/login")
            return browser.post("/login", data={"userId": account.username, "password": secret})


def mailed_code(browser: Browser, code: str, *, remember: bool = False) -> httpx2.Response:
    return browser.post("/signin/verify", data={"code": code} | ({"remember": "1"} if remember else {}))


def texted_code(browser: Browser, code: str) -> httpx2.Response:
    return browser.post("/Account/Verify", data={"VerificationCode": code})


def authenticator(lab: RunningLab, key: str, steps: int = 0) -> str:
    """What the login's authenticator shows, so many steps from now."""
    at = int(lab.now().timestamp()) + 30 * steps
    return str(pyotp.TOTP(lab.account(key).totp_seed).at(at))


def shown_code(browser: Browser, code: str) -> httpx2.Response:
    return browser.post("/login/2step", data={"otp": code})


def sign_in_harborline(
    browser: Browser, lab: RunningLab, key: str = "harborline-1", place: str = "phoenix"
) -> httpx2.Response:
    password(browser, lab, key)
    mailed_code(browser, lab.last_code(key))
    return browser.post("/practice", data={"tin": place})


def sign_in_copper(browser: Browser, lab: RunningLab) -> httpx2.Response:
    password(browser, lab, "copper_mesa_az-1")
    return texted_code(browser, lab.last_code("copper_mesa_az-1"))


def sign_in_northgate(
    browser: Browser, lab: RunningLab, key: str = "northgate-1", place: str = "tucson"
) -> httpx2.Response:
    password(browser, lab, key)
    shown_code(browser, authenticator(lab, key))
    return browser.post("/organizations", data={"organization": place})
