"""PROV-O of every publication, the sources and their ranks: the graph ``{base}graph/provenance``.

Pure functions of the ledger's entries, as N-Triples lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from v4graph import rdf
from v4graph.iris import Iris
from v4graph.ledger import Entry
from v4graph.resolution import RDF_TYPE, XSD

PROV = "http://www.w3.org/ns/prov#"
VOID = "http://rdfs.org/ns/void#"
_KINDS = {"difference": "patch"}
"""Modes that are called otherwise in the scheme contribution-kind."""


def _integer(value: int) -> str:
    return rdf.literal_text(str(value), f"{XSD}integer")


def _time(value: str) -> str:
    return rdf.literal_text(value, f"{XSD}dateTime")


def revision_iri(source: str, revision: int, iris: Iris) -> str:
    """The IRI of a revision of a source's graph."""
    return f"{iris.graph(source)}/revision/{revision}"


def actor_iri(actor: str, iris: Iris) -> str:
    """The partner that an actor of the ledger acts for; which of its tokens was used is nobody's business."""
    return iris.thing("actor", actor.partition("/")[0])


def of_revision(entry: Entry, triples: int, iris: Iris) -> set[str]:
    """What happened when a revision was published: who, when, why, from which contribution, after which revision.

    PROV-O (https://www.w3.org/TR/prov-o/): the contribution is the activity, associated with who submitted it and who
    reviewed it; the revision is attributed to who submitted it.
    """
    assert entry.revision is not None
    told = entry.detail
    revision = f"<{revision_iri(entry.source, entry.revision, iris)}>"
    graph = f"<{iris.graph(entry.source)}>"
    contribution = f"<{iris.thing('contribution', str(told['contribution']))}>"
    actors = [f"<{actor_iri(name, iris)}>" for name in (entry.actor, told.get("reviewer")) if name]
    lines = {
        f"{revision} {RDF_TYPE} <{iris.term('Revision')}> .",
        f"{revision} <{PROV}specializationOf> {graph} .",
        f"{revision} <{PROV}generatedAtTime> {_time(entry.time)} .",
        f"{revision} <{PROV}wasGeneratedBy> {contribution} .",
        f"{revision} <{PROV}wasAttributedTo> {actors[0]} .",
        f"{revision} <{VOID}triples> {_integer(triples)} .",
        f"{contribution} {RDF_TYPE} <{iris.term('Contribution')}> .",
        f"{contribution} <{PROV}endedAtTime> {_time(entry.time)} .",
        f"{contribution} <{iris.term('contributionState')}> <{iris.concept('contribution-state', 'published')}> .",
        *(f"{contribution} <{PROV}wasAssociatedWith> {actor} ." for actor in actors),
        *(f"{actor} {RDF_TYPE} <{PROV}Agent> ." for actor in actors),
    }
    if entry.revision > 1:
        lines.add(f"{revision} <{PROV}wasRevisionOf> <{revision_iri(entry.source, entry.revision - 1, iris)}> .")
    if told.get("to"):
        lines.add(f"{revision} <{PROV}wasDerivedFrom> <{revision_iri(entry.source, told['to'], iris)}> .")
    if told.get("mode"):
        kind = iris.concept("contribution-kind", _KINDS.get(told["mode"], told["mode"]))
        lines.add(f"{contribution} <{iris.term('contributionKind')}> <{kind}> .")
    for name, said in (("reason", told.get("note")), ("checkedWith", told.get("checked_with"))):
        if said:
            lines.add(f"{contribution} <{iris.term(name)}> {rdf.literal_text(said)} .")
    return lines


def of_source(description: Iterable[str], current: Entry | None, sizes: Mapping[str, int], iris: Iris) -> set[str]:
    """A source as its manifest describes it, with its current revision and size."""
    lines = set(description)
    if current is not None and current.revision is not None:
        graph = f"<{iris.graph(current.source)}>"
        revision = revision_iri(current.source, current.revision, iris)
        lines.add(f"{graph} <{iris.term('currentRevision')}> <{revision}> .")
        lines.add(f"{graph} <{VOID}triples> {_integer(sizes.get(current.content or '', 0))} .")
    return lines


def marker(entry: Entry, rules: str, iris: Iris) -> set[str]:
    """What the store records of the ledger it is a projection of: the last entry applied, and by which rules."""
    graph = f"<{iris.provenance}>"
    return {
        f"{graph} <{iris.term('ledgerEntry')}> {_integer(entry.number)} .",
        f"{graph} <{iris.term('ledgerHash')}> {rdf.literal_text(entry.hash)} .",
        f"{graph} <{iris.term('rulesHash')}> {rdf.literal_text(rules)} .",
    }
