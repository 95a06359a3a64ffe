"""What a contribution from outside may speak of: records of known kinds, and nothing of the graph itself."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from v4graph.iris import Iris
from v4graph.vocabulary import RDF_TYPE, Fault

_PLATFORM_KINDS = frozenset({"actor", "agent", "contribution", "claim", "disagreement", "revision"})
_PLATFORM_CLASSES = ("Claim", "ClaimGraph", "Contribution", "Disagreement", "Revision")
_AXIOMS = ("http://www.w3.org/2002/07/owl#", "http://www.w3.org/2000/01/rdf-schema#")
_SAME = "http://www.w3.org/2002/07/owl#sameAs"
_COMMENT = "http://www.w3.org/2000/01/rdf-schema#comment"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_CONFORMS = "http://purl.org/dc/terms/conformsTo"
_DEPRECATED = "<http://www.w3.org/2002/07/owl#deprecated>"
_REPLACED = "<http://purl.org/dc/terms/isReplacedBy>"


def withdrawn(known: Collection[tuple[str, str, str]]) -> dict[str, str | None]:
    """The records that are used no more, each with the one that replaced it where there is one."""
    found: dict[str, str | None] = {}
    for subject, predicate, value in known:
        if predicate == _REPLACED and value.startswith("<"):
            found[subject[1:-1]] = value[1:-1]
        elif predicate == _DEPRECATED and value.startswith('"true"'):
            found.setdefault(subject[1:-1], None)
    return found


def find_scope_faults(
    statements: Collection[tuple[str, str, str]],
    gone: Mapping[str, str | None],
    kinds: Collection[str],
    iris: Iris,
) -> Iterator[Fault]:
    """What the statements of a contribution say of things that it has no say in."""
    things = iris.thing("", "")[:-1]
    for subject in sorted({s[1:-1] for s, _, _ in statements}):
        if subject in gone:
            yield Fault("withdrawn", subject, suggestion=gone[subject])
        elif subject.startswith(things):
            kind = subject[len(things) :].partition("/")[0]
            if kind in _PLATFORM_KINDS:
                yield Fault("platformSubject", subject)
            elif kind not in kinds:
                yield Fault("unknownKind", subject)
        elif iris.path(subject) is not None:
            yield Fault("platformSubject", subject)
    platform = {f"<{iris.term(name)}>" for name in _PLATFORM_CLASSES}
    versions = {iris.ontology, f"{iris.base}shapes"}
    for subject, predicate, value in statements:
        path = predicate[1:-1]
        if predicate == RDF_TYPE:
            if value in platform:
                yield Fault("platformSubject", subject[1:-1], path, value)
        elif path == _CONFORMS:
            if value[1:-1].startswith(iris.base) and value[1:-1] not in versions:
                yield Fault("unknownVersion", subject[1:-1], path, value)
        elif path not in (_SAME, _COMMENT) and (path.startswith(_AXIOMS) or path.startswith(_RDF)):
            yield Fault("axiom", subject[1:-1], path, value)
