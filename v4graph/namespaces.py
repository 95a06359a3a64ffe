"""The prefixes of the project, read from ``ontology/prefixes.ttl``; nothing else lists them."""

from __future__ import annotations

from functools import lru_cache

import pyoxigraph as ox

from v4graph import assets
from v4graph.iris import Iris

_PREFIX = ox.NamedNode("http://www.w3.org/ns/shacl#prefix")
_NAMESPACE = ox.NamedNode("http://www.w3.org/ns/shacl#namespace")


@lru_cache(maxsize=8)
def prefixes(iris: Iris) -> dict[str, str]:
    """Prefix -> namespace, in alphabetical order."""
    names: dict[str, str] = {}
    spaces: dict[str, str] = {}
    text = iris.rebase((assets.ONTOLOGY / "prefixes.ttl").read_bytes())
    for quad in ox.parse(text, ox.RdfFormat.TURTLE):
        if isinstance(quad.object, ox.Literal):
            kept = {_PREFIX: names, _NAMESPACE: spaces}.get(quad.predicate)
            if kept is not None:
                kept[str(quad.subject)] = quad.object.value
    return dict(sorted((name, spaces[node]) for node, name in names.items()))
