"""One question, one answer: the sandbox for the length of a command."""

from __future__ import annotations

from v4graph.errors import BadRequest, NotFound
from v4graph.iris import Iris
from v4graph.namespaces import prefixes
from v4graph.rdf import JSON, RDF_FORMATS, RESULT_FORMATS, TURTLE
from v4graph.sandbox.pool import Job, Sandbox
from v4graph.settings import Settings
from v4graph.store.embedded import current

_NAMES = {"json": "srj", "xml": "srx"}


async def answer(settings: Settings, query: str, form: str) -> tuple[str, bytes]:
    """The form (solutions, boolean or graph) and the serialised answer of a query on the current snapshot.

    ``form`` names a result or an RDF format by its ending; where it does not fit the query, JSON or Turtle is used.
    """
    wanted = _NAMES.get(form, form)
    known = [f for f in (*RESULT_FORMATS, *RDF_FORMATS) if f.ending == wanted]
    if not known:
        raise BadRequest(f"There is no format “{form}”.")
    snapshot = current(settings.home)
    if snapshot is None:
        raise NotFound(f"Nothing was published in {settings.home} yet; run “v4graph load”.")
    results = known[0] if known[0] in RESULT_FORMATS else JSON
    graph = known[0] if known[0] in RDF_FORMATS else TURTLE
    sandbox = Sandbox(settings.model_copy(update={"readers": 1}), prefixes=prefixes(Iris(settings.base_iri)))
    try:
        await sandbox.open(snapshot)
        answered = await sandbox.query(Job(query, results, graph, None, None, settings.query_seconds))
        body = b"".join([chunk async for chunk in answered.chunks()])
        return answered.kind, body
    finally:
        await sandbox.close()
