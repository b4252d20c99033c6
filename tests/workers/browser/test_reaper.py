"""What a killed host leaves in the temporary folder is removed by the next one, and nothing else is."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from workers.browser import reaper


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def left_by_a_dead_process(place: Path) -> Path:
    code = "from workers.browser.reaper import new_folder; print(new_folder('portunus-browser-'))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "TMPDIR": str(place)},
        capture_output=True,
        text=True,
        check=True,
    )
    return Path(done.stdout.strip())


def test_the_folder_of_a_dead_host_is_removed_with_what_is_in_it(place: Path) -> None:
    orphan = left_by_a_dead_process(place)
    (orphan / "downloads").mkdir()
    (orphan / "downloads" / "eob.pdf").write_bytes(b"x")
    assert reaper.reap() == [orphan]
    assert not orphan.exists()


def test_the_folder_of_a_living_host_stays(place: Path) -> None:
    mine = reaper.new_folder("portunus-browser-")
    assert reaper.reap() == []
    assert mine.is_dir()


def test_a_number_that_another_process_has_now_is_not_the_owner(place: Path) -> None:
    folder = reaper.new_folder("portunus-browser-")
    (folder / reaper.OWNER).write_text(f"{os.getpid()} 1.0")
    assert reaper.reap() == [folder]


def test_a_nameless_folder_stays_for_an_hour(place: Path) -> None:
    young, old = place / "portunus-script-young", place / "portunus-script-old"
    young.mkdir()
    old.mkdir()
    os.utime(old, (1, 1))
    assert reaper.reap() == [old]
    assert young.is_dir()


def test_a_link_is_not_followed_and_other_folders_are_not_ours(place: Path) -> None:
    elsewhere = place / "work"
    elsewhere.mkdir()
    (elsewhere / "kept").write_text("x")
    (place / "portunus-browser-link").symlink_to(elsewhere)
    os.utime(elsewhere, (1, 1))
    assert reaper.reap() == []
    assert (elsewhere / "kept").exists()


def test_a_folder_that_its_own_host_removes_meanwhile_is_passed_over(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "iterdir", lambda _: iter([place / "portunus-browser-gone"]))
    assert reaper.reap() == []
