"""The rules across records as SHACL-SPARQL, for other tools: ``shapes/integrity/twins.ttl``, made from the queries.

``python -m v4graph.twins`` writes the file. SHACL forbids ``VALUES`` and ``MINUS`` in ``sh:select``
(https://www.w3.org/TR/shacl/#pre-binding): a table becomes a union of bindings, ``MINUS`` a ``NOT EXISTS``. A query
that groups all records at once cannot be asked of one; its twin is written by hand in ``shapes/integrity/twins/``.
"""

from __future__ import annotations

import re
from pathlib import Path

from v4graph import assets, queries
from v4graph.integrity import LANGUAGES
from v4graph.iris import PUBLIC_BASE, Iris

FILE = assets.SHAPES / "integrity" / "twins.ttl"
_SHAPES = f"{PUBLIC_BASE}shapes#"
_PREFIXES = {
    "adms": "http://www.w3.org/ns/adms#",
    "org": "http://www.w3.org/ns/org#",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "schema": "https://schema.org/",
    "sh": "http://www.w3.org/ns/shacl#",
    "v4": f"{PUBLIC_BASE}ontology#",
    "v4sh": _SHAPES,
}
_HEAD = """# The rules across records, as SHACL-SPARQL: for tools other than ours, in their advanced mode.
# Made from shapes/integrity/*.rq by `python -m v4graph.twins`; change those.
"""
_PREFIX = re.compile(r"^PREFIX (\S*): <([^>]+)>\n", re.M)
_TABLE = re.compile(r"VALUES \(((?:\?\w+ ?)+)\) \{((?:\s*\([^()]*\))+)\s*\}")
_LIST = re.compile(r"VALUES (\?\w+) \{ ([^{}]+) \}")


def twins() -> str:
    """The file."""
    blocks = [_twin(path) for path in sorted((assets.SHAPES / "integrity").glob("*.rq"))]
    prefixes = "".join(f"@prefix {name}: <{iri}> .\n" for name, iri in _PREFIXES.items())
    return f"{_HEAD}\n{prefixes}\n" + "\n".join(blocks)


def _twin(path: Path) -> str:
    told = queries.read_query(path, Iris()).header
    by_hand = path.parent / "twins" / path.name
    asked = select((by_hand if by_hand.exists() else path).read_text("utf-8"))
    messages = " ,\n".join(f"        {_text(told[f'message@{tag}'])}@{tag}" for tag in LANGUAGES)
    names = " ,\n".join(f"        {_text(told[f'title@{tag}'])}@{tag}" for tag in LANGUAGES)
    name = f"v4sh:integrity-{path.stem}"
    subjects = told["subjects"].split()
    classes = all(term.partition(":")[2][0].isupper() for term in subjects)
    target = "targetClass" if classes else "targetSubjectsOf"
    return (
        f"{name}\n    a sh:NodeShape ;\n    sh:{target} {' , '.join(subjects)} ;\n"
        f"    sh:severity sh:{told['severity'].capitalize()} ;\n    sh:name\n{names} ;\n"
        f"    sh:description {_text(told['description'])}@en ;\n    sh:sparql {name}-query .\n\n"
        f"{name}-query\n    a sh:SPARQLConstraint ;\n    sh:message\n{messages} ;\n"
        f'    sh:select """\n{asked}\n""" .\n'
    )


def select(query: str) -> str:
    """A query about all records as one about ``$this``, without what SHACL forbids, prefixes written out."""
    text = "".join(line + "\n" for line in query.splitlines() if not line.startswith("#"))
    names = dict(_PREFIX.findall(text))
    text = _PREFIX.sub("", text).strip()
    text = (
        text.replace("?suggestion WHERE", "WHERE").replace("?focus", "$this").replace("MINUS {", "FILTER NOT EXISTS {")
    )
    text = _LIST.sub(lambda m: _union((m[1],), [(value,) for value in m[2].split()]), text)
    text = _TABLE.sub(lambda m: _union(m[1].split(), re.findall(r"\(([^()]*)\)", m[2])), text)
    for name, iri in names.items():
        text = re.sub(rf"(?<![\w<:/#\"]){re.escape(name)}:([\w-]+)", rf"<{iri}\1>", text)
    return text.replace("\\", "\\\\")


def _union(variables: list[str] | tuple[str, ...], rows: list[str] | list[tuple[str]]) -> str:
    values = [row.split() if isinstance(row, str) else list(row) for row in rows]
    bound = (" ".join(f"BIND({v} AS {n})" for n, v in zip(variables, row, strict=True)) for row in values)
    return " UNION ".join(f"{{ {each} }}" for each in bound)


def _text(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


if __name__ == "__main__":
    FILE.write_text(twins(), "utf-8")
