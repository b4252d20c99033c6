"""Folders are made before anything starts, and never in somebody else's."""

import os

import pytest

from api.cli import up
from broker.base.errors import Unavailable
from broker.base.settings import Settings


def test_folders_are_for_the_owner_alone(tmp_path):
    settings = Settings(data_dir=tmp_path / "var")
    up.prepare(settings)
    assert [folder.stat().st_mode & 0o777 for folder in (settings.data_dir, settings.run_dir)] == [0o700, 0o700]


def test_a_folder_for_sockets_that_belongs_to_another_is_refused(tmp_path, monkeypatch):
    """A deep data folder puts the sockets under the machine's temporary folder, where anybody may have been before."""
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    with pytest.raises(Unavailable, match="belongs to"):
        up.prepare(Settings(data_dir=tmp_path / "var"))


def test_a_step_that_fails_is_one_sentence_and_its_last_words_are_kept(tmp_path):
    settings = Settings(data_dir=tmp_path / "var")
    with pytest.raises(Unavailable, match=r"^Registering the shipped portals failed; its last words are in \S+$"):
        up.step("Registering the shipped portals", "workers.nothing", settings, {})
    assert "workers.nothing" in (tmp_path / "var" / "log" / "workers.nothing.log").read_text()
