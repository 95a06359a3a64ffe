"""RDF/XML before its parser: well-formed, without a DTD, not too deep, and following the grammar.

expat reads strictly where the engine is lenient (it accepts documents cut off at some places and expands entities
without bound), and knows the position of everything. The grammar's rules about attributes are checked here because the
engine ignores what it does not expect. https://www.w3.org/TR/rdf-syntax-grammar/#section-Infoset-Grammar
"""

from __future__ import annotations

from xml.parsers import expat

from v4graph.sandbox.wellformed import RDF12, Malformed

DEPTH = 256
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_ITS = "http://www.w3.org/2005/11/its "
_XML = "http://www.w3.org/XML/1998/namespace "
_CORE = frozenset({"RDF", "ID", "about", "parseType", "resource", "nodeID", "datatype"})
_OLD = frozenset({"aboutEach", "aboutEachPrefix", "bagID"})
_NOT_A_NODE = _CORE | _OLD | {"li"}
_NOT_A_PROPERTY = _CORE | _OLD | {"Description"}
_NOT_AN_ATTRIBUTE = _OLD | {"RDF", "Description", "li"}
_NEWER = frozenset({"version", "annotation", "annotationNodeID"})

# what an element's children are
_NODES, _PROPERTIES, _ANYTHING, _NOTHING, _TEXT = "nodes", "properties", "anything", "nothing", "text"


def check_rdf_xml(content: bytes) -> None:
    """Refuse what is not RDF/XML, with its place."""
    _Checker().check(content)


class _Checker:
    def __init__(self) -> None:
        # the separator cannot occur in an IRI, so that namespace and name come apart again
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.XmlDeclHandler = self.declaration
        self.parser.StartDoctypeDeclHandler = self.doctype
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.characters
        self.inside: list[str] = []

    def check(self, content: bytes) -> None:
        try:
            self.parser.Parse(content, True)
        except expat.ExpatError as error:
            message = expat.ErrorString(error.code)
            raise Malformed(f"This is not XML: {message}.", error.lineno, error.offset + 1) from None

    def refuse(self, message: str) -> Malformed:
        return Malformed(message, self.parser.CurrentLineNumber, self.parser.CurrentColumnNumber + 1)

    def declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        if encoding is not None and encoding.lower() not in ("utf-8", "utf8", "us-ascii", "ascii"):
            raise self.refuse(f"The document declares the encoding {encoding}. Save it as UTF-8 and declare that.")

    def doctype(self, *_: object) -> None:
        raise self.refuse("A document type declaration is not read here. Remove <!DOCTYPE ...> and write IRIs in full.")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self.inside) >= DEPTH:
            raise self.refuse(f"Elements are nested more than {DEPTH} deep.")
        role = self.inside[-1] if self.inside else _NODES
        if role == _ANYTHING:
            self.inside.append(_ANYTHING)
        elif role == _NOTHING:
            raise self.refuse("An element with rdf:resource, rdf:nodeID or property attributes must be empty.")
        elif role == _TEXT:
            raise self.refuse("An element with rdf:datatype holds text, not elements.")
        elif not self.inside and name == f"{RDF} RDF":
            self.root(attributes)
        elif role == _NODES:
            self.node(name, attributes)
        else:
            self.property(name, attributes)

    def end(self, _: str) -> None:
        self.inside.pop()

    def characters(self, data: str) -> None:
        if self.inside and self.inside[-1] == _NOTHING and data.strip():
            raise self.refuse("An element with rdf:resource, rdf:nodeID or property attributes must be empty.")

    def root(self, attributes: dict[str, str]) -> None:
        syntax, others = self.split(attributes)
        if syntax or others:
            raise self.refuse("rdf:RDF takes no attributes but xmlns, xml:base and xml:lang.")
        self.inside.append(_NODES)

    def node(self, name: str, attributes: dict[str, str]) -> None:
        local = _rdf_name(name)
        if local in _NOT_A_NODE:
            raise self.refuse(f"rdf:{local} is not the name of a node element.")
        syntax, _ = self.split(attributes)
        for wrong in ("parseType", "resource", "datatype"):
            if wrong in syntax:
                raise self.refuse(f"rdf:{wrong} belongs on a property element, not on a node element.")
        if len(syntax) > 1:
            raise self.refuse("A node element has only one of rdf:ID, rdf:about and rdf:nodeID.")
        self.inside.append(_PROPERTIES)

    def property(self, name: str, attributes: dict[str, str]) -> None:
        local = _rdf_name(name)
        if local in _NOT_A_PROPERTY:
            raise self.refuse(f"rdf:{local} is not the name of a property element.")
        syntax, others = self.split(attributes)
        if "about" in syntax:
            raise self.refuse("rdf:about belongs on a node element, not on a property element.")
        if len(syntax - {"ID"}) > 1:
            raise self.refuse("A property element has one of rdf:resource, rdf:nodeID, rdf:datatype, rdf:parseType.")
        if "parseType" in syntax:
            if others:
                raise self.refuse("A property element with rdf:parseType has no property attributes.")
            kind = attributes[f"{RDF} parseType"]
            if kind == "Triple":
                raise self.refuse(RDF12)
            self.inside.append({"Resource": _PROPERTIES, "Collection": _NODES}.get(kind, _ANYTHING))
        else:
            empty = others or not syntax.isdisjoint({"resource", "nodeID"})
            self.inside.append(_NOTHING if empty else _TEXT if "datatype" in syntax else _NODES)

    def split(self, attributes: dict[str, str]) -> tuple[set[str], bool]:
        """The attributes that are syntax, and whether there are property attributes."""
        syntax: set[str] = set()
        others = False
        for name in attributes:
            local = _rdf_name(name)
            if local in _NEWER or name.startswith(_ITS):
                raise self.refuse(RDF12)
            if local in _NOT_AN_ATTRIBUTE:
                raise self.refuse(f"rdf:{local} is not an attribute.")
            if local in _CORE:
                syntax.add(local)
            elif " " not in name:
                if not name.lower().startswith("xml"):
                    raise self.refuse(f"The attribute {name} needs a namespace prefix (rdf:{name}?).")
            elif not name.startswith(_XML):
                others = True
        return syntax, others


def _rdf_name(name: str) -> str:
    namespace, _, local = name.partition(" ")
    return local if namespace == RDF else ""
