"""The system calls that a script may make, as a seccomp filter in classic BPF; whatever is not listed is refused.

What is listed reads and writes files that are open or that Landlock lets it open, and manages its own memory, threads,
signals and time. Not among them, for instance: sockets, `execve`, `ptrace`, `mount`, links, `chmod` and its
like (which Landlock does not see), `memfd_create`, shared memory, `io_uring`, any call that a later kernel adds.
"""

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Callable

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # AUDIT_ARCH_*

# name:number on x86_64:number on aarch64, which lacks the older calls
_ALLOWED = """
read:0:63 readv:19:65 pread64:17:67 preadv:295:69 preadv2:327:286 write:1:64 writev:20:66 pwrite64:18:68 pwritev:296:70
pwritev2:328:287 close:3:57 close_range:436:436 lseek:8:62 fstat:5:80 newfstatat:262:79 stat:4: lstat:6: statx:332:291
access:21: faccessat:269:48 faccessat2:439:439 getdents64:217:61 getcwd:79:17 chdir:80:49 fchdir:81:50 mkdir:83:
mkdirat:258:34 rmdir:84: unlink:87: unlinkat:263:35 rename:82: renameat:264:38 renameat2:316:276 readlink:89:
readlinkat:267:78 dup:32:23 dup2:33: dup3:292:24 ftruncate:77:46 fallocate:285:47 fsync:74:82 fdatasync:75:83
fadvise64:221:223 copy_file_range:326:285 sendfile:40:71 umask:95:166 statfs:137:43 fstatfs:138:44 pipe:22:
pipe2:293:59 poll:7: ppoll:271:73 select:23: pselect6:270:72 epoll_create1:291:20 epoll_ctl:233:21 epoll_wait:232:
epoll_pwait:281:22 creat:85:
mmap:9:222 munmap:11:215 mprotect:10:226 mremap:25:216 madvise:28:233 brk:12:214 msync:26:227
futex:202:98 set_robust_list:273:99 get_robust_list:274:100 rseq:334:293 sched_yield:24:124 sched_getaffinity:204:123
sigaltstack:131:132 rt_sigaction:13:134 rt_sigprocmask:14:135 rt_sigreturn:15:139 rt_sigpending:127:136
rt_sigtimedwait:128:137 rt_sigsuspend:130:133 pause:34: alarm:37: setitimer:38:103 getitimer:36:102 nanosleep:35:101
clock_nanosleep:230:115 clock_gettime:228:113 clock_getres:229:114 gettimeofday:96:169 time:201: times:100:153
restart_syscall:219:128 exit:60:93 exit_group:231:94 wait4:61:260 waitid:247:95
getpid:39:172 getppid:110:173 gettid:186:178 getuid:102:174 geteuid:107:175 getgid:104:176 getegid:108:177
getgroups:115:158 getresuid:118:148 getresgid:120:150 getpgrp:111: getpgid:121:155 getsid:124:156 getpriority:140:141
uname:63:160 sysinfo:99:179 getrandom:318:278 getrlimit:97:163 getrusage:98:165 getcpu:309:168 set_tid_address:218:96
"""
# Absent on purpose, with the error that makes the C library use the older call, whose arguments can be checked.
_SAID_TO_BE_MISSING = "clone3:435:435 openat2:437:437"

_THREAD = 0x100 | 0x800 | 0x10000  # CLONE_VM, CLONE_SIGHAND, CLONE_THREAD
_NOT_A_THREAD = 0x7E020000 | 0x80 | 0x1000 | 0x2000 | 0x4000 | 0x8000  # namespaces, pidfd, ptrace, vfork, parent
_TRUNCATE, _ACCESS_MODE = 0o1000, 0o3
_FCNTL = (0, 1, 2, 3, 4, 5, 6, 7, 1030)  # duplicate, flags, locks; not F_SETOWN, F_SETSIG, F_NOTIFY, F_SETLEASE
_IOCTL = (0x5401, 0x5413, 0x541B, 0x5450, 0x5451)  # TCGETS, TIOCGWINSZ, FIONREAD, FIONCLEX, FIOCLEX
_PRCTL = (15, 0x53564D41)  # PR_SET_NAME, PR_SET_VMA

_LOAD, _AND, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x06
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x80000000
_MISSING = 0x00050000 | errno.ENOSYS
_ARGUMENTS = 16  # offset in `struct seccomp_data`; each is 8 bytes, the low half first

_Instruction = tuple[int, int, int, int]


def filter_program(machine: str, pid: int) -> bytes:
    """The filter for a process `pid` on a machine of [`ARCHITECTURES`], as an array of `struct sock_filter`.

    Calls of another architecture (32-bit calls, x32) end the process; the others that are not allowed fail with EPERM.
    """
    program = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, ARCHITECTURES[machine]), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, 0)]
    if machine == "x86_64":
        program += [(_AT_LEAST, 0, 1, 0x40000000), (_RETURN, 0, 0, _KILL)]  # the x32 bit
    column = list(ARCHITECTURES).index(machine)
    for call, conditions in _conditional(pid).items():
        program += _rule(call, column, [step for condition in conditions for step in condition], _ALLOW)
    for call in _ALLOWED.split():
        program += _rule(call, column, [], _ALLOW)
    for call in _SAID_TO_BE_MISSING.split():
        program += _rule(call, column, [], _MISSING)
    program.append((_RETURN, 0, 0, _REFUSE))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def _conditional(pid: int) -> dict[str, list[list[_Instruction]]]:
    # A file that is opened to be read and truncated needs no right to write before Landlock's third version.
    no_silent_truncation = _unless(_ACCESS_MODE | _TRUNCATE, _TRUNCATE)
    return {
        "clone:56:220": [_if(0, _THREAD | _NOT_A_THREAD, _THREAD)],
        "kill:62:129": [_if(0, 0xFFFFFFFF, pid)],
        "tgkill:234:131": [_if(0, 0xFFFFFFFF, pid)],
        "prlimit64:302:261": [_if(2, 0xFFFFFFFF, 0), _if(2, 0xFFFFFFFF, 0, half=1)],  # to read them only
        "prctl:157:167": [_if(0, 0xFFFFFFFF, *_PRCTL)],
        "fcntl:72:25": [_if(1, 0xFFFFFFFF, *_FCNTL)],
        "ioctl:16:29": [_if(1, 0xFFFFFFFF, *_IOCTL)],
        "open:2:": [no_silent_truncation(1)],
        "openat:257:56": [no_silent_truncation(2)],
    }


def _if(argument: int, mask: int, *values: int, half: int = 0) -> list[_Instruction]:
    """Goes on if (half of) an argument, under a mask, is one of the values; refuses otherwise."""
    load = [(_LOAD, 0, 0, _ARGUMENTS + 8 * argument + 4 * half), (_AND, 0, 0, mask)]
    tests = [(_EQUAL, len(values) - place, 0, value) for place, value in enumerate(values)]
    return [*load, *tests, (_RETURN, 0, 0, _REFUSE)]


def _unless(mask: int, value: int) -> Callable[[int], list[_Instruction]]:
    """Goes on unless an argument, under a mask, is the value."""
    return lambda argument: [
        (_LOAD, 0, 0, _ARGUMENTS + 8 * argument),
        (_AND, 0, 0, mask),
        (_EQUAL, 0, 1, value),
        (_RETURN, 0, 0, _REFUSE),
    ]


def _rule(call: str, column: int, conditions: list[_Instruction], action: int) -> list[_Instruction]:
    number = call.split(":")[1 + column]
    if not number:
        return []
    body = [*conditions, (_RETURN, 0, 0, action)]
    return [(_EQUAL, 0, len(body), int(number)), *body]


def install() -> None:
    """Puts this process, for good, under the filter; `no_new_privs` must be set.

    Raises:
        OSError: if the machine is none of [`ARCHITECTURES`], or the kernel does not take the filter.
    """
    machine = platform.machine()
    if machine not in ARCHITECTURES:
        raise OSError(
            f"The sandbox has no system-call filter for {machine}; it has one for {', '.join(ARCHITECTURES)}."
        )
    code = filter_program(machine, os.getpid())
    buffer = ctypes.create_string_buffer(code, len(code))
    head = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer))  # struct sock_fprog
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(22, 2, ctypes.c_char_p(head), 0, 0) != 0:  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
        number = ctypes.get_errno()
        raise OSError(number, f"The kernel takes no system-call filter: {os.strerror(number)}.")
