"""Domain-like data of any size: organisations, projects and participations, said by several sources that partly
disagree.

    python -m benchmarks.generate --organisations 1000 --sources 4 --conflicts 0.1 --seed 1 > data.nq
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator

from v4graph.iris import Iris
from v4graph.resolution import RDF_TYPE, XSD

IRIS = Iris()
V4 = IRIS.term("")
SKOS = "http://www.w3.org/2004/02/skos/core#"
COUNTRY = "http://publications.europa.eu/resource/authority/country/"
COUNTRIES = ("CZE", "SVK", "POL", "HUN", "AUT", "DEU", "ITA", "SVN")
SECTORS = ("ict", "health", "food", "tourism", "wood", "energy-environment", "automotive-aviation")
TRIPLES_PER_ORGANISATION = 10


def organisation(number: int) -> str:
    return IRIS.thing("organisation", f"bench-{number}")


def statements(organisations: int, sources: int, conflicts: float, seed: int) -> Iterator[tuple[str, str]]:
    """Pairs of source slug and N-Triples line; about ten lines an organisation."""
    chance = random.Random(seed)
    for number in range(organisations):
        source = f"bench-{number % sources}"
        node = f"<{organisation(number)}>"
        country = chance.choice(COUNTRIES)
        founded = chance.randint(1990, 2024)
        yield source, f"{node} {RDF_TYPE} <{V4}ClusterOrganisation> ."
        yield source, f'{node} <{SKOS}prefLabel> "Cluster number {number}"@en .'
        yield source, f'{node} <{SKOS}prefLabel> "Klastr číslo {number}"@cs .'
        yield source, f"{node} <{V4}country> <{COUNTRY}{country}> ."
        yield source, f"{node} <{V4}inSector> <{IRIS.concept('sector', chance.choice(SECTORS))}> ."
        yield source, f'{node} <{V4}foundedOn> "{founded}"^^<{XSD}gYear> .'
        if chance.random() < conflicts:
            other = f"bench-{(number + 1) % sources}"
            yield other, f'{node} <{V4}foundedOn> "{founded + 1}"^^<{XSD}gYear> .'
        project = f"<{IRIS.thing('project', f'bench-{number // 6}')}>"
        taking_part = f"<{IRIS.thing('participation', f'bench-{number // 6}-bench-{number}')}>"
        role = "lead-partner" if number % 6 == 0 else "partner"
        if number % 6 == 0:
            yield source, f"{project} {RDF_TYPE} <{V4}Project> ."
            yield source, f'{project} <{V4}startDate> "{founded}-03"^^<{XSD}gYearMonth> .'
            yield source, f'{project} <{V4}endDate> "{founded + 3}"^^<{XSD}gYear> .'
        yield source, f"{taking_part} {RDF_TYPE} <{V4}ProjectParticipation> ."
        yield source, f"{taking_part} <{V4}project> {project} ."
        yield source, f"{taking_part} <{V4}participant> {node} ."
        yield source, f"{taking_part} <{V4}participationRole> <{IRIS.concept('participation-role', role)}> ."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--organisations", type=int, default=1000)
    parser.add_argument("--sources", type=int, default=4)
    parser.add_argument("--conflicts", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    for source, line in statements(asked.organisations, asked.sources, asked.conflicts, asked.seed):
        sys.stdout.write(f"{line[:-1]}<{IRIS.graph(source)}> .\n")


if __name__ == "__main__":
    main()
