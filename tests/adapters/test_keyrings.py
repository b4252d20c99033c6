"""Key providers: one root key whoever makes it, refused where it is not safe, and never shown in an error."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from broker.adapters.environment_keyring import EnvironmentKeyring
from broker.adapters.file_keyring import FileKeyring
from broker.base.errors import Unavailable

KEY = bytes(range(32))
TENANT, CONTEXT = b"k" * 32, b"an organization's"
DERIVE = """import sys; from pathlib import Path; from pydantic import SecretStr
from broker.adapters.file_keyring import FileKeyring
sys.stdin.readline(); print(FileKeyring(Path(sys.argv[1]), SecretStr("")).derive(b"test").hex())"""


def in_file(folder: Path, passphrase: str = "") -> FileKeyring:
    return FileKeyring(folder / "keys", SecretStr(passphrase))


def in_environment(text: str) -> EnvironmentKeyring:
    return EnvironmentKeyring(SecretStr(text))


def everything_of(error: BaseException | None) -> str:
    """The words of an error and of all those behind it, with what they carry."""
    told = ""
    while error is not None:
        told += f"{error!r} {vars(error)} {getattr(error, 'doc', '')} {getattr(error, 'object', '')}"
        error = error.__cause__ or error.__context__
    return told


@pytest.mark.parametrize("passphrase", ["", "three dry herons"])
def test_what_one_process_wrapped_the_next_one_unwraps(tmp_path: Path, passphrase: str) -> None:
    wrapped = in_file(tmp_path, passphrase).wrap(TENANT, CONTEXT)
    again = in_file(tmp_path, passphrase)
    assert again.unwrap(wrapped, CONTEXT) == TENANT
    with pytest.raises(ValueError, match="changed"):
        again.unwrap(wrapped, b"another organization's")
    assert TENANT not in wrapped


def test_the_file_is_for_its_owner_alone_and_no_draft_of_it_stays(tmp_path: Path) -> None:
    in_file(tmp_path).derive(b"test")
    (file,) = (tmp_path / "keys").iterdir()
    assert (file.name, file.stat().st_mode & 0o777) == ("root.key", 0o600)
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700


def test_a_passphrase_keeps_the_key_itself_off_the_disk(tmp_path: Path) -> None:
    ring = in_file(tmp_path, "three dry herons")
    ring.derive(b"test")
    written = (tmp_path / "keys" / "root.key").read_text()
    assert ring._root.hex() not in written
    assert "herons" not in written


@pytest.mark.parametrize(
    ("made", "given", "words"),
    [
        ("three dry herons", "three wet herons", "is wrong: set PORTUNUS_ROOT_KEY_PASSPHRASE_FILE"),
        ("three dry herons", "", "is protected by a passphrase: set PORTUNUS_ROOT_KEY_PASSPHRASE_FILE"),
        ("", "three dry herons", "protects nothing: unset PORTUNUS_ROOT_KEY_PASSPHRASE"),
    ],
)
def test_a_passphrase_that_is_not_the_files_is_refused(tmp_path: Path, made: str, given: str, words: str) -> None:
    in_file(tmp_path, made).derive(b"test")
    kept = json.loads((tmp_path / "keys" / "root.key").read_text())
    with pytest.raises(Unavailable, match=words) as refused:
        in_file(tmp_path, given).derive(b"test")
    assert "herons" not in everything_of(refused.value)
    assert kept["key"] not in everything_of(refused.value)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602])
def test_a_file_that_others_reach_is_refused(tmp_path: Path, mode: int) -> None:
    in_file(tmp_path).derive(b"test")
    (tmp_path / "keys" / "root.key").chmod(mode)
    with pytest.raises(Unavailable, match="run chmod 600"):
        in_file(tmp_path).derive(b"test")


@pytest.mark.parametrize("broken", ["", "{", '{"key": "', "[]", '{"key": 1, "salt": ""}', '{"salt": ""}', "\N{HERB}"])
def test_a_broken_file_is_refused_and_not_shown(tmp_path: Path, broken: str) -> None:
    in_file(tmp_path).derive(b"test")
    (tmp_path / "keys" / "root.key").write_text(broken + KEY.hex())
    with pytest.raises(Unavailable, match="restore it from your copy") as refused:
        in_file(tmp_path).derive(b"test")
    assert KEY.hex() not in everything_of(refused.value)


@pytest.mark.parametrize("weak", [b"\0" * 32, KEY[:16]])
def test_a_file_whose_key_nobody_drew_at_random_is_refused(tmp_path: Path, weak: bytes) -> None:
    in_file(tmp_path).derive(b"test")
    (tmp_path / "keys" / "root.key").write_text(json.dumps({"version": 1, "salt": "", "key": weak.hex()}))
    with pytest.raises(Unavailable, match="random key of 32 bytes") as refused:
        in_file(tmp_path).derive(b"test")
    assert weak.hex() not in everything_of(refused.value)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("in the way")
    with pytest.raises(Unavailable, match="cannot be read or made"):
        in_file(tmp_path).derive(b"test")


def test_whoever_comes_second_takes_the_key_of_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first finishes while the second, in the same process, has its own key written and not yet named."""
    link, first = os.link, in_file(tmp_path)

    def late(draft: str, file: Path) -> None:
        monkeypatch.setattr(os, "link", link)
        first.derive(b"test")
        link(draft, file)

    monkeypatch.setattr(os, "link", late)
    assert in_file(tmp_path).derive(b"test") == first.derive(b"test") == in_file(tmp_path).derive(b"test")
    assert [file.name for file in (tmp_path / "keys").iterdir()] == ["root.key"]


def test_processes_that_start_at_once_have_one_key(tmp_path: Path) -> None:
    command = [sys.executable, "-c", DERIVE, str(tmp_path / "keys")]
    started = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    for one in started:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    derived = {one.communicate(timeout=30)[0].strip() for one in started}
    assert derived == {in_file(tmp_path).derive(b"test").hex()}


def test_the_environments_key_unwraps_what_it_wrapped_elsewhere() -> None:
    text = base64.b64encode(KEY).decode()
    assert in_environment(text).unwrap(in_environment(text).wrap(TENANT, CONTEXT), CONTEXT) == TENANT
    with pytest.raises(ValueError, match="changed"):
        in_environment(base64.b64encode(KEY[::-1]).decode()).unwrap(in_environment(text).wrap(TENANT, CONTEXT), CONTEXT)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not base64, not at all",
        "Zedoary-caf\N{LATIN SMALL LETTER E WITH ACUTE}",
        base64.b64encode(KEY[:31]).decode(),
        base64.b64encode(KEY + b"!").decode(),
        base64.b64encode(b"a" * 32).decode(),
        KEY.hex(),
    ],
    ids=["missing", "not base64", "not ASCII", "too short", "too long", "not random", "hexadecimal"],
)
def test_an_environment_without_a_random_key_is_told_how_to_make_one(text: str) -> None:
    with pytest.raises(Unavailable, match=r"PORTUNUS_ROOT_KEY .* head -c 32 /dev/urandom \| base64") as refused:
        in_environment(text)
    assert not text or text not in everything_of(refused.value)


def test_a_key_ring_does_not_show_its_key() -> None:
    text = base64.b64encode(KEY).decode()
    assert text not in repr(in_environment(text))
