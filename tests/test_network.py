"""The network: who is linked why, what is seen, and a layout that is the same every time and covers nobody."""

from __future__ import annotations

from itertools import combinations
from math import hypot

import pyoxigraph as ox

from v4graph.network import Asked, Network, laid_out
from v4graph.statements import Term

Row = dict[str, Term]


def row(thing: str, what: str, value: str) -> Row:
    term: Term = ox.Literal(value, language="en") if what == "name" else ox.NamedNode(f"x:{value}")
    return {"thing": ox.NamedNode(f"x:{thing}"), "what": ox.Literal(what), "value": term}


def rows() -> list[Row]:
    """a and b share two projects, b and c one; d cooperates with a; e and f took part in something; g is alone."""
    members = {"p": "ab", "q": "abc", "r": "g"}
    found = [row(o, "project", p) for p, those in members.items() for o in those]
    found += [row("d", "cooperates", "a"), row("e", "together", "f"), row("f", "together", "e")]
    found += [row(o, "name", o.upper()) for o in "abcdefg"]
    return [*found, row("a", "country", "CZE"), row("b", "country", "POL"), row("c", "country", "CZE")]


def told(network: Network, asked: Asked) -> dict[str, int]:
    names = [o.iri.removeprefix("x:") for o in network.organisations]
    return {names[x.one] + names[x.other]: x.weight for x in network.look(asked).links}


def test_links_and_their_weights() -> None:
    network = Network(rows())
    assert told(network, Asked()) == {"ab": 2, "ac": 1, "bc": 1, "ad": 1, "ef": 1}
    assert [x.cooperates for x in network.look(Asked(kind="cooperation")).links] == [True]
    assert told(network, Asked(kind="project")) == {"ab": 2, "ac": 1, "bc": 1, "ef": 1}
    assert told(network, Asked(least=2)) == {"ab": 2}
    assert told(network, Asked({"country": ("x:CZE",)})) == {"ac": 1}
    assert told(network, Asked({"project": ("x:p",)})) == {"ab": 2}


def test_one_organisation_and_its_neighbours() -> None:
    network = Network(rows())
    assert told(network, Asked(near="x:d")) == {"ad": 1}
    assert told(network, Asked(near="x:d", depth=2)) == {"ad": 1, "ab": 2, "ac": 1, "bc": 1}
    alone = network.look(Asked(near="x:g"))
    assert [network.organisations[n].iri for n in alone.members] == ["x:g"] and alone.links == ()


def test_of_too_many_the_strongest_are_seen() -> None:
    network = Network(rows())
    view = network.look(Asked(), most=2)
    assert view.total == 6
    assert [network.organisations[n].iri for n in view.members] == ["x:a", "x:b"]
    assert [x.weight for x in view.links] == [2]


def test_the_layout_is_the_same_every_time_and_covers_nobody() -> None:
    many = [row(f"o{n}", "project", f"p{(n + away) % 9}") for n in range(120) for away in (0, 4)]
    view = Network(many).look(Asked())
    layout = laid_out(view)
    assert layout == laid_out(Network(reversed(many)).look(Asked()))
    assert set(layout.places) == set(view.members) and set(layout.hubs) == {f"x:p{n}" for n in range(9)}
    places = list(layout.places.values())
    assert min(hypot(a[0] - b[0], a[1] - b[1]) for a, b in combinations(places, 2)) > 12
