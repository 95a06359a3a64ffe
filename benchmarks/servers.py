"""This server and its peers: how each loads the same data and serves it on loopback, in a process group of its own.

A peer is one entry of ``PEERS``: how it loads, how it is served, and from which size on it is left out.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from benchmarks import processes
from benchmarks.dataset import Dataset

OURS = "v4graph"
RESOLVED = "https://w3id.org/v4graph/graph/resolved-view"
"""The graph a peer without a default graph keeps it in."""
ASK = "query=ASK%7B%7D"
DEADLINE = 20
"""Seconds that any server may spend on a query, when it can be told."""
START_SECONDS = 900.0


class NotMeasured(Exception):
    """A server could not be loaded or started, and why."""


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers: where it is asked, its process, and the seconds to its first answer."""

    name: str
    url: str
    path: str
    process: subprocess.Popen[bytes]
    seconds: float
    suffix: str = ""
    """What every query is asked with besides."""

    @property
    def is_ours(self) -> bool:
        """Whether it is this project's."""
        return self.name == OURS

    def target(self, text: str) -> str:
        """The address of a query, without the host."""
        return f"{self.path}?query={quote(text, safe='')}{self.suffix}"

    def memory_mb(self) -> float:
        """Proportional memory (PSS) of all its processes."""
        return processes.memory_mb(self.process.pid)

    def cpu_seconds(self) -> float:
        """Processor time of all its processes so far."""
        return processes.cpu_seconds(self.process.pid)


@dataclass(frozen=True, slots=True)
class Server:
    """How a kind of server is loaded and served; a folder is its own."""

    name: str
    load: Callable[[Dataset, Path], dict[str, float]]
    serve: Callable[[Dataset, Path], AbstractContextManager[Running]]
    version: Callable[[], str]
    how: str
    """How it is loaded and started."""
    most_quads: float = float("inf")
    because: str = ""
    """Why it is not measured beyond ``most_quads``."""
    loads_in_memory: bool = field(default=False)
    """It reads its data whenever it starts: loading is starting."""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def program(name: str) -> str:
    """The path of a program beside this Python, or installed on the system."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        raise NotMeasured(f"{name} is not installed")
    return found


@contextmanager
def running(
    name: str,
    command: list[str],
    port: int,
    path: str,
    ready: str,
    *,
    suffix: str = "",
    wait: float = START_SECONDS,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Running]:
    """Run a server until the block ends; it is there when ``ready`` answers 200."""
    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=cwd,
        start_new_session=True,
    )
    base = f"http://127.0.0.1:{port}"
    try:
        while not _answers(base + ready):
            if process.poll() is not None:
                raise NotMeasured(f"{name} ended with {process.returncode} when it was started")
            if time.perf_counter() - began > wait:
                raise NotMeasured(f"{name} was not ready in {wait:g} seconds")
            time.sleep(0.005)
        yield Running(name, base, path, process, time.perf_counter() - began, suffix)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def run(command: list[str], *, seconds: float = 3600, cwd: Path | None = None) -> str:
    """What a program prints.

    Raises:
        NotMeasured: it failed.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, cwd=cwd, check=True)
    except subprocess.CalledProcessError as error:
        raise NotMeasured(f"{Path(command[0]).name} failed: {(error.stderr or error.stdout).strip()[-300:]}") from error
    except subprocess.TimeoutExpired:
        raise NotMeasured(f"{Path(command[0]).name} did not end within {seconds:g} seconds") from None
    return done.stdout


def _timed(command: list[str]) -> tuple[str, dict[str, float]]:
    """What a program prints, with the seconds it took and its processor time."""
    before, began = os.times(), time.perf_counter()
    printed = run(command)
    seconds, after = time.perf_counter() - began, os.times()
    spent = sum(after[2:4]) - sum(before[2:4])  # of children that have ended
    return printed, {"seconds": seconds, "cpu_ms": spent * 1000}


# --- this server --------------------------------------------------------------------------------------------------


def _load_ours(data: Dataset, folder: Path) -> dict[str, float]:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(data.folder / "packaged", folder)
    printed, spent = _timed([sys.executable, "-m", "benchmarks.dataset", str(folder), str(data.sources)])
    return {**spent, "peak_mb": json.loads(printed)["peak_mb"]}


@contextmanager
def serve_home(home: Path, **settings: str) -> Iterator[Running]:
    """This server on a home; a test that asks from one address may ask for much at once."""
    port = free_port()
    given = {"PORT": str(port), "V4GRAPH_HOME": str(home), "V4GRAPH_CLIENT_QUERIES": "512", **settings}
    given.setdefault("V4GRAPH_QUERY_SECONDS", str(DEADLINE))
    command = [sys.executable, "-m", "v4graph", "serve"]
    with running(OURS, command, port, "/sparql", "/health", wait=300, environment=given) as server:
        yield server


def _serve_ours(_: Dataset, folder: Path) -> AbstractContextManager[Running]:
    return serve_home(folder)


def _our_version() -> str:
    return run([sys.executable, "-m", "v4graph", "version"]).strip()


# --- oxigraph -----------------------------------------------------------------------------------------------------


def _load_oxigraph(data: Dataset, folder: Path) -> dict[str, float]:
    shutil.rmtree(folder, ignore_errors=True)
    place = ["--location", str(folder)]
    told = _timed([program("oxigraph"), "load", *place, "--file", str(data.nquads)])[1]
    run([program("oxigraph"), "optimize", *place])
    return told


@contextmanager
def _serve_oxigraph(_: Dataset, folder: Path) -> Iterator[Running]:
    port = free_port()
    command = [program("oxigraph"), "serve", "--location", str(folder), "--bind", f"127.0.0.1:{port}"]
    with running("oxigraph serve", command, port, "/query", f"/query?{ASK}") as server:
        yield server


def _oxigraph_version() -> str:
    return run([program("oxigraph"), "--version"]).strip()


# --- Virtuoso -----------------------------------------------------------------------------------------------------


@contextmanager
def _virtuoso(data: Dataset, folder: Path) -> Iterator[tuple[Running, int]]:
    port, sql = free_port(), free_port()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    buffers = 85 * memory // 3
    template = Path(__file__).with_name("virtuoso.ini").read_text(encoding="utf-8")
    told = template.format(
        folder=folder,
        data=data.folder,
        port=port,
        sql=sql,
        buffers=buffers,
        dirty=buffers * 3 // 4,
        deadline=DEADLINE,
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "virtuoso.ini").write_text(told, encoding="utf-8")
    command = [program("virtuoso-t"), "+foreground", "+configfile", str(folder / "virtuoso.ini")]
    asked = f"/sparql?{ASK}"
    suffix = f"&default-graph-uri={quote(RESOLVED, safe='')}"
    with running("virtuoso", command, port, "/sparql", asked, suffix=suffix, cwd=folder) as server:
        yield server, sql


def _load_virtuoso(data: Dataset, folder: Path) -> dict[str, float]:
    shutil.rmtree(folder, ignore_errors=True)
    steps = folder / "load.sql"
    with _virtuoso(data, folder) as (server, sql):
        steps.write_text(
            f"ld_dir('{data.folder}', '{data.default_graph.name}', '{RESOLVED}');\n"
            f"ld_dir('{data.folder}', '{data.named_graphs.name}', '{RESOLVED}');\n"
            "rdf_loader_run();\n"
            "SELECT 'failed: ', ll_error FROM DB.DBA.load_list WHERE ll_error IS NOT NULL;\n"
            "checkpoint;\n"
        )
        before, began = server.cpu_seconds(), time.perf_counter()
        told = run([program("isql-vt"), f"127.0.0.1:{sql}", "dba", "dba", str(steps)])
        seconds, spent = time.perf_counter() - began, server.cpu_seconds() - before
        if "failed: " in told.replace("'failed: '", ""):
            raise NotMeasured(f"virtuoso did not load: {told[-300:]}")
    return {"seconds": seconds, "cpu_ms": spent * 1000}


@contextmanager
def _serve_virtuoso(data: Dataset, folder: Path) -> Iterator[Running]:
    with _virtuoso(data, folder) as (server, _):
        yield server


def _virtuoso_version() -> str:
    done = subprocess.run([program("virtuoso-t"), "-?"], capture_output=True, text=True, timeout=10, check=False)
    return next((line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Version")), "unknown")


# --- rdflib-endpoint ----------------------------------------------------------------------------------------------


def _load_rdflib(data: Dataset, folder: Path) -> dict[str, float]:
    with _serve_rdflib(data, folder) as server:
        return {"seconds": server.seconds, "cpu_ms": server.cpu_seconds() * 1000}


@contextmanager
def _serve_rdflib(data: Dataset, _: Path) -> Iterator[Running]:
    port = free_port()
    command = [program("rdflib-endpoint"), "serve", str(data.default_graph), "--host", "127.0.0.1", "--port", str(port)]
    with running("rdflib-endpoint", command, port, "/", f"/?{ASK}") as server:
        yield server


def _rdflib_version() -> str:
    from importlib.metadata import version

    return f"{version('rdflib-endpoint')}, rdflib {version('rdflib')}"


US = Server(
    OURS,
    _load_ours,
    _serve_ours,
    _our_version,
    f"`v4graph serve` as it is installed, with {DEADLINE} seconds for a query and 512 queries at once from one address",
)
PEERS = (
    Server(
        "oxigraph serve",
        _load_oxigraph,
        _serve_oxigraph,
        _oxigraph_version,
        "`oxigraph load`, `oxigraph optimize` (not timed), `oxigraph serve`; without `--timeout-s`, which keeps a "
        "thread for every query until its time is over, until there are no more threads: the client gives up instead",
    ),
    Server(
        "virtuoso",
        _load_virtuoso,
        _serve_virtuoso,
        _virtuoso_version,
        "`virtuoso-t` with `benchmarks/virtuoso.ini`: its bulk loader and a checkpoint, a third of the memory for "
        f"buffers, no cache of results, {DEADLINE} seconds for a query",
    ),
    Server(
        "rdflib-endpoint",
        _load_rdflib,
        _serve_rdflib,
        _rdflib_version,
        "`rdflib-endpoint serve` with the file of the default graph, which it reads into memory; it knows no deadline",
        most_quads=2_000_000,
        because="it reads all data into memory at each start, which takes it many minutes at this size",
        loads_in_memory=True,
    ),
)


# --- all of them --------------------------------------------------------------------------------------------------


class Fleet:
    """The servers of a run on the same data, all of them up, only one of them asked at a time."""

    def __init__(self, data: Dataset, servers: Sequence[Server] = (US, *PEERS)) -> None:
        self.data = data
        self.not_measured = {s.name: s.because for s in servers if data.asked > s.most_quads}
        self._kinds = {s.name: s for s in servers if s.name not in self.not_measured}
        self._open: dict[str, tuple[Running, ExitStack]] = {}

    @property
    def kinds(self) -> list[Server]:
        """The servers that take part."""
        return list(self._kinds.values())

    @property
    def servers(self) -> list[Running]:
        """Those that run, this project's first."""
        return [self._open[name][0] for name in self._kinds if name in self._open]

    @property
    def ours(self) -> Running:
        """This project's server."""
        return self._open[OURS][0]

    def running(self, name: str) -> Running | None:
        """One of those that run."""
        return self._open[name][0] if name in self._open else None

    def folder(self, name: str) -> Path:
        """Where a server keeps its data."""
        return self.data.folder / name.replace(" ", "-")

    def start(self, name: str) -> Running:
        """Start a server, again if it runs."""
        self.stop(name)
        stack = ExitStack()
        server = stack.enter_context(self._kinds[name].serve(self.data, self.folder(name)))
        self._open[name] = server, stack
        return server

    def leave_out(self, name: str, because: str) -> None:
        """Do without a server from here on."""
        self.stop(name)
        self._kinds.pop(name, None)
        self.not_measured[name] = because

    def stop(self, name: str) -> None:
        """Stop a server, if it runs."""
        if name in self._open:
            self._open.pop(name)[1].close()

    def close(self) -> None:
        """Stop all."""
        for name in list(self._open):
            self.stop(name)
