"""The scratch store: updates and documents change it, all of it or nothing, and nothing else."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from v4graph.errors import (
    BadRequest,
    MalformedData,
    MalformedQuery,
    QueryTimeout,
    QueryTooBig,
    ServiceRefused,
    StoreError,
    TooLarge,
    UnknownGraph,
    UpdateRefused,
)
from v4graph.rdf import CSV, JSON_LD, N_QUADS, N_TRIPLES, RDF_XML, TRIG, TURTLE
from v4graph.sandbox.pool import Job, Sandbox
from v4graph.sandbox.scratch import ScratchStore
from v4graph.sandbox.using import with_dataset, with_gentle_clear
from v4graph.settings import Settings

EVERYTHING = "SELECT ?g ?s ?p ?o { { ?s ?p ?o } UNION { GRAPH ?g { ?s ?p ?o } } }"
TENS = " ".join(f"VALUES ?v{n} {{ 1 2 3 4 5 6 7 8 9 10 }}" for n in range(10))
RUNAWAY = f"INSERT {{ <http://e/x> <http://e/n> ?n }} WHERE {{ SELECT (COUNT(*) AS ?n) {{ {TENS} }} }}"


class Playground:
    """A scratch store with its readers."""

    def __init__(self, scratch: ScratchStore, sandbox: Sandbox) -> None:
        self.scratch = scratch
        self.sandbox = sandbox

    async def rows(self, query: str = EVERYTHING) -> list[str]:
        answer = await self.sandbox.query(Job(query, CSV, N_TRIPLES, None, None, 10.0))
        assert answer.complete is not None
        return sorted(answer.complete.decode().replace("http://e/", "").split("\r\n")[1:-1])

    async def graphs(self) -> list[str]:
        return await self.rows("SELECT ?g { GRAPH ?g {} }")


def play(use: Callable[[Playground], Awaitable[Any]], **settings: Any) -> Any:
    async def main() -> Any:
        chosen = Settings(**{"readers": 1, **settings})
        async with Sandbox(chosen) as sandbox:
            scratch = ScratchStore(chosen, prefixes={"skos": "http://www.w3.org/2004/02/skos/core#"})
            await scratch.start(sandbox)
            try:
                return await use(Playground(scratch, sandbox))
            finally:
                await scratch.close()

    return asyncio.run(main())


def test_updates_are_seen_at_once_and_snapshots_are_numbered() -> None:
    async def use(here: Playground) -> None:
        assert await here.rows() == []
        first = here.sandbox.snapshot
        await here.scratch.update("PREFIX e: <http://e/> INSERT DATA { e:a e:p 1 . GRAPH e:g { e:b e:p 2 } }")
        assert await here.rows() == [",a,p,1", "g,b,p,2"]
        await here.scratch.update("DELETE { ?s ?p ?o } INSERT { ?s ?p 3 } WHERE { ?s ?p ?o }")
        assert await here.rows() == [",a,p,3", "g,b,p,2"]
        second = here.sandbox.snapshot
        assert first is not None and second is not None
        assert second.number == first.number + 2
        assert second.token != first.token

    play(use)


def test_an_update_that_fails_changes_nothing() -> None:
    async def use(here: Playground) -> None:
        await here.scratch.update("INSERT DATA { <http://e/a> <http://e/p> 1 }")
        before = here.sandbox.snapshot
        for text, wrong in (
            ("INSERT DATA { <http://e/b> <http://e/p> 1 } ; INSERT DATA {", MalformedQuery),
            ("INSERT DATA { <http://e/b> <http://e/p> 1 } ; DROP GRAPH <http://e/none>", BadRequest),
            ("INSERT DATA { <http://e/b> <http://e/p> 1 } ; LOAD <http://127.0.0.1:9/x>", UpdateRefused),
            ("INSERT { ?s ?p 7 } WHERE { SERVICE <http://127.0.0.1:9/x> { ?s ?p ?o } }", ServiceRefused),
            ("SELECT * { ?s ?p ?o }", MalformedQuery),
            (f"INSERT {{ ?s ?p 7 }} WHERE {'{' * 6000} ?s ?p ?o {'}' * 6000}", BadRequest),
        ):
            with pytest.raises(wrong) as caught:
                await here.scratch.update(text)
            assert caught.value.detail
        assert here.sandbox.snapshot is before
        assert await here.rows() == [",a,p,1"]
        await here.scratch.update("INSERT DATA { <http://e/c> <http://e/p> 1 }")
        assert await here.rows() == [",a,p,1", ",c,p,1"]

    play(use)


def test_a_wrong_update_is_explained() -> None:
    async def use(here: Playground) -> None:
        with pytest.raises(MalformedQuery) as caught:
            await here.scratch.update("INSERT DATA {\n <http://e/a> skos:prefLabel 1 }")
        assert (caught.value.extras["line"], caught.value.extras["column"]) == (2, 15)
        assert caught.value.extras["hint"].endswith("PREFIX skos: <http://www.w3.org/2004/02/skos/core#>")
        # places are those of the text that was sent, whatever was written into it
        clearing = "CLEAR GRAPH <http://e/g> ; CLEAR ALL ; INSERT { ?s ?p 1 } WHERE { ?s ?p ?o } ; INSERT DATA }"
        for graphs in ((), ("http://e/g",)):
            with pytest.raises(MalformedQuery) as caught:
                await here.scratch.update(clearing, using_default=graphs)
            assert (caught.value.extras["line"], caught.value.extras["column"]) == (1, len(clearing))

    play(use)


def test_clearing_needs_no_graph_and_keeps_those_there_are() -> None:
    async def use(here: Playground) -> None:
        there = "GRAPH <http://e/g> { <http://e/a> <http://e/p> 1 }"
        await here.scratch.update(f"CLEAR GRAPH <http://e/g> ; INSERT DATA {{ {there} }}")
        assert await here.rows() == ["g,a,p,1"]
        for clear in ("CLEAR GRAPH <http://e/g>", "clear all", "CLEAR SILENT ALL", "CLEAR NAMED"):
            await here.scratch.update(f"INSERT DATA {{ <http://e/a> <http://e/p> 1 . {there} }}")
            await here.scratch.update(f"{clear} ; CLEAR GRAPH <http://e/none> ; CLEAR DEFAULT")
            assert await here.rows() == []
            assert await here.graphs() == ["g"]

    play(use)


@pytest.mark.parametrize(
    ("update", "written"),
    [
        ("CLEAR GRAPH <http://e/g>", "CLEAR SILENT GRAPH <http://e/g>"),
        ("clear#x\nGraph <http://e/g>", "clear#x\nSILENT Graph <http://e/g>"),
        ("CLEAR SILENT GRAPH <http://e/g>", "CLEAR SILENT GRAPH <http://e/g>"),
        ("CLEAR ALL;CLEAR SILENT all", "CLEAR DEFAULT ; CLEAR NAMED;CLEAR SILENT DEFAULT ; CLEAR NAMED"),
        ("DROP GRAPH <http://e/CLEAR> ; DROP ALL", "DROP GRAPH <http://e/CLEAR> ; DROP ALL"),
        ("INSERT DATA { <http://e/a> <http://e/p> 'CLEAR ALL' } # CLEAR ALL", None),
    ],
)
def test_how_clearing_is_written(update: str, written: str | None) -> None:
    assert with_gentle_clear(update) == (update if written is None else written)


def test_an_update_that_runs_away_is_stopped_and_undone() -> None:
    async def use(here: Playground) -> None:
        await here.scratch.update("INSERT DATA { <http://e/a> <http://e/p> 1 }")
        start = time.monotonic()
        with pytest.raises(QueryTimeout, match="nothing was changed"):
            await here.scratch.update(f"INSERT DATA {{ <http://e/b> <http://e/p> 1 }} ; {RUNAWAY}", seconds=0.4)
        assert time.monotonic() - start < 1.0
        assert await here.rows() == [",a,p,1"]
        await here.scratch.update("INSERT DATA { <http://e/c> <http://e/p> 1 }")
        assert await here.rows() == [",a,p,1", ",c,p,1"]

    play(use)


def test_an_update_that_needs_too_much_memory_is_stopped() -> None:
    async def use(here: Playground) -> None:
        values = " ".join(f"VALUES ?v{n} {{ 1 2 3 4 5 6 7 8 9 10 }}" for n in range(7))
        with pytest.raises(QueryTooBig, match="nothing was changed"):
            await here.scratch.update(
                f"INSERT {{ ?s <http://e/p> ?v0 , ?v1 }} WHERE {{ {values} BIND(UUID() AS ?s) }}", seconds=20
            )
        assert await here.rows() == []

    play(use, reader_memory_mb=96)


def test_a_writer_that_is_killed_loses_nothing_that_was_acknowledged() -> None:
    async def use(here: Playground) -> None:
        for n in range(3):
            await here.scratch.update(f"INSERT DATA {{ <http://e/a> <http://e/p> {n} }}")
            writer = here.scratch._writer
            assert writer is not None
            if n % 2:
                os.kill(writer.child.pid, signal.SIGKILL)
                writer.child.process.wait()
                with pytest.raises((StoreError, QueryTooBig)):
                    await here.scratch.update("INSERT DATA { <http://e/lost> <http://e/p> 1 }")
        assert await here.rows() == [",a,p,0", ",a,p,1", ",a,p,2"]

    play(use)


def test_load_calls_nobody_even_when_it_may_fail_silently() -> None:
    async def use(here: Playground) -> None:
        with socket.create_server(("127.0.0.1", 0)) as canary:
            canary.settimeout(0.2)
            url = f"http://127.0.0.1:{canary.getsockname()[1]}/data"
            assert here.scratch._writer is not None
            if here.scratch._writer.confinement["seccomp"]:
                await here.scratch.update(f"LOAD SILENT <{url}> INTO GRAPH <http://e/g>")
            for text in (
                f"LOAD <{url}>",
                f"loAd#x\n<{url}> INTO GRAPH <http://e/g>",
                f"CLEAR ALL ; LOAD <{url}>",
                f"LOAD<{url}>",
            ):
                with pytest.raises(UpdateRefused):
                    await here.scratch.update(text)
            await here.scratch.update("INSERT DATA { <http://e/load> <http://e/LOAD> 'LOAD' } # LOAD <x>")
            with pytest.raises(TimeoutError):
                canary.accept()
        assert await here.rows() == [",load,LOAD,LOAD"]

    play(use)


# --- the dataset of an update ----------------------------------------------------------------------------------------


def test_the_dataset_of_the_request_is_written_into_the_update() -> None:
    update = """PREFIX e: <http://e/>
INSERT DATA { e:where e:using "WHERE { USING }" } ;
DELETE { ?s ?p ?o } INSERT { GRAPH e:h { ?s ?p ?o } }
WHERE { ?s ?p ?o . FILTER EXISTS { ?s ?p ?o } } ; # WHERE
delete where { ?s e:p 1 }"""
    using = "USING <http://e/g> USING NAMED <http://e/n>"
    wanted = f"""PREFIX e: <http://e/>
INSERT DATA {{ e:where e:using "WHERE {{ USING }}" }} ;
DELETE {{ ?s ?p ?o }} INSERT {{ GRAPH e:h {{ ?s ?p ?o }} }}
{using} WHERE {{ ?s ?p ?o . FILTER EXISTS {{ ?s ?p ?o }} }} ; # WHERE
delete {{ ?s e:p 1 }} {using} where {{ ?s e:p 1 }}"""
    assert with_dataset(update, ["http://e/g"], ["http://e/n"]) == wanted
    assert with_dataset(update, [], []) is update


@pytest.mark.parametrize(
    "update",
    [
        "INSERT { ?s ?p 1 } USING <http://e/g> WHERE { ?s ?p ?o }",
        "INSERT { ?s ?p 1 } uSiNg#x\nNAMED <http://e/g> WHERE { ?s ?p ?o }",
        "WITH <http://e/g> DELETE { ?s ?p ?o } WHERE { ?s ?p ?o }",
    ],
)
def test_a_dataset_named_twice_is_refused(update: str) -> None:
    with pytest.raises(BadRequest, match="only one of both"):
        with_dataset(update, ["http://e/g"], [])


def test_a_graph_name_cannot_break_out_of_the_update() -> None:
    for iri in ("http://e/g> WHERE {} ; CLEAR ALL #", "relative", ""):
        with pytest.raises(BadRequest, match="absolute IRI"):
            with_dataset("DELETE WHERE { ?s ?p ?o }", [iri], [])


def test_the_dataset_of_the_request_counts() -> None:
    async def use(here: Playground) -> None:
        await here.scratch.update(
            "PREFIX e: <http://e/> INSERT DATA { e:d e:p 0 . GRAPH e:g1 { e:a e:p 1 } GRAPH e:g2 { e:b e:p 2 } }"
        )
        insert = "PREFIX e: <http://e/> INSERT { GRAPH e:out { ?s e:q ?o } } WHERE { ?s e:p ?o }"
        await here.scratch.update(insert, using_default=["http://e/g1", "http://e/g2"])
        assert await here.rows("SELECT ?s ?o { GRAPH <http://e/out> { ?s ?p ?o } }") == ["a,1", "b,2"]
        named = "PREFIX e: <http://e/> INSERT { GRAPH e:out2 { ?s e:q ?o } } WHERE { GRAPH ?g { ?s e:p ?o } }"
        await here.scratch.update(named, using_named=["http://e/g2"])
        assert await here.rows("SELECT ?s ?o { GRAPH <http://e/out2> { ?s ?p ?o } }") == ["b,2"]
        await here.scratch.update("CLEAR DEFAULT ; INSERT DATA { <http://e/a> <http://e/p> 1 , 9 }")
        await here.scratch.update("DELETE WHERE { ?s ?p ?o }", using_default=["http://e/g1"])
        assert await here.rows("SELECT ?s ?o { ?s ?p ?o }") == ["a,9"]

    play(use)


# --- documents -------------------------------------------------------------------------------------------------------


def test_put_post_delete() -> None:
    async def use(here: Playground) -> None:
        graph = "http://e/g"
        assert await here.scratch.put(graph, b"<a> <p> <> .", TURTLE) is True
        assert await here.rows() == ["g,a,p,g"]
        assert await here.scratch.put(graph, b"<http://e/b> <http://e/p> <http://e/c> .", N_TRIPLES) is False
        assert await here.rows() == ["g,b,p,c"]
        assert await here.scratch.post(graph, b'{"@id": "d", "http://e/p": {"@id": "e"}}', JSON_LD) is False
        assert await here.rows() == ["g,b,p,c", "g,d,p,e"]
        assert await here.scratch.post("http://e/new", b"", TURTLE) is True
        assert await here.graphs() == ["g", "new"]
        await here.scratch.delete(graph)
        assert await here.graphs() == ["new"]
        with pytest.raises(UnknownGraph, match="http://e/g"):
            await here.scratch.delete(graph)
        assert await here.rows() == []

    play(use)


def test_an_empty_graph_exists() -> None:
    async def use(here: Playground) -> None:
        assert await here.scratch.put("http://e/g", b"", TURTLE) is True
        assert await here.graphs() == ["g"]
        assert await here.scratch.put("http://e/g", b"", TURTLE) is False
        await here.scratch.delete("http://e/g")
        assert await here.graphs() == []

    play(use)


def test_the_default_graph() -> None:
    async def use(here: Playground) -> None:
        assert await here.scratch.put(None, b"<a> <p> 1 .", TURTLE, "http://e/") is True
        assert await here.scratch.post(None, b"<http://e/b> <http://e/p> 2 .", TURTLE) is False
        assert await here.scratch.put("http://e/g", b"<http://e/c> <http://e/p> 3 .", TURTLE) is True
        assert await here.rows() == [",a,p,1", ",b,p,2", "g,c,p,3"]
        await here.scratch.put(None, b"<http://e/d> <http://e/p> 4 .", TURTLE)
        assert await here.rows() == [",d,p,4", "g,c,p,3"]
        await here.scratch.delete(None)
        await here.scratch.delete(None)
        assert await here.rows() == ["g,c,p,3"]

    play(use)


def test_blank_nodes_of_two_documents_are_different() -> None:
    async def use(here: Playground) -> None:
        for _ in range(2):
            await here.scratch.post("http://e/g", b"_:x <http://e/p> 1 . _:x <http://e/q> 2 .", TURTLE)
        assert await here.rows("SELECT (COUNT(DISTINCT ?s) AS ?n) { GRAPH ?g { ?s ?p ?o } }") == ["2"]

    play(use)


def test_a_document_that_cannot_be_read_changes_nothing() -> None:
    async def use(here: Playground) -> None:
        await here.scratch.put("http://e/g", b"<http://e/a> <http://e/p> 1 .", TURTLE)
        before = here.sandbox.snapshot
        for content, fmt, wrong in (
            (b"<http://e/a> <http://e/p> ", TURTLE, MalformedData),
            (b"<http://e/h> { <http://e/a> <http://e/p> 2 }", TRIG, MalformedData),
            (b"<rdf:RDF", RDF_XML, MalformedData),
            (b"#" * (2**20 + 1), TURTLE, TooLarge),
        ):
            for method in (here.scratch.put, here.scratch.post):
                with pytest.raises(wrong):
                    await method("http://e/g", content, fmt)
        with pytest.raises(BadRequest):
            await here.scratch.put("not an iri", b"", TURTLE)
        assert here.sandbox.snapshot is before
        assert await here.rows() == ["g,a,p,1"]

    play(use, upload_mb=1)


def test_a_dataset_is_loaded_graph_by_graph() -> None:
    async def use(here: Playground) -> None:
        await here.scratch.load(b"<http://e/a> <http://e/p> 1 . <http://e/g> { <http://e/b> <http://e/p> 2 }", TRIG)
        await here.scratch.load(b"<http://e/c> <http://e/p> <http://e/d> <http://e/g> .", N_QUADS)
        assert await here.rows() == [",a,p,1", "g,b,p,2", "g,c,p,d"]
        with pytest.raises(MalformedData, match=r"^wrong\.ttl, line 1"):
            await here.scratch.load(b"x", TURTLE, name="wrong.ttl")

    play(use)


def test_many_changes_leave_few_files_and_the_end_leaves_none() -> None:
    async def use(here: Playground) -> Path:
        for n in range(6):
            await here.scratch.update(f"INSERT DATA {{ <http://e/a> <http://e/p> {n} }}")
        folder = here.scratch._folder
        assert len([p for p in (folder / "store" / "snapshots").iterdir() if p.is_dir()]) <= 5
        assert len(await here.rows()) == 6
        return folder

    folder = play(use)
    assert folder.name.startswith("v4graph-")
    assert not folder.exists()


def test_a_change_whose_client_goes_away_is_seen_through() -> None:
    async def use(here: Playground) -> None:
        task = asyncio.create_task(here.scratch.update("INSERT DATA { <http://e/a> <http://e/p> 1 }"))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await here.scratch.update("INSERT DATA { <http://e/b> <http://e/p> 2 }")
        assert await here.rows() == [",a,p,1", ",b,p,2"]

    play(use)


def test_changes_at_once_are_made_one_after_the_other() -> None:
    async def use(here: Playground) -> None:
        await asyncio.gather(
            *(here.scratch.update(f"INSERT DATA {{ <http://e/a> <http://e/p> {n} }}") for n in range(5)),
            here.scratch.put("http://e/g", b"<http://e/b> <http://e/p> 1 .", TURTLE),
        )
        assert len(await here.rows()) == 6

    play(use)
