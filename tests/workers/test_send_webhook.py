"""Where webhooks go: to the address that was looked at, and never into our own network, whatever a name says."""

import socket
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest

from broker.lookups.hooks import Message
from workers import send_webhook

PUBLIC, OTHER = "93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"


def message(url: str) -> Message:
    return Message("msg_1", "whk_1", url, "whsec_" + "QUJD" * 8, '{"type": "lookup.done"}', 1)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What names stand for, and how often somebody asked."""
    found = SimpleNamespace(addresses=[PUBLIC], asked=0)

    def resolve(host: str, port: Any, *_: Any, **__: Any) -> list[Any]:
        found.asked += 1
        if not found.addresses:
            raise socket.gaierror
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 0)) for one in found.addresses]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return found


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[httpx2.Request]:
    """Requests as they would go out."""
    requests: list[httpx2.Request] = []

    def handle(_: httpx2.HTTPTransport, request: httpx2.Request) -> httpx2.Response:
        requests.append(request)
        return httpx2.Response(204, request=request)

    monkeypatch.setattr(httpx2.HTTPTransport, "handle_request", handle)
    return requests


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.5", "172.16.3.3", "192.168.1.10", "127.0.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "::1", "fd00::1",
        "fe80::1", "::ffff:127.0.0.1",
    ],
)  # fmt: skip
def test_a_name_that_leads_into_our_own_network_is_not_followed(portunus, names, sent, address: str) -> None:
    for addresses in ([address], [PUBLIC, address]):
        names.addresses = addresses
        assert send_webhook.post(portunus, message("https://rcm.example/hook")) is None
    assert sent == []


@pytest.mark.parametrize(
    "url", ["https://10.0.0.5/x", "https://2130706433/x", "https://0x7f000001/x", "https://[::1]:8443/x"]
)
def test_nor_is_such_an_address_itself(portunus, sent, monkeypatch, url: str) -> None:
    away = SimpleNamespace(public_url="https://portunus.example")
    monkeypatch.setattr(send_webhook, "settings", lambda: away)
    assert send_webhook.post(portunus, message(url)) is None
    assert sent == []


def test_only_who_runs_everything_on_one_machine_is_told_there(portunus, names, sent, monkeypatch) -> None:
    for public_url, told in (("https://portunus.example", 0), ("http://127.0.0.1:8400", 1)):
        here = SimpleNamespace(public_url=public_url)
        monkeypatch.setattr(send_webhook, "settings", lambda here=here: here)
        send_webhook.post(portunus, message("http://127.0.0.1:9000/hook"))
        assert len(sent) == told


@pytest.mark.parametrize(("address", "place"), [(PUBLIC, PUBLIC), (OTHER, f"[{OTHER}]")])
def test_the_name_is_resolved_once_and_that_address_is_told_under_that_name(
    portunus, names, sent, address: str, place: str
) -> None:
    names.addresses = [address]
    assert send_webhook.post(portunus, message("https://rcm.example:8443/hook?of=us")) == 204
    (request,) = sent
    assert str(request.url) == f"https://{place}:8443/hook?of=us"
    assert request.headers["host"] == "rcm.example:8443"
    assert request.extensions["sni_hostname"] == "rcm.example"
    assert names.asked == 1


def test_a_name_that_nobody_knows_is_tried_again_later(portunus, names, sent) -> None:
    names.addresses = []
    assert send_webhook.post(portunus, message("https://rcm.example/hook")) is None
    assert sent == []
