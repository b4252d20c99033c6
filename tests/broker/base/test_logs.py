"""What is named like a secret is not logged, at any depth."""

import json

import pytest
import structlog

from broker.base.logs import DROPPED, redact, set_up_logs

PLANTED = "Zq7-planted"


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "new_password",
        "code",
        "otp",
        "totp_seed",
        "cookie",
        "Authorization",
        "api_key",
        "x_csrf_token",
        "query",
        "body",
        "ticket",
        "exception",
    ],
)
def test_fields_named_like_a_secret_are_dropped(name):
    assert redact(None, "info", {"event": "x", name: PLANTED})[name] == DROPPED


def test_nested_fields_are_dropped_too():
    assert PLANTED not in str(
        redact(
            None, "info", {"event": "x", "form": {"user": "maria", "password": PLANTED}, "more": [{"code": PLANTED}]}
        )
    )


def test_bytes_are_not_logged():
    assert redact(None, "info", {"event": "x", "frame": PLANTED.encode()})["frame"] == "[11 bytes]"


@pytest.mark.parametrize("name", ["route", "status", "outcome", "portal", "error_code_name", "attempt", "task"])
def test_ordinary_fields_stay(name):
    assert redact(None, "info", {"event": "x", name: "seen"})[name] == "seen"


def test_json_lines_are_one_object_each(capsys):
    before = structlog.get_config()
    try:
        set_up_logs(json=True)
        structlog.get_logger("test").info("request", route="/me", password=PLANTED)
    finally:
        structlog.configure(**before)
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["route"], line["password"]) == ("request", "/me", DROPPED)
