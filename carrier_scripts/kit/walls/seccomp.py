"""An allow list of system calls as a BPF program (seccomp(2)): what a waiting Python needs, nothing that opens anything.

Everything else answers EPERM, so a script that tries gets an exception and the run its outcome. Numbers: Linux's own
system call tables for x86-64 and arm64, which never change.
"""

import ctypes
import platform
import struct

PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2
ALLOW, EPERM_ANSWER, KILL_PROCESS = 0x7FFF_0000, 0x0005_0001, 0x8000_0000
LOAD_WORD, JUMP_EQUAL, JUMP_GREATER, JUMP_BITS, RETURN = 0x20, 0x15, 0x25, 0x45, 0x06
NUMBER_AT, ARCHITECTURE_AT, SECOND_ARGUMENT_AT, THIRD_ARGUMENT_AT = 0, 4, 24, 32
PROT_EXEC = 4
X32 = 0x3FFF_FFFF
"""System calls of the x32 interface lie above this and would pass by the table."""

AUDIT_ARCHITECTURE = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}
CALLS: dict[str, tuple[int, int]] = {
    "read": (0, 63), "write": (1, 64), "writev": (20, 66), "close": (3, 57), "fstat": (5, 80), "lseek": (8, 62),
    "munmap": (11, 215), "brk": (12, 214), "mremap": (25, 216), "madvise": (28, 233),
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "sigaltstack": (131, 132),
    "sched_yield": (24, 124), "restart_syscall": (219, 128), "futex": (202, 98), "rseq": (334, 293),
    "getpid": (39, 172), "gettid": (186, 178), "getuid": (102, 174), "geteuid": (107, 175), "getgid": (104, 176),
    "getegid": (108, 177), "gettimeofday": (96, 169), "clock_gettime": (228, 113), "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115), "getrandom": (318, 278), "epoll_ctl": (233, 21), "epoll_pwait": (281, 22),
    "epoll_pwait2": (441, 441), "exit": (60, 93), "exit_group": (231, 94),
}  # fmt: skip
EPOLL_WAIT = 232
"""x86-64 only; arm64 has epoll_pwait alone."""
WITHOUT_EXECUTION = {"mmap": (9, 222), "mprotect": (10, 226)}
"""Allowed unless memory is to become executable: no new machine code."""
FCNTL, GETFD, SETFL = (72, 25), 1, 4
"""fcntl with F_GETFD, F_SETFD, F_GETFL and F_SETFL only: no signals to others, no leases, no pipes resized."""


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def apply() -> bool:
    """Put the filter on this process; False where the kernel or the machine does not allow it. Cannot be undone."""
    architecture = AUDIT_ARCHITECTURE.get(platform.machine())
    if architecture is None:
        return False
    code = program(architecture, column=0 if platform.machine() == "x86_64" else 1)
    told = _Program(len(code) // 8, code)
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(told), 0, 0) == 0)


def program(architecture: int, *, column: int) -> bytes:
    """The filter's instructions. `column`: 0 for x86-64's numbers, 1 for arm64's."""
    lines = [
        _line(LOAD_WORD, ARCHITECTURE_AT),
        _line(JUMP_EQUAL, architecture, yes=1),
        _line(RETURN, KILL_PROCESS),
        _line(LOAD_WORD, NUMBER_AT),
        _line(JUMP_GREATER, X32, no=1),
        _line(RETURN, EPERM_ANSWER),
    ]
    numbers = sorted({pair[column] for pair in CALLS.values()} | ({EPOLL_WAIT} if column == 0 else set()))
    for number in numbers:
        lines += [_line(JUMP_EQUAL, number, no=1), _line(RETURN, ALLOW)]
    for pair in WITHOUT_EXECUTION.values():
        lines += [
            _line(JUMP_EQUAL, pair[column], no=4),
            _line(LOAD_WORD, THIRD_ARGUMENT_AT),
            _line(JUMP_BITS, PROT_EXEC, no=1),
            _line(RETURN, EPERM_ANSWER),
            _line(RETURN, ALLOW),
        ]
    lines += [
        _line(JUMP_EQUAL, FCNTL[column], no=4),
        _line(LOAD_WORD, SECOND_ARGUMENT_AT),
        _line(JUMP_GREATER, SETFL, yes=2),
        _line(JUMP_EQUAL, GETFD - 1, yes=1),
        _line(RETURN, ALLOW),
        _line(RETURN, EPERM_ANSWER),
    ]
    return b"".join(lines)


def _line(code: int, value: int, *, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)
