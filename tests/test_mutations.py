"""Faults put into right examples: every one of them is found.

Each mutation is a copy of an example's main record with an address of its own; all are validated together.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pytest
import rdflib
from rdflib.namespace import SH

from v4graph import rdf
from v4graph.iris import Iris
from v4graph.report import Finding
from v4graph.shapes import validate

from .test_shapes import EXAMPLES, SHAPES, TYPE, lines_of

IRIS = Iris()
ANYTHING = {f"<{IRIS.term(name)}>" for name in ("accepted", "rejected")}
"""Properties whose value may be of any kind, also text."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """What was done to which statement, and the record it made."""

    example: str
    operator: str
    predicate: str
    subject: str
    lines: tuple[str, ...]

    @property
    def name(self) -> str:
        """For messages."""
        return f"{self.example}: {self.operator} {self.predicate}"


def main_record(lines: list[str]) -> str:
    return Counter(rdf.split_line(line)[0] for line in lines).most_common(1)[0][0]


def required() -> set[tuple[str, str]]:
    """The kinds and the properties that none of their records may lack."""
    found = set()
    for shape in SHAPES.subjects(SH.minCount, rdflib.Literal(1)):
        if SHAPES.value(shape, SH.severity) == SH.Violation:
            for node in SHAPES.subjects(SH.property, shape):
                found |= {
                    (f"<{kind}>", f"<{SHAPES.value(shape, SH.path)}>") for kind in SHAPES.objects(node, SH.targetClass)
                }
    return found


def single() -> set[str]:
    return {f"<{SHAPES.value(s, SH.path)}>" for s in SHAPES.subjects(SH.maxCount, rdflib.Literal(1))}


def mutants() -> list[Mutation]:
    needed, once = required(), single()
    found: list[Mutation] = []

    def add(example: str, operator: str, lines: list[str], old: str, new: list[str]) -> None:
        subject = main_record(lines)
        mutated = [line for line in lines if line != old] + new
        copy = f"{subject[:-1]}-m{len(found)}>"
        own = tuple(line.replace(subject, copy) for line in mutated if line.startswith(subject))
        found.append(Mutation(example, operator, rdf.split_line(old)[1], copy[1:-1], own))

    for path in EXAMPLES:
        lines = lines_of(path)
        subject = main_record(lines)
        kinds = {value for s, p, value in map(rdf.split_line, lines) if s == subject and p == TYPE}
        for line in lines:
            about, predicate, value = rdf.split_line(line)
            if about != subject or predicate == TYPE:
                continue
            start = f"{subject} {predicate}"
            if (
                any((kind, predicate) in needed for kind in kinds)
                and len([x for x in lines if x.startswith(start)]) == 1
            ):
                add(path.stem, "remove", lines, line, [])
            if value.startswith(f"<{IRIS.base}id/"):
                add(path.stem, "unknown thing", lines, line, [f"{start} <{value[1:-1]}-nowhere> ."])
            elif value.startswith(f"<{IRIS.base}scheme/"):
                add(path.stem, "unknown entry", lines, line, [f"{start} <{value[1:-1]}-nowhere> ."])
            if value.startswith("<") and not value.startswith(f"<{IRIS.ontology}"):
                add(path.stem, "text for an address", lines, line, [f'{start} "words" .'])
            if "^^<" in value and predicate not in ANYTHING:
                add(path.stem, "other type", lines, line, [f'{start} "words" .'])
            if '"@' in value:
                add(path.stem, "no language", lines, line, [f'{start} "Words" .'])
                add(path.stem, "wrong language", lines, line, [f'{start} "Words"@cz .'])
            if value.startswith('"') and "^^" not in value:
                add(path.stem, "markup", lines, line, [f'{start} "<b>bold</b>"{value[value.rindex(chr(34)) + 1 :]} .'])
            if predicate in once:
                second = (
                    f"<{value[1:-1]}-second>"
                    if value.startswith("<")
                    else '"2001"^^<http://www.w3.org/2001/XMLSchema#gYear>'
                )
                add(path.stem, "second value", lines, line, [line, f"{start} {second} ."])
        add(path.stem, "unknown property", lines, lines[0], [lines[0], f'{subject} <{IRIS.term("colour")}> "red" .'])
        add(path.stem, "other folder", lines, lines[0], [lines[0]])
        moved = found[-1]
        wrong = f"{IRIS.base}id/colour/m{len(found)}"
        found[-1] = Mutation(
            path.stem,
            "other folder",
            moved.predicate,
            wrong,
            tuple(x.replace(moved.subject, wrong) for x in moved.lines),
        )
    return found


@pytest.fixture(scope="module")
def mutations() -> list[Mutation]:
    return mutants()


def test_every_mutation_is_found(mutations: list[Mutation]) -> None:
    context = {line for path in EXAMPLES for line in lines_of(path)}
    said = [line for mutation in mutations for line in mutation.lines]
    by_record: dict[str, list[Finding]] = {}
    for finding in validate(said, context=context, iris=IRIS).findings:
        by_record.setdefault(finding.focus, []).append(finding)
    missed = [m.name for m in mutations if not any(is_about(f, m) for f in by_record.get(m.subject, []))]
    assert not missed, missed
    assert len(mutations) > 400


def is_about(finding: Finding, mutation: Mutation) -> bool:
    """A fault of the mutated property, or of the record's address; a doubled value may be a contradiction only."""
    if finding.severity == "info" or (finding.severity == "warning" and mutation.operator != "second value"):
        return False
    if mutation.operator == "unknown property":
        return finding.path == IRIS.term("colour")
    return mutation.operator == "other folder" or f"<{finding.path}>" == mutation.predicate


def test_examples_are_right() -> None:
    for path in EXAMPLES:
        assert not validate(lines_of(path), iris=IRIS).blocks, path.stem
