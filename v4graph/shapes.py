"""Validation: a contribution, in the context it refers to, against the rules in ``shapes/``; the result is a value.

The rules are SHACL Core (https://www.w3.org/TR/shacl/), run by pySHACL. What Core cannot say, because it compares a
statement with the whole vocabulary, is found here (``vocabulary.py``); names, messages and severities of those rules
stand in ``shapes/contribution.ttl`` all the same. Only our own shapes are ever obeyed: what a contribution says in
SHACL's vocabulary is reported and left out.

Nothing here changes rdflib for others: literals are made with ``normalize=False`` instead of the module-wide
``NORMALIZE_LITERALS``, and its log messages about ill-typed literals are dropped by a filter that is deaf only while
a validation runs in the same thread or task.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any

import pyoxigraph as ox

from v4graph import integrity, rdf
from v4graph.errors import RulesBroken
from v4graph.iris import Iris
from v4graph.report import SEVERITIES, Finding, Report
from v4graph.rules import SH, Rules, load_rules
from v4graph.scope import find_scope_faults, withdrawn
from v4graph.vocabulary import Fault, find_faults

if TYPE_CHECKING:
    import rdflib
    from rdflib.term import Node

RDF_TYPE = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
_UNREAD = "x-unread:"
_NOT_READ = frozenset(f"http://www.w3.org/1999/02/22-rdf-syntax-ns#{name}" for name in ("XMLLiteral", "HTML", "JSON"))
"""Datatypes whose values rdflib would parse: documents within a document, which nobody asked for."""


def _graph(triples: Iterable[ox.Triple], store: str = "default") -> rdflib.Graph:
    """An rdflib graph of parsed triples, spellings of literals kept."""
    import rdflib

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

    graph = rdflib.Graph(store=store, bind_namespaces="none")
    for triple in triples:
        graph.add((term(triple.subject), term(triple.predicate), term(triple.object)))
    return graph


@dataclass(frozen=True, slots=True)
class _Aims:
    """The shapes as pySHACL reads them, and at what each one aims: read once, as reading takes longer than a check."""

    shapes: Any
    at_kind: Mapping[Node, tuple[Node, ...]]
    at_subjects: Mapping[Node, tuple[Node, ...]]
    at_objects: Mapping[Node, tuple[Node, ...]]

    def focus_nodes(self, data: rdflib.Graph, subjects: Collection[Node]) -> dict[Node, list[Node]]:
        """Each shape's focus nodes (https://www.w3.org/TR/shacl/#targets), as far as they are among the subjects.

        Costs as much as is said of the subjects, however much more the data hold.
        """
        from rdflib import RDF, RDFS

        found: dict[Node, dict[Node, None]] = {}

        def aim(node: Node, shapes: Iterable[Node]) -> None:
            for shape in shapes:
                found.setdefault(shape, {})[node] = None

        for node in subjects:
            for property_, value in data.predicate_objects(node):
                aim(node, self.at_subjects.get(property_, ()))
                if value in subjects:
                    aim(value, self.at_objects.get(property_, ()))
                if property_ == RDF.type:
                    for kind in data.transitive_objects(value, RDFS.subClassOf):
                        aim(node, self.at_kind.get(kind, ()) if kind is not None else ())
        return {shape: list(nodes) for shape, nodes in found.items()}


@lru_cache(maxsize=2)
def _aims(iris: Iris) -> _Aims:
    import pyshacl
    from rdflib.namespace import SH as sh

    graph = _graph(load_rules(iris).triples, "SimpleMemory")
    shapes = pyshacl.ShapesGraph(graph)
    assert shapes.shapes  # pySHACL looks for them on first use

    def by(property_: Node) -> dict[Node, tuple[Node, ...]]:
        found: dict[Node, tuple[Node, ...]] = {}
        for shape, target in graph.subject_objects(property_):
            found[target] = (*found.get(target, ()), shape)
        return found

    return _Aims(shapes, by(sh.targetClass), by(sh.targetSubjectsOf), by(sh.targetObjectsOf))


_ONE_AT_A_TIME = Lock()
"""pySHACL keeps what it found out about shapes with the shapes, which all validations share."""
_VALIDATING: ContextVar[bool] = ContextVar("validating", default=False)


def _others_only(record: logging.LogRecord) -> bool:
    return not _VALIDATING.get()


def _unworded(*_: object, **__: object) -> str:
    return ""


@contextmanager
def _quietly() -> Iterator[None]:
    """Without what nobody reads: rdflib's log of ill-typed literals, and pySHACL's wording of every single result.

    pySHACL words the results of all branches of an ``sh:or``, also of those that another branch makes good: a third
    of its time. Another third goes into looking for parameters in a list, which is therefore given as a set.
    """
    from pyshacl import shape
    from pyshacl.constraints import ALL_CONSTRAINT_PARAMETERS, CONSTRAINT_PARAMETERS_MAP, constraint_component

    words: Any = constraint_component
    wording = words.stringify_node
    words.stringify_node = _unworded
    vars(shape)["CONSTRAINT_PARAMS"] = (frozenset(ALL_CONSTRAINT_PARAMETERS), CONSTRAINT_PARAMETERS_MAP)
    logging.getLogger("rdflib.term").addFilter(_others_only)
    token = _VALIDATING.set(True)
    try:
        yield
    finally:
        _VALIDATING.reset(token)
        words.stringify_node = wording
        vars(shape).pop("CONSTRAINT_PARAMS")


def validate(lines: Iterable[str], *, context: Iterable[str] = (), iris: Iris, outside: bool = False) -> Report:
    """The report on a contribution (N-Triples lines), given what the graph says of the things it refers to.

    From ``outside`` comes one source of somebody who may speak of records only, not of the graph itself; what would
    be a contradiction between sources is then a fault of this one.
    """
    rules = load_rules(iris)
    said = sorted(set(lines))
    known = set(context)
    faults = find_faults(said, known, rules.vocabulary, iris)
    if outside:
        told = [rdf.split_line(line) for line in said]
        gone = withdrawn([rdf.split_line(line) for line in known])
        faults = [f for f in faults if f.rule != "foreignSubject" or iris.path(f.focus) is None]
        of_scope = list(find_scope_faults(told, gone, rules.kinds, iris))
        out_of_scope = {fault.focus for fault in of_scope}
        faults = [f for f in faults if f.rule != "untyped" or f.focus not in out_of_scope] + of_scope
    statements = [line for line in said if not _is_shape_statement(line)]
    told_better = {(fault.focus, fault.path) for fault in faults if fault.rule != "foreignTerm"}
    faults = [f for f in faults if f.rule != "foreignTerm" or (f.focus, f.path) not in told_better]
    findings = {_of_fault(fault, rules, iris) for fault in faults}
    # The vocabulary knows better what an unknown value is: its finding replaces that of the shape.
    replaced = {(f.focus, f.path, f.value) for f in findings if f.value}
    # And of a record that is not ours, or of two kinds, its address says nothing.
    said_already = {f"{iris.base}shapes#Contribution-{name}" for name in _ADDRESSES}
    foreign = {f.focus for f in findings if f.shape in said_already}
    for finding in _of_shapes(statements, known, rules, iris):
        unknown = finding.value is not None and (finding.focus, finding.path, finding.value) in replaced
        if not unknown and not (finding.path is None and finding.focus in foreign):
            findings.add(_stricter(finding, iris) if outside else finding)
    if statements:
        subjects = {rdf.split_line(line)[0][1:-1] for line in statements}
        beside = [line for line in _needed(statements, known, every=True)]
        conflicts = set(integrity.find_conflicts(statements, beside, subjects, iris, outside=outside))
        # What a rule across records says of a value tells more than what a single field says of it.
        blocking = {(f.focus, f.path, f.value) for f in conflicts if f.value and f.severity == "violation"}
        findings = {f for f in findings if (f.focus, f.path, f.value) not in blocking} | conflicts
    return Report(tuple(sorted(findings, key=_order)), iris.base)


_ADDRESSES = ("foreignSubject", "platformSubject", "unknownKind", "twoKinds")
_ONE_SOURCE = ("name-language",)
"""Rules that all sources together may break, and one source may not."""


def _stricter(finding: Finding, iris: Iris) -> Finding:
    if finding.shape not in {f"{iris.base}shapes#{name}" for name in _ONE_SOURCE}:
        return finding
    return replace(finding, rule=replace(finding.rule, severity="violation"))


def _is_shape_statement(line: str) -> bool:
    _, predicate, value = rdf.split_line(line)
    return predicate.startswith(f"<{SH}") or (predicate == RDF_TYPE and value.startswith(f"<{SH}"))


def _of_fault(fault: Fault, rules: Rules, iris: Iris) -> Finding:
    rule = rules.rules[f"{iris.base}shapes#Contribution-{fault.rule}"]
    return Finding(rule, fault.focus, fault.path, fault.value, fault.suggestion)


def _order(finding: Finding) -> tuple[int, float, str, str, str, str]:
    rule = finding.rule
    rank = SEVERITIES.index(rule.severity)
    return rank, rule.order, rule.iri, finding.path or "", finding.focus, finding.value or ""


def _of_shapes(statements: list[str], known: set[str], rules: Rules, iris: Iris) -> Iterator[Finding]:
    """Run pySHACL and read its report; only what concerns the contribution's own statements is kept."""
    if not statements:
        return
    import pyshacl
    import rdflib
    from pyshacl.errors import ReportableRuntimeError
    from pyshacl.graph_abstraction import DataGraph

    with _ONE_AT_A_TIME, _quietly():
        aims = _aims(iris)
        told = [*statements, *_needed(statements, known)]
        mentioned = {part for line in told for part in rdf.split_line(line)}
        data = _graph(rdf.parse_lines([*told, *rules.vocabulary.about(mentioned)]))
        subjects = {rdf.split_line(line)[0][1:-1] for line in statements}
        seen = DataGraph.from_rdflib(data)
        validator = pyshacl.Validator(seen, shacl_graph=aims.shapes.graph)
        executor = validator.make_executor()
        results: list[Any] = []
        try:
            for shape, nodes in aims.focus_nodes(data, {rdflib.URIRef(subject) for subject in subjects}).items():
                results += aims.shapes.lookup_shape_from_node(shape).validate(executor, seen, nodes)[1]
        except ReportableRuntimeError as error:
            raise RulesBroken(f"The rules could not be applied: {error.message}") from error
        result, _ = validator.create_validation_report(aims.shapes, not results, results)
        yield from _read(result, data, set(statements), subjects, rules)


def _needed(statements: list[str], known: set[str], *, every: bool = False) -> Iterator[str]:
    """Of the context: the kinds of what is referred to, and what is known of the contribution's own records besides.

    Where the contribution speaks, only its own words are judged: another source's different value is no fault of it.
    With ``every``, what is known of all other records too.
    """
    spoken: dict[str, set[str]] = {}
    about: set[str] = set()
    for line in statements:
        subject, predicate, value = rdf.split_line(line)
        spoken.setdefault(subject, set()).add(predicate)
        about |= {subject, value}
    for line in known:
        subject, predicate, _ = rdf.split_line(line)
        if predicate == RDF_TYPE:
            if every or subject in about:
                yield line
        elif predicate not in spoken.get(subject, () if every else {predicate}):
            yield line


def _read(
    report: rdflib.Graph, data: rdflib.Graph, statements: set[str], subjects: set[str], rules: Rules
) -> Iterator[Finding]:
    import rdflib
    from rdflib.namespace import SH as sh

    results = [
        (str(report.value(result, sh.sourceConstraintComponent)), result)
        for result in report.subjects(rdflib.RDF.type, sh.ValidationResult)
    ]
    for component, result in sorted(results):
        focus, path = report.value(result, sh.focusNode), report.value(result, sh.resultPath)
        rule = rules.rules[str(report.value(result, sh.sourceShape))]
        if str(focus) not in subjects:
            continue
        value = report.value(result, sh.value)
        if path is None or value is None:
            yield Finding(rule, str(focus), str(path) if path else None, component=component)
            continue
        text = _spelling(focus, path, value, data)
        if f"<{focus}> <{path}> {text} ." in statements:
            yield Finding(rule, str(focus), str(path), text, component=component)


def _spelling(focus: Any, path: Any, value: Any, data: rdflib.Graph) -> str:
    """The value as N-Triples text, spelled as in the data: the report holds rdflib's own spelling of literals."""
    import rdflib

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
