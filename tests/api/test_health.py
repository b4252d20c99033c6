"""Alive, ready, which version: and nothing else."""

import dataclasses

from sqlalchemy import create_engine
from starlette.testclient import TestClient

from api.app import create_app
from broker.base.errors import Unavailable
from tests.api.conftest import ADDRESS


def ready(portunus):
    return TestClient(create_app(portunus), base_url=ADDRESS).get("/readyz")


def test_ready_names_each_part(portunus):
    body = ready(portunus).json()
    assert set(body) == {"status", "database", "keys", "message_broker", "browser_host"}
    assert (body["database"], body["keys"], body["message_broker"]) == ("ok", "ok", "away")


def test_without_message_broker_portunus_is_still_ready(portunus):
    assert ready(portunus).status_code == 200


def test_without_database_it_is_alive_and_not_ready(portunus, tmp_path):
    broken = dataclasses.replace(portunus, engine=create_engine(f"sqlite:///{tmp_path}/no/such/folder.db"))
    client = TestClient(create_app(broken), base_url=ADDRESS)
    assert client.get("/healthz").json() == {"status": "ok"}
    response = client.get("/readyz")
    assert (response.status_code, response.json()["database"]) == (503, "away")
    assert "folder" not in response.text


def test_sealed_keys_are_not_ready(portunus, monkeypatch):
    def sealed(purpose):
        raise Unavailable("The root key is sealed.")

    monkeypatch.setattr(portunus.keyring, "derive", sealed)
    response = ready(portunus)
    assert (response.status_code, response.json()["keys"]) == (503, "away")


def test_version_is_told(portunus):
    assert TestClient(create_app(portunus), base_url=ADDRESS).get("/version").json()["name"] == "portunus"
