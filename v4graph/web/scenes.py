"""The network as a reader sees it: organisations named and coloured, and the drawing of the server's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

from markupsafe import Markup, escape

from v4graph.iris import Iris
from v4graph.network import Asked, Layout, Link, Network, View
from v4graph.web import pages
from v4graph.web.drawings import COLOURS
from v4graph.web.guides import main_family
from v4graph.web.sectors import FAMILIES
from v4graph.web.telling import Links, Text, page_path

_LINES = 4000
"""Links that are drawn, the strongest first; all are in the data."""
_PARTNERS = 3
_LABELLED = 60
_HUES = ("mobility", "manufacturing", "life", "energy", "digital", "creative", "food")
"""The colours of the countries with most organisations, in that order."""


@dataclass(frozen=True, slots=True)
class Node:
    """An organisation as a reader sees it."""

    number: int
    iri: str
    page: str
    name: Text
    short: str
    countries: tuple[Text, ...]
    degree: int
    strength: int
    colour: str
    x: float
    y: float
    partners: tuple[tuple[str, Text, int], ...] = ()

    @property
    def radius(self) -> float:
        """The greater the more links it has."""
        return round(4.5 + min(11.0, sqrt(self.degree) * 1.35), 1)


@dataclass(frozen=True, slots=True)
class Scene:
    """All that an answer is made of."""

    asked: Asked
    coloured: str
    view: View
    layout: Layout
    network: Network
    names: Mapping[str, Mapping[str, str]]
    acronyms: Mapping[str, str]
    languages: tuple[str, ...]
    iris: Iris
    snapshot: int

    def name(self, iri: str) -> Text:
        """The name of a country, sector or project."""
        return pages.name_of(iri, self.names.get(iri, {}), self.languages, self.iris)

    def named(self, member: int) -> Text:
        """The name of an organisation."""
        organisation = self.network.organisations[member]
        return pages.name_of(organisation.iri, organisation.names, self.languages, self.iris)

    def nodes(self) -> list[Node]:
        """The organisations, the best linked first."""
        colours = dict(self._colours())
        partners: dict[int, list[tuple[int, int]]] = {}
        for link in self.view.links:
            partners.setdefault(link.one, []).append((-link.weight, link.other))
            partners.setdefault(link.other, []).append((-link.weight, link.one))
        made = []
        for member in self.view.members:
            organisation = self.network.organisations[member]
            name = self.named(member)
            best = sorted(partners.get(member, ()), key=lambda p: (p[0], -self.view.strengths[p[1]], p[1]))
            x, y = self.layout.places[member]
            made.append(
                Node(
                    member,
                    organisation.iri,
                    self.page(member),
                    name,
                    organisation.acronym or brief(name.text),
                    tuple(self.name(c) for c in organisation.facets["country"]),
                    self.view.degrees.get(member, 0),
                    self.view.strengths.get(member, 0),
                    colours[member],
                    x,
                    y,
                    tuple((self.page(other), self.named(other), -weight) for weight, other in best[:_PARTNERS]),
                )
            )
        return made

    def page(self, member: int) -> str:
        """The path of the page of an organisation."""
        return page_path(self.iris.path(self.network.organisations[member].iri) or "")

    def _colours(self) -> list[tuple[int, str]]:
        organisations = self.network.organisations
        if self.coloured == "sector":
            return [(n, main_family(organisations[n].facets["sector"])) for n in self.view.members]
        hues = dict(zip(self.countries(), _HUES, strict=False))
        return [(n, hues.get(next(iter(organisations[n].facets["country"]), ""), "other")) for n in self.view.members]

    def countries(self) -> list[str]:
        """The countries with most organisations of those that are seen."""
        counts: dict[str, int] = {}
        for member in self.view.members:
            for country in self.network.organisations[member].facets["country"][:1]:
                counts[country] = counts.get(country, 0) + 1
        return sorted(counts, key=lambda c: (-counts[c], c))

    def legend(self, nodes: list[Node]) -> list[tuple[str, Text | None, int]]:
        """The colours that are seen: colour, the name of the country (None: a family or others), how many."""
        counts = {colour: sum(n.colour == colour for n in nodes) for colour in (*_HUES, "other")}
        if self.coloured == "sector":
            return [(family, None, counts[family]) for family in FAMILIES if counts[family]]
        pairs = [(hue, self.name(country), counts[hue]) for country, hue in zip(self.countries(), _HUES, strict=False)]
        return [*pairs, *([("other", None, counts["other"])] if counts["other"] else [])]


def brief(text: str, most: int = 28) -> str:
    """The beginning of a long name."""
    return text if len(text) <= most else f"{text[: most - 2].rstrip(' ,-–(')}…"


def drawn(view: View) -> list[Link]:
    """The links that are drawn."""
    if len(view.links) <= _LINES:
        return list(view.links)
    return sorted(view.links, key=lambda x: -x.weight)[:_LINES]


def hub_labels(scene: Scene) -> list[tuple[float, float, str]]:
    """The names of projects in the middle of their partners; one that would cover another moves down or up."""
    found: list[tuple[float, float, str]] = []
    for hub, (x, y) in scene.layout.hubs.items():
        text = scene.acronyms.get(hub) or brief(scene.name(hub).text, 22)
        for away in (0, 15, -15, 30, -30, 45):
            box = _hub_box(x, y + away, text)
            if not any(_meet(box, _hub_box(*other)) for other in found):
                break
        else:
            away = 0
        found.append((x, y + away, text))
    return found


def _hub_box(x: float, y: float, text: str) -> tuple[float, float, float, float]:
    wide = 3.7 * len(text)
    return x - wide, y - 11, x + wide, y + 3


def labels(nodes: list[Node], taken: list[tuple[float, float, float, float]]) -> dict[int, tuple[float, float, str]]:
    """Where names stand beside their points without covering points or other names; the best linked come first."""
    boxes = [(n.x - n.radius, n.y - n.radius, n.x + n.radius, n.y + n.radius) for n in nodes] + taken
    found: dict[int, tuple[float, float, str]] = {}
    for at, node in enumerate(nodes[:_LABELLED]):
        wide = 5.6 * len(node.short) + 2
        sides = ((node.radius + 4, 0.0, "start"), (-node.radius - 4, 0.0, "end"), (0.0, node.radius + 11, "middle"))
        for x, y, anchor in (*sides, (0.0, -node.radius - 7, "middle")):
            left = node.x + x - {"start": 0, "end": wide, "middle": wide / 2}[anchor]
            box = (left, node.y + y - 7, left + wide, node.y + y + 7)
            if not any(_meet(box, other) for number_, other in enumerate(boxes) if number_ != at):
                boxes.append(box)
                found[node.number] = (x, y, anchor)
                break
    return found


def _meet(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def picture(scene: Scene, nodes: list[Node], links: Links | None) -> Markup:
    """The drawing; without links it is a file of its own."""
    at = scene.layout.places
    lines = "".join(
        f'<line class="w{min(4, x.weight)}{" said" if x.cooperates else ""}" x1="{at[x.one][0]}" y1="{at[x.one][1]}" '
        f'x2="{at[x.other][0]}" y2="{at[x.other][1]}"/>'
        for x in sorted(drawn(scene.view), key=lambda x: x.weight)
    )
    middles = hub_labels(scene)
    hubs = "".join(f'<text class="hub" x="{x}" y="{y}">{escape(text)}</text>' for x, y, text in middles)
    placed = labels(nodes, [_hub_box(*middle) for middle in middles])
    points = "".join(_point(node, placed.get(node.number), links) for node in reversed(nodes))
    xs, ys = [n.x for n in nodes] or [0.0], [n.y for n in nodes] or [0.0]
    left = min([min(xs) - 40, *(_reach(n, placed)[0] for n in nodes), *(_hub_box(*x)[0] for x in middles)]) - 12
    right = max([max(xs) + 40, *(_reach(n, placed)[1] for n in nodes), *(_hub_box(*x)[2] for x in middles)]) + 12
    top, bottom = min(ys) - 30, max(ys) + 34
    box = f"{left:.0f} {top:.0f} {max(right - left, 320):.0f} {max(bottom - top, 200):.0f}"
    body = f'<g class="all"><g class="edges">{lines}</g><g class="hubs">{hubs}</g><g class="points">{points}</g></g>'
    if links is None:
        head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}"><style>{_style()}</style>'
    else:
        head = f'<svg class="net" viewBox="{box}" aria-hidden="true" focusable="false">'
    return Markup(f"{head}{body}</svg>")  # names and addresses are escaped where they are put in


def _reach(node: Node, placed: Mapping[int, tuple[float, float, str]]) -> tuple[float, float]:
    """From where to where its name goes."""
    if node.number not in placed:
        return node.x, node.x
    x, _, anchor = placed[node.number]
    wide = 5.6 * len(node.short)
    left = node.x + x - {"start": 0, "end": wide, "middle": wide / 2}[anchor]
    return left, left + wide


def _point(node: Node, label: tuple[float, float, str] | None, links: Links | None) -> str:
    x, y, anchor = label or (node.radius + 4, 0.0, "start")
    side = anchor if label else f"{anchor} still"
    inner = (
        f'<circle class="f-{node.colour}" r="{node.radius}"/><title>{escape(node.name.text)}</title>'
        f'<text aria-hidden="true" class="{side}" x="{x:.1f}" y="{y + 4:.1f}">{escape(node.short)}</text>'
    )
    place = f'transform="translate({node.x} {node.y})"'
    if links is None:
        return f"<g {place}>{inner}</g>"
    return f'<a {place} data-n="{node.number}" href="{escape(links.to(node.page))}" tabindex="-1">{inner}</a>'


def _style() -> str:
    families = "".join(f".f-{name}{{fill:{value}}}" for name, value in COLOURS.items())
    return (
        "line{stroke:#767f89;stroke-opacity:.25}.w2{stroke-width:2;stroke-opacity:.6}.w3,.w4{stroke-width:3.5;"
        f"stroke-opacity:.8}}.said{{stroke-dasharray:4 3}}circle{{stroke:#fff;stroke-width:1.5}}{families}"
        "text{font:11px sans-serif;fill:#17212b;paint-order:stroke;stroke:#fff;stroke-width:3}"
        ".hub{font:italic 600 13px serif;fill:#4a5766;text-anchor:middle}"
        ".end{text-anchor:end}.middle{text-anchor:middle}.still{display:none}"
    )
