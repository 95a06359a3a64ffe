"""Start this server and its peers on loopback, each in a process group of its own, and end them."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers: its name, query address and process, and how long it took to answer first."""

    name: str
    url: str
    path: str
    process: subprocess.Popen[bytes]
    seconds: float

    def memory_mb(self) -> float:
        """Proportional memory (PSS) of all its processes."""
        return sum(_pss(pid) for pid in _family(self.process.pid)) / 1024


def _family(pid: int) -> list[int]:
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += _family(int(child))
    return found


def _pss(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def running(
    name: str, command: list[str], port: int, path: str, ready: str, *, wait: float = 300, **environment: str
) -> Iterator[Running]:
    """Run a server until the block ends; it is there when ``ready`` answers 200."""
    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    base = f"http://127.0.0.1:{port}"
    try:
        while True:
            try:
                with urllib.request.urlopen(base + ready, timeout=5) as answer:
                    if answer.status == 200:
                        break
            except (urllib.error.URLError, OSError):
                pass
            if process.poll() is not None:
                raise RuntimeError(f"{name} ended with {process.returncode}: not measured")
            if time.perf_counter() - began > wait:
                raise RuntimeError(f"{name} was not ready in {wait} seconds: not measured")
            time.sleep(0.02)
        yield Running(name, base, path, process, time.perf_counter() - began)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


ASK = "query=ASK%7B%7D"


@contextmanager
def v4graph(home: Path) -> Iterator[Running]:
    port = free_port()
    command = [sys.executable, "-m", "v4graph", "serve"]
    with running(
        "v4graph",
        command,
        port,
        "/sparql",
        "/health",
        PORT=str(port),
        V4GRAPH_HOME=str(home),
        V4GRAPH_CLIENT_QUERIES="512",
    ) as server:
        yield server


@contextmanager
def oxigraph(nquads: Path, folder: Path) -> Iterator[Running]:
    port = free_port()
    program = shutil.which("oxigraph", path=str(Path(sys.executable).parent)) or "oxigraph"
    location = str(folder / "oxigraph")
    subprocess.run([program, "load", "--location", location, "--file", str(nquads)], check=True, capture_output=True)
    command = [program, "serve", "--location", location, "--bind", f"127.0.0.1:{port}", "--union-default-graph"]
    with running("oxigraph serve", command, port, "/query", f"/query?{ASK}") as server:
        yield server


@contextmanager
def rdflib_endpoint(ntriples: Path) -> Iterator[Running]:
    port = free_port()
    program = shutil.which("rdflib-endpoint", path=str(Path(sys.executable).parent)) or "rdflib-endpoint"
    command = [program, "serve", str(ntriples), "--host", "127.0.0.1", "--port", str(port)]
    with running("rdflib-endpoint", command, port, "/", f"/?{ASK}") as server:
        yield server
