"""docs/ARCHITECTURE.md names only what there is: features, parameters, files, the host's routes, script calls and stream words."""

import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType

import pytest

from broker.vault.service import Vault
from carrier_scripts.kit import wire

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8")
SERVICES = TEXT.split("## Feature services")[1].split("```")[1]
HOST = (ROOT / "workers" / "browser" / "door.py").read_text(encoding="utf-8")


def promised() -> list[tuple[str, str, list[str]]]:
    """(module, function, parameters) for every call in the block."""
    found, module = [], ""
    for line in SERVICES.splitlines():
        module = re.split(r"\s{1,}", line)[0] or module
        code = re.sub(r"\s#.*", "", line[19:])
        for name, inside in re.findall(r"(?<![.\w])([a-z_]+)\(([^)]*)\)", code):
            found.append(
                (module, name, [word.strip() for word in inside.split(",") if word.strip() not in ("", "...")])
            )
    return found


@pytest.mark.parametrize(("module", "name", "words"), promised(), ids=lambda value: str(value))
def test_every_function_it_names_is_there_with_these_parameters(module: str, name: str, words: list[str]) -> None:
    place: ModuleType | type = Vault if module == "vault.service" else importlib.import_module(f"broker.{module}")
    parameters = list(inspect.signature(getattr(place, name)).parameters)
    assert [word for word in words if word not in parameters] == []


def test_every_type_it_says_a_function_returns_is_there() -> None:
    broker = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "broker").rglob("*.py"))
    returned = set(re.findall(r"-> ([A-Z]\w+)", SERVICES))
    assert returned
    assert [name for name in returned if not re.search(rf"^class {name}\b", broker, re.MULTILINE)] == []


def test_the_browser_hosts_files_are_these_and_no_others() -> None:
    table = TEXT.split("| file | subject |")[1].split("\n\n")[0]
    files = [
        name
        for row in table.splitlines()
        for name in re.findall(r"`([a-z_]+\.py)`", row.partition("|")[2].partition("|")[0])
    ]
    there = {file.name for file in (ROOT / "workers" / "browser").glob("*.py")} - {"__init__.py"}
    assert len(there) > 10
    assert sorted(files) == sorted(there)


def test_the_hosts_routes_are_these_and_no_others() -> None:
    named = set(re.findall(r"`(GET|POST|WS) (/[a-z/{}_-]+)`", TEXT.split("## Browser host")[1].split("Inside,")[0]))
    routes = {
        ("WS" if verb == "websocket" else verb.upper(), path)
        for verb, path in re.findall(r'@app\.(get|post|websocket)\("([^"]+)"', HOST)
    }
    assert named == routes


def test_the_calls_of_a_script_are_these_and_no_others_and_each_is_answered() -> None:
    calls = TEXT.split("\nCalls: ")[1].split("A sign is")[0]
    named = set(re.findall(r"`([a-z0-9_]+) ?\{", calls)) | set(re.findall(r"`(resend_code)`", calls))
    host = "".join(
        (ROOT / "workers" / "browser" / f"{name}.py").read_text(encoding="utf-8")
        for name in ("desk", "facade", "lookupfacade")
    )
    assert named == wire.CALLS
    assert sorted(name for name in named if f'"{name}"' not in host) == []


def test_the_runs_of_a_script_are_these_and_no_others() -> None:
    named = re.findall(r'"(\w+)"', TEXT.split('`{"run": ')[1].split(', "portal"')[0])
    assert set(named) == wire.RUNS


def test_the_readme_names_every_feature_of_the_broker() -> None:
    row = next(line for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines() if "`broker/`" in line)
    layers = re.search(r"^`wiring > adapters > (.+) > ports > base`\.$", TEXT, re.MULTILINE)
    assert [name for name in layers[1].split(" > ") if not re.search(rf"\b{name}\b", row)] == []


def test_every_contract_layer_is_a_folder() -> None:
    layers = re.search(r"^`(wiring > .+)`\.$", TEXT, re.MULTILINE)
    assert layers is not None
    assert len(layers[1].split(" > ")) > 10
    assert [name for name in layers[1].split(" > ") if not list((ROOT / "broker").glob(f"{name}*"))] == []
