"""A real installation is offered real carriers only; the lab's invented ones come with the demo and tests."""

import pytest
from sqlalchemy import select

from broker.base.actor import system
from broker.directory import service as directory
from broker.directory.models import Portal
from broker.scripts import releases, versions
from broker.scripts import service as scripts
from carrier_scripts import registry, released
from tests import factories
from workers import catalog


def offered(portunus) -> list[str]:
    with portunus.reading(system("test")) as work:
        return sorted(work.db.scalars(select(Portal.key)))


def allow(portunus) -> None:
    portunus.settings = portunus.settings.model_copy(update={"simulated_portals": True})


def test_no_invented_carrier_is_offered_unless_a_setting_says_so(portunus):
    assert all(not registry.simulated(key) for key in catalog.register(portunus))
    assert "harborline" not in offered(portunus)
    assert "pgadmin" not in offered(portunus)


def test_the_demo_and_tests_are_offered_all(portunus):
    allow(portunus)
    assert catalog.register(portunus) == registry.keys() == offered(portunus)


@pytest.fixture
def real(monkeypatch):
    """Harborline has one host that is no simulated one."""
    portal = registry.portal("harborline")
    monkeypatch.setattr(portal, "hosts", portal.hosts | {"providers.example.com"})


def release(monkeypatch, digest: str) -> None:
    monkeypatch.setattr(released, "manifest", lambda: {"harborline": digest})


def test_a_script_with_one_real_host_is_a_real_one(portunus, monkeypatch, real):
    release(monkeypatch, registry.script("harborline").digest)
    assert catalog.register(portunus) == ["harborline"]
    assert offered(portunus) == ["harborline"]


def test_a_file_that_nobody_has_released_is_neither_offered_nor_in_force(portunus, real):
    assert catalog.register(portunus) == []
    assert offered(portunus) == []


def test_an_edited_file_leaves_the_released_version_in_force(portunus, monkeypatch, real):
    exact = registry.script("harborline")
    release(monkeypatch, exact.digest)
    catalog.register(portunus)
    edited = registry.Script("harborline", [dict(one) for one in exact.sources], "e" * 64)
    monkeypatch.setattr(registry, "script", lambda _: edited)
    assert catalog.register(portunus) == []
    with portunus.reading(system("test")) as work:
        assert scripts.in_force(work, directory.portal_by_key(work, "harborline").id) == exact.digest


def test_the_list_of_released_scripts_is_of_the_files_as_they_are():
    assert released.manifest() == released.current(), "read what has changed, then: python -m carrier_scripts release"


def test_a_restart_leaves_the_hosts_of_the_version_that_people_have_released(portunus):
    allow(portunus)
    catalog.register(portunus)
    hosts, start = ["harborline.sim.test", "id.harborline.sim.test"], "https://id.harborline.sim.test/signin"
    with portunus.unit(system("test")) as work:
        portal = directory.portal_by_key(work, "harborline")
        factories.version(work, portal, "f" * 64).approved_by = "usr_ana"
        bundle = scripts.Bundle("harborline", "f" * 64, [], {"hosts": hosts, "start": start})
        versions.keep(work, bundle, "A new host.", "Mira")
        releases.put_in_force(work, portal.id, "f" * 64)
    catalog.register(portunus)
    with portunus.reading(system("test")) as work:
        portal = directory.portal_by_key(work, "harborline")
        assert (portal.hosts, portal.start_url) == (hosts, start)
