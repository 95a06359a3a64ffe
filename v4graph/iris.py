"""The only place where an IRI of ours is made or taken apart.

The packaged files are written with the public base; an instance with another base reads them through ``rebase``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

PUBLIC_BASE = "https://w3id.org/v4graph/"


@dataclass(frozen=True, slots=True)
class Iris:
    """IRIs under one base."""

    base: str = PUBLIC_BASE

    @property
    def ontology(self) -> str:
        """The ontology document; its terms are ``#`` fragments of it."""
        return f"{self.base}ontology"

    @property
    def provenance(self) -> str:
        """The graph of publications and sources."""
        return f"{self.base}graph/provenance"

    @property
    def disagreements(self) -> str:
        """The graph of disagreements."""
        return f"{self.base}graph/disagreements"

    @property
    def derived(self) -> str:
        """The graph of derived statements."""
        return f"{self.base}graph/derived"

    @property
    def context(self) -> str:
        """The JSON-LD context, version 1."""
        return f"{self.base}context/v1.jsonld"

    def term(self, name: str) -> str:
        """A term of the ontology."""
        return f"{self.base}ontology#{name}"

    def graph(self, source: str) -> str:
        """The named graph of a source, which is also the source's IRI."""
        return f"{self.base}graph/{source}"

    def source(self, graph: str) -> str:
        """The slug of the source whose graph this is."""
        return graph.removeprefix(f"{self.base}graph/")

    def thing(self, kind: str, slug: str) -> str:
        """A thing, ``{base}id/{kind}/{slug}``."""
        return f"{self.base}id/{kind}/{slug}"

    def concept(self, scheme: str, notation: str) -> str:
        """A concept of one of our schemes."""
        return f"{self.base}scheme/{scheme}/{notation}"

    def hashed(self, kind: str, *parts: str) -> str:
        """A thing named by what it is about: the same parts give the same IRI, always."""
        digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:20]
        return self.thing(kind, digest)

    def genid(self, source: str, digest: str) -> str:
        """The name given to a blank node of a source (RDF 1.1 §3.5)."""
        return f"{self.base}.well-known/genid/{source}/{digest}"

    def path(self, iri: str) -> str | None:
        """The path of an IRI below the base, or None when it is not ours."""
        return iri[len(self.base) :] if iri.startswith(self.base) else None

    def rebase(self, text: bytes) -> bytes:
        """A packaged file with this base instead of the public one."""
        return text if self.base == PUBLIC_BASE else text.replace(PUBLIC_BASE.encode(), self.base.encode())
