"""What a token endpoint may answer, and what is made of it."""

from collections.abc import Callable

import httpx2
import pytest

from broker.adapters.oauth_tokens import LIFE_S, OAuthTokens
from broker.base.errors import BrokerError, Refused, Unavailable
from broker.ports.tokens import Client

CLIENT = Client("https://id.example.test/token", "portunus", "Marble-Crane", "mail offline")
GIVEN = {"access_token": "at-1", "token_type": "Bearer", "expires_in": 3599}


def tokens(answer: Callable[[httpx2.Request], httpx2.Response]) -> OAuthTokens:
    return OAuthTokens(httpx2.MockTransport(answer))


def said(status: int, told: object) -> OAuthTokens:
    return tokens(lambda _: httpx2.Response(status, json=told))


def test_a_refresh_is_asked_as_the_standard_says() -> None:
    asked = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(dict(httpx2.QueryParams(request.content.decode())))
        return httpx2.Response(200, json=GIVEN | {"refresh_token": "rt-2"})

    token = tokens(answer).refresh(CLIENT, "rt-1")
    assert (token.access, token.life_s, token.refresh) == ("at-1", 3599.0, "rt-2")
    assert asked == [
        {
            "grant_type": "refresh_token",
            "refresh_token": "rt-1",
            "scope": "mail offline",
            "client_id": "portunus",
            "client_secret": "Marble-Crane",
        }
    ]


def test_the_code_is_redeemed_with_its_verifier() -> None:
    asked = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(dict(httpx2.QueryParams(request.content.decode())))
        return httpx2.Response(200, json=GIVEN)

    assert tokens(answer).redeem(CLIENT, "c-1", "v-1", "https://p.test/back").refresh is None
    assert {k: asked[0][k] for k in ("grant_type", "code", "code_verifier", "redirect_uri")} == {
        "grant_type": "authorization_code",
        "code": "c-1",
        "code_verifier": "v-1",
        "redirect_uri": "https://p.test/back",
    }


@pytest.mark.parametrize(
    ("status", "told", "error", "code"),
    [
        (400, {"error": "invalid_grant"}, Refused, "mailbox-consent"),
        (400, {"error": "interaction_required"}, Refused, "mailbox-consent"),
        (401, {"error": "invalid_client"}, Refused, "mailbox-client"),
        (400, {"error": "unauthorized_client"}, Refused, "mailbox-client"),
        (401, "nonsense", Refused, "mailbox-client"),
        (400, {"error": "invalid_scope"}, Refused, "mailbox-client"),
        (400, {"error": "<script>" * 40}, Refused, "mailbox-client"),
        (302, {}, Refused, "mailbox-client"),
        (429, {}, Unavailable, "unavailable"),
        (503, {}, Unavailable, "unavailable"),
        (200, {"token_type": "Bearer"}, Unavailable, "unavailable"),
        (200, {"access_token": 7}, Unavailable, "unavailable"),
        (200, GIVEN | {"token_type": "mac"}, Unavailable, "unavailable"),
        (200, GIVEN | {"access_token": "a\r\nA1 LOGOUT"}, Unavailable, "unavailable"),
        (200, GIVEN | {"access_token": "x" * 9000}, Unavailable, "unavailable"),
        (200, [1], Unavailable, "unavailable"),
    ],
)
def test_each_refusal_has_its_kind_and_shows_no_secret(
    status: int, told: object, error: type[BrokerError], code: str
) -> None:
    with pytest.raises(error) as failed:
        said(status, told).refresh(CLIENT, "rt-1")
    assert failed.value.code == code
    assert not any(secret in str(failed.value) for secret in ("rt-1", "Marble-Crane", "<script>", "LOGOUT"))


def test_a_life_that_is_no_number_is_a_short_one() -> None:
    assert said(200, GIVEN | {"expires_in": "soon"}).refresh(CLIENT, "rt").life_s == LIFE_S
    assert said(200, GIVEN | {"expires_in": 10**12}).refresh(CLIENT, "rt").life_s == 24 * 3600


def test_an_endless_answer_is_cut() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=(b'{"x": "' + b"y" * 1000 for _ in range(10_000)))

    with pytest.raises(Unavailable):
        tokens(answer).refresh(CLIENT, "rt")


def test_a_service_that_is_away_is_named_without_what_was_sent() -> None:
    def away(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError(f"no route, sent {request.content.decode()}")

    with pytest.raises(Unavailable, match="ConnectError") as failed:
        tokens(away).refresh(CLIENT, "rt-1")
    assert failed.value.__cause__ is None
    assert "rt-1" not in str(failed.value)
