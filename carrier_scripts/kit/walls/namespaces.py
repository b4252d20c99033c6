"""Namespaces of its own: an empty, read-only root, no network, no other process in sight, nobody else's user.

With a user namespace where the kernel lets an ordinary user make one, else with root's own right before root is given up.
"""

import ctypes
import os
from pathlib import Path

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x0002_0000, 0x0400_0000, 0x0800_0000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x1000_0000, 0x2000_0000, 0x4000_0000
CLONE_NEWCGROUP = 0x0200_0000
APART = {
    "mounts": CLONE_NEWNS,
    "network": CLONE_NEWNET,
    "pids": CLONE_NEWPID,
    "ipc": CLONE_NEWIPC,
    "uts": CLONE_NEWUTS,
    "cgroup": CLONE_NEWCGROUP,
}
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_REC, MS_PRIVATE = 1, 2, 4, 8, 32, 0x4000, 0x4_0000
MNT_DETACH = 2
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
PR_SET_DUMPABLE = 4
PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 47, 4


def leave(uid: int, gid: int) -> frozenset[str]:
    """Go apart and give up root; the names of what is our own now. The pid namespace begins with the next fork.

    Raises OSError when root cannot be given up.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    everything = sum(APART.values())
    as_root = os.geteuid() == 0
    own: set[str] = set()
    if as_root and libc.unshare(everything) == 0:
        own |= set(APART)
        if not _empty_root(libc):
            own.discard("mounts")
    if as_root:
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)  # or /proc/self would still be root's and the maps below not ours to write
    if not own and libc.unshare(CLONE_NEWUSER | everything) == 0:
        own |= {"user", *APART}
        _map_only(os.geteuid() if not as_root else uid, gid if as_root else os.getegid())
        if not _empty_root(libc):
            own.discard("mounts")
    elif own and libc.unshare(CLONE_NEWUSER) == 0:
        own.add("user")
    return frozenset(own)


def drop_capabilities() -> None:
    """What a user namespace gave: needed to mount, not needed any more."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(0x2008_0522, 0)  # _LINUX_CAPABILITY_VERSION_3, ourselves
    nothing = (ctypes.c_uint32 * 6)()
    libc.capset(ctypes.byref(header), ctypes.byref(nothing))


def _map_only(uid: int, gid: int) -> None:
    """This one user and group exist in here. Without it the mounts below cannot be made."""
    for name, words in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        try:
            Path("/proc/self", name).write_text(words, encoding="ascii")
        except OSError:
            return


def _empty_root(libc: ctypes.CDLL) -> bool:
    """An empty file system without room, read-only, in place of the machine's."""
    number = PIVOT_ROOT.get(os.uname().machine)
    flags = MS_NOSUID | MS_NODEV | MS_NOEXEC
    if number is None or libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None) != 0:
        return False
    if libc.mount(b"none", b"/tmp", b"tmpfs", flags, b"size=4k,nr_inodes=2,mode=0555") != 0:
        return False
    os.chdir("/tmp")  # noqa: S108 - the empty one, just mounted, seen by this process alone
    if libc.syscall(number, b".", b".") != 0 or libc.umount2(b".", MNT_DETACH) != 0:
        return False
    os.chdir("/")
    return bool(libc.mount(None, b"/", None, MS_REMOUNT | MS_RDONLY | flags, None) == 0)
