"""The walls: the filter decides as its table says on both machines, and a script runs only behind enough of them."""

import json
import struct
import subprocess
import sys

import pytest

from carrier_scripts.kit.process import Walls
from carrier_scripts.kit.walls import seccomp

X86, ARM = (seccomp.AUDIT_ARCHITECTURE["x86_64"], 0), (seccomp.AUDIT_ARCHITECTURE["aarch64"], 1)
DANGEROUS = {
    "x86_64": {
        "open": 2, "openat": 257, "socket": 41, "connect": 42, "socketpair": 53, "clone": 56, "fork": 57, "vfork": 58,
        "execve": 59, "execveat": 322, "kill": 62, "ptrace": 101, "mount": 165, "unshare": 272, "setns": 308, "bpf": 321,
        "io_uring_setup": 425, "keyctl": 250, "userfaultfd": 323, "perf_event_open": 298, "process_vm_readv": 310,
        "memfd_create": 319, "prctl": 157, "seccomp": 317, "ioctl": 16, "clone3": 435, "pidfd_open": 434, "openat2": 437,
        "landlock_create_ruleset": 444, "sendmsg": 46, "recvmsg": 47, "dup": 32,
    },
    "aarch64": {"openat": 56, "socket": 198, "connect": 203, "clone": 220, "execve": 221, "mount": 40, "bpf": 280, "ioctl": 29},
}  # fmt: skip


def decide(program: bytes, architecture: int, number: int, *arguments: int) -> int:
    """What the kernel's interpreter answers: the few instructions that we use."""
    data = struct.pack("=IIQ6Q", number, architecture, 0, *(*arguments, *([0] * (6 - len(arguments)))))
    at, held = 0, 0
    while True:
        code, yes, no, value = struct.unpack_from("=HBBI", program, at * 8)
        at += 1
        if code == seccomp.LOAD_WORD:
            held = struct.unpack_from("=I", data, value)[0]
        elif code == seccomp.RETURN:
            return value
        else:
            holds = {
                seccomp.JUMP_EQUAL: held == value,
                seccomp.JUMP_GREATER: held > value,
                seccomp.JUMP_BITS: bool(held & value),
            }[code]
            at += yes if holds else no


@pytest.mark.parametrize(("machine", "column"), [(X86, "x86_64"), (ARM, "aarch64")])
def test_nothing_is_allowed_that_is_not_in_the_table(machine: tuple[int, int], column: str) -> None:
    program = seccomp.program(machine[0], column=machine[1])
    conditional = {pair[machine[1]] for pair in seccomp.WITHOUT_EXECUTION.values()} | {seccomp.FCNTL[machine[1]]}
    allowed = {n for n in range(600) if decide(program, machine[0], n) == seccomp.ALLOW} - conditional
    table = {pair[machine[1]] for pair in seccomp.CALLS.values()}
    assert allowed == table | ({seccomp.EPOLL_WAIT} if column == "x86_64" else set())
    assert {n for n in DANGEROUS[column].values() if decide(program, machine[0], n) != seccomp.EPERM_ANSWER} == set()


def test_memory_becomes_no_code_and_fcntl_sets_flags_only() -> None:
    program = seccomp.program(X86[0], column=0)
    assert decide(program, X86[0], 9, 0, 4096, 3) == seccomp.ALLOW
    assert decide(program, X86[0], 9, 0, 4096, 7) == seccomp.EPERM_ANSWER
    assert decide(program, X86[0], 10, 0, 4096, 4) == seccomp.EPERM_ANSWER
    assert [decide(program, X86[0], 72, 1, command) == seccomp.ALLOW for command in range(7)] == [
        False, True, True, True, True, False, False,
    ]  # fmt: skip


def test_another_architecture_is_killed_and_x32_refused() -> None:
    program = seccomp.program(X86[0], column=0)
    assert decide(program, 0x4000_0003, 1) == seccomp.KILL_PROCESS
    assert decide(program, X86[0], 0x4000_0000) == seccomp.EPERM_ANSWER


@pytest.mark.parametrize(
    ("walls", "enough"),
    [
        (Walls(user=1000, namespaces=("mounts", "network")), True),
        (Walls(user=1000, landlock=3, seccomp=True), True),
        (Walls(user=1000, seccomp=True), True),
        (Walls(user=0, namespaces=("mounts", "network"), seccomp=True), False),
        (Walls(user=1000, landlock=3), False),
        (Walls(user=1000, namespaces=("network",)), False),
        (Walls(user=1000), False),
    ],
)
def test_a_script_runs_only_without_files_network_and_root(walls: Walls, enough: bool) -> None:
    assert walls.enough is enough


@pytest.mark.skipif(sys.platform != "linux", reason="the walls are Linux's")
def test_a_process_reports_the_walls_that_stand() -> None:
    told = subprocess.run(
        [sys.executable, "-I", "-B", "-m", "carrier_scripts.kit.process"],
        input='{"run": "report"}\n', capture_output=True, text=True, timeout=20, check=True,
    )  # fmt: skip
    walls = json.loads(told.stdout)["report"]
    assert walls["enough"]
    assert (walls["files"], walls["network"], walls["limits"]["processes"]) == ("closed", "closed", 0)
