"""The machine and the versions that figures come from."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from benchmarks.servers import PEERS, US, NotMeasured


def describe_machine() -> dict[str, str]:
    """Cores, model, memory, kernel, and how busy it was when the run began."""
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cores": str(os.cpu_count()),
        "model": _model(),
        "memory": f"{gigabytes:.0f} GB",
        "kernel": f"{platform.system()} {platform.release()}",
        "distribution": _release(),
        "load when it began": f"{os.getloadavg()[0]:.1f}",
    }


def _model() -> str:
    told = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    return next((line.partition(": ")[2] for line in told.splitlines() if line.startswith("model name")), "unknown")


def _release() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return "unknown"


def versions() -> dict[str, str]:
    """What was measured, and with what."""
    found = {}
    for server in (US, *PEERS):
        try:
            found[server.name] = server.version()
        except NotMeasured as error:
            found[server.name] = str(error)
    found[US.name] += _commit()
    found["python"] = platform.python_version()
    found["pyoxigraph"] = version("pyoxigraph")
    told = subprocess.run(["wrk", "--version"], capture_output=True, text=True, check=False).stdout
    found["wrk"] = " ".join(told.split()[1:2])
    return found


def _commit() -> str:
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return f" ({told.stdout.strip()})" if told.returncode == 0 else ""


if __name__ == "__main__":
    for name, value in (describe_machine() | versions()).items():
        sys.stdout.write(f"{name}: {value}\n")
