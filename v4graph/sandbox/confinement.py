"""What a child gives up before it reads anything from outside: network, new processes, memory without end.

Three measures by the operating system, each tried and reported, none needing privileges:

- a seccomp filter (Linux, x86_64 and aarch64) answers EPERM to every call that makes or uses a socket, starts a
  program, forks, traces or signals another process, mounts, or enters io_uring (which can do all of that);
- RLIMIT_NOFILE at what is open, so that there is no descriptor left for a socket (not the writer, it needs files;
  a large snapshot keeps one for each table the engine has not opened yet);
- RLIMIT_DATA at what is used plus an allowance: the engine aborts instead of taking the machine down.

https://www.kernel.org/doc/html/latest/userspace-api/seccomp_filter.html
"""

from __future__ import annotations

import os
import resource
import signal
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_SECCOMP = 22
_PR_SET_NO_NEW_PRIVS = 38
_SECCOMP_MODE_FILTER = 2
_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
_EPERM = 1
_ENOSYS = 38
_CLONE_THREAD = 0x00010000

_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_X32 = 0x40000000

_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# name: (x86_64, aarch64); None where the architecture has no such call
_DENIED: dict[str, tuple[int | None, int | None]] = {
    "socket": (41, 198), "connect": (42, 203), "accept": (43, 202), "sendto": (44, 206), "recvfrom": (45, 207),
    "sendmsg": (46, 211), "recvmsg": (47, 212), "bind": (49, 200), "listen": (50, 201), "socketpair": (53, 199),
    "accept4": (288, 242), "recvmmsg": (299, 243), "sendmmsg": (307, 269),
    "fork": (57, None), "vfork": (58, None), "execve": (59, 221), "execveat": (322, 281),
    "kill": (62, 129), "tkill": (200, 130), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240),
    "pidfd_send_signal": (424, 424), "pidfd_open": (434, 434), "pidfd_getfd": (438, 438),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "unshare": (272, 97),
    "setns": (308, 268), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "open_by_handle_at": (304, 265),
    "init_module": (175, 105), "finit_module": (313, 273), "kexec_load": (246, 104), "bpf": (321, 280),
    "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
}  # fmt: skip
_CLONE = (56, 220)
_CLONE3 = 435
_TGKILL = (234, 131)


def die_with_parent(parent: int) -> None:
    """Be killed when the parent ends, however it ends."""
    if sys.platform == "linux":
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the line above
        os._exit(0)


def no_core_dumps() -> None:
    """A crash of the engine is expected here; it must not write memory to disk."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def no_network() -> bool:
    """Install the system call filter; whether it holds. Call before any thread is started."""
    machine = os.uname().machine
    if sys.platform != "linux" or machine not in _ARCHITECTURES:
        return False
    if not _prctl(_PR_SET_NO_NEW_PRIVS, 1):
        return False
    return _install(_program(machine))


def _program(machine: str) -> list[tuple[int, int, int, int]]:
    column = 0 if machine == "x86_64" else 1
    deny = (_RETURN, 0, 0, _ERRNO | _EPERM)
    program = [(_LOAD, 0, 0, 4), (_JUMP_EQUAL, 1, 0, _ARCHITECTURES[machine]), deny, (_LOAD, 0, 0, 0)]
    if machine == "x86_64":
        program += [(_JUMP_AT_LEAST, 0, 1, _X32), deny]
    for numbers in _DENIED.values():
        number = numbers[column]
        if number is not None:
            program += [(_JUMP_EQUAL, 0, 1, number), deny]
    # the C library falls back to clone, whose flags can be read here
    program += [(_JUMP_EQUAL, 0, 1, _CLONE3), (_RETURN, 0, 0, _ERRNO | _ENOSYS)]
    program += [(_JUMP_EQUAL, 0, 3, _CLONE[column]), (_LOAD, 0, 0, 16), (_JUMP_ANY_BIT, 1, 0, _CLONE_THREAD), deny]
    program += [(_RETURN, 0, 0, _ALLOW)]
    # abort() signals itself with tgkill: only to this process
    fence = [(_JUMP_EQUAL, 0, 4, _TGKILL[column]), (_LOAD, 0, 0, 16), (_JUMP_EQUAL, 1, 0, os.getpid()), deny]
    fence += [(_RETURN, 0, 0, _ALLOW)]
    return program[:4] + fence + program[4:]


def _install(program: list[tuple[int, int, int, int]]) -> bool:
    import ctypes
    import struct

    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
    kept = ctypes.create_string_buffer(code, len(code))

    class Program(ctypes.Structure):
        _fields_ = (("len", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    told = Program(len(program), ctypes.cast(kept, ctypes.c_void_p))
    return _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(told))


def _prctl(option: int, first: int, second: int = 0) -> bool:
    import ctypes

    try:
        libc = ctypes.CDLL(None, use_errno=True)
        arguments = [ctypes.c_ulong(n) for n in (first, second, 0, 0)]
        return bool(libc.prctl(ctypes.c_int(option), *arguments) == 0)
    except (OSError, AttributeError):
        return False


def many_files() -> None:
    """Lift the soft limit of open files: the engine then keeps all files of a snapshot open."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def no_new_files(snapshot: str | None) -> bool:
    """Allow no further file descriptor; whether that holds strictly.

    The engine opens 16 tables at its start and the others of a large snapshot when a query first needs them: for each
    of those one descriptor is left, and then it is the system call filter that forbids to use it for a socket.
    """
    try:
        opened = {name: _target(name) for name in os.listdir("/proc/self/fd")}
    except OSError:
        return False
    missing = 0
    if snapshot is not None:
        folder = os.path.realpath(snapshot)
        tables = {os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".sst")}
        missing = len(tables.difference(opened.values()))
    used = {int(name) for name, target in opened.items() if target}
    free = [number for number in range(len(used) + missing + 1) if number not in used]
    resource.setrlimit(resource.RLIMIT_NOFILE, (free[missing], free[missing]))
    return not missing


def _target(name: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{name}")
    except OSError:
        return ""


def cap_memory(allowance: int) -> bool:
    """Let the process use so many bytes more than now. Call while files can still be opened.

    RLIMIT_DATA counts private writable memory. RLIMIT_AS also counts what allocators and thread stacks only reserve,
    and under 1 GB it breaks the engine's start; it serves where the former is not enforced (not Linux).
    """
    try:
        if sys.platform == "linux":
            limit = _used_data() + allowance
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        else:
            limit = (1 << 30) + allowance
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    except (OSError, ValueError):
        return False
    return True


def _used_data() -> int:
    with open("/proc/self/status", encoding="ascii", errors="replace") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmData:"))


class Resident:
    """Bytes of memory this process holds; made while files can still be opened."""

    def __init__(self) -> None:
        """Keep the kernel's page about it open."""
        try:
            self._fd: int | None = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._fd = None

    def now(self) -> int:
        """Now; the peak where the kernel does not tell."""
        if self._fd is None:
            return self.peak()
        return int(os.pread(self._fd, 200, 0).split()[1]) * resource.getpagesize()

    def peak(self) -> int:
        """At most; cheaper to ask."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
