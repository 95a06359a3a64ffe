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
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

import pyoxigraph as ox

from v4graph import assets, rdf
from v4graph.errors import RulesBroken
from v4graph.iris import PUBLIC_BASE, Iris
from v4graph.vocabulary import Fault, Vocabulary, find_faults, load_vocabulary

if TYPE_CHECKING:
    import rdflib
    from rdflib.term import Node

Severity = Literal["violation", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("violation", "warning", "info")

SH = "http://www.w3.org/ns/shacl#"
RDF_TYPE = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
PREF_LABEL = "http://www.w3.org/2004/02/skos/core#prefLabel"
TEXTS = frozenset(f"{SH}{name}" for name in ("name", "description", "message", "order"))
"""What a shape says to people: read once, kept from the validator."""
LISTED = 10
"""So many records of a group are written out for people."""

Texts = Mapping[str, str]
"""A text by language."""


def text_in(texts: Texts, language: str) -> str:
    """The text in this language, else in its main language (``de`` for ``de-AT``), else in English, else any."""
    wanted = language.lower()
    for tag in (wanted, wanted.split("-")[0], "en", *sorted(texts)):
        if tag in texts:
            return texts[tag]
    return ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One shape: how it is called, how severe it is and what it says to people."""

    iri: str
    severity: Severity = "violation"
    order: float = 0
    path: str | None = None
    names: Texts = field(default_factory=dict, hash=False)
    messages: Texts = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault: the record, the property and value (N-Triples text) where there is one, and the rule it breaks."""

    rule: Rule
    focus: str
    path: str | None = None
    value: str | None = None
    suggestion: str | None = None

    @property
    def severity(self) -> Severity:
        """Violation blocks, warning is for a reviewer, info advises."""
        return self.rule.severity

    @property
    def shape(self) -> str:
        """The IRI of the shape."""
        return self.rule.iri

    def label(self, language: str) -> str:
        """The name of the field, or of the kind of record where the record itself is at fault."""
        return text_in(self.rule.names, language)

    def message(self, language: str) -> str:
        """What is wrong and how to mend it."""
        return text_in(self.rule.messages, language)


@dataclass(frozen=True, slots=True)
class Group:
    """The findings of one rule about one property."""

    rule: Rule
    path: str | None
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What the rules found, worst first; the order depends on the content only."""

    findings: tuple[Finding, ...]
    base: str = PUBLIC_BASE

    @property
    def blocks(self) -> bool:
        """Whether publication is refused: from the severities, never from ``sh:conforms``."""
        return any(finding.severity == "violation" for finding in self.findings)

    @property
    def counts(self) -> dict[Severity, int]:
        """How many findings of each severity."""
        found = Counter(finding.severity for finding in self.findings)
        return {severity: found[severity] for severity in SEVERITIES}

    @property
    def groups(self) -> tuple[Group, ...]:
        """The findings by rule and property, in order."""
        by_rule: dict[tuple[str, str | None], list[Finding]] = {}
        for finding in self.findings:
            by_rule.setdefault((finding.shape, finding.path), []).append(finding)
        return tuple(Group(found[0].rule, path, tuple(found)) for (_, path), found in by_rule.items())


@dataclass(frozen=True, slots=True)
class Rules:
    """The shapes of an instance: as a graph for pySHACL, as texts for people."""

    graph: rdflib.Graph
    rules: Mapping[str, Rule]
    phrases: Mapping[str, Texts]
    vocabulary: Vocabulary


@lru_cache(maxsize=2)
def load_rules(iris: Iris) -> Rules:
    """Read ``shapes/``, with this instance's base."""
    triples: list[ox.Triple] = []
    for path in sorted(assets.SHAPES.glob("*.ttl")):
        triples += (q.triple for q in ox.parse(iris.rebase(path.read_bytes()), ox.RdfFormat.TURTLE))
    about: dict[str, dict[str, list[Any]]] = {}
    for triple in triples:
        if isinstance(triple.subject, ox.NamedNode):
            about.setdefault(triple.subject.value, {}).setdefault(triple.predicate.value, []).append(triple.object)
    rules = {iri: _rule(iri, said) for iri, said in about.items() if f"{SH}severity" in said}
    prefix = f"{iris.base}shapes#report-"
    phrases = {i.removeprefix(prefix): _texts(s[PREF_LABEL]) for i, s in about.items() if i.startswith(prefix)}
    return Rules(_graph(_flat(triples)), rules, phrases, load_vocabulary(iris))


def _flat(triples: Iterable[ox.Triple]) -> Iterator[ox.Triple]:
    """The same rules as pySHACL runs them fastest: each property shape with the targets of its node shapes, no texts.

    Nested property shapes are evaluated record by record, targeted ones for all records at once; and every text on a
    shape costs a search for constraints in each evaluation. On 3 000 triples that is 0.4 s instead of 4 s.
    """
    kept = [t for t in triples if t.predicate.value not in TEXTS]
    targets: dict[Any, list[ox.Triple]] = {}
    for triple in kept:
        if triple.predicate.value.startswith(f"{SH}target"):
            targets.setdefault(triple.subject, []).append(triple)
    for triple in kept:
        if triple.predicate.value == f"{SH}property" and triple.subject in targets:
            for target in targets[triple.subject]:
                yield ox.Triple(triple.object, target.predicate, target.object)  # type: ignore[arg-type]
        else:
            yield triple


def _rule(iri: str, said: Mapping[str, list[Any]]) -> Rule:
    severity: Severity = said[f"{SH}severity"][0].value.removeprefix(SH).lower()
    path = said.get(f"{SH}path")
    return Rule(
        iri,
        severity,
        float(said[f"{SH}order"][0].value) if f"{SH}order" in said else 0,
        path[0].value if path else None,
        _texts(said.get(f"{SH}name", [])),
        _texts(said.get(f"{SH}message", [])),
    )


def _texts(literals: Iterable[ox.Literal]) -> Texts:
    return {literal.language or "en": literal.value for literal in literals}


def _graph(triples: Iterable[ox.Triple]) -> rdflib.Graph:
    """An rdflib graph of parsed triples, spellings of literals kept."""
    import rdflib

    def term(node: Any) -> Node:
        if isinstance(node, ox.NamedNode):
            return rdflib.URIRef(node.value)
        if isinstance(node, ox.BlankNode):
            return rdflib.BNode(node.value)
        if node.language:
            return rdflib.Literal(node.value, lang=node.language)
        datatype = rdflib.URIRef(node.datatype.value)
        return rdflib.Literal(node.value, datatype=None if datatype == rdflib.XSD.string else datatype, normalize=False)

    graph = rdflib.Graph(bind_namespaces="none")
    for triple in triples:
        graph.add((term(triple.subject), term(triple.predicate), term(triple.object)))
    return graph


_ONE_AT_A_TIME = Lock()
"""pySHACL adds statements of its own to the graph of shapes, which all validations share."""
_VALIDATING: ContextVar[bool] = ContextVar("validating", default=False)


def _others_only(record: logging.LogRecord) -> bool:
    return not _VALIDATING.get()


@contextmanager
def _quietly() -> Iterator[None]:
    logging.getLogger("rdflib.term").addFilter(_others_only)
    token = _VALIDATING.set(True)
    try:
        yield
    finally:
        _VALIDATING.reset(token)


def validate(lines: Iterable[str], *, context: Iterable[str] = (), iris: Iris) -> Report:
    """The report on a contribution (N-Triples lines), given what the graph says of the things it refers to."""
    rules = load_rules(iris)
    said = sorted(set(lines))
    known = set(context)
    faults = find_faults(said, known, rules.vocabulary, iris)
    statements = [line for line in said if not _is_shape_statement(line)]
    findings = {_of_fault(fault, rules, iris) for fault in faults}
    # The vocabulary knows better what an unknown value is: its finding replaces that of the shape.
    replaced = {(f.focus, f.path, f.value) for f in findings if f.value}
    foreign = {f.focus for f in findings if f.shape == f"{iris.base}shapes#Contribution-foreignSubject"}
    for finding in _of_shapes(statements, known, rules):
        unknown = finding.value is not None and (finding.focus, finding.path, finding.value) in replaced
        if not unknown and not (finding.path is None and finding.focus in foreign):
            findings.add(finding)
    return Report(tuple(sorted(findings, key=_order)), iris.base)


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


def _of_shapes(statements: list[str], known: set[str], rules: Rules) -> Iterator[Finding]:
    """Run pySHACL and read its report; only what concerns the contribution's own statements is kept."""
    if not statements:
        return
    import pyshacl
    import rdflib

    with _ONE_AT_A_TIME, _quietly():
        data = _graph(rdf.parse_lines([*statements, *_needed(statements, known), *rules.vocabulary.hierarchy]))
        subjects = {rdf.split_line(line)[0][1:-1] for line in statements}
        # Not with focus_nodes: pySHACL 0.40 then skips what sh:or and sh:qualifiedValueShape ask of literals.
        result: Any = pyshacl.validate(
            data,
            shacl_graph=rules.graph,
            inference="none",
            advanced=False,
            do_owl_imports=False,
        )[1]
        if not isinstance(result, rdflib.Graph):
            raise RulesBroken(f"The rules could not be applied: {getattr(result, 'message', result)}")
        yield from _read(result, data, set(statements), subjects, rules)


def _needed(statements: list[str], known: set[str]) -> Iterator[str]:
    """Of the context: the kinds of what is referred to, and what is known of the contribution's own records besides.

    Where the contribution speaks, only its own words are judged: another source's different value is no fault of it.
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
            if subject in about:
                yield line
        elif predicate not in spoken.get(subject, {predicate}):
            yield line


def _read(
    report: rdflib.Graph, data: rdflib.Graph, statements: set[str], subjects: set[str], rules: Rules
) -> Iterator[Finding]:
    import rdflib
    from rdflib.namespace import SH as sh

    for result in report.subjects(rdflib.RDF.type, sh.ValidationResult):
        focus, path = report.value(result, sh.focusNode), report.value(result, sh.resultPath)
        rule = rules.rules[str(report.value(result, sh.sourceShape))]
        if str(focus) not in subjects:
            continue
        value = report.value(result, sh.value)
        if path is None or value is None:
            yield Finding(rule, str(focus), str(path) if path else None)
            continue
        text = _spelling(focus, path, value, data)
        if f"<{focus}> <{path}> {text} ." in statements:
            yield Finding(rule, str(focus), str(path), text)


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
    return rdf.literal_text(str(value), str(value.datatype) if value.datatype else None, value.language)


def render_text(report: Report, language: str = "en", *, listed: int = LISTED) -> str:
    """The report for people: counted, then by rule: field, what is wrong and how to mend it, the records and values."""
    phrases = load_rules(Iris(report.base)).phrases
    if not report.findings:
        return text_in(phrases["clean"], language)
    out = [" · ".join(f"{text_in(phrases[s], language)}: {n}" for s, n in report.counts.items())]
    for group in report.groups:
        local = group.rule.iri.partition("#")[2]
        heading = text_in(phrases[group.rule.severity], language)
        out += ["", f"[{heading}] {group.findings[0].label(language)} ({local}): {len(group.findings)}"]
        out.append(f"  {group.findings[0].message(language)}")
        for finding in group.findings[:listed]:
            # Where the property itself is at fault (an unknown one), the rule has no path and the finding does.
            path = f"  <{finding.path}>" if finding.path and not group.rule.path else ""
            out.append(f"  - <{finding.focus}>{path}{'  ' + finding.value if finding.value else ''}")
            if finding.suggestion:
                out.append(f"    {text_in(phrases['suggestion'], language)} <{finding.suggestion}>?")
        if len(group.findings) > listed:
            out.append(f"  - … {len(group.findings) - listed} {text_in(phrases['more'], language)}")
    return "\n".join(out)


def to_json(report: Report, language: str = "en") -> dict[str, Any]:
    """The report for machines, grouped; nothing is left out."""
    return {
        "blocks": report.blocks,
        "counts": dict(report.counts),
        "groups": [
            {
                "severity": group.rule.severity,
                "shape": group.rule.iri,
                "property": group.path,
                "label": group.findings[0].label(language),
                "message": group.findings[0].message(language),
                "count": len(group.findings),
                "findings": [
                    {"record": f.focus}
                    | ({"value": f.value} if f.value else {})
                    | ({"suggestion": f.suggestion} if f.suggestion else {})
                    for f in group.findings
                ],
            }
            for group in report.groups
        ],
    }
