"""A process says that it is ready, wherever it was started from."""

from pathlib import Path

from broker.base.ready import file_of, say_ready
from broker.base.settings import Settings


def test_the_folder_is_made_where_nobody_made_it_beforehand(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "new")
    say_ready(settings, "worker")
    assert file_of(settings, "worker").exists()
    assert file_of(settings, "worker").parent.stat().st_mode & 0o077 == 0


def test_it_can_be_said_again(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    say_ready(settings, "mailwatch")
    say_ready(settings, "mailwatch")
    assert file_of(settings, "mailwatch").exists()
