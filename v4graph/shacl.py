"""SHACL Core (https://www.w3.org/TR/shacl/), asked of a contribution's own records only: pySHACL, kept warm.

It is asked of what the sieve (``sieve.py``) leaves in doubt, so its time and memory grow with the faults.

Nothing here changes rdflib for others: literals are made with ``normalize=False`` instead of the module-wide
``NORMALIZE_LITERALS``, and its log messages about ill-typed literals are dropped by a filter that is deaf only while
a validation runs in the same thread or task.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Any

import pyoxigraph as ox
import pyshacl
import rdflib
from pyshacl import shape as shape_module
from pyshacl.constraints import ALL_CONSTRAINT_PARAMETERS, CONSTRAINT_PARAMETERS_MAP
from pyshacl.errors import ReportableRuntimeError
from pyshacl.graph_abstraction import DataGraph
from pyshacl.rdfutil.stringify import stringify_node
from rdflib.namespace import RDF, SH
from rdflib.term import Node

from v4graph import rdf
from v4graph.errors import RulesBroken
from v4graph.iris import Iris
from v4graph.rules import load_rules
from v4graph.sieve import Doubtful, Sieve

_UNREAD = "x-unread:"
_NOT_READ = frozenset(f"http://www.w3.org/1999/02/22-rdf-syntax-ns#{name}" for name in ("XMLLiteral", "HTML", "JSON"))
"""Datatypes whose values rdflib would parse: documents within a document, which nobody asked for."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a shape found: IRIs without brackets, the value as N-Triples text."""

    shape: str
    focus: str
    path: str | None
    value: str | None
    component: str


class Data(rdflib.Graph):
    """A graph that knows the values of a property by heart: what validation asks for ten thousand times."""

    def __init__(self) -> None:
        """An empty one."""
        super().__init__(bind_namespaces="none")
        self._values: dict[tuple[Node, Node], dict[Node, None]] = {}

    def add(self, triple: tuple[Node, Node, Node]) -> Data:
        """Add a triple."""
        super().add(triple)
        self._values.setdefault(triple[:2], {})[triple[2]] = None
        return self

    def objects(self, subject: Any = None, predicate: Any = None, unique: bool = False) -> Generator[Node, None, None]:
        """The values of a property of something."""
        if isinstance(subject, Node) and isinstance(predicate, rdflib.URIRef):
            yield from self._values.get((subject, predicate), ())
        else:
            yield from super().objects(subject, predicate, unique)


def fill(graph: rdflib.Graph, triples: Iterable[ox.Triple]) -> rdflib.Graph:
    """An rdflib graph with parsed triples in it, spellings of literals kept."""

    def term(node: Any) -> Node:
        if isinstance(node, ox.NamedNode):
            return rdflib.URIRef(node.value)
        if isinstance(node, ox.BlankNode):
            return rdflib.BNode(node.value)
        if node.language:
            return rdflib.Literal(node.value, lang=node.language)
        said = node.datatype.value
        datatype = rdflib.URIRef(f"{_UNREAD}{said}" if said in _NOT_READ else said)
        return rdflib.Literal(node.value, datatype=None if datatype == rdflib.XSD.string else datatype, normalize=False)

    for triple in triples:
        graph.add((term(triple.subject), term(triple.predicate), term(triple.object)))
    return graph


@lru_cache(maxsize=2)
def _shapes(iris: Iris) -> pyshacl.ShapesGraph:
    """The shapes as pySHACL reads them: read once, as reading takes longer than a check."""
    shapes = pyshacl.ShapesGraph(
        fill(rdflib.Graph(store="SimpleMemory", bind_namespaces="none"), load_rules(iris).triples)
    )
    assert shapes.shapes  # pySHACL looks for them on first use
    return shapes


@lru_cache(maxsize=2)
def _sieve(iris: Iris) -> Sieve:
    return Sieve(load_rules(iris).triples)


_ONE_AT_A_TIME = Lock()
"""pySHACL keeps what it found out about shapes with the shapes, which all validations share."""
_VALIDATING: ContextVar[bool] = ContextVar("validating", default=False)


def _others_only(record: logging.LogRecord) -> bool:
    return not _VALIDATING.get()


def _unworded(*_: object, **__: object) -> str:
    return ""


_WORDY = tuple(
    module
    for name, module in sys.modules.items()
    if name.startswith("pyshacl.constraints.") and "stringify_node" in vars(module)
)


@contextmanager
def _quietly() -> Iterator[None]:
    """Without what nobody reads: rdflib's log of ill-typed literals, and pySHACL's wording of every single result.

    pySHACL words the results of all branches of an ``sh:or``, also of those that another branch makes good: a third
    of its time. Another third goes into looking for parameters in a list, which is therefore given as a set.
    """
    for module in _WORDY:
        vars(module)["stringify_node"] = _unworded
    vars(shape_module)["CONSTRAINT_PARAMS"] = (frozenset(ALL_CONSTRAINT_PARAMETERS), CONSTRAINT_PARAMETERS_MAP)
    logging.getLogger("rdflib.term").addFilter(_others_only)
    token = _VALIDATING.set(True)
    try:
        yield
    finally:
        _VALIDATING.reset(token)
        for module in _WORDY:
            vars(module)["stringify_node"] = stringify_node
        vars(shape_module).pop("CONSTRAINT_PARAMS")


def find(lines: Iterable[str], own: Collection[str], iris: Iris) -> Iterator[Found]:
    """What the shapes find wrong with N-Triples lines, as far as it concerns ``own`` ones among them.

    Raises:
        RulesBroken: the shapes cannot be applied.
    """
    for doubtful in _sieve(iris).doubtful(lines, own):
        with _ONE_AT_A_TIME, _quietly():
            yield from _find(doubtful, own, _shapes(iris))


def _find(doubtful: Doubtful, own: Collection[str], shapes: pyshacl.ShapesGraph) -> list[Found]:
    data = fill(Data(), rdf.parse_lines(doubtful.lines))
    seen = DataGraph.from_rdflib(data)
    # Not the option focus_nodes: pySHACL 0.40 then skips what sh:or and sh:qualifiedValueShape ask of literals.
    validator = pyshacl.Validator(seen, shacl_graph=shapes.graph)
    executor = validator.make_executor()
    results: list[Any] = []
    try:
        for aimed, records in doubtful.shapes.items():
            nodes = [rdflib.URIRef(record) for record in records]
            results += shapes.lookup_shape_from_node(rdflib.URIRef(aimed)).validate(executor, seen, nodes)[1]
    except ReportableRuntimeError as error:
        raise RulesBroken(f"The rules could not be applied: {error.message}") from error
    subjects = {record for records in doubtful.shapes.values() for record in records}
    return list(_told([said for _, _, triples in results for said in _said(triples)], data, own, subjects))


def _said(triples: Iterable[tuple[Node, Node, Any]]) -> Iterator[Mapping[Node, Any]]:
    """The results among the triples that pySHACL would make a report of, where terms come with their graph."""
    by_node: dict[Node, dict[Node, Any]] = {}
    for node, predicate, value in triples:
        by_node.setdefault(node, {})[predicate] = value[1] if isinstance(value, tuple) else value
    yield from (said for said in by_node.values() if said.get(RDF.type) == SH.ValidationResult)


def read(report: rdflib.Graph, data: rdflib.Graph, own: Collection[str]) -> Iterator[Found]:
    """What a validation report (https://www.w3.org/TR/shacl/#results-validation-report) says of our own statements."""
    subjects = {rdf.split_line(line)[0][1:-1] for line in own}
    results = report.subjects(RDF.type, SH.ValidationResult)
    yield from _told([dict(report.predicate_objects(result)) for result in results], data, own, subjects)


def _told(
    results: list[Mapping[Node, Any]], data: rdflib.Graph, own: Collection[str], subjects: Collection[str]
) -> Iterator[Found]:
    for said in results:
        component, focus, path = str(said[SH.sourceConstraintComponent]), said[SH.focusNode], said.get(SH.resultPath)
        if str(focus) not in subjects:
            continue
        rule, value = str(said[SH.sourceShape]), said.get(SH.value)
        if path is None or value is None:
            yield Found(rule, str(focus), str(path) if path else None, None, component)
            continue
        text = _spelling(focus, path, value, data)
        if f"<{focus}> <{path}> {text} ." in own:
            yield Found(rule, str(focus), str(path), text, component)


def _spelling(focus: Any, path: Any, value: Any, data: rdflib.Graph) -> str:
    """The value as N-Triples text, spelled as in the data: the report holds rdflib's own spelling of literals."""
    if not isinstance(value, rdflib.Literal):
        return f"<{value}>"
    for given in data.objects(focus, path):
        if isinstance(given, rdflib.Literal) and (
            given == value or rdflib.Literal(str(given), given.language, given.datatype) == value
        ):
            value = given
            break
    datatype = str(value.datatype).removeprefix(_UNREAD) if value.datatype else None
    return rdf.literal_text(str(value), datatype, value.language)
