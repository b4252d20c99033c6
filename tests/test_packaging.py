"""docker-compose.yml, the Dockerfile and the build context name what there is, as far as that shows without Docker."""

import importlib.util
import json
import re
import shlex
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr
from typer.main import get_command

from api.cli.main import app
from broker.base.settings import Settings

ROOT = Path(__file__).parents[1]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
CMD = json.loads(re.search(r"^CMD (.+)$", DOCKERFILE, re.MULTILINE)[1])
OURS = {name: service for name, service in COMPOSE["services"].items() if service["image"] == "portunus"}
OTHERS = {name: service for name, service in COMPOSE["services"].items() if name not in OURS}
MADE = {
    word
    for line in re.findall(r"^RUN (.+)$", DOCKERFILE, re.MULTILINE)
    for folders in re.findall(r"install -d -o portunus -g portunus (.+)", line)
    for word in shlex.split(folders)
    if word.startswith("/")
}
COPIED = [word for line in re.findall(r"^COPY (.+)$", DOCKERFILE, re.MULTILINE) for word in line.split()[:-1]]
TAGS = {"postgres": r"\d+-(trixie|bookworm|alpine)", "valkey/valkey": r"\d+(\.\d+)*(-trixie|-alpine)?"}
"""As these projects name their images: Valkey 9 has none on bookworm (valkey.io/download/releases)."""


def command_of(service: dict[str, Any]) -> list[str]:
    return service.get("command", CMD)


@pytest.mark.parametrize("name", OURS)
def test_every_setting_it_gives_exists_and_files_are_for_secrets(name: str) -> None:
    given = [word.removeprefix("PORTUNUS_").lower() for word in OURS[name]["environment"] if "PORTUNUS_" in word]
    for word in given:
        field = Settings.model_fields[word.removesuffix("_file")]
        assert field.annotation is SecretStr or not word.endswith("_file")
    assert len(given) >= 6


@pytest.mark.parametrize("name", OURS)
def test_every_secret_file_is_handed_to_the_service_that_reads_it(name: str) -> None:
    read = {Path(value).name for key, value in OURS[name]["environment"].items() if key.endswith("_FILE")}
    assert read == set(OURS[name]["secrets"])
    assert read <= set(COMPOSE["secrets"])


@pytest.mark.parametrize("name", OURS)
def test_every_command_is_there(name: str) -> None:
    program, *words = command_of(OURS[name])
    if program == "portunus":
        assert words[0] in get_command(app).commands
    else:
        module = {"python": "-m", "celery": "-A"}.get(program)
        target = words[words.index(module) + 1] if module else words[0].partition(":")[0]
        assert importlib.util.find_spec(target) is not None


@pytest.mark.parametrize("name", OURS)
def test_a_volume_covers_a_folder_that_the_image_gives_to_its_user(name: str) -> None:
    places = {volume.partition(":")[2] for volume in OURS[name]["volumes"]}
    assert places
    assert places <= MADE


def test_the_launcher_can_be_executed_where_browsers_run_and_nothing_elsewhere() -> None:
    executable = {name for name, service in OURS.items() if any(mount.endswith(":exec") for mount in service["tmpfs"])}
    browsers = {name for name, service in OURS.items() if "workers.browserhost" in command_of(service)}
    assert executable == browsers == {"browserhost"}


@pytest.mark.parametrize("name", OTHERS)
def test_an_image_of_others_has_a_tag_of_the_kind_its_project_makes(name: str) -> None:
    image, _, tag = OTHERS[name]["image"].partition(":")
    assert re.fullmatch(TAGS[image], tag)


def test_the_api_believes_no_proxy_but_on_its_own_loopback_unless_told() -> None:
    assert OURS["api"]["environment"]["FORWARDED_ALLOW_IPS"] == "${FORWARDED_ALLOW_IPS:-127.0.0.1}"
    assert "--forwarded-allow-ips" not in CMD


def test_the_image_holds_every_package_that_its_processes_import() -> None:
    modules = "api.app, api.cli.main, workers.app, workers.browserhost, workers.mailwatch, workers.bench.__main__"
    show = f"import sys, {modules}; print(*{{m.partition('.')[0] for m in sys.modules}})"
    loaded = subprocess.run([sys.executable, "-c", show], cwd=ROOT, capture_output=True, text=True, check=True)
    own = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert {"api", "broker", "workers"} <= own & set(loaded.stdout.split())
    assert own & set(loaded.stdout.split()) <= set(COPIED)


@pytest.mark.parametrize("path", ["var/portunus.db", "secrets/root_key", ".venv/bin/python", ".git/config", ".env"])
def test_nothing_private_goes_into_the_build_context(path: str) -> None:
    assert not in_context(path)


@pytest.mark.parametrize("path", COPIED)
def test_what_the_image_copies_is_there_and_in_the_build_context(path: str) -> None:
    assert (ROOT / path).exists()
    assert in_context(path)


def in_context(path: str) -> bool:
    """By .dockerignore: the last line that matches the path or a folder above it decides."""
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    above = [path, *map(str, Path(path).parents)][:-1]  # without the folder itself
    kept = True
    for line in lines:
        if any(fnmatch(one, line.removeprefix("!")) for one in above):
            kept = line.startswith("!")
    return kept


def test_every_make_target_that_needs_the_environment_makes_it_first() -> None:
    rules = re.findall(r"^([a-z-]+):([^#\n=]*)(?:##.*)?\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    needing = {name: needs.split() for name, needs, recipe in rules if "$(bin)" in recipe or "$(resolve)" in recipe}
    assert {"run", "check", "migrate", "new-portal", "format", "lock"} <= set(needing)
    assert [name for name, needs in needing.items() if not {"setup", "venv"} & set(needs)] == []
