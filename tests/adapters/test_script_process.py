"""Asking a version what it declares: by then nobody has read it, so it must find nothing and hold nobody up."""

import pytest

from broker.adapters import script_process
from broker.adapters.script_process import digest_of, with_facts
from broker.base.errors import Incomplete

DECLARED = """\"\"\"A portal.\"\"\"
from carrier_scripts.kit import LoginForm, Outcome, Portal, sees
{before}

class Planted(Portal):
    name = {name}
    hosts, start, home = frozenset({{"p.example"}}), "https://p.example/", "https://p.example/home"
    login = LoginForm("#u", "#p", "#s")
    signs = {{Outcome.SIGNED_IN: sees("#x"), Outcome.WRONG_PASSWORD: sees("#y")}}
"""
READS_ITS_FIRST_ENVIRONMENT = """
import dataclasses
ctypes = dataclasses.sys.modules["ctypes"]
at = ctypes.c_void_p.in_dll(ctypes.CDLL(None), "program_invocation_name").value
seen = []
while one := ctypes.string_at(at):
    seen.append(one.decode("ascii", "replace"))
    at += len(one) + 1
seen = [one for one in seen if one.startswith("PORTUNUS_")]
"""


def facts(before: str = "", name: str = '"Planted"') -> dict[str, object]:
    sources = [
        {"module": "carrier_scripts.portals.planted", "text": DECLARED.format(before=before, name=name)},
    ]
    return with_facts("planted", digest_of(sources), sources).facts


def test_what_a_version_declares_is_told() -> None:
    assert facts()["name"] == "Planted"


def test_a_version_that_names_no_sign_in_hosts_signs_in_where_it_starts() -> None:
    assert facts()["sign_in_hosts"] == ["p.example"]


def test_a_sign_in_host_that_is_not_among_its_hosts_is_refused() -> None:
    with pytest.raises(Incomplete, match=r"sign_in_hosts names elsewhere\.example"):
        facts(name='"Planted"; sign_in_hosts = frozenset({"p.example", "elsewhere.example"})')


def test_what_a_script_can_read_back_of_its_environment_holds_none_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read past the libraries, where nothing that is cleared later is gone."""
    monkeypatch.setenv("PORTUNUS_PLANTED", "Quartz-Heron")
    told = facts(READS_ITS_FIRST_ENVIRONMENT, "' '.join(['seen:', *seen])")
    assert str(told["name"]).partition("=")[0] == "seen: PORTUNUS_SCRIPT_UID"
    assert "Quartz" not in str(told["name"])


@pytest.mark.parametrize("where", ["stdout", "stderr"])
def test_a_script_that_talks_without_end_is_cut_off(where: str) -> None:
    endless = f"import sys\nwhile True: sys.{where}.write('x' * 65_536)\n"
    with pytest.raises(Incomplete, match="says too much"):
        facts(endless)


def test_an_answer_that_is_nested_without_end_is_no_answer() -> None:
    nested = "import sys\nsys.stdout.write('[' * 200_000 + chr(10))\nsys.stdout.flush()\n"
    with pytest.raises(Incomplete):
        facts(nested)


def test_a_script_that_never_loads_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script_process, "LIMIT_S", 2)
    with pytest.raises(Incomplete, match="does not load in ten seconds"):
        facts("while True: pass\n")
