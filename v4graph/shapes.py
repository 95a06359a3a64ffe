"""Validation: a contribution, in the context it refers to, against the rules in ``shapes/``; the result is a value.

The rules are SHACL Core (https://www.w3.org/TR/shacl/), run by pySHACL. What Core cannot say, because it compares a
statement with the whole vocabulary, is found here (``vocabulary.py``); names, messages and severities of those rules
stand in ``shapes/contribution.ttl`` all the same. Only our own shapes are ever obeyed: what a contribution says in
SHACL's vocabulary is reported and left out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from v4graph import integrity, rdf
from v4graph.iris import Iris
from v4graph.report import SEVERITIES, Finding, Report
from v4graph.rules import SH, Rules, load_rules
from v4graph.scope import find_scope_faults, withdrawn
from v4graph.vocabulary import Fault, find_faults

RDF_TYPE = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"


def validate(
    lines: Iterable[str],
    *,
    context: Iterable[str] = (),
    own: Collection[str] = (),
    iris: Iris,
    outside: bool = False,
    departed: Collection[str] = (),
) -> Report:
    """The report on a contribution (N-Triples lines), given what the graph says of the things it refers to.

    ``own`` are those lines of the context that the same source says: what they break together is a fault of it.
    From ``outside`` comes one source of somebody who may speak of records only, not of the graph itself; what would
    be a contradiction between sources is then a fault of this one; and ``departed`` are things that others once
    described, whose addresses are theirs for good.
    """
    rules = load_rules(iris)
    said = sorted(set(lines))
    known = set(context)
    faults = find_faults(said, known, rules.vocabulary, iris)
    if outside:
        described = [rdf.split_line(line) for line in known]
        gone = dict.fromkeys(set(departed) - {subject[1:-1] for subject, _, _ in described}) | withdrawn(described)
        faults = [f for f in faults if f.rule != "foreignSubject" or iris.path(f.focus) is None]
        of_scope = list(find_scope_faults([rdf.split_line(line) for line in said], gone, rules.kinds, iris))
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
        subjects = {line.split(" ", 1)[0][1:-1] for line in statements}
        beside = [line for line in _needed(statements, known, every=True)]
        conflicts = set(integrity.find_conflicts(statements, beside, own, subjects, iris, outside=outside))
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
    if SH not in line:
        return False
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
    from v4graph import shacl  # it needs half a second to be there

    told = [*statements, *_needed(statements, known)]
    mentioned = {part for line in told for part in rdf.split_line(line) if part in rules.vocabulary.told}
    for found in shacl.find([*told, *rules.vocabulary.about(mentioned)], set(statements), iris):
        yield Finding(rules.rules[found.shape], found.focus, found.path, found.value, component=found.component)


def _needed(statements: list[str], known: set[str], *, every: bool = False) -> Iterator[str]:
    """Of the context: the kinds of what is referred to, and what is known of the contribution's own records besides.

    Where the contribution speaks, only its own words are judged: another source's different value is no fault of it.
    With ``every``, what is known of all other records too.
    """
    described = {line.split(" ", 1)[0] for line in known}
    spoken: dict[str, set[str]] = {}
    about: set[str] = set()
    for line in statements if described else ():
        subject, predicate, value = rdf.split_line(line)
        if subject in described:
            spoken.setdefault(subject, set()).add(predicate)
            about.add(subject)
        if value in described:
            about.add(value)
    for line in known:
        subject, predicate, _ = rdf.split_line(line)
        if predicate == RDF_TYPE:
            if every or subject in about:
                yield line
        elif predicate not in spoken.get(subject, () if every else {predicate}):
            yield line
