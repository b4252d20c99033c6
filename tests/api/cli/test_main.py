"""Whatever goes wrong, the command line says one sentence and gives an exit code."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from api.cli import operate
from broker.base.db import make_engine
from broker.base.settings import Settings


@pytest.mark.parametrize(
    "words",
    [
        ("status",),
        ("code",),
        ("audit", "check"),
        ("audit", "last-code", "--portal", "harborline", "--location", "phoenix"),
        ("open", "harborline", "--location", "phoenix"),
    ],
)
def test_a_database_that_is_not_there_is_one_sentence(shell, portunus, tmp_path, words):
    portunus.engine = make_engine(f"sqlite:///{tmp_path / 'none' / 'portunus.db'}")
    said = shell(*words)
    assert (said.code, "The database cannot be used" in said.errors) == (1, True)
    assert "Traceback" not in said.errors


def test_an_unknown_portal_has_the_exit_code_of_what_is_not_found(shell, portunus):
    assert shell("open", "nowhere", "--location", "phoenix").code == 3


def test_migrate_makes_the_folder_of_a_fresh_clone(shell, tmp_path, monkeypatch):
    fresh = tmp_path / "fresh" / "var"
    monkeypatch.setattr(operate, "settings", lambda: Settings(data_dir=fresh))
    said = shell("migrate")
    assert (said.code, said.out.strip()) == (0, "The database is at its newest migration.")
    assert (fresh / "portunus.db").exists()


def test_where_only_a_demo_was_started_the_commands_look_at_it(tmp_path):
    portunus = [Path(sys.executable).with_name("portunus")]
    clean = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    made = clean | {"PORTUNUS_DATA_DIR": str(tmp_path / "var" / "demo")}
    subprocess.run([*portunus, "migrate"], cwd=tmp_path, env=made, check=True, capture_output=True)
    said = subprocess.run([*portunus, "code", "--json"], cwd=tmp_path, env=clean, capture_output=True, text=True)
    assert (said.returncode, json.loads(said.stdout)) == (0, [])
    assert not (tmp_path / "var" / "portunus.db").exists()


def test_a_setting_that_is_not_right_is_one_sentence_without_its_value(tmp_path):
    portunus = [Path(sys.executable).with_name("portunus")]
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PORTUNUS_PORT": "Quartz-Heron-4417"}
    said = subprocess.run([*portunus, "status"], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr.startswith("These settings are not right: PORTUNUS_PORT: ")
    assert "Traceback" not in said.stderr
    assert "Quartz-Heron-4417" not in said.stderr
