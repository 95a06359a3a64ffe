"""A report as others read it: text for people, JSON for programs, a SHACL report for other tools."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyoxigraph as ox

from v4graph import rdf
from v4graph.iris import Iris
from v4graph.namespaces import prefixes
from v4graph.report import Finding, Report, text_in
from v4graph.rules import SH, load_rules

LISTED = 10
"""So many records of a group are written out for people."""


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


_SHACL_SEVERITY = {"violation": "Violation", "warning": "Warning", "info": "Info"}
_TYPE = ox.NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")


def to_rdf(report: Report, fmt: rdf.Format) -> bytes:
    """The report as a SHACL validation report (https://www.w3.org/TR/shacl/#validation-report).

    ``sh:conforms`` is false as soon as there is any result, a hint too: SHACL wants it so.
    """
    options: dict[str, Any] = {}
    if fmt.engine in ("TURTLE", "TRIG", "RDF_XML"):
        names = prefixes(Iris(report.base))
        options["prefixes"] = {**names, "sh": SH, "v4sh": f"{report.base}shapes#"}
    quads: Any = (ox.Quad(*triple) for triple in _report_triples(report))
    if fmt in rdf.GRAPH_FORMATS and fmt.engine != "JSON_LD":
        quads = (quad.triple for quad in quads)
    written = ox.serialize(quads, format=rdf.rdf_format(fmt), **options)
    assert written is not None  # it is, when no output is given
    return written


def _sh(name: str) -> ox.NamedNode:
    return ox.NamedNode(SH + name)


def _report_triples(report: Report) -> Iterator[ox.Triple]:
    whole = ox.BlankNode("report")
    conforms = ox.Literal("false" if report.findings else "true", datatype=_XSD_BOOLEAN)
    yield ox.Triple(whole, _TYPE, _sh("ValidationReport"))
    yield ox.Triple(whole, _sh("conforms"), conforms)
    for number, finding in enumerate(report.findings):
        node = ox.BlankNode(f"result{number}")
        yield ox.Triple(whole, _sh("result"), node)
        for property_, value in _result(finding, report.base):
            yield ox.Triple(node, property_, value)


_XSD_BOOLEAN = ox.NamedNode("http://www.w3.org/2001/XMLSchema#boolean")


def _result(finding: Finding, base: str) -> Iterator[tuple[ox.NamedNode, Any]]:
    yield _TYPE, _sh("ValidationResult")
    yield _sh("resultSeverity"), _sh(_SHACL_SEVERITY[finding.severity])
    yield _sh("focusNode"), ox.NamedNode(finding.focus)
    yield _sh("sourceShape"), ox.NamedNode(finding.shape)
    # A rule that is no SHACL Core is a constraint of ours: set membership, or a query over all records.
    component = finding.component or f"{base}shapes#QueryConstraintComponent"
    yield _sh("sourceConstraintComponent"), ox.NamedNode(component)
    if finding.path:
        yield _sh("resultPath"), ox.NamedNode(finding.path)
    if finding.value:
        yield _sh("value"), _term(finding.value)
    for language, message in sorted(finding.rule.messages.items()):
        yield _sh("resultMessage"), ox.Literal(message, language=language)


def _term(text: str) -> Any:
    [triple] = rdf.parse_lines([f"<urn:s> <urn:p> {text} ."])
    return triple.object
