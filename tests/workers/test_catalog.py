"""A real installation is offered real carriers only; the lab's invented ones come with the demo and tests."""

from sqlalchemy import select

from broker.base.actor import system
from broker.directory.models import Portal
from carrier_scripts import registry
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


def test_a_script_with_one_real_host_is_a_real_one(portunus, monkeypatch):
    portal = registry.portal("harborline")
    monkeypatch.setattr(portal, "hosts", portal.hosts | {"providers.example.com"})
    assert catalog.register(portunus) == ["harborline"]
    assert offered(portunus) == ["harborline"]
