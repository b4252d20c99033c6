"""The search for planted secrets finds them where they hide, and cries wolf at no id and no clock."""

import base64
import json
from pathlib import Path

import pytest

from tests.waiting import until
from tests.walks.canary import files_in, has_code, has_secret, leaks, watching

SECRET, CODE = "Quartz-Heron/44 17", "417208"


@pytest.mark.parametrize(
    "data",
    [
        b"password=" + SECRET.encode(),
        SECRET.encode("utf-16-le"),
        b"?p=Quartz-Heron%2F44%2017&x",
        b"p=Quartz-Heron%2F44+17",
        SECRET.encode().hex().encode(),
        *(
            base64.b64encode(b"x" * before + SECRET.encode() + b"y" * after)
            for before in range(3)
            for after in range(3)
        ),
    ],
)
def test_a_secret_is_found_in_every_form(data: bytes) -> None:
    assert has_secret(b"before " + data + b" after", SECRET)


def test_other_text_is_no_secret() -> None:
    assert has_secret(b"Quartz-Heron", SECRET) is None


@pytest.mark.parametrize(
    "data",
    [
        b"Your code is 417208.",
        b'{"code":"417208"}',
        b"cod_417208accepted",
        b"417208",
        base64.b64encode(json.dumps(["att_1", "417208"]).encode()),
    ],
)
def test_a_code_is_found(data: bytes) -> None:
    assert has_code(data, CODE)


@pytest.mark.parametrize(
    "data",
    [
        b"2026-11-21 09:04:29.417208+00:00",
        b'{"at": 1763715869.417208}',
        b"14172083",
        b"cod_019417208eab4f417208ee1d2c3b4a5f",
        b"deadbeef417208cafe417208deadbeefcafe0123",
    ],
)
def test_a_clock_an_id_and_a_longer_number_are_no_code(data: bytes) -> None:
    assert not has_code(data, CODE)


def test_a_leak_is_told_with_its_place_and_without_the_secret() -> None:
    told = leaks({"log/api.log": f"tried {SECRET} and {CODE}".encode(), "clean": b""}, [SECRET], [CODE])
    assert [line.partition(":")[0] for line in told] == ["log/api.log", "log/api.log"]
    assert SECRET not in "".join(told)
    assert CODE not in "".join(told)


def test_a_browsers_folder_is_searched_to_its_ground_while_its_files_come_and_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / "playwright_chromiumdev_profile-1" / "Default"
    deep.mkdir(parents=True)
    (deep / "Login Data").write_bytes(SECRET.encode())
    (deep / "gone").write_bytes(b"")
    (tmp_path / "SingletonLock").symlink_to("nowhere")
    read = Path.read_bytes

    def reading(path: Path) -> bytes:
        (deep / "gone").unlink(missing_ok=True)
        return read(deep / "gone" if path.name == "gone" else path)

    monkeypatch.setattr(Path, "read_bytes", reading)
    found = {str(path): data for path, data in files_in(tmp_path)}
    assert leaks(found, [SECRET], []) == [f"{deep / 'Login Data'}: Quar… itself"]
    assert list(files_in(tmp_path / "never made")) == []


def test_a_file_that_was_there_for_a_moment_of_the_walk_counts(tmp_path: Path) -> None:
    with watching(tmp_path) as seen:
        (tmp_path / "download").write_bytes(SECRET.encode())
        until(lambda: bool(leaks(dict(seen), [SECRET], [])))
        (tmp_path / "download").unlink()
    assert list(files_in(tmp_path)) == []
    assert len(leaks(seen, [SECRET], [])) == 1
