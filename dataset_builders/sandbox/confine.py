"""Takes from a process what a drawing script does not need: privileges, files, system calls, resources. For good."""

import ctypes
import logging
import math
import mmap
import os
import platform
import resource
import shutil
import signal
import site
import struct
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from dataset_builders.sandbox import seccomp
from dataset_builders.sandbox.limits import Limits

logger = logging.getLogger(__name__)

CONFINEMENTS = ("landlock", "bubblewrap", "rlimits")

_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446  # the same on every architecture
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_WRITE_FILE, _REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_FILE = 1 << 1, 1 << 4, 1 << 5, 1 << 7, 1 << 8
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_READ = _READ_FILE | _READ_DIR
_OWN = _READ | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_FILE | _REFER | _TRUNCATE
_ON_A_FILE = _READ_FILE | _WRITE_FILE | _TRUNCATE
_RIGHTS = {1: 13, 2: 14, 3: 15, 5: 16}  # how many kinds of access each version of Landlock handles
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38

_SYSTEM = (
    "/lib /lib64 /usr/lib /usr/lib64 /usr/local/lib /etc/ld.so.cache /etc/localtime /usr/share/zoneinfo "
    "/usr/share/fonts /usr/local/share/fonts /dev/urandom /dev/zero"
)
_DEVICES = ("/dev/null",)  # may be written, too


def check(confinement: str) -> None:
    """Tells, before anything is started, whether scripts can be confined in this way.

    Raises:
        ValueError: for a word that is none of [`CONFINEMENTS`].
        OSError: if this machine does not have what it takes, with the ways out.
    """
    if confinement not in CONFINEMENTS:
        raise ValueError(f"confinement={confinement!r}; it is one of {', '.join(CONFINEMENTS)}.")
    if sys.platform != "linux":
        raise OSError(
            f"The sandbox needs Linux, and this is {sys.platform}: use a Linux container or virtual machine."
        )
    if confinement != "rlimits" and (machine := platform.machine()) not in seccomp.ARCHITECTURES:
        raise OSError(
            f"The sandbox can filter system calls of {' and '.join(seccomp.ARCHITECTURES)}, not of {machine}."
        )
    if confinement == "landlock" and landlock_version() < 1:
        raise OSError(
            'This kernel has no Landlock (Linux 5.13 and later, unless switched off): use confinement="bubblewrap", '
            'or confinement="rlimits", under which scripts can read and write whatever you can.'
        )
    if confinement == "bubblewrap" and shutil.which("bwrap") is None:
        raise OSError(
            'confinement="bubblewrap" needs the program `bwrap`: install the package bubblewrap of your system, or '
            'use confinement="landlock".'
        )
    if confinement == "rlimits":
        logger.warning(
            'Scripts run with confinement="rlimits": they can READ AND WRITE EVERY FILE THAT YOU CAN. Only their '
            "time, memory and output are limited, and, where the kernel takes a filter, their system calls. It is for "
            "scripts that you trust or on a machine that holds nothing."
        )


def readable_paths() -> list[str]:
    """Files and folders that a script needs to read: Python's library, installed packages, shared libraries, fonts."""
    paths = sysconfig.get_paths()
    folders = [paths["stdlib"], paths["platstdlib"], paths["purelib"], paths["platlib"], *site.getsitepackages()]
    folders += [os.path.join(prefix, "lib") for prefix in (sys.prefix, sys.base_prefix)]
    folders += [folder for folder in os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep) if os.path.isabs(folder)]
    found = [folder for folder in [*folders, *_SYSTEM.split()] if os.path.exists(folder)]
    return list(dict.fromkeys(found))


def bubblewrap(folder: Path, config: Path, readable: Sequence[str]) -> list[str]:
    """The beginning of a command that sees `readable`, and may write nowhere but in `folder`."""
    package = Path(__file__).parent
    python = {sys.executable, os.path.realpath(sys.executable), os.path.join(sys.prefix, "pyvenv.cfg")}
    command = ["bwrap", "--unshare-all", "--cap-drop", "ALL"]
    for path in [*readable, *sorted(python), str(package.parent / "__init__.py"), str(package), str(config)]:
        command += ["--ro-bind-try", path, path]
    for device in (*_DEVICES, "/dev/urandom", "/dev/zero"):
        command += ["--dev-bind", device, device]
    return [*command, "--bind", str(folder), str(folder), "--remount-ro", "/", "--chdir", str(folder)]


def confine(folder: str, readable: Sequence[str], limits: Limits, mapped: int, confinement: str) -> None:
    """Confines this process, which must have one thread, to `folder` and to `limits`.

    Args:
        folder: Where it may write.
        readable: Where it may read.
        limits: Of CPU time, memory, file size and open files.
        mapped: Bytes of address space that do not count, see [`mapped_bytes`].
        confinement: One of [`CONFINEMENTS`]; bubblewrap confines the process that this one was forked from.

    Raises:
        OSError: if any of it fails. The script must not be run then.
    """
    parent = os.getppid()
    drop_privileges()
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it has died before that took effect
        os._exit(1)
    if confinement == "landlock":
        landlock(folder, readable, landlock_version())
    limit_resources(limits, mapped)
    try:
        seccomp.install()
    except OSError:
        if confinement != "rlimits":  # which promises no filter
            raise


def become_unreadable() -> None:
    """Keeps other processes of the same user from this one's memory, and this one from leaving it in core dumps."""
    _prctl(_PR_SET_DUMPABLE, 0)


def drop_privileges() -> None:
    """No capabilities, root's included, and none to be had by starting a program."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    header, nothing = struct.pack("Ii", 0x20080522, 0), bytes(24)  # _LINUX_CAPABILITY_VERSION_3, this process
    _checked("capset", _libc().capset(ctypes.c_char_p(header), ctypes.c_char_p(nothing)))


def limit_resources(limits: Limits, mapped: int) -> None:
    """Sets the limits that the system itself keeps."""
    cpu = math.ceil(limits.cpu_seconds)
    for kind, soft, hard in (
        (resource.RLIMIT_CPU, cpu, cpu + 1),  # SIGXCPU, then SIGKILL
        (resource.RLIMIT_AS, mapped + limits.memory_bytes, mapped + limits.memory_bytes),
        (resource.RLIMIT_FSIZE, limits.file_bytes, limits.file_bytes),
        (resource.RLIMIT_NOFILE, limits.open_files, limits.open_files),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_MSGQUEUE, 0, 0),
        (resource.RLIMIT_MEMLOCK, 0, 0),
    ):
        ceiling = resource.getrlimit(kind)[1]
        if ceiling != resource.RLIM_INFINITY:
            soft, hard = min(soft, ceiling), min(hard, ceiling)
        resource.setrlimit(kind, (soft, hard))


def mapped_bytes() -> int:
    """Bytes of address space that this process uses, as RLIMIT_AS counts them, found without /proc."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    low, high = 0, 1 << 48
    while high - low > mmap.PAGESIZE:
        middle = (low + high) // 2
        try:
            resource.setrlimit(resource.RLIMIT_AS, (middle, hard))
            mmap.mmap(-1, mmap.PAGESIZE).close()
            high = middle
        except (OSError, MemoryError):
            low = middle
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    return high


def landlock_version() -> int:
    """Of Landlock in this kernel, from 1; 0 if there is none."""
    return max(0, _libc().syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), 1))


def landlock(folder: str, readable: Sequence[str], version: int) -> None:
    """Lets this process read `readable` and write in `folder`, and no more of what `version` of Landlock handles.

    Links, devices, sockets and pipes cannot be made in the folder either. From version 4, TCP is refused; from 6,
    signals and abstract Unix sockets to processes outside.
    """
    handled = (1 << max(count for since, count in _RIGHTS.items() if since <= version)) - 1
    attributes = [handled]
    if version >= 4:
        attributes.append(0b11)  # bind and connect TCP
    if version >= 6:
        attributes.append(0b11)  # abstract Unix sockets, signals
    packed = struct.pack(f"={len(attributes)}Q", *attributes)
    ruleset = _libc().syscall(_LANDLOCK_CREATE, ctypes.c_char_p(packed), ctypes.c_size_t(len(packed)), 0)
    _checked("landlock_create_ruleset", ruleset)
    rights = {path: _READ for path in readable} | dict.fromkeys(_DEVICES, _READ_FILE | _WRITE_FILE) | {folder: _OWN}
    for path, allowed in rights.items():
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        if not os.path.isdir(path):
            allowed &= _ON_A_FILE
        rule = struct.pack("=Qi", allowed & handled, descriptor)  # struct landlock_path_beneath_attr
        result = _libc().syscall(_LANDLOCK_ADD, ruleset, 1, ctypes.c_char_p(rule), 0)
        _checked(f"landlock_add_rule for {path}", result)
        os.close(descriptor)
    _checked("landlock_restrict_self", _libc().syscall(_LANDLOCK_RESTRICT, ruleset, 0))
    os.close(ruleset)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, value: int) -> None:
    arguments = [ctypes.c_ulong(number) for number in (value, 0, 0, 0)]
    _checked(f"prctl({option})", _libc().prctl(option, *arguments))


def _checked(what: str, result: int) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
