"""Scripts that mean harm: each attack would leave something to be found if it came through, and is tried outside the
sandbox as well where it is harmless, to show that it would."""

import contextlib
import os
import platform
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dataset_builders.sandbox import Limits, Sandbox
from dataset_builders.sandbox.confine import landlock_version, readable_paths
from dataset_builders.sandbox.images import collect, empty
from dataset_builders.sandbox.seccomp import filter_program

CANARY = "canary-5f1c9a"
LIMITS = Limits(cpu_seconds=1, wall_seconds=60)
GOOD = "import matplotlib.pyplot as plt\nplt.plot([0, 1])\nplt.savefig('question.png')"

pytestmark = pytest.mark.skipif(landlock_version() < 1, reason="this kernel has no Landlock")


@dataclass
class World:
    """What is outside the sandbox and would show that an attack came through."""

    home: Path
    victim: subprocess.Popen
    tcp: socket.socket
    udp: socket.socket
    unix: socket.socket
    abstract: socket.socket
    signals: list[int] = field(default_factory=list)

    def fill_in(self, code: str) -> str:
        """Puts the places to attack into an attack."""
        places = {
            "HOME": self.home,
            "VICTIM": self.victim.pid,
            "TESTS": os.getpid(),
            "TCP": self.tcp.getsockname()[1],
            "UDP": self.udp.getsockname()[1],
        }
        for name, place in places.items():
            code = code.replace(f"@{name}@", str(place))
        return code

    def damage(self, output: str) -> list[str]:
        """What an attack has achieved, read from outside and from its output."""
        secret = self.home / "secret.txt"
        found = [word for word in (CANARY, "root:x:", "TAKEN", "secret.txt") if word in output]
        found += [str(path) for path in self.home.iterdir() if path.name not in ("secret.txt", "unix")]
        if not secret.exists() or secret.read_text() != CANARY or secret.stat().st_nlink != 1:
            found.append("the secret was changed")
        elif secret.stat().st_mode & 0o777 != 0o600 or secret.stat().st_mtime > 1_000_000_001:
            found.append("the secret's mode or time was changed")
        if self.victim.poll() is not None:
            found.append("the victim was killed")
        found += [f"signal {number}" for number in self.signals]
        for name in ("tcp", "unix", "abstract"):
            with contextlib.suppress(BlockingIOError):
                getattr(self, name).accept()[0].close()
                found.append(f"{name} connection")
        with contextlib.suppress(BlockingIOError):
            self.udp.recv(1)
            found.append("udp packet")
        return found


@pytest.fixture
def world(tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    secret = home / "secret.txt"
    secret.write_text(CANARY)
    secret.chmod(0o600)
    os.utime(secret, (1_000_000_000, 1_000_000_000))
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    with contextlib.ExitStack() as stack:
        sockets = []
        for kind, family, address in (
            (socket.SOCK_STREAM, socket.AF_INET, ("127.0.0.1", 0)),
            (socket.SOCK_DGRAM, socket.AF_INET, ("127.0.0.1", 0)),
            (socket.SOCK_STREAM, socket.AF_UNIX, str(home / "unix")),
            (socket.SOCK_STREAM, socket.AF_UNIX, "\0" + CANARY),
        ):
            listener = stack.enter_context(socket.socket(family, kind))
            listener.bind(address)
            listener.setblocking(False)
            if kind == socket.SOCK_STREAM:
                listener.listen()
            sockets.append(listener)
        victim = subprocess.Popen(["sleep", "600"])
        world = World(home, victim, *sockets)
        before = signal.signal(signal.SIGUSR1, lambda number, frame: world.signals.append(number))
        yield world
        signal.signal(signal.SIGUSR1, before)
        victim.kill()
        victim.wait()


@pytest.fixture(scope="module", params=["landlock", "bubblewrap"])
def box(request):
    if request.param == "bubblewrap" and shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    with Sandbox(LIMITS, num_proc=1, confinement=request.param) as box:
        box.run(GOOD)
        yield box


@pytest.fixture(scope="module")
def landlocked():
    with Sandbox(LIMITS, num_proc=1) as box:
        yield box


LIBC = "import ctypes, os, signal, struct\nlibc = ctypes.CDLL(None, use_errno=True)\n"
CAUGHT = """
def attempt(attack):
    try:
        attack()
    except BaseException as error:
        print(type(error).__name__)
"""
AFTER_FORK = "\nif pid == 0:\n    os.write(1, b'TAKEN')\n    os._exit(0)\nif pid > 0:\n    os.waitpid(pid, 0)"

HARMLESS = {
    "read /etc/passwd": "print(open('/etc/passwd').read())",
    "read a file of the home folder": "print(open('@HOME@/secret.txt').read())",
    "read by descriptor": "import os\nprint(os.read(os.open('@HOME@/secret.txt', os.O_RDONLY), 99))",
    "read with numpy": "import numpy as np\nprint(np.fromfile('@HOME@/secret.txt', 'u1').tobytes())",
    "read with the C library": LIBC
    + "descriptor = libc.open(b'@HOME@/secret.txt', 0)\nbuffer = ctypes.create_string_buffer(99)\n"
    "libc.read(descriptor, buffer, 99)\nprint(buffer.value)",
    "read from its folder upwards": "import os\nos.chdir('@HOME@')\nprint(open('secret.txt').read())",
    "list the home folder": "import os\nprint(os.listdir('@HOME@'))",
    "the environment": "import os\nprint(dict(os.environ))",
    "the environment in C": LIBC + "libc.getenv.restype = ctypes.c_char_p\nprint(libc.getenv(b'OPENAI_API_KEY'))",
    "the environment of another process": "print(open('/proc/@VICTIM@/environ').read())",
    "write outside": "open('@HOME@/written', 'w').write('x')",
    "append outside": "open('@HOME@/secret.txt', 'a').write('x')",
    "truncate while reading": "import os\nos.open('@HOME@/secret.txt', os.O_RDONLY | os.O_TRUNC)",
    "truncate by path": "import os\nos.truncate('@HOME@/secret.txt', 0)",
    "remove outside": "import os\nos.unlink('@HOME@/secret.txt')",
    "rename outside": "import os\nos.rename('@HOME@/secret.txt', '@HOME@/other')",
    "move out": "import os\nopen('mine', 'w').close()\nos.rename('mine', '@HOME@/mine')",
    "make a folder outside": LIBC + "libc.mkdir(b'@HOME@/made', 0o700)",
    "change the mode": "import os\nos.chmod('@HOME@/secret.txt', 0o777)",
    "change the time": "import os\nos.utime('@HOME@/secret.txt')",
    "read through a symbolic link": "import os\nos.symlink('@HOME@/secret.txt', 'link')\nprint(open('link').read())",
    "a symbolic link in C": LIBC + "libc.symlink(b'@HOME@/secret.txt', b'link')\nprint(open('link').read())",
    "a hard link": "import os\nos.link('@HOME@/secret.txt', '@HOME@/link')",
    "a hard link in C": LIBC + "libc.link(b'@HOME@/secret.txt', b'@HOME@/link')",
    "a named pipe": "import os\nos.mkfifo('pipe')\nprint('TAKEN')",
    "TCP": "import socket\nsocket.create_connection(('127.0.0.1', @TCP@))",
    "TCP in C": LIBC + "s = libc.socket(2, 1, 0)\nlibc.connect(s, struct.pack('=H', 2) + "
    "struct.pack('>H4B8x', @TCP@, 127, 0, 0, 1), 16)",
    "UDP": "import socket\nsocket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', @UDP@))",
    "UDP in C": LIBC + "s = libc.socket(2, 2, 0)\nlibc.sendto(s, b'x', 1, 0, struct.pack('=H', 2) + "
    "struct.pack('>H4B8x', @UDP@, 127, 0, 0, 1), 16)",
    "a Unix socket": "import socket\nsocket.socket(socket.AF_UNIX).connect('@HOME@/unix')",
    "an abstract Unix socket": f"import socket\nsocket.socket(socket.AF_UNIX).connect(chr(0) + '{CANARY}')",
    "an abstract Unix socket in C": LIBC
    + f"s = libc.socket(1, 1, 0)\nlibc.connect(s, struct.pack('=H', 1) + b'\\0{CANARY}', {3 + len(CANARY)})",
    "a pair of sockets in C": LIBC + "print('TAKEN' if libc.socketpair(1, 1, 0, (ctypes.c_int * 2)()) == 0 else '')",
    "os.system": "import os\nos.system('touch @HOME@/written; echo TAKEN')",
    "system in C": LIBC + "libc.system(b'touch @HOME@/written; echo TAKEN')",
    "subprocess": "import subprocess\nprint(subprocess.run(['echo', 'TAKEN'], capture_output=True).stdout)",
    "os.posix_spawn": "import os\nos.waitpid(os.posix_spawn('/bin/echo', ['echo', 'TAKEN'], {}), 0)",
    "os.execv": "import os\nos.execv('/bin/echo', ['echo', 'TAKEN'])",
    "execve in C": LIBC + "libc.execve(b'/bin/echo', (ctypes.c_char_p * 3)(b'echo', b'TAKEN', None), None)",
    "os.fork": "import os\npid = os.fork()" + AFTER_FORK,
    "fork in C": LIBC + "pid = libc.fork()" + AFTER_FORK,
    "clone without threads in C": LIBC
    + f"pid = libc.syscall({56 if platform.machine() == 'x86_64' else 220}, 17, 0, 0, 0, 0)"
    + AFTER_FORK,
    "map 6 GB": "import mmap\nmmap.mmap(-1, 6 << 30)\nprint('TAKEN')",
    "raise its own limits": "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (90, 90))\nprint('TAKEN')",
    "a file of 200 MB": "with open('big', 'wb') as file:\n    for _ in range(200):\n        file.write(bytes(2**20))\n"
    "import os\nos.remove('big')\nprint('TAKEN')",
    "kill another process": "import os\nos.kill(@VICTIM@, 9)",
    "kill in C": LIBC + "libc.kill(@VICTIM@, 9)",
    "queue a signal in C": LIBC + "libc.sigqueue(@VICTIM@, 15, 0)",
    "signal by pidfd in C": LIBC + "libc.syscall(424, libc.syscall(434, @VICTIM@, 0), 9, None, 0)",
    "limit another process": "import resource as r\nr.prlimit(@VICTIM@, r.RLIMIT_CORE, (0, 0))\nprint('TAKEN')",
    "signal the tests": "import os, signal\nos.kill(@TESTS@, signal.SIGUSR1)",
    "SIGIO by the owner of a pipe": "import fcntl, os, signal\nread, write = os.pipe()\n"
    "fcntl.fcntl(read, fcntl.F_SETOWN, @TESTS@)\nfcntl.fcntl(read, fcntl.F_SETSIG, signal.SIGUSR1)\n"
    "fcntl.fcntl(read, fcntl.F_SETFL, os.O_ASYNC)\nos.write(write, b'x')",
    "a new session": LIBC + "print('TAKEN' if libc.setpgid(0, 0) == 0 else '')",
    "memory that is a file": "import os\nos.memfd_create('x')\nprint('TAKEN')",
    "shared memory": "from multiprocessing import shared_memory\nx = shared_memory.SharedMemory(create=True, size=9)\n"
    "x.unlink()\nprint('TAKEN')",
    "System V shared memory": LIBC
    + "i = libc.shmget(0, 4096, 0o1600)\nprint('TAKEN' if i >= 0 else '')\nlibc.shmctl(i, 0, None)",
    "watch files": LIBC + "print('TAKEN' if libc.inotify_init() >= 0 else '')",
    "its own memory as a file": "open('/proc/self/mem', 'r+b')\nprint('TAKEN')",
}
"""Attacks whose success outside the sandbox harms nobody."""

CONFINED_ONLY = {
    "the environment of the parent": "import os\nopen(f'/proc/{os.getppid()}/environ')\nprint('TAKEN')",
    "kill the parent": "import os\nos.kill(os.getppid(), 9)",
    "kill its group": "import os\nos.killpg(os.getpgid(os.getppid()), 9)\nos.kill(-1, 9)",
    "trace the parent": LIBC + "print('TAKEN' if libc.ptrace(16, os.getppid(), 0, 0) == 0 else '')",
    "write into the parent": "import os\nopen(f'/proc/{os.getppid()}/mem', 'r+b')\nprint('TAKEN')",
    "read the parent's memory": LIBC
    + "b = ctypes.create_string_buffer(8)\nv = struct.pack('=PN', ctypes.addressof(b), 8)\n"
    "print('TAKEN' if libc.process_vm_readv(os.getppid(), v, 1, v, 1, 0) > 0 else '')",
    "other namespaces": LIBC + "print('TAKEN' if libc.unshare(0x10000000) == 0 or libc.unshare(0x20000) == 0 else '')",
    "another root": LIBC + "print('TAKEN' if libc.chroot(b'.') == 0 else '')",
    "outlive the server": LIBC + "print('TAKEN' if libc.prctl(1, 0, 0, 0, 0) == 0 else '')",
    "write on every descriptor": CAUGHT
    + "import os\nfor number in range(3, 256):\n    attempt(lambda: os.write(number, b'{\"status\": 0}'))",
    "more privileges": "import os\nos.setuid(65534)\nprint('TAKEN')",
}


def unconfined(code: str, folder: Path) -> str:
    """The output of a script that runs as any program of ours."""
    path = folder / "attack.py"
    path.write_text(code)
    run = subprocess.run([sys.executable, str(path)], cwd=folder, capture_output=True, text=True, timeout=60)
    return run.stdout + run.stderr


@pytest.mark.parametrize("name", HARMLESS)
def test_outside_the_sandbox_the_attack_succeeds(name, world, tmp_path):
    assert world.damage(unconfined(world.fill_in(HARMLESS[name]), tmp_path))


@pytest.mark.parametrize("name", HARMLESS | CONFINED_ONLY)
def test_an_attack_is_refused_and_the_next_script_runs(name, world, box, caplog):
    result = box.run(world.fill_in((HARMLESS | CONFINED_ONLY)[name]))
    assert not world.damage(result.stdout)
    assert not result.ok and result.reason and not result.images
    assert box.run(GOOD).ok
    assert not caplog.records, "no server had to be replaced"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("open('/etc/passwd')", "line 1: reading /etc/passwd was refused"),
        ("x = 1\nopen('/etc/written', 'w')", "line 2: writing /etc/written was refused"),
        ("import os\nos.system('ls')", "line 2: starting another program (os.system) was refused"),
        ("import os\nos.listdir('/root')", "line 2: reading /root was refused"),
        ("import socket\nsocket.socket()", "line 2: using the network or a socket (socket.__new__) was refused"),
    ],
)
def test_a_refusal_says_what_and_where(code, reason, landlocked):
    assert landlocked.run(code).reason.startswith(reason)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("while True: pass", "used more than 1 s of CPU time"),
        (
            "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass",
            "used more than 1 s of CPU",
        ),
        ("for number in range(10**6):\n    open(str(number), 'w').close()", "made more than 1,000 files"),
        (
            "for number in range(64):\n    open(str(number), 'wb').write(bytes(9 << 20))",
            "wrote more than 64 MiB in all",
        ),
        ("import os\nwhile True:\n    os.mkdir('d')\n    os.chdir('d')", "made more than 1,000 files"),
        ("import numpy as np\nnp.ones(6 << 30, 'u1')", "line 2: numpy._core._exceptions._ArrayMemoryError"),
        ("x = []\nwhile True:\n    x.append(bytes(1 << 24))", "line 3: MemoryError (a script has 2 GiB of memory)"),
        (
            "open('big', 'wb').write(bytes(200 << 20))",
            "line 1: OSError: [Errno 27] File too large (a file may have 16",
        ),
        ("files = [open('x', 'w') for _ in range(99)]", "line 1: OSError: [Errno 24] Too many open files"),
        ("import os\nos._exit(0)", "the script's process ended before its images could be collected"),
        ("import ctypes\nctypes.string_at(0)", "the script's process was ended by SIGSEGV"),
    ],
)
def test_what_uses_too_much_is_ended_with_a_reason(code, reason, landlocked):
    result = landlocked.run(code)
    assert not result.ok and result.reason.startswith(reason)
    assert landlocked.run(GOOD).ok


@pytest.mark.parametrize("rest", ["time.sleep(1e6)", "os.kill(os.getpid(), signal.SIGSTOP)", "while True: pass"])
def test_a_script_ends_with_its_time(rest):
    with Sandbox(Limits(cpu_seconds=60, wall_seconds=1), num_proc=1) as box:
        started = time.monotonic()
        result = box.run(
            "import os, signal, time\nfor number in set(signal.Signals) - {9, 19}:\n"
            f"    signal.signal(number, signal.SIG_IGN)\n{rest}"
        )
        assert not result.ok and result.reason == "ran longer than 1 s"
        assert time.monotonic() - started < 30


def test_a_flood_of_output_is_cut(landlocked):
    result = landlocked.run("import sys\nwhile True:\n    print('x' * 9999)\n    print('y' * 9999, file=sys.stderr)")
    assert len(result.stdout) == len(result.stderr) == LIMITS.output_chars and not result.ok


POISON = """
import builtins, json, os, random, sys
import matplotlib, numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from PIL import Image
plt.figure(num=7)
plt.rcParams["figure.figsize"] = (1, 1)
Axes.plot = Axes.text = plt.plot = plt.savefig = lambda *args, **options: None
builtins.open = json.dumps = np.array = os.write = lambda *args, **options: 1 / 0
sys.modules["numpy"] = None
Image.Image.save = None
os.environ["MPLBACKEND"] = "nonsense"
for name in list(sys.modules):
    if name.startswith("dataset_builders"):
        vars(sys.modules[name]).clear()
"""


def test_what_a_script_patches_is_as_it_was_for_the_next(box):
    script = "import numpy as np, random\nfrom matplotlib import pyplot as plt\nplt.plot(np.random.rand(9))\n"
    script += "plt.title(f'{random.random()} {plt.get_fignums()}')\nplt.savefig('question.png')"
    before = box.run(script)
    assert not box.run(POISON).ok
    assert before.ok and box.run(script) == before


def test_nothing_is_left_of_a_script_for_the_next(box):
    leave = "import os\nopen('x.png', 'w')\nos.makedirs('a/b', 0)\nopen('../left', 'w')"
    assert not box.run(leave).ok
    result = box.run("import os\nprint(os.listdir('.'))\nprint(os.path.exists('../left'), os.path.exists('../1'))")
    assert result.stdout == "['script.py']\nFalse False\n"


@pytest.mark.parametrize(
    "images",
    [
        '[["../../secret.png", []]]',
        '[["@HOME@/secret.png", []]]',
        '[["/etc/passwd", []]]',
        '[["a.png", [["A", 1, 2, 3, 4, NaN]]]]',
        '[["a.png", [["A", 1, 2, 3]]]]',
        '[["a.png", [[5, 1, 2, 3, 4, 5]]]]',
        '{"a": 1}',
        "[" * 100_000,
    ],
)
def test_a_forged_report_brings_nothing_in(images, world, box):
    (world.home / "secret.png").write_bytes(box.run(GOOD).images["question.png"])
    forged = world.fill_in('{"ran": true, "reason": "", "images": ' + images + "}")
    result = box.run(f"import os\nos.write(3, {forged!r}.encode())\nos._exit(0)")
    assert not result.ok and not result.images and not result.texts


@pytest.mark.parametrize(
    "content",
    [
        "b'GIF89a'",
        "png[:-20]",
        "png + b'more'",
        "png[:16] + (10**5).to_bytes(4, 'big') * 2 + png[24:]",
        "png[:60] + b'garbage' + png[67:]",
    ],
)
def test_a_file_that_is_no_sound_png_is_refused(content, landlocked):
    spoilt = f"png = open('question.png', 'rb').read()\nopen('bad.png', 'wb').write({content})"
    result = landlocked.run(f"{GOOD}\n{spoilt}")
    assert not result.ok and "bad.png is no image that can be used" in result.reason
    assert list(result.images) == ["question.png"]


BOMBS = """
import struct, zlib
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
pixels = zlib.compress(bytes((4000 * 8 + 1) * 4000), 9)
head = struct.pack(">IIBBBBB", 4000, 4000, 16, 6, 0, 0, 0)
bomb = b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
for number in range(300):
    with open(f"bomb{number}.png", "wb") as file:
        file.write(bomb)
"""


def test_many_small_files_that_are_large_images_do_not_hold_up_the_others():
    with Sandbox(Limits(), num_proc=1) as box:
        box.run(GOOD)
        started = time.process_time()
        result = box.run(BOMBS)
        assert time.process_time() - started < 25, "all of them would take minutes of this process's time"
        assert not result.ok and result.reason == "it saved more than 10 images" and len(result.images) == 10
        assert box.run(GOOD).ok


def test_a_link_that_got_into_the_folder_is_not_followed(world, landlocked):
    (world.home / "secret.png").write_bytes(landlocked.run(GOOD).images["question.png"])
    folder = world.home / "folder"
    folder.mkdir()
    (folder / "link.png").symlink_to(world.home / "secret.png")
    (folder / "hard.png").hardlink_to(world.home / "secret.png")
    (folder / "inner").symlink_to(world.home)
    os.mkfifo(folder / "pipe.png")
    images, problems = collect(str(folder), ["link.png", "inner/secret.png"], LIMITS)
    assert not images and len(problems) == 3
    empty(str(folder))
    assert not list(folder.iterdir()) and (world.home / "secret.png").exists()


OLDER = """
import os, sys
from dataset_builders.sandbox import confine, seccomp
secret, folder, version = sys.argv[1:]
os.chdir(folder)
confine.drop_privileges()
confine.landlock(folder, confine.readable_paths(), int(version))
seccomp.install()
for attack in (
    lambda: print(open(secret).read()),
    lambda: open(secret, "a"),
    lambda: os.open(secret, os.O_RDONLY | os.O_TRUNC),
    lambda: os.open(os.__file__, os.O_RDONLY | os.O_TRUNC),
    lambda: os.truncate(secret, 0),
    lambda: os.unlink(secret),
    lambda: os.listdir(os.path.dirname(secret)),
    lambda: os.rename(secret, "mine"),
):
    try:
        attack()
        print("TAKEN")
    except OSError:
        pass
open("mine", "w").write("x")
print("done")
"""


@pytest.mark.parametrize("version", range(1, 8))
def test_the_first_versions_of_landlock_hold_as_well(version, world, tmp_path):
    """A set of rules that handles what an older kernel knows is judged as that kernel would."""
    if landlock_version() < version:
        pytest.skip(f"this kernel has version {landlock_version()}")
    folder = tmp_path / "folder"
    folder.mkdir()
    command = [sys.executable, "-c", OLDER, str(world.home / "secret.txt"), str(folder), str(version)]
    run = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert run.stdout == "done\n", run.stderr
    assert not world.damage(run.stdout)


def decision(program: bytes, number: int, machine: int, arguments: tuple[int, ...]) -> int:
    """Runs a filter as the kernel would: what it says to a system call."""
    data = struct.pack("=iIQ6Q", number, machine, 0, *arguments, *[0] * (6 - len(arguments)))
    instructions = list(struct.iter_unpack("=HBBI", program))
    place, accumulator = 0, 0
    while True:
        code, true, false, value = instructions[place]
        place += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, value)
        elif code == 0x54:
            accumulator &= value
        elif code == 0x06:
            return value
        else:
            place += true if (accumulator == value if code == 0x15 else accumulator >= value) else false


ALLOW, REFUSE, MISSING, KILL = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000
X86, ARM = ("x86_64", 0xC000003E), ("aarch64", 0xC00000B7)


@pytest.mark.parametrize(
    ("machine", "number", "arguments", "expected"),
    [
        (X86, 0, (), ALLOW),  # read
        (X86, 41, (), REFUSE),  # socket
        (X86, 59, (), REFUSE),  # execve
        (X86, 57, (), REFUSE),  # fork
        (X86, 56, (0x3D0F00,), ALLOW),  # clone of a thread
        (X86, 56, (17,), REFUSE),  # of a process
        (X86, 56, (0x3D0F00 | 0x10000000,), REFUSE),  # of a thread in another namespace
        (X86, 435, (), MISSING),  # clone3
        (X86, 62, (77, 9), ALLOW),  # kill itself
        (X86, 62, (78, 9), REFUSE),  # kill another
        (X86, 62, (0xFFFFFFFFFFFFFFFF, 9), REFUSE),  # kill all
        (X86, 302, (0, 7, 0), ALLOW),  # prlimit that only reads
        (X86, 302, (0, 7, 1 << 40), REFUSE),  # one that sets, from an address whose low half is 0
        (X86, 257, (0, 0, 0o1000), REFUSE),  # openat to read and truncate
        (X86, 257, (0, 0, 0o1001), ALLOW),  # to write and truncate, which Landlock judges
        (X86, 72, (3, 8, 1), REFUSE),  # fcntl F_SETOWN
        (X86, 16, (0, 0x5412, 0), REFUSE),  # ioctl TIOCSTI
        (X86, 16, (0, 0x5401, 0), ALLOW),  # TCGETS
        (X86, 157, (1, 0), REFUSE),  # prctl PR_SET_PDEATHSIG
        (X86, 0x40000000, (), KILL),  # x32's read
        (X86, 9999, (), REFUSE),  # what is yet to be invented
        (("x86_64", 0x40000003), 3, (), KILL),  # a 32-bit call
        (ARM, 63, (), ALLOW),  # read
        (ARM, 198, (), REFUSE),  # socket
        (ARM, 221, (), REFUSE),  # execve
        (ARM, 220, (0x3D0F00,), ALLOW),  # clone of a thread
        (ARM, 220, (17,), REFUSE),
        (ARM, 129, (78, 9), REFUSE),  # kill another
        (ARM, 56, (0, 0, 0o1000), REFUSE),  # openat to read and truncate
        (ARM, 25, (3, 8, 1), REFUSE),  # fcntl F_SETOWN
        (("aarch64", 0x40000028), 3, (), KILL),  # a 32-bit call
    ],
)
def test_the_filter_of_system_calls(machine, number, arguments, expected):
    name, audit = machine
    assert decision(filter_program(name, 77), number, audit, arguments) == expected


def test_no_readable_path_is_the_home_folder_or_the_project():
    project = Path(__file__).resolve().parents[2]
    for path in map(Path, readable_paths()):
        assert path.resolve() not in (Path.home(), project, *project.parents)
