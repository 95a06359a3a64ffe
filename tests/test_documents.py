"""Documents from outside: what is read, what is refused and where, and what happens when the parser dies of one."""

# ruff: noqa: E501 -- tables of documents

from __future__ import annotations

import json
import socket
import time

import pytest

from v4graph.errors import MalformedData, TooLarge
from v4graph.rdf import JSON_LD, N_QUADS, N_TRIPLES, RDF_XML, TRIG, TURTLE, Format, ntriples, parse_lines
from v4graph.sandbox.documents import Document, Parsed, parse_documents
from v4graph.settings import Settings

GENID = "http://example.org/.well-known/genid/test/"


def _read(*documents: Document, **settings: int | float) -> list[Parsed | MalformedData | TooLarge]:
    return parse_documents(documents, Settings(**settings))  # type: ignore[arg-type]


def _document(text: str | bytes, fmt: Format, **more: object) -> Document:
    content = text.encode() if isinstance(text, str) else text
    return Document(content, fmt, more.pop("genid_prefix", GENID), **more)  # type: ignore[arg-type]


def _one(text: str | bytes, fmt: Format, **more: object) -> Parsed | MalformedData | TooLarge:
    return _read(_document(text, fmt, **more))[0]


RDF = '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:e="http://example.org/">'


def _xml(inner: str) -> str:
    return f"{RDF}\n{inner}\n</rdf:RDF>"


SAME = {
    TURTLE: '@prefix e: <http://example.org/> . e:a e:p "ž"@sk ; e:q e:b .',
    N_TRIPLES: '<http://example.org/a> <http://example.org/p> "\\u017E"@sk .\n<http://example.org/a> <http://example.org/q> <http://example.org/b> .\n',
    RDF_XML: _xml('<rdf:Description rdf:about="http://example.org/a"><e:p xml:lang="sk">ž</e:p><e:q rdf:resource="http://example.org/b"/></rdf:Description>'),
    JSON_LD: json.dumps({"@id": "http://example.org/a", "http://example.org/p": {"@value": "ž", "@language": "sk"}, "http://example.org/q": {"@id": "http://example.org/b"}}),
    TRIG: '{ <http://example.org/a> <http://example.org/p> "ž"@sk ; <http://example.org/q> <http://example.org/b> }',
    N_QUADS: '<http://example.org/a> <http://example.org/p> "ž"@sk .\n<http://example.org/a> <http://example.org/q> <http://example.org/b> .',
}  # fmt: skip
LINES = (
    '<http://example.org/a> <http://example.org/p> "ž"@sk .',
    "<http://example.org/a> <http://example.org/q> <http://example.org/b> .",
)


def test_the_same_graph_in_all_formats() -> None:
    for fmt, parsed in zip(SAME, _read(*(_document(text, fmt) for fmt, text in SAME.items())), strict=True):
        assert isinstance(parsed, Parsed), (fmt.label, parsed)
        assert parsed.lines == LINES, fmt.label
        assert parsed.warnings == ()


def test_a_byte_order_mark_is_no_content() -> None:
    for fmt, text in SAME.items():
        parsed = _one(b"\xef\xbb\xbf" + text.encode(), fmt)
        assert isinstance(parsed, Parsed), (fmt.label, parsed)
        assert parsed.lines == LINES


def test_blank_nodes_get_names_that_stay() -> None:
    first, again, changed = _read(
        _document("<http://e/a> <http://e/p> [ <http://e/q> 1 ], [ <http://e/q> 2 ] .", TURTLE),
        _document("_:x <http://e/q> 2 . _:y <http://e/q> 1 . <http://e/a> <http://e/p> _:y, _:x .", TURTLE),
        _document("<http://e/a> <http://e/p> [ <http://e/q> 1 ], [ <http://e/q> 3 ] .", TURTLE),
    )
    assert isinstance(first, Parsed) and isinstance(again, Parsed) and isinstance(changed, Parsed)
    assert first.lines == again.lines
    assert len(set(first.lines) & set(changed.lines)) == 2
    assert not any("_:" in line for line in first.lines)
    assert all(GENID in line for line in first.lines)


def test_blank_nodes_stay_blank_without_a_prefix() -> None:
    (parsed,) = _read(_document("[] <http://e/p> 1 .", TURTLE, genid_prefix=""))
    assert isinstance(parsed, Parsed)
    assert parsed.lines[0].startswith("_:")


def test_lines_are_canonical() -> None:
    parsed = _one('<http://e/b> <http://e/p> 1 , 1 , "\\t\u00e9" . <http://e/a> a <http://e/C> .', TURTLE)
    assert isinstance(parsed, Parsed)
    assert list(parsed.lines) == ntriples(parse_lines(parsed.lines))
    assert len(parsed.lines) == 3


def test_an_empty_document_is_read_with_a_warning() -> None:
    for fmt, text in ((TURTLE, ""), (N_TRIPLES, "# nothing\n"), (RDF_XML, _xml("")), (JSON_LD, "{}"), (JSON_LD, "[]")):
        parsed = _one(text, fmt)
        assert isinstance(parsed, Parsed)
        assert parsed.lines == ()
        assert len(parsed.warnings) == 1


def test_a_base_is_used() -> None:
    base = "http://example.org/dir/"
    wanted = ("<http://example.org/dir/a> <http://example.org/p> <http://example.org/dir/> .",)
    for fmt, text in (
        (TURTLE, "<a> <http://example.org/p> <> ."),
        (RDF_XML, _xml('<rdf:Description rdf:about="a"><e:p rdf:resource=""/></rdf:Description>')),
        (JSON_LD, '{"@id": "a", "http://example.org/p": {"@id": ""}}'),
    ):
        parsed = _one(text, fmt, base_iri=base)
        assert isinstance(parsed, Parsed), parsed
        assert parsed.lines == wanted


def test_named_graphs_only_where_a_dataset_is_wanted() -> None:
    trig = "<http://e/g> {\n <http://e/a> <http://e/p> 1 }"
    quads = "<http://e/a> <http://e/p> <http://e/b> .\n<http://e/a> <http://e/p> <http://e/b> <http://e/g> .\n"
    nested = json.dumps({"@id": "http://e/g", "@graph": [{"@id": "http://e/a", "http://e/p": 1}]})
    for text, fmt, line in ((trig, TRIG, 1), (quads, N_QUADS, 2), (nested, JSON_LD, 1)):
        refused = _one(text, fmt)
        assert isinstance(refused, MalformedData), refused
        assert "named graphs" in refused.detail
        assert refused.extras["line"] == line
        parsed = _one(text, fmt, dataset=True, genid_prefix="")
        assert isinstance(parsed, Parsed)
        assert parsed.lines[-1].endswith("<http://e/g> .")


# --- what is refused, and where --------------------------------------------------------------------------------------
# (format, document, line, column; None where any place will do)

S = "<http://e/s> <http://e/p>"
TURTLES: list[tuple[str, int | None, int | None]] = [
    (f"{S} <http://e/o>", 1, None),
    (f"{S} .", 1, 27),
    ("<http://e/s> .", 1, 14),
    (f"{S} <http://e/o> <http://e/x> .", 1, None),
    (f"\n\n{S} <relative> .", 3, 27),
    (f"{S} <http://www.w3.org/2013/TurtleTests/{{abc}}> .", 1, 27),
    (f"{S} <http://e/ space> .", 1, None),
    (f"{S} <http://e/\\u0020> .", 1, 27),
    (f"{S} <http://e/\\u00zz> .", 1, None),
    (f"{S} <http://e/\\n> .", 1, None),
    (f"{S} <http://e/a<b> .", 1, None),
    (f"{S} x:o .", 1, 27),
    ("@prefix x <http://e/> .", 1, None),
    ("@prefix x: .", 1, None),
    ("@prefix x: <http://e/>\nx:a x:b x:c .", 2, None),
    ("prefix x: <http://e/> .\nx:a x:b x:c .", 1, None),
    ("@PREFIX x: <http://e/> .", 1, None),
    ("@base <http://e/>\n<a> <b> <c> .", 2, None),
    ("@base <a> .", 1, None),
    (f'{S} "open .', 1, None),
    (f'{S} """open\n\n"" .', None, None),
    (f"{S} 'open\n' .", 1, None),
    (f'{S} "\\q" .', 1, None),
    (f'{S} "\\u12" .', 1, None),
    (f'{S} "\\uD800" .', 1, None),
    (f'{S} "\\U00110000" .', 1, None),
    (f'{S} "x"@1 .', 1, None),
    (f'{S} "x"@en-toolongsubtag .', 1, None),
    (f'{S} "x"@ .', 1, None),
    (f'{S} "x"^^"y" .', 1, None),
    (f'{S} "x"^^<y> .', 1, None),
    (f'{S} "x"^<http://e/t> .', 1, None),
    (f"{S} 1e .", 1, None),
    (f"{S} 1.2.3 .", 1, None),
    (f"{S} +-1 .", 1, None),
    (f"{S} True .", 1, None),
    (f"{S} abc .", 1, None),
    ('"s" <http://e/p> "o" .', 1, 1),
    ("<http://e/s> 'p' <http://e/o> .", 1, 14),
    ("<http://e/s> _:p <http://e/o> .", 1, 14),
    ("<http://e/s> [] <http://e/o> .", 1, 14),
    ("a a a .", 1, 1),
    (f"{S} a .", 1, None),
    (f"{S} [ <http://e/q> .", 1, None),
    (f"{S} ( <http://e/q> .", 1, None),
    (f"{S} <http://e/o> ] .", 1, None),
    ("[ <http://e/p> ] .", 1, None),
    (f"{S} <http://e/o> ,, <http://e/x> .", 1, None),
    ("<http://e/s> ; <http://e/p> 1 .", 1, None),
    (f"{{ {S} 1 }}", 1, 1),
    ("@forAll :x .", 1, None),
    (f"{S} => <http://e/o> .", 1, None),
    ("<http://e/s> is <http://e/p> of <http://e/o> .", 1, None),
    ("<http://e/s> = <http://e/o> .", 1, None),
    ("@keywords a .", 1, None),
    ("<http://e/s> <http://e/p>!<http://e/q> 1 .", 1, None),
    ("@prefix x: <http://e/> . x:a%zz x:b x:c .", 1, None),
    ("@prefix x: <http://e/> . x:a\\z x:b x:c .", 1, None),
    ("@prefix x: <http://e/> . x:~a x:b x:c .", 1, None),
    ("@prefix x.: <http://e/> .", 1, None),
    ("_:.a <http://e/p> 1 .", 1, None),
    ("_:-a <http://e/p> 1 .", 1, None),
    # RDF 1.2
    (f"<< {S} 1 >> <http://e/q> 2 .", 1, 1),
    (f"{S} <<( {S} 1 )>> .", 1, 27),
    (f"{S} 1 {{| <http://e/q> 2 |}} .", 1, 29),
    (f"{S} 1 ~ <http://e/r> .", 1, 29),
    (f'{S} "x"@en--ltr .', 1, None),
    (f'@version "1.2" .\n{S} 1 .', 1, 10),
    (f'VERSION "1.2"\n{S} 1 .', 1, 9),
]
N_TRIPLES_ONES: list[tuple[str, int | None, int | None]] = [
    (f"{S} <relative> .", 1, 27),
    ("<relative> <http://e/p> 'x' .", 1, None),
    (f"{S} <http://e/o>", 1, None),
    (f"{S} <http://e/o> .\n{S} <http://e/o>\n.", None, None),
    (f"{S} <http://e/o> . {S} <http://e/o> .", 1, None),
    ("@prefix x: <http://e/> .", 1, 1),
    ("@base <http://e/> .", 1, 1),
    (f"{S} x:o .", 1, 27),
    (f"{S} 1 .", 1, 27),
    (f"{S} true .", 1, None),
    (f"{S} 'x' .", 1, 27),
    (f'{S} """x""" .', 1, None),
    (f'{S} "a\nb" .', 1, None),
    ("<http://e/s> a <http://e/o> .", 1, 14),
    (f"{S} <http://e/o>, <http://e/x> .", 1, None),
    (f"{S} <http://e/o> ; <http://e/q> <http://e/o> .", 1, None),
    (f"{S} [] .", 1, None),
    (f"{S} <http://e/ o> .", 1, None),
    (f"{S} <http://e/\\u0020> .", 1, None),
    (f"{S} <http://e/\\x> .", 1, None),
    (f'{S} "\\a" .', 1, None),
    (f'{S} "\\u00" .', 1, None),
    (f'{S} "x"@1 .', 1, None),
    (f'{S} "x"^^<t> .', 1, None),
    ('"s" <http://e/p> <http://e/o> .', 1, 1),
    ("<http://e/s> _:p <http://e/o> .", 1, 14),
    (f"{S} <http://e/o> <http://e/g> .", 1, None),
    (f"{S} <<( {S} <http://e/o> )>> .", 1, 27),
    (f'{S} "x"@en--rtl .', 1, None),
]
TRIGS: list[tuple[str, int | None, int | None]] = [
    (f"GRAPH <http://e/g> {{ {S} 1", 1, None),
    (f"<http://e/g> {{ {S} 1 }} }}", 1, None),
    (f'"g" {{ {S} 1 }}', 1, 1),
    (f"GRAPH {{ {S} 1 }}", 1, None),
    (f"<http://e/g> <http://e/h> {{ {S} 1 }}", 1, None),
    (f"<http://e/g> {{ <http://e/h> {{ {S} 1 }} }}", 1, None),
    (f"{{ @prefix x: <http://e/> . {S} 1 }}", 1, None),
    (f"[ <http://e/q> 1 ] {{ {S} 1 }}", 1, None),
    (f"( 1 ) {{ {S} 1 }}", 1, None),
    (f"<http://e/g> = {{ {S} 1 }} .", 1, None),
    (f"{{ {S} 1 {{| <http://e/q> 2 |}} }}", 1, None),
]
QUADS: list[tuple[str, int | None, int | None]] = [
    (f'{S} <http://e/o> "g" .', 1, None),
    (f"{S} <http://e/o> <g> .", 1, None),
    (f"{S} <http://e/o> <http://e/g> <http://e/h> .", 1, None),
    (f"{S} <http://e/o> <http://e/g>", 1, None),
    (f"<http://e/g> {{ {S} <http://e/o> }}", 1, None),
]
BASE = 'xml:base="http://e/"'
D = '<rdf:Description rdf:about="http://e/a"'
XMLS: list[tuple[str, int | None, int | None]] = [
    ("", 1, 1),
    ("hello", 1, 1),
    (RDF, 1, None),
    (f"{RDF}<rdf:Description", 1, None),
    (f"{RDF}</rdf:Wrong>", 1, None),
    (f"{RDF}</rdf:RDF>{RDF}</rdf:RDF>", 1, None),
    (f"{RDF}&undefined;</rdf:RDF>", 1, None),
    (_xml("<x:unbound/>"), 2, 1),
    (_xml('<e:A e:p="1" e:p="2"/>'), 2, None),
    (_xml('<e:A e:p="<"/>'), 2, None),
    (_xml("<!-- -- -->"), 2, None),
    (f'<?xml version="1.0" encoding="ISO-8859-1"?>{_xml("")}', 1, 1),
    (f'<!DOCTYPE rdf:RDF [<!ENTITY a "b">]>\n{_xml("")}', 1, None),
    (f'<!DOCTYPE rdf:RDF SYSTEM "http://127.0.0.1/x.dtd">\n{_xml("")}', 1, None),
    (_xml('<e:A rdf:ID="333-555"/>'), 2, 1),
    (_xml('<e:A rdf:ID="_:xx"/>'), 2, 1),
    (_xml('<e:A rdf:ID="q:name"/>'), 2, 1),
    (_xml('<e:A rdf:ID="a/b"/>'), 2, 1),
    (_xml('<e:A rdf:about="http://e/x" xml:base="http://e/"/>\n  <e:A rdf:ID="a"/>'), 3, 3),
    (_xml(f'<e:A rdf:about="http://e/x"/>\n  <e:A rdf:ID="a" {BASE}/>\n  <e:B rdf:ID="a" {BASE}/>'), 4, 3),
    (_xml(f'{D}><e:p rdf:ID="a" rdf:resource="http://e/b" {BASE}/></rdf:Description>\n<e:A rdf:ID="a" {BASE}/>'), 3, 1),
    (_xml('<e:A rdf:nodeID="333"/>'), 2, 1),
    (_xml('<e:A rdf:nodeID="q:name"/>'), 2, 1),
    (_xml('<e:A rdf:nodeID="a" rdf:ID="b"/>'), 2, 1),
    (_xml('<e:A rdf:nodeID="a" rdf:about="http://e/b"/>'), 2, 1),
    (_xml('<e:A rdf:ID="a" rdf:about="http://e/b"/>'), 2, 1),
    (_xml(f'{D}><e:p rdf:nodeID="a" rdf:resource="http://e/b"/></rdf:Description>'), 2, None),
    (_xml('<e:A rdf:aboutEach="http://e/b"/>'), 2, 1),
    (_xml('<e:A rdf:aboutEachPrefix="http://e/b"/>'), 2, 1),
    (_xml('<e:A rdf:bagID="b"/>'), 2, 1),
    (_xml(f'{D}><e:p rdf:bagID="b"/></rdf:Description>'), 2, None),
    (_xml('<e:A rdf:li="x"/>'), 2, 1),
    (_xml(f'{D} rdf:li="x"/>'), 2, 1),
    (_xml('<e:A rdf:resource="http://e/b"/>'), 2, 1),
    (_xml('<e:A rdf:parseType="Literal"/>'), 2, 1),
    (_xml('<e:A rdf:datatype="http://e/b"/>'), 2, 1),
    (_xml('<e:A rdf:RDF="x"/>'), 2, 1),
    (_xml('<e:A rdf:Description="x"/>'), 2, 1),
    *((_xml(f"<rdf:{name}/>"), 2, 1) for name in ("RDF", "ID", "about", "bagID", "parseType", "resource", "nodeID", "li", "aboutEach", "aboutEachPrefix", "datatype")),
    *((_xml(f"{D}>\n<rdf:{name}/></rdf:Description>"), 3, 1) for name in ("Description", "RDF", "ID", "about", "bagID", "parseType", "resource", "nodeID", "aboutEach", "aboutEachPrefix", "datatype")),
    (_xml(f'{D}><e:p rdf:about="http://e/b"/></rdf:Description>'), 2, None),
    (_xml(f'{D}><e:p rdf:parseType="Literal" rdf:resource="http://e/b"/></rdf:Description>'), 2, None),
    (_xml(f'{D}><e:p rdf:parseType="Resource" rdf:resource="http://e/b"/></rdf:Description>'), 2, None),
    (_xml(f'{D}><e:p rdf:parseType="Resource" e:q="x"/></rdf:Description>'), 2, None),
    (_xml(f'{D}><e:p rdf:parseType="Literal" e:q="x"/></rdf:Description>'), 2, None),
    (_xml(f'{D}><e:p rdf:parseType="Collection" rdf:nodeID="x"/></rdf:Description>'), 2, None),
    (_xml(f'{D}><e:p rdf:datatype="http://e/t" rdf:resource="http://e/b"/></rdf:Description>'), 2, None),
    (_xml(f'{D}><e:p rdf:resource="http://e/b">text</e:p></rdf:Description>'), 2, None),
    (_xml(f'{D}><e:p rdf:resource="http://e/b"><e:A/></e:p></rdf:Description>'), 2, None),
    (_xml(f"{D}><e:p>text<e:A/></e:p></rdf:Description>"), 2, None),
    (_xml(f"{D}><e:p><e:A/><e:B/></e:p></rdf:Description>"), 2, None),
    (_xml(f'{D}><e:p rdf:datatype="http://e/t"><e:A/></e:p></rdf:Description>'), 2, None),
    (_xml(f"{D}>text</rdf:Description>"), 2, None),
    (_xml("text"), None, None),
    (_xml('<e:A about="http://e/b"/>'), 2, 1),
    (_xml('<e:A rdf:about="http://e/a b"/>'), 2, 1),
    (_xml('<e:A rdf:about="relative"/>'), 2, 1),
    (_xml(f'{D}><e:p xml:lang="not a tag">x</e:p></rdf:Description>'), 2, None),
    (_xml(f'{D}><e:p rdf:parseType="Triple"><e:A/></e:p></rdf:Description>'), 2, None),
    (_xml(f'{D} rdf:version="1.2"/>'), 2, 1),
    (f'{RDF[:-1]} e:x="y"></rdf:RDF>', 1, 1),
    (f'{RDF[:-1]} rdf:about="http://e/x"></rdf:RDF>', 1, 1),
]  # fmt: skip
P = '"http://e/p"'
JSONS: list[tuple[str, int | None, int | None]] = [
    ("", 1, 1),
    ("{", 1, None),
    ('{"@id": "http://e/a",}', 1, None),
    ("{'@id': 'http://e/a'}", 1, 2),
    ('{\n"@id": "http://e/a"\n"x": 1}', 3, 1),
    ('{"@id": "http://e/a"} x', 1, None),
    (f"{{{P}: NaN}}", 1, None),
    (f"{{{P}: 01}}", 1, None),
    (f'{{{P}: "\\q"}}', 1, None),
    (f'{{{P}: "a\nb"}}', 1, None),
    ('"text"', 1, 1),
    ("5", 1, 1),
    ("null", 1, 1),
    ("[1]", 1, 1),
    ('{"@id": "relative", "http://e/p": 1}', 1, 9),
    (f'{{"@id": "http://e/a",\n{P}: {{"@id": "b"}}}}', 2, None),
    ('{"@type": "relative"}', 1, 11),
    ('{"@id": "http://e/a b", "http://e/p": 1}', 1, 9),
    (f'{{"@id": "http://e/a", {P}: {{"@value": "x", "@language": "no tag"}}}}', 1, None),
    ('{"@id": 5}', 1, None),
    ('{"@id": ["http://e/a"]}', 1, None),
    ('{"@type": 5}', 1, None),
    ('{"@type": {"a": 1}}', 1, None),
    ('{"@index": 5, "http://e/p": 1}', 1, None),
    ('{"@reverse": 5}', 1, None),
    ('{"@reverse": {"@id": "http://e/x"}}', 1, None),
    ('{"@reverse": {"http://e/q": "x"}}', 1, None),
    ('{"@reverse": {"http://e/q": {"@list": []}}}', 1, None),
    ('{"@included": "x"}', 1, None),
    ('{"@nest": 5}', 1, None),
    (f'{{{P}: {{"@value": {{}}}}}}', 1, None),
    (f'{{{P}: {{"@value": ["x"]}}}}', 1, None),
    (f'{{{P}: {{"@value": "x", "@language": 5}}}}', 1, None),
    (f'{{{P}: {{"@value": 1, "@language": "en"}}}}', 1, None),
    (f'{{{P}: {{"@value": "x", "@type": "http://e/t", "@language": "en"}}}}', 1, None),
    (f'{{{P}: {{"@value": "x", "@type": "bad type"}}}}', 1, None),
    (f'{{{P}: {{"@value": "x", "http://e/q": 1}}}}', 1, None),
    (f'{{{P}: {{"@value": "x", "@id": "http://e/y"}}}}', 1, None),
    (f'{{{P}: {{"@list": ["x"], "@id": "http://e/y"}}}}', 1, None),
    (f'{{{P}: {{"@set": ["x"], "@id": "http://e/y"}}}}', 1, None),
    (f'{{"@id": "http://e/a", {P}: {{"@value": "x", "@direction": "up"}}}}', 1, None),
    (f'{{"@id": "http://e/a", {P}: {{"@value": "x", "@direction": "ltr", "@language": "en"}}}}', 1, None),
    ('{"@context": "http://127.0.0.1/context"}', 1, 2),
    ('{"@context": ["https://schema.org/"]}', 1, 2),
    ('{"@context": {"@import": "http://127.0.0.1/context"}}', 1, None),
    *(
        (f'{{"@context": {context}, "t": 1}}', 1, None)
        for context in (
            "5", '{"@vocab": 5}', '{"@base": 5}', '{"@base": "no iri"}', '{"@language": 5}', '{"@version": 1.0}', '{"@version": "1.1"}',
            '{"@import": 5}', '{"@propagate": 5}', '{"@protected": 5}', '{"@direction": "up"}', '{"@id": "@type"}', '{"@context": "x"}',
            '{"t": 5}', '{"t": {"@id": 5}}', '{"t": {"@id": "@context"}}', '{"t": {"@id": "http://e/p", "@type": "bad"}}',
            '{"t": {"@id": "http://e/p", "@type": 5}}', '{"t": {"@id": "http://e/p", "@container": "@foo"}}',
            '{"t": {"@id": "http://e/p", "@language": 5}}', '{"t": {"@reverse": "http://e/p", "@container": "@list"}}', '{"t": {"@reverse": 5}}',
            '{"t": {"@reverse": "http://e/p", "@id": "http://e/q"}}', '{"t": {"@reverse": "http://e/p", "@nest": "@nest"}}',
            '{"t": {"@id": "http://e/p", "@nest": "@id"}}', '{"t": {"@id": "http://e/p", "@nest": 5}}', '{"t": {"@id": "http://e/p", "@prefix": 5}}',
            '{"t": {"@id": "http://e/p", "@protected": 5}}', '{"t": {"@id": "http://e/p", "@index": "x"}}', '{"t": {"@id": "http://e/p", "@foo": 5}}',
            '{"t": {}}', '{"t": "u", "u": "t"}', '{"": "http://e/"}', '{"t": "http://e/", "t:x": "http://other/"}', '{"@type": {"@container": "@list"}}',
            '[{"@version": 1.1, "@protected": true, "t": "http://e/t"}, {"t": "http://e/u"}]',
        )
    ),
    ('{"@context": {"t": {"@id": "http://e/p", "@container": "@language"}}, "t": {"en": 5}}', 1, None),
    ('{"@context": {"id": "@id"}, "id": "http://e/a", "@id": "http://e/b"}', 1, None),
    ('{"@context": [\n{"@protected": true, "term": "http://e/t"},\n{"term": "http://e/u"}]}', 2, 22),
    ('{\n"@context": {"t": {"@id": "not an IRI"}}, "t": 1}', 2, 27),
    ('{\n"@context": {"t": "u",\n"u": "t"}}', 2, 1),
    ('{"@id": "http://e/a",\n"@reverse": {"http://e/q": "x"}}', 2, 1),
    ('{"@context": {"r": {"@reverse": "http://e/p"}}, "r": "x"}', 1, None),
]  # fmt: skip
REFUSED = [
    *((TURTLE, *case) for case in TURTLES),
    *((N_TRIPLES, *case) for case in N_TRIPLES_ONES),
    *((TRIG, *case) for case in TRIGS),
    *((N_QUADS, *case) for case in QUADS),
    *((RDF_XML, *case) for case in XMLS),
    *((JSON_LD, *case) for case in JSONS),
]


@pytest.fixture(scope="module")
def refusals() -> list[Parsed | MalformedData | TooLarge]:
    return _read(*(_document(text, fmt, dataset=fmt in (TRIG, N_QUADS), genid_prefix="") for fmt, text, *_ in REFUSED))


@pytest.mark.parametrize(
    ("index", "fmt", "text", "line", "column"),
    [(n, *case) for n, case in enumerate(REFUSED)],
    ids=[f"{fmt.ending}-{n}" for n, (fmt, *_) in enumerate(REFUSED)],
)
def test_a_malformed_document_is_refused_with_its_place(
    refusals: list[Parsed | MalformedData | TooLarge],
    index: int,
    fmt: Format,
    text: str,
    line: int | None,
    column: int | None,
) -> None:
    refused = refusals[index]
    assert isinstance(refused, MalformedData), f"{text!r} was read as {refused}"
    assert 1 <= refused.extras["line"] <= text.count("\n") + 1
    assert refused.extras["column"] >= 1
    assert f"ine {refused.extras['line']}, column {refused.extras['column']}: " in refused.detail
    assert line is None or refused.extras["line"] == line, refused.detail
    assert column is None or refused.extras["column"] == column, refused.detail
    assert "http://" + 32 * "0" not in refused.detail


def test_there_are_many_malformed_documents() -> None:
    assert len(REFUSED) >= 200


def test_truncated_documents_are_never_read() -> None:
    whole = {
        RDF_XML: SAME[RDF_XML],
        JSON_LD: SAME[JSON_LD],
        TRIG: SAME[TRIG],
    }
    documents = [
        _document(text.encode()[:cut], fmt)
        for fmt, text in whole.items()
        for cut in range(1, len(text.encode()) - 1, 3)
    ]
    for document, result in zip(documents, _read(*documents), strict=True):
        assert isinstance(result, MalformedData), document.content


@pytest.mark.parametrize("fmt", SAME, ids=lambda f: f.ending)
def test_what_is_not_utf_8_is_shown(fmt: Format) -> None:
    refused = _one(b"<a>\n  \xc3\xa9 \xff", fmt)
    assert isinstance(refused, MalformedData)
    assert (refused.extras["line"], refused.extras["column"]) == (2, 5)
    assert "0xFF" in refused.detail
    wide = _one(SAME[fmt].encode("utf-16"), fmt)
    assert isinstance(wide, MalformedData)
    assert "UTF-16" in wide.detail


def test_the_name_of_the_file_is_told() -> None:
    refused = _one("x", TURTLE, name="brno.ttl")
    assert isinstance(refused, MalformedData)
    assert refused.detail.startswith("brno.ttl, line 1, column 1: ")


def test_a_context_from_elsewhere_is_not_fetched() -> None:
    with socket.create_server(("127.0.0.1", 0)) as canary:
        canary.settimeout(0.2)
        url = f"http://127.0.0.1:{canary.getsockname()[1]}/context"
        for text, fmt in (
            (json.dumps({"@context": url, "name": "x"}), JSON_LD),
            (json.dumps({"@context": [{"@import": url}]}), JSON_LD),
            (f'<!DOCTYPE x SYSTEM "{url}"><x/>', RDF_XML),
            (f'<!DOCTYPE x [<!ENTITY y SYSTEM "{url}">]><x>&y;</x>', RDF_XML),
        ):
            assert isinstance(_one(text, fmt), MalformedData)
        with pytest.raises(TimeoutError):
            canary.accept()


def test_a_context_in_the_document_is_used() -> None:
    parsed = _one('{"@context": {"@vocab": "http://e/"}, "@id": "http://e/a", "name": "x"}', JSON_LD)
    assert isinstance(parsed, Parsed)
    assert parsed.lines == ('<http://e/a> <http://e/name> "x" .',)


# --- size, depth, time, memory ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fmt", "text"),
    [
        (JSON_LD, "[" * 50_000),
        (JSON_LD, '{"http://e/p":' * 50_000 + "1" + "}" * 50_000),
        (JSON_LD, '"' + '\\"' * 500_000),
        (TURTLE, f"{S} " + "[ <http://e/p> " * 50_000),
        (TURTLE, f"{S} " + "( " * 50_000),
        (TRIG, "{ " + f"{S} " + "( " * 50_000),
        (RDF_XML, RDF + "<e:A><e:p>" * 50_000),
    ],
)
def test_deep_nesting_is_refused_quickly(fmt: Format, text: str) -> None:
    start = time.monotonic()
    refused = _one(text, fmt)
    assert time.monotonic() - start < 3.0
    assert isinstance(refused, MalformedData)


def test_brackets_in_strings_are_not_depth() -> None:
    for text, fmt in (
        (f'{S} "' + "[" * 2000 + '" . # ' + "(" * 2000, TURTLE),
        (json.dumps({"@id": "http://e/s", "http://e/p": "[" * 2000}), JSON_LD),
    ):
        parsed = _one(text, fmt)
        assert isinstance(parsed, Parsed)
        assert len(parsed.lines) == 1


def test_an_entity_bomb_is_refused() -> None:
    entities = "".join(f'<!ENTITY a{n} "' + f"&a{n - 1};" * 10 + '">' for n in range(1, 10))
    inner = _xml('<e:A e:p="&a9;"/>')
    refused = _one(f'<!DOCTYPE r [<!ENTITY a0 "ha">{entities}]>{inner}', RDF_XML)
    assert isinstance(refused, MalformedData)
    assert "DOCTYPE" in refused.detail


def test_too_large_a_document_is_not_parsed() -> None:
    large = "#" * (2**20 + 1)
    refused, read = _read(_document(large, TURTLE, name="big.ttl"), _document("", TURTLE), upload_mb=1)
    assert isinstance(refused, TooLarge)
    assert refused.detail.startswith("big.ttl is larger than 1 MB")
    assert isinstance(read, Parsed)


def test_too_slow_a_document_is_stopped_and_the_next_one_read() -> None:
    # blank nodes that all look alike: naming them takes longer than anybody waits
    clique = " ".join(f"_:b{a} <http://e/p> _:b{b} ." for a in range(24) for b in range(24) if a != b)
    start = time.monotonic()
    slow, read = _read(_document(clique, TURTLE), _document(SAME[TURTLE], TURTLE), upload_seconds=0.7)
    assert time.monotonic() - start < 3.0
    assert isinstance(slow, TooLarge | MalformedData), slow
    assert isinstance(read, Parsed)
    assert read.lines == LINES


def test_too_hungry_a_document_is_stopped_and_the_next_one_read() -> None:
    hungry = "@prefix e: <http://example.org/a/rather/long/namespace/> .\n" + "".join(
        f"e:{n} e:p e:{n + 1}, {n} .\n" for n in range(150_000)
    )
    stopped, read = _read(_document(hungry, TURTLE), _document(SAME[TURTLE], TURTLE), reader_memory_mb=64)
    assert isinstance(stopped, TooLarge), type(stopped)
    assert "64 MB of memory" in stopped.detail
    assert isinstance(read, Parsed)


def test_results_keep_the_order_of_the_documents() -> None:
    results = _read(*(_document(f'<http://e/{n}> <http://e/p> "{n}" .' if n % 3 else "x", TURTLE) for n in range(12)))
    assert [isinstance(r, Parsed) for r in results] == [bool(n % 3) for n in range(12)]
    assert all(r.lines[0].startswith(f"<http://e/{n}>") for n, r in enumerate(results) if isinstance(r, Parsed))
