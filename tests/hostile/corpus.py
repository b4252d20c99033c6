"""Hostile scripts, after the SB group of the threat list: each body is what a carrier script's `prove` does.

A body returns SIGNED_IN when its attack worked. It runs with `outside`, facts about the machine that the test set up
to be attacked: a real attacker would guess them, here they are given, so that an attack never fails for want of a name.
"""

from dataclasses import dataclass

from carrier_scripts.kit.outcomes import Outcome


@dataclass(frozen=True)
class Hostile:
    """One script. `group`: the row of the threat list it is of the kind of."""

    name: str
    group: str
    body: str
    ends: Outcome = Outcome.LOCKED
    """The outcome that says that it has tried everything; a body that stops for another reason has not attacked."""
    words: str = ""
    """What the host must say of it, where it does not end by itself."""
    awaits_the_host: bool = False
    """It never ends by itself: the host must end it."""


GOT = "return Outcome.SIGNED_IN"


def tries(*lines: str) -> str:
    """The lines, one after the other; whichever raises nothing has worked."""
    return "import os, sys, socket, ctypes\n" + "\n".join(
        f"try:\n    {line}\n    {GOT}\nexcept (OSError, ValueError, ImportError, AttributeError, MemoryError, RuntimeError): pass"
        for line in lines
    )


def syscall(number: int, *args: str) -> str:
    """A raw system call by its number on x86-64, past every library."""
    return f"""import ctypes
libc = ctypes.CDLL(None, use_errno=True)
if libc.syscall({", ".join([str(number), *args])}) >= 0: {GOT}"""


HOSTILE = [
    # SB1: read what is on the machine
    Hostile("reads_passwd", "SB1", tries("open('/etc/passwd').read(1)", "os.open('/etc/passwd', os.O_RDONLY)")),
    Hostile("reads_init_environ", "SB1", tries("open('/proc/1/environ', 'rb').read(1)", "open('/proc/self/environ').read(1)")),
    Hostile("reads_the_database", "SB1", tries("open(outside['secret_file']).read(1)")),
    Hostile("lists_the_root", "SB1", tries("os.listdir('/')[0]", "os.scandir('/')", "os.stat('/etc')")),
    Hostile("walks_up_from_its_folder", "SB1", tries("open('../' * 12 + 'etc/passwd').read(1)", "os.chdir('..'); os.listdir('.')[0]")),
    Hostile("looks_at_other_processes", "SB1", tries("os.listdir('/proc')", "os.kill(outside['host_pid'], 0)", "os.kill(-1, 0)")),
    Hostile("uses_an_inherited_descriptor", "SB1", "import os\nfor fd in range(3, 256):\n    try:\n        os.read(fd, 1)\n        return Outcome.SIGNED_IN\n    except OSError: pass"),
    Hostile("has_an_environment", "SB1", f"import os\nif os.environ: {GOT}\nlibc = __import__('ctypes').CDLL(None)\nlibc.getenv.restype = __import__('ctypes').c_char_p\nif libc.getenv(b'PLANTED_SECRET'): {GOT}"),
    # SB2: write
    Hostile("writes_in_tmp", "SB2", tries("open('/tmp/' + outside['mark'], 'w').write('x')", "open(outside['mark'], 'w').write('x')")),
    Hostile("writes_its_own_package", "SB2", tries("open(outside['package'] + '/' + outside['mark'], 'w')", "open(outside['secret_file'], 'a').write('x')")),
    Hostile("fills_the_disk", "SB2", tries("open('/' + outside['mark'], 'wb').write(b'x' * 10**9)", "os.truncate('/', 1)", "os.memfd_create('x')")),
    Hostile("makes_a_million_files", "SB2", tries("[os.mkdir(f'/d{n}') for n in range(10**6)]", "[os.symlink('/x', f'/s{n}') for n in range(10**6)]")),
    Hostile("deletes", "SB2", tries("os.unlink(outside['secret_file'])", "os.rename(outside['secret_file'], '/x')", "os.chmod(outside['secret_file'], 0o777)")),
    # SB4: other doors of the machine
    Hostile("connects_to_loopback", "SB4", tries("socket.socket().connect(('127.0.0.1', outside['port']))", "socket.create_connection((b'127.0.0.1', outside['port']), 2)")),
    Hostile("connects_abroad", "SB4", tries("socket.socket().connect(('1.1.1.1', 443))", "socket.socket(socket.AF_INET6).connect(('2606:4700:4700::1111', 443))")),
    Hostile("sends_udp_and_asks_dns", "SB4", tries("socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', outside['udp_port']))", "socket.getaddrinfo(b'example.com', 443)")),
    Hostile("uses_an_abstract_socket", "SB4", tries("socket.socket(socket.AF_UNIX).connect('\\0' + outside['abstract'])")),
    Hostile("uses_a_unix_socket", "SB4", tries("socket.socket(socket.AF_UNIX).connect(outside['unix_socket'])", "socket.socket(socket.AF_UNIX).connect('/var/run/docker.sock')")),
    Hostile("opens_odd_sockets", "SB4", tries("socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)", "socket.socket(40, socket.SOCK_STREAM)", "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)", "socket.socketpair()")),
    # SB5: exhaust
    Hostile("forks", "SB5", tries("os.fork()", "os.forkpty()", "__import__('subprocess').Popen(['/bin/true'])", "os.posix_spawn('/bin/true', ['true'], {})")),
    Hostile("starts_threads", "SB5", tries("__import__('_thread').start_new_thread(print, ())")),
    Hostile("takes_all_memory", "SB5", tries("x = bytearray(10 * 2**30)", "y = [bytearray(2**20) for _ in range(10_000)]")),
    Hostile("burns_the_processor", "SB5", "while True: pass", awaits_the_host=True),
    Hostile("sleeps_for_ever", "SB5", "import asyncio\nawait asyncio.Event().wait()", awaits_the_host=True),
    Hostile("ignores_signals_and_hangs", "SB5", "import signal\nfor n in range(1, 65):\n    try: signal.signal(n, signal.SIG_IGN)\n    except (OSError, ValueError): pass\nwhile True: pass", awaits_the_host=True),
    Hostile("lifts_its_limits", "SB5", tries("r = __import__('resource'); r.setrlimit(r.RLIMIT_NOFILE, (4096, 4096))", "r = __import__('resource'); r.setrlimit(r.RLIMIT_AS, (-1, -1))", "r = __import__('resource'); r.prlimit(outside['host_pid'], r.RLIMIT_NOFILE)")),
    # SB7: raw system calls
    Hostile("mounts", "SB7", syscall(165, "b'none'", "b'/'", "b'tmpfs'", "0", "None")),
    Hostile("unshares", "SB7", syscall(272, "0x10000000")),
    Hostile("enters_another_namespace", "SB7", syscall(308, "0", "0")),
    Hostile("pivots_and_chroots", "SB7", syscall(155, "b'.'", "b'.'") + "\n" + syscall(161, "b'/'")),
    Hostile("uses_bpf", "SB7", syscall(321, "0", "None", "0")),
    Hostile("uses_io_uring", "SB7", syscall(425, "8", "ctypes.create_string_buffer(120)")),
    Hostile("uses_keyctl", "SB7", syscall(250, "0", "-3", "1") + "\n" + syscall(248, "b'user'", "b'x'", "b'y'", "1", "-3")),
    Hostile("uses_userfaultfd", "SB7", syscall(323, "0")),
    Hostile("uses_perf", "SB7", syscall(298, "ctypes.create_string_buffer(128)", "0", "-1", "-1", "0")),
    Hostile("traces_and_reads_memory", "SB7", syscall(101, "16", "outside['host_pid']", "0", "0") + "\n" + syscall(310, "outside['host_pid']", "None", "0", "None", "0", "0")),
    Hostile("becomes_root", "SB7", syscall(105, "0") + "\n" + syscall(117, "0", "0", "0")),
    Hostile("executes", "SB7", syscall(59, "b'/bin/sh'", "None", "None") + "\n" + syscall(322, "1", "b'/bin/sh'", "None", "None", "0")),
    Hostile("makes_machine_code", "SB7", "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nlibc.mmap.restype = ctypes.c_ssize_t\nif libc.mmap(None, 4096, 7, 0x22, -1, 0) != -1: return Outcome.SIGNED_IN"),
    Hostile("leaves_by_x32", "SB7", syscall(0x40000000 + 41, "2", "1", "0")),
    Hostile("disarms_its_walls", "SB7", "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nif libc.prctl(22, 2, None, 0, 0) == 0 or libc.prctl(4, 1, 0, 0, 0) == 0: return Outcome.SIGNED_IN"),
    # SB8, SB17: import
    Hostile("imports_the_vault", "SB8", tries("__import__('broker.vault.service')", "__import__('broker.base.settings')", "__import__('workers.browser.desk')")),
    Hostile("imports_a_dependency", "SB17", tries("__import__('playwright')", "__import__('cryptography')", "__import__('httpx2')", "__import__('sqlite3')")),
    # SB14: the wire
    Hostile("names_another_attempt", "SB14", "answer = await page._ask('submit_login', {'page': 0, 'chain': [['locator', ['#x'], {}]], 'attempt_id': 'att_other', 'fence': 99})\nreturn Outcome.SIGNED_IN", Outcome.SCRIPT_FAILED, "submit_login: TypeError"),
    Hostile("calls_what_is_not_there", "SB14", "await page._ask('release_password', {'attempt_id': 'att_other'})\nreturn Outcome.SIGNED_IN", Outcome.SCRIPT_FAILED, "broke its contract (ValueError)"),
    Hostile("floods_the_wire", "SB14", "import sys\nsys.stdout.write('x' * 50_000_000)\nsys.stdout.flush()\nreturn Outcome.SIGNED_IN", Outcome.SCRIPT_FAILED, "broke its contract (ValueError)"),
    Hostile("asks_for_ever", "SB14", "for _ in range(10**9): await page.url()\nreturn Outcome.SIGNED_IN", awaits_the_host=True),
    Hostile("nests_its_json", "SB14", "import sys\nsys.stdout.write('[' * 400_000 + chr(10))\nsys.stdout.flush()\nawait page.url()\nreturn Outcome.SIGNED_IN", Outcome.SCRIPT_FAILED, "broke its contract (RecursionError)"),
    Hostile("says_numbers_that_are_none", "SB14", "import sys\nsys.stdout.write('{\"id\": 1, \"call\": \"recognise\", \"args\": {\"page\": 0, \"signs\": [], \"but_not\": [], \"timeout_ms\": NaN}}' + chr(10))\nsys.stdout.flush()\nawait page.url()\nreturn Outcome.SIGNED_IN", Outcome.SCRIPT_FAILED, "broke its contract (ValueError)"),
    Hostile("forges_the_last_line", "SB14", "import sys\nsys.stdout.write('{\"done\": {\"outcome\": \"refused\", \"words\": \"Call 602-555-0199 with your password\"}}' + chr(10))\nsys.stdout.flush()\nreturn Outcome.SIGNED_IN", Outcome.REFUSED),
    # SB13: say what it has read
    Hostile("shouts_what_it_read", "SB13", "raise LookupError('patient Quartz Heron, member W1000042')", Outcome.SCRIPT_FAILED, "LookupError at hostile.py"),
]  # fmt: skip
