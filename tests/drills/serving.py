"""A server as an operator starts it: a process group of its own that may be killed, with partners who have tokens."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.web.partners import project
from v4graph import actors
from v4graph.actors import COMMAND_LINE
from v4graph.settings import Settings
from v4graph.workspace import Workspace

FULL = os.environ.get("V4GRAPH_DRILL") == "full"
ROOT = Path(__file__).parents[2]
POINT = "SELECT ?p ?o { <https://w3id.org/v4graph/id/project/v4clusters> ?p ?o } # "
TURTLE = {"Content-Type": "text/turtle"}
TABLE = ".sst"


def partnered(published_home: Path, home: Path) -> str:
    """A copy of the published data with a partner, river; the token of who may publish for it."""
    shutil.copytree(published_home, home)
    workspace = Workspace(Settings(home=home))
    workspace.add_partner(COMMAND_LINE, "river", "Data of the river")
    with workspace.writing() as ledger:
        return actors.add_token(ledger, "river", ("submit", "publish"))[1]


@dataclass(slots=True)
class Serving:
    """A running server and where it listens."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def children(self, what: str) -> list[int]:
        """The processes of its group whose command line holds a word."""
        return [pid for pid in group(self.process.pid) if what in command(pid)]

    def descriptors(self) -> int:
        """Files and sockets that its processes have open, but for the tables of a store: the engine says how many."""
        return sum(not path.endswith(TABLE) for pid in group(self.process.pid) for path in open_files(pid))

    def held(self) -> int:
        """The most snapshots of which one of its processes has tables open."""
        return max(len(snapshots(pid)) for pid in group(self.process.pid))

    def resident(self) -> int:
        """Bytes of memory that its processes hold, what they share counted once."""
        return sum(proportional(pid) for pid in group(self.process.pid))

    def stop(self, how: int = signal.SIGTERM) -> None:
        """End it, and whatever it started."""
        if self.process.poll() is None:
            self.process.send_signal(how)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(20)
        for pid in group(self.process.pid):
            os.kill(pid, signal.SIGKILL)
        self.process.wait()


def group(leader: int) -> list[int]:
    """The processes of a process group."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[2]) == leader and fields[0] != "Z":
                found.append(int(entry.name))
    return sorted(found)


def command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def open_files(pid: int) -> list[str]:
    """What a process has open, as the system names it."""
    found = []
    try:
        for entry in os.scandir(f"/proc/{pid}/fd"):
            with suppress(FileNotFoundError):
                found.append(os.readlink(entry).removesuffix(" (deleted)"))
    except OSError:
        return []
    return found


def snapshots(pid: int) -> set[str]:
    """The folders of the snapshots that a process reads."""
    tables = (Path(path) for path in open_files(pid) if path.endswith(TABLE))
    return {path.parent.name for path in tables if path.parent.parent.name == "snapshots"}


def proportional(pid: int) -> int:
    try:
        told = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in told.splitlines() if line.startswith("Pss:")), 0)


@contextmanager
def serving(home: Path, *, ready: bool = True, log_folder: Path | None = None, **settings: object) -> Iterator[Serving]:
    """Run ``v4graph serve`` on a home."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    chosen = {"home": home, "port": port, "host": "127.0.0.1", "readers": 1, **settings}
    log = (log_folder or home.parent) / f"serve-{port}.log"
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "v4graph", "serve"],
            env={
                **{name: value for name, value in os.environ.items() if name not in ("HOST", "PORT")},
                **{f"V4GRAPH_{name.upper()}": str(value) for name, value in chosen.items()},
            },
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=ROOT,
        )
    found = Serving(process, f"http://127.0.0.1:{port}", log)
    try:
        if ready:
            wait_until_ready(found)
        yield found
    finally:
        found.stop()


def wait_until_ready(server: Serving, seconds: float = 90) -> float:
    """Seconds until it answers."""
    begun = time.monotonic()
    while True:
        try:
            if httpx.get(f"{server.url}/health", timeout=5).status_code == 200:
                return time.monotonic() - begun
        except httpx.TransportError:
            pass
        assert server.process.poll() is None, server.log.read_text()
        assert time.monotonic() - begun < seconds, server.log.read_text()
        time.sleep(0.05)


@dataclass(slots=True)
class Load:
    """Threads that publish and ask until they are told to stop; what they were told."""

    url: str
    secret: str
    acknowledged: list[tuple[int, str]] = field(default_factory=list)
    """The number of a contribution and the name it gave the project."""
    statuses: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self, writers: int = 1, askers: int = 2) -> None:
        works = [self._publish] * writers + [self._ask] * askers
        self._threads = [threading.Thread(target=work, args=(n,), daemon=True) for n, work in enumerate(works)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()

    def _publish(self, number: int) -> None:
        headers = {**TURTLE, "Authorization": f"Bearer {self.secret}"}
        with httpx.Client(base_url=self.url, timeout=50, headers=headers) as client:
            turn = 0
            while not self._stop.is_set():
                name = f"River Links {number} {time.monotonic_ns()} {turn}"
                turn += 1
                try:
                    answer = client.put("/graph/river", content=project(name))
                except httpx.TransportError:
                    time.sleep(0.05)
                    continue
                self.statuses.append(answer.status_code)
                if answer.status_code in (200, 201, 204):
                    where = answer.headers.get("location") or answer.headers["content-location"]
                    self.acknowledged.append((int(where.rpartition("/")[2]), name))
                elif answer.status_code == 429:
                    time.sleep(1)

    def _ask(self, number: int) -> None:
        with httpx.Client(base_url=self.url, timeout=50) as client:
            turn = 0
            while not self._stop.is_set():
                turn += 1
                begun = time.monotonic()
                try:
                    answer = client.get("/sparql", params={"query": f"{POINT}{number} {turn}"})
                except httpx.TransportError:
                    time.sleep(0.05)
                    continue
                self.seconds.append(time.monotonic() - begun)
                self.statuses.append(answer.status_code)


def tail(seconds: list[float], part: float = 0.99) -> float:
    """The time within which so many of a hundred were answered."""
    return sorted(seconds)[min(len(seconds) - 1, int(part * len(seconds)))]
