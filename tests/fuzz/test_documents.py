"""RDF documents, right and wrong, cut, flipped, swapped and nested, through the sandboxed parser.

Each is read or refused with a place; no process is lost to more than the document it reads; and a document whose end is
missing is never taken for a whole one where its syntax lets one know.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tests.fuzz import FULL
from v4graph.errors import MalformedData, TooLarge
from v4graph.rdf import JSON_LD, N_QUADS, N_TRIPLES, RDF_XML, TRIG, TURTLE, Format
from v4graph.sandbox.documents import Document, Parsed, parse_documents
from v4graph.settings import Settings

MUTANTS = 4000 if FULL else 150
SETTINGS = Settings(upload_seconds=20)
SEEDS = {
    TURTLE: """@prefix : <http://e.example/> . @base <http://b.example/> .
PREFIX x: <http://x.example/#>
:s a :Thing ; :p "plain" , 'single', "tagged"@cs-CZ , "1"^^x:int ; # a comment . with dots
  :n 1, 2.5, -3e7, true ; :long \"\"\"several "quoted"
lines\"\"\" ; :list ( 1 :two ( ) [ :in "list" ] ) .
[ :blank "yes" ; :deep [ :er [ ] ] ] :q <relative#x> , x:local\\,name , _:b1 .
<http://e.example/\\u017Elu> :esc "tab\\t\\u0041\\U0001F600" .
""",
    TRIG: """@prefix : <http://e.example/> .
:a :b "default" . { :c :d :e }
GRAPH :g { :s :p 1 ; :q ( :x :y ) . _:b :r "z"@en }
:h { [ :p :o ] }
""",
    N_TRIPLES: """<http://e.example/s> <http://e.example/p> "one\\n\\u0041" .
_:b <http://e.example/p> <http://e.example/o> . # comment
<http://e.example/s> <http://e.example/p> "2"^^<http://www.w3.org/2001/XMLSchema#integer> .
<http://e.example/s> <http://e.example/p> "x"@hu-HU .
""",
    N_QUADS: """<http://e.example/s> <http://e.example/p> "one" <http://e.example/g> .
_:b <http://e.example/p> <http://e.example/o> _:g .
<http://e.example/s> <http://e.example/p> "x"@hu .
""",
    RDF_XML: """<?xml version="1.0" encoding="UTF-8"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:e="http://e.example/" xml:base="http://b.example/">
  <e:Thing rdf:about="#one" e:attr="value"><e:name xml:lang="cs">Žlutý &amp; kůň</e:name>
    <e:to rdf:resource="two"/><e:n rdf:datatype="http://www.w3.org/2001/XMLSchema#integer">7</e:n>
    <e:list rdf:parseType="Collection"><rdf:Description rdf:about="x"/></e:list>
    <e:xml rdf:parseType="Literal"><b>bold</b></e:xml><e:in rdf:parseType="Resource"><e:p>q</e:p></e:in>
  </e:Thing>
  <rdf:Bag rdf:nodeID="b"><rdf:li>1</rdf:li><!-- c --><rdf:li><![CDATA[<2>]]></rdf:li></rdf:Bag>
</rdf:RDF>
""",
    JSON_LD: """{"@context": {"@vocab": "http://e.example/", "to": {"@type": "@id"}, "list": {"@container": "@list"},
 "name": {"@container": "@language"}}, "@id": "http://e.example/s", "@type": ["Thing", "Other"],
 "name": {"cs": "k\\u016f\\u0148", "en": "horse"}, "n": [1, 2.5e3, true, null], "list": [1, {"@value": "x"}],
 "to": "http://e.example/o", "in": {"@id": "_:b", "deep": {"er": []}}, "@graph": [{"@id": "http://e.example/g"}]}
""",
}  # fmt: skip
OPEN = {TURTLE: b"[ :p ", TRIG: b"[ :p ", N_TRIPLES: b"<", N_QUADS: b"<", RDF_XML: b"<e:x>", JSON_LD: b'{"a":['}
MARKS = b"<>\"'.;,()[]{}@^:#\\_&\x00\xff\xc3\xed\xa0\x80\n\t 0aZ"


def read(documents: list[bytes], fmt: Format) -> list[Parsed | MalformedData | TooLarge]:
    named = fmt in (TRIG, N_QUADS)  # as in scratch mode; the others as contributions are read
    prefix = "" if named else "http://e.example/genid/"
    given = [Document(d, fmt, prefix, "http://b.example/", dataset=named) for d in documents]
    return parse_documents(given, SETTINGS)


def mutants(fmt: Format, count: int) -> Iterator[bytes]:
    """Versions of a document, from a seed: the same each time."""
    whole, chance = SEEDS[fmt].encode(), random.Random(fmt.ending)
    for _ in range(count):
        text = bytearray(whole)
        for _ in range(chance.choice((1, 1, 1, 2, 4))):
            at, to = sorted(chance.randrange(len(text) + 1) for _ in range(2))
            kind = chance.randrange(7)
            if kind == 0:
                text = text[:at]
            elif kind == 1 and at < len(text):
                text[at] ^= 1 << chance.randrange(8)
            elif kind == 2:
                text[at:at] = bytes([chance.choice(MARKS)])
            elif kind == 3:
                del text[at : min(to, at + 12)]
            elif kind == 4:
                text[at:at] = text[at : min(to, at + 60)]
            elif kind == 5:
                half = (at + to) // 2
                text = text[:at] + text[half:to] + text[at:half] + text[to:]
            else:
                text[at:at] = OPEN[fmt] * chance.choice((1, 3, 200))
            text = text or bytearray(b" ")
        yield bytes(text)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("fmt", SEEDS, ids=lambda fmt: fmt.ending)
def test_mutants_are_read_or_refused_with_a_place(fmt: Format) -> None:
    documents = list(mutants(fmt, MUTANTS))
    results = read(documents, fmt)
    assert len(results) == len(documents)
    refused = 0
    for document, result in zip(documents, results, strict=True):
        if isinstance(result, Parsed):
            continue
        refused += 1
        assert isinstance(result, MalformedData), (document, result)
        line, column = result.extras["line"], result.extras["column"]
        lines = document.decode("utf-8", "replace").split("\n")
        assert 1 <= line <= len(lines) + 1, (document, result.detail)
        assert 1 <= column <= len(lines[min(line, len(lines)) - 1].encode()) + 2, (document, result.detail, column)
        assert len(result.detail) > 20, result.detail
        assert "The parser fails on it" not in result.detail, (document, result.detail)
    print(f"\n{fmt.label}: {len(documents)} mutants, {refused} refused")
    assert len(documents) / 3 < refused < len(documents)


def ends_well(text: str, fmt: Format) -> bool:
    """Whether the syntax cannot tell that something is missing after this."""
    if fmt in (RDF_XML, JSON_LD):
        return text.rstrip() == SEEDS[fmt].rstrip()
    if fmt in (N_TRIPLES, N_QUADS):
        last = text.split("\n")[-1]
        return not last.strip() or last.lstrip().startswith("#") or (" ." in last and last.count('"') != 1)
    last = text.rstrip().split("\n")[-1].partition(" #")[0].rstrip()
    return last.endswith((".", "}", ">")) or not last or "#" in text.split("\n")[-1]


@pytest.mark.parametrize("fmt", SEEDS, ids=lambda fmt: fmt.ending)
def test_a_document_without_its_end_is_not_taken_for_a_whole_one(fmt: Format) -> None:
    whole = SEEDS[fmt]
    cuts = [whole[:at] for at in range(1, len(whole)) if whole[:at].strip()]
    results = read([cut.encode() for cut in cuts], fmt)
    [full] = read([whole.encode()], fmt)
    assert isinstance(full, Parsed) and len(full.lines) >= 3
    taken = 0
    for cut, result in zip(cuts, results, strict=True):
        if isinstance(result, Parsed):
            taken += 1
            assert ends_well(cut, fmt), cut[-80:]
    print(f"\n{fmt.label}: {len(cuts)} cuts, {taken} of them whole")
    if fmt in (RDF_XML, JSON_LD):
        assert taken <= 1
