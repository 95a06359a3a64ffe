"""Domain-like data of any size, said by several sources that partly disagree; the same arguments give the same data.

    python -m benchmarks.generate --organisations 1000 --sources 8 --conflicts 0.1 --seed 1 > data.nq
    python -m benchmarks.generate --quads 1000000 > data.nq

``--quads`` is the size of the store that comes of it, packaged data included; what is written is what the sources say,
about half as much. Data come in blocks of twenty records that refer to each other only: a place, two cluster
organisations with an observation each, four members, a project of all six. Blocks are made one after the other, so
memory does not grow with the size.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterable, Iterator

from v4graph.iris import Iris
from v4graph.resolution import RDF_TYPE, XSD

IRIS = Iris()
V4 = IRIS.term("")
SKOS = "http://www.w3.org/2004/02/skos/core#"
SCHEMA = "https://schema.org/"
ORGANISATION = "http://www.w3.org/ns/org#Organization"
COUNTRY = "http://publications.europa.eu/resource/authority/country/"
CENTRES = {
    "CZE": (49.8, 15.5),
    "SVK": (48.7, 19.5),
    "POL": (52.0, 19.4),
    "HUN": (47.2, 19.5),
    "AUT": (47.6, 14.1),
    "DEU": (51.2, 10.4),
    "ITA": (42.8, 12.8),
    "SVN": (46.1, 14.8),
}
"""Countries, and a point of each that half a degree leads out of in no direction."""
SECTORS = ("ict", "health", "food", "tourism", "wood", "energy-environment", "automotive-aviation")
WORDS = {
    "en": ("Cluster", "Company", "Project", "Town"),
    "cs": ("Klastr", "Podnik", "Projekt", "Město"),
    "sk": ("Klaster", "Spoločnosť", "Projekt skupiny", "Mesto"),
    "pl": ("Klaster polski", "Przedsiębiorstwo", "Przedsięwzięcie", "Miasto"),
    "hu": ("Klaszter", "Vállalat", "Közös munka", "Város"),
    "de": ("Verbund", "Unternehmen", "Vorhaben", "Stadt"),
}
"""What a cluster organisation, a member, a project and a place are called, by language."""
CLUSTER, MEMBER, PROJECT, PLACE = range(4)
RANKS = ("b", "c", "c", "d")
"""Ranks of the sources, in turn: some disagreements are decided by rank, some are not."""
SOURCES, CONFLICTS, SEED = 8, 0.1, 1
STEM = "bench"
"""What the addresses of generated things begin with; what is published besides has another, and names of its own."""
ORGANISATIONS_PER_BLOCK = 6
RECORDS_PER_BLOCK = 20
PACKAGED_QUADS, QUADS_PER_BLOCK = 58_200, 382
"""What the store holds before, and what a block adds to it, resolved and derived."""

Said = tuple[str, str]
"""The slug of a source, and an N-Triples line that it says."""


def blocks_for(quads: int) -> int:
    """So many blocks make a store of about this size."""
    return max(1, (quads - PACKAGED_QUADS) // QUADS_PER_BLOCK)


def organisation(number: int, stem: str = STEM) -> str:
    """The IRI of an organisation; the first two of each six are cluster organisations."""
    return IRIS.thing("organisation", f"{stem}-{number}")


def source(number: int, sources: int = SOURCES) -> str:
    """The source that makes a block."""
    return f"bench-{number % sources}"


def block(
    number: int, *, sources: int = SOURCES, conflicts: float = CONFLICTS, seed: int = SEED, stem: str = STEM
) -> Iterator[Said]:
    """One block: what its own source says, and what another says of the same things."""
    chance = random.Random(f"{seed} {stem} {number}")
    own, other = source(number, sources), source(number + 1 + number // sources, sources)
    country = chance.choice(tuple(CENTRES))
    year = chance.randint(1995, 2020)
    place, project = (IRIS.thing(kind, f"{stem}-{number}") for kind in ("place", "project"))
    things = [organisation(number * ORGANISATIONS_PER_BLOCK + i, stem) for i in range(ORGANISATIONS_PER_BLOCK)]
    clusters, members = things[:2], things[2:]

    called = str(number) if stem == STEM else f"{stem} {number}"

    yield from ((own, line) for line in _place(place, called, country, chance))
    for i, thing in enumerate(clusters):
        yield from ((own, line) for line in _cluster(thing, f"{called}-{i}", place, country, year, chance))
    for i, thing in enumerate(members):
        lines = [_triple(thing, RDF_TYPE, ORGANISATION), *_names(thing, MEMBER, f"{called}-{i}")]
        lines += [_triple(thing, f"{V4}country", COUNTRY + country), _triple(thing, f"{V4}seatPlace", place)]
        membership = IRIS.thing("membership", f"{stem}-{number}-{i}")
        lines.append(_triple(membership, RDF_TYPE, f"{V4}ClusterMembership"))
        lines.append(_triple(membership, "http://www.w3.org/ns/org#member", thing))
        lines.append(_triple(membership, "http://www.w3.org/ns/org#organization", clusters[i % 2]))
        lines.append(_typed(membership, "startDate", str(year + i), "gYear"))
        yield from ((own, line) for line in lines)
    yield from ((own, line) for line in _project(project, called, things, year, chance))

    for thing in clusters:
        if chance.random() < conflicts:
            yield other, _triple(thing, RDF_TYPE, f"{V4}ClusterOrganisation")
            yield other, _triple(thing, f"{V4}country", COUNTRY + country)
            yield other, _typed(thing, "foundedOn", str(year + 1), "gYear")
    if chance.random() < conflicts:
        yield other, _triple(project, RDF_TYPE, f"{V4}Project")
        yield other, _typed(project, "endDate", f"{year + 3}-07", "gYearMonth")


def _place(place: str, called: str, country: str, chance: random.Random) -> Iterator[str]:
    yield _triple(place, RDF_TYPE, f"{V4}Place")
    yield from _names(place, PLACE, called)
    yield _triple(place, f"{V4}country", COUNTRY + country)
    for name, degrees in zip(("latitude", "longitude"), CENTRES[country], strict=True):
        yield _literal(place, f"{SCHEMA}{name}", f"{degrees + chance.uniform(-0.5, 0.5):.5f}", "decimal")


def _cluster(thing: str, called: str, place: str, country: str, year: int, chance: random.Random) -> Iterator[str]:
    yield _triple(thing, RDF_TYPE, ORGANISATION)
    yield _triple(thing, RDF_TYPE, f"{V4}ClusterOrganisation")
    yield from _names(thing, CLUSTER, called)
    yield _literal(thing, f"{V4}acronym", f"C{called}")
    yield _triple(thing, f"{SCHEMA}url", f"https://{thing.rpartition('/')[2]}.example/")
    yield _triple(thing, f"{V4}country", COUNTRY + country)
    yield _triple(thing, f"{V4}seatPlace", place)
    yield _typed(thing, "foundedOn", str(year), "gYear")
    for sector in chance.sample(SECTORS, chance.randint(1, 3)):
        yield _triple(thing, f"{V4}inSector", IRIS.concept("sector", sector))
    observation = IRIS.thing("observation", f"{thing.rpartition('/')[2]}-member-count")
    yield _triple(observation, RDF_TYPE, f"{V4}IndicatorObservation")
    yield _triple(observation, f"{V4}indicator", IRIS.concept("indicator", "member-count"))
    yield _triple(observation, f"{V4}refOrganisation", thing)
    yield _typed(observation, "refPeriod", str(year + 4), "gYear")
    yield _typed(observation, "value", str(chance.randint(20, 300)), "integer")


def _project(project: str, called: str, things: Iterable[str], year: int, chance: random.Random) -> Iterator[str]:
    yield _triple(project, RDF_TYPE, f"{V4}Project")
    yield from _names(project, PROJECT, called)
    yield _typed(project, "startDate", f"{year}-0{chance.randint(1, 9)}", "gYearMonth")
    yield _typed(project, "endDate", str(year + 3), "gYear")
    yield _triple(project, f"{V4}inSector", IRIS.concept("sector", chance.choice(SECTORS)))
    for i, thing in enumerate(things):
        part = IRIS.thing("participation", f"{project.rpartition('/')[2]}-{i}")
        role = "partner" if i else "lead-partner"
        yield _triple(part, RDF_TYPE, f"{V4}ProjectParticipation")
        yield _triple(part, f"{V4}project", project)
        yield _triple(part, f"{V4}participant", thing)
        yield _triple(part, f"{V4}participationRole", IRIS.concept("participation-role", role))


def _names(thing: str, kind: int, number: str) -> Iterator[str]:
    for language, words in WORDS.items():
        yield f'<{thing}> <{SKOS}prefLabel> "{words[kind]} {number}"@{language} .'


def _triple(subject: str, predicate: str, value: str) -> str:
    return f"<{subject}> {predicate} <{value}> ." if predicate == RDF_TYPE else f"<{subject}> <{predicate}> <{value}> ."


def _literal(subject: str, predicate: str, text: str, datatype: str = "") -> str:
    return f'<{subject}> <{predicate}> "{text}"{f"^^<{XSD}{datatype}>" if datatype else ""} .'


def _typed(subject: str, name: str, text: str, datatype: str) -> str:
    return _literal(subject, f"{V4}{name}", text, datatype)


def statements(
    blocks: int, sources: int = SOURCES, conflicts: float = CONFLICTS, seed: int = SEED, *, only: int | None = None
) -> Iterator[Said]:
    """All blocks; with ``only``, what the source of this number says."""
    wanted = None if only is None else source(only, sources)
    for number in range(blocks):
        for said in block(number, sources=sources, conflicts=conflicts, seed=seed):
            if wanted is None or said[0] == wanted:
                yield said


def document(records: int, stem: str) -> list[str]:
    """Lines of a contribution of its own: whole blocks, cut after so many records."""
    needed = -(-records // RECORDS_PER_BLOCK)
    lines = [line for number in range(needed) for _, line in block(number, conflicts=0, stem=stem)]
    kept = set(list(dict.fromkeys(line.split(" ", 1)[0] for line in lines))[:records])
    return [line for line in lines if line.split(" ", 1)[0] in kept]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--organisations", type=int, help="how many, in steps of six")
    size.add_argument("--quads", type=int, default=100_000, help="size of the store that comes of it")
    parser.add_argument("--sources", type=int, default=SOURCES)
    parser.add_argument("--conflicts", type=float, default=CONFLICTS, help="share of things two sources differ on")
    parser.add_argument("--seed", type=int, default=SEED)
    asked = parser.parse_args()
    blocks = asked.organisations // ORGANISATIONS_PER_BLOCK if asked.organisations else blocks_for(asked.quads)
    for slug, line in statements(blocks, asked.sources, asked.conflicts, asked.seed):
        sys.stdout.write(f"{line[:-1]}<{IRIS.graph(slug)}> .\n")


if __name__ == "__main__":
    main()
