"""The vocabulary and the concept schemes: complete, consistent, and harmless to a reasoner."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import owlrl
import pyoxigraph as ox
import pytest
import rdflib

ONTOLOGY = Path(__file__).parent.parent / "ontology"
VOCABULARY = ONTOLOGY / "v4graph.ttl"
FILES = [VOCABULARY, ONTOLOGY / "prefixes.ttl", *sorted((ONTOLOGY / "schemes").glob("*.ttl"))]
AUTHORITY_FILES = {"country", "currency", "language"}
REGIONS = ONTOLOGY / "schemes" / "nuts.ttl"

BASE = "https://w3id.org/v4graph/"
V4 = f"{BASE}ontology#"
SCHEME = f"{BASE}scheme/"
NUTS = "http://data.europa.eu/nuts/code/"
NUTS_2021 = "http://data.europa.eu/nuts/scheme/2021"
AUTHORITY = "http://publications.europa.eu/resource/authority/"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
OWL = "http://www.w3.org/2002/07/owl#"
XSD = "http://www.w3.org/2001/XMLSchema#"
SKOS = "http://www.w3.org/2004/02/skos/core#"
DCTERMS = "http://purl.org/dc/terms/"
SCHEMA = "https://schema.org/"
SH = "http://www.w3.org/ns/shacl#"
ORG = "http://www.w3.org/ns/org#"
FOAF = "http://xmlns.com/foaf/0.1/"
PROV = "http://www.w3.org/ns/prov#"

LANGUAGES = ["cs", "de", "en", "hu", "pl", "sk"]
# Regions have one name, in the language of their country.
NATIVE = {
    "AT": "de",
    "BG": "bg",
    "CZ": "cs",
    "DE": "de",
    "FI": "fi",
    "FR": "fr",
    "HR": "hr",
    "HU": "hu",
    "IT": "it",
} | {
    "NL": "nl",
    "PL": "pl",
    "PT": "pt",
    "RO": "ro",
    "SE": "sv",
    "SI": "sl",
    "SK": "sk",
}
LETTERS = {
    "en": "",
    "cs": "áčďéěíňóřšťúůýž",
    "sk": "áäčďéíĺľňóôŕšťúýž",
    "pl": "ąćęłńóśźż",
    "hu": "áéíóöőúüű",
    "de": "äöüß",
}
FOREIGN_NAMES = {"Visegrád"}
DATATYPES = {
    f"{XSD}{n}"
    for n in ["string", "date", "gYearMonth", "gYear", "integer", "decimal", "boolean", "anyURI", "dateTime"]
} | {f"{RDF}langString"}

# What the design fixes: these come from rules, never from a source.
DERIVED = set(
    [
        "groupsOrganisation",
        "projectStatus",
        "leadPartner",
        "partner",
        "associatedPartner",
        "involves",
        "coParticipatedWith",
        "earliestStart",
        "latestStart",
        "earliestEnd",
        "latestEnd",
        "disputedSubject",
        "disputedProperty",
        "claim",
        "claimObject",
        "inGraph",
        "ruleApplied",
        "resolution",
    ]
)
# Nodes that stand for a relation or a finding: only their properties may have an rdfs:domain.
RELATION_CLASSES = set(["ProjectParticipation", "EventParticipation", "Funding", "Disagreement", "Claim", "Resolution"])
SCHEMES = {
    "cooperation-kind": "agreement joint-project joint-research internationalisation technology-transfer",
    "emerging-industry": "advanced-packaging biopharmaceuticals blue-growth creative-industries digital-industries"
    " environmental-industries experience-industries logistical-services medical-devices mobility-technologies",
    "identifier-scheme": "ico-cz ico-sk krs nip regon cegjegyzek-hu adoszam-hu euid lei pic eccp keep-eu wikidata ror",
    "indicator": "member-count company-count founder-count employee-count",
    "industrial-ecosystem": "aerospace-defence agri-food construction cultural-creative digital electronics"
    " energy-intensive energy-renewables health mobility-transport-automotive proximity-social-economy retail textiles"
    " tourism",
    "intent-direction": "offer seek",
    "life-cycle": "emerging growing mature declining transforming unknown",
    "life-cycle-model": "v4graph menzel-fornahl",
    "member-type": "company research public-authority",
    "observation-status": "final preliminary estimated",
    "policy-instrument": "management-grant project-grant accreditation",
    "policy-level": "european national regional",
    "quality-label": "esca-bronze esca-silver esca-gold nca-golden-cluster key-national-cluster"
    " accredited-innovation-cluster v4-leading-cluster siea-advanced-cluster",
    "relation-kind": "same-theme input-output shared-technology shared-skills shared-market co-location co-project"
    " expert-declared",
    "service-kind": "testing pilot-production consulting",
    "technology-2021": "advanced-manufacturing advanced-materials life-science-technologies"
    " micro-nanoelectronics-photonics artificial-intelligence security-connectivity",
    "unit": "organisations persons percent",
    "amount-kind": "total-cost grant co-financing partner-budget",
    "amount-qualifier": "exact approximate at-least at-most",
    "country-group": "v4 eu15 asean danube-region",
    "event-kind": "conference workshop matchmaking partner-meeting study-visit training",
    "funding-mode": "sole co-financing",
    "organisation-type": "cluster-organisation cluster-association regional-development-agency university fund",
    "output-kind": "strategic-plan benchmarking-study survey portal database map",
    "participation-role": "coordinator lead-partner partner associated-partner host organiser participant"
    " invited-speaker member",
    "partnership-kind": "meta-cluster escp-4i working-group",
    "project-status": "planned ongoing closed terminated",
    "resolution-rule": "recorded-resolution best-rank more-precise coarsest-common-date undecided",
    "sector": "logistics-mobility health professional-services energy-environment ict production-technologies"
    " automotive-aviation wood tourism food",
    "source-rank": "a b c d e",
    "target-group": "smes cluster-organisations cluster-managers policy-makers research public-authorities",
    "technology": "micro-nanoelectronics nanotechnology photonics advanced-materials industrial-biotechnology"
    " advanced-manufacturing",
}


class Statements:
    """All statements of some files, looked up by subject and predicate."""

    def __init__(self, paths: list[Path]) -> None:
        self.quads = [quad for path in paths for quad in ox.parse(path=str(path), format=ox.RdfFormat.TURTLE)]
        self._values: dict[tuple[str, str], list] = defaultdict(list)
        for quad in self.quads:
            self._values[quad.subject.value, quad.predicate.value].append(quad.object)

    def values(self, subject: str, predicate: str) -> list:
        return self._values.get((subject, predicate), [])

    def iris(self, subject: str, predicate: str) -> set[str]:
        return {value.value for value in self.values(subject, predicate)}

    def texts(self, subject: str, predicate: str) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for value in self.values(subject, predicate):
            found[value.language or ""].append(value.value)
        return found

    def typed(self, *types: str) -> list[str]:
        return sorted(
            {q.subject.value for q in self.quads if q.predicate.value == f"{RDF}type" and q.object.value in types}
        )

    def subjects(self, predicate: str) -> list[str]:
        return sorted({q.subject.value for q in self.quads if q.predicate.value == predicate})


ALL = Statements(FILES)
TERMS = sorted({q.subject.value for q in ALL.quads if q.subject.value.startswith(V4)})
CLASSES = ALL.typed(f"{OWL}Class")
OBJECT_PROPERTIES = ALL.typed(f"{OWL}ObjectProperty")
PROPERTIES = sorted({*OBJECT_PROPERTIES, *ALL.typed(f"{OWL}DatatypeProperty")})
ANNOTATIONS = ALL.typed(f"{OWL}AnnotationProperty")
# Annotation properties about values take part in resolving; those about terms do not.
ABOUT_TERMS = {f"{V4}{name}" for name in ("mergePolicy", "otherValuesAs", "isDerived", "inverseLabel")}
POLICIES = ALL.typed(f"{V4}MergePolicy")
REUSED_PROPERTIES = [
    s for s in sorted({*ALL.subjects(f"{V4}mergePolicy"), *ALL.subjects(f"{V4}isDerived")}) if not s.startswith(V4)
]
LABELLED = ALL.subjects(f"{RDFS}label")
REGION_CODES = sorted(c.removeprefix(NUTS) for c in ALL.typed(f"{SKOS}Concept") if c.startswith(NUTS))
CONCEPTS = [c for c in ALL.typed(f"{SKOS}Concept") if not c.startswith(NUTS)]
OWN_CONCEPTS = [c for c in CONCEPTS if c.startswith(SCHEME)]
CONCEPT_SCHEMES = ALL.typed(f"{SKOS}ConceptScheme")


def short(iri: str) -> str:
    return f"v4:{iri.removeprefix(V4)}" if iri.startswith(V4) else f"<{iri}>"


def list_of(faults: list[str]) -> str:
    return "\n  " + "\n  ".join(faults)


def six_languages(subject: str, predicate: str, name: str) -> Iterator[str]:
    """What is wrong with a text that must exist once in each of the six languages."""
    texts = ALL.texts(subject, predicate)
    for language in LANGUAGES:
        found = texts.get(language, [])
        if len(found) != 1:
            yield f"{short(subject)}: give exactly one {name}@{language}, found {found or 'none'}"
    for language in sorted(set(texts) - set(LANGUAGES)):
        yield f"{short(subject)}: remove the {name} with the tag {language!r}, or add that language everywhere"
    for language, found in texts.items():
        for text in found:
            if text != text.strip() or "  " in text:
                yield f"{short(subject)}: take the stray spaces out of {name} {text!r}@{language}"


# -- Files -------------------------------------------------------------------------------------------------------------


def test_the_expected_files_are_there() -> None:
    names = {str(path.relative_to(ONTOLOGY)) for path in FILES}
    wanted = {"v4graph.ttl", "prefixes.ttl", "schemes/nuts.ttl"} | {
        f"schemes/{s}.ttl" for s in {*SCHEMES, *AUTHORITY_FILES}
    }
    assert wanted <= names, f"write the missing files: {sorted(wanted - names)}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_file_is_clean_turtle(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert unicodedata.is_normalized("NFC", text), f"{path.name}: save the text in Unicode form NFC"
    assert text.endswith("\n"), f"{path.name}: end the file with a line break"
    quads = list(ox.parse(path=str(path), format=ox.RdfFormat.TURTLE))
    assert quads, f"{path.name}: the file says nothing"
    blank = [str(q) for q in quads if isinstance(q.subject, ox.BlankNode) or isinstance(q.object, ox.BlankNode)]
    assert not blank, f"{path.name}: give these blank nodes an IRI:{list_of(blank)}"
    tags = set(re.findall(r'"@([A-Za-z0-9-]+)', text))
    allowed = {*LANGUAGES, *(NATIVE.values() if path == REGIONS else ())}
    assert tags <= allowed, f"{path.name}: write language tags as one of {LANGUAGES}, not {sorted(tags - allowed)}"
    datatypes = {q.object.datatype.value for q in quads if isinstance(q.object, ox.Literal)}
    assert datatypes <= DATATYPES, (
        f"{path.name}: the store changes these datatypes, use others: {datatypes - DATATYPES}"
    )


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_no_statement_is_written_twice(path: Path) -> None:
    twice = [str(q) for q, n in Counter(ox.parse(path=str(path), format=ox.RdfFormat.TURTLE)).items() if n > 1]
    assert not twice, f"{path.name}: state these only once:{list_of(twice)}"


def test_header() -> None:
    ontology = f"{BASE}ontology"
    version = ALL.values(ontology, f"{OWL}versionInfo")[0].value
    assert re.fullmatch(r"\d+\.\d+\.\d+", version), f"owl:versionInfo {version!r} is not major.minor.patch"
    assert ALL.iris(ontology, f"{OWL}versionIRI") == {f"{ontology}/{version}"}, (
        "make owl:versionIRI end in owl:versionInfo"
    )
    assert ALL.iris(ontology, f"{DCTERMS}license") == {"https://creativecommons.org/licenses/by/4.0/"}
    assert ALL.iris(ontology, "http://purl.org/vocab/vann/preferredNamespaceUri") == {V4}
    assert ALL.iris(ontology, "http://purl.org/vocab/vann/preferredNamespacePrefix") == {"v4"}
    faults = [f for p in ("title", "description") for f in six_languages(ontology, DCTERMS + p, f"dcterms:{p}")]
    assert not faults, list_of(faults)


# -- Terms -------------------------------------------------------------------------------------------------------------


def test_every_own_term_in_use_is_declared() -> None:
    used = {t.value for q in ALL.quads for t in (q.subject, q.predicate, q.object) if t.value.startswith(V4)} - {V4}
    declared = {*CLASSES, *PROPERTIES, *ANNOTATIONS, *POLICIES}
    faults = [f"{short(t)}: declare it in v4graph.ttl, or correct the spelling" for t in sorted(used - declared)]
    assert not faults, list_of(faults)


def test_every_own_concept_in_use_is_declared() -> None:
    used = {t.value for q in ALL.quads for t in (q.subject, q.object) if t.value.startswith((SCHEME, AUTHORITY))}
    faults = [
        f"<{t}>: add the concept to its file in schemes/, or correct the spelling"
        for t in sorted(used - {*CONCEPTS, *CONCEPT_SCHEMES})
        if not t.endswith("/")  # a namespace in prefixes.ttl
    ]
    assert not faults, list_of(faults)


def test_every_term_has_one_kind() -> None:
    kinds = {f"{OWL}{k}" for k in ("Class", "ObjectProperty", "DatatypeProperty", "AnnotationProperty")} | {
        f"{V4}MergePolicy"
    }
    faults = [
        f"{short(t)}: make it one of owl:Class, owl:ObjectProperty, owl:DatatypeProperty, owl:AnnotationProperty"
        for t in TERMS
        if len(ALL.iris(t, f"{RDF}type") & kinds) != 1
    ]
    assert not faults, list_of(faults)


def test_names_are_written_as_their_kind_asks() -> None:
    faults = [
        f"{short(t)}: begin a class with a capital"
        for t in CLASSES
        if not re.fullmatch(r"[A-Z][A-Za-z]+", t[len(V4) :])
    ]
    faults += [
        f"{short(t)}: begin a property with a small letter"
        for t in [*PROPERTIES, *ANNOTATIONS]
        if not re.fullmatch(r"[a-z][A-Za-z]+", t[len(V4) :])
    ]
    assert not faults, list_of(faults)


@pytest.mark.parametrize("term", TERMS, ids=short)
def test_term_is_documented(term: str) -> None:
    faults = list(six_languages(term, f"{RDFS}label", "rdfs:label"))
    definitions = ALL.texts(term, f"{SKOS}definition")
    english = definitions.get("en", [])
    if len(english) != 1:
        faults.append(f"{short(term)}: give exactly one skos:definition@en, found {len(english)}")
    for text in english:
        labels = {label.casefold() for label in ALL.texts(term, f"{RDFS}label").get("en", [])}
        if not text.endswith(".") or len(text) < 25:
            faults.append(f"{short(term)}: write the definition as a whole sentence: {text!r}")
        if len(re.findall(r"[.!?](?:\s|$)", text)) > 2:
            faults.append(f"{short(term)}: cut the definition to two sentences")
        if any(re.match(rf"(?:an?|the)?\s*{re.escape(label)}\b", text.casefold()) for label in labels):
            faults.append(f"{short(term)}: the definition begins with the term it defines: {text!r}")
    if ALL.iris(term, f"{RDFS}isDefinedBy") != {f"{BASE}ontology"}:
        faults.append(f"{short(term)}: add rdfs:isDefinedBy <{BASE}ontology>")
    assert not faults, list_of(faults)


def test_every_class_says_how_to_use_it() -> None:
    faults = [
        f"{short(c)}: add one skos:scopeNote@en of one to three sentences"
        for c in CLASSES
        if len(ALL.texts(c, f"{SKOS}scopeNote").get("en", [])) != 1
        or not ALL.texts(c, f"{SKOS}scopeNote")["en"][0].endswith(".")
    ]
    assert not faults, list_of(faults)


@pytest.mark.parametrize("term", sorted(set(LABELLED) - set(TERMS)))
def test_reused_term_has_six_labels(term: str) -> None:
    faults = list(six_languages(term, f"{RDFS}label", "rdfs:label"))
    assert not faults, list_of(faults)


def test_no_two_classes_share_a_label() -> None:
    owners: dict[tuple[str, str], list[str]] = defaultdict(list)
    reused = [t for t in LABELLED if t not in REUSED_PROPERTIES and not t.startswith(V4)]
    for term in [*CLASSES, *reused]:
        for language, texts in ALL.texts(term, f"{RDFS}label").items():
            for text in texts:
                owners[language, text.casefold()].append(short(term))
    faults = [
        f"{label!r}@{language}: tell apart {' and '.join(o)}" for (language, label), o in owners.items() if len(o) > 1
    ]
    assert not faults, list_of(faults)


def test_texts_use_the_letters_of_their_language() -> None:
    """A Polish ł in a Czech label is a text that went into the wrong column."""
    faults = []
    for quad in ALL.quads:
        value = quad.object
        if not isinstance(value, ox.Literal) or not value.language or quad.subject.value.startswith(NUTS):
            continue
        text = value.value
        for name in FOREIGN_NAMES:
            text = text.replace(name, "")
        strange = {c for c in text.lower() if c.isalpha() and not c.isascii()} - set(LETTERS[value.language])
        if strange:
            faults.append(
                f"{short(quad.subject.value)}: {value.value!r}@{value.language} has {''.join(sorted(strange))}"
            )
    assert not faults, f"look whether these texts are in the language they say:{list_of(faults)}"


# -- Properties --------------------------------------------------------------------------------------------------------


def test_the_four_merge_policies() -> None:
    assert [p.removeprefix(V4) for p in POLICIES] == ["Series", "Set", "Single", "SinglePerLanguage"]


@pytest.mark.parametrize("term", sorted({*PROPERTIES, *ANNOTATIONS, *REUSED_PROPERTIES} - ABOUT_TERMS), ids=short)
def test_property_has_one_merge_policy_or_is_derived(term: str) -> None:
    policies = [v.value for v in ALL.values(term, f"{V4}mergePolicy")]
    derived = [v.value for v in ALL.values(term, f"{V4}isDerived")]
    assert set(policies) <= set(POLICIES), (
        f"{short(term)}: v4:mergePolicy must be one of {[short(p) for p in POLICIES]}"
    )
    assert derived in ([], ["true"]), f"{short(term)}: write v4:isDerived true, or leave it out"
    assert len(policies) <= 1, f"{short(term)}: give one v4:mergePolicy; found {policies}"
    assert policies or derived, f"{short(term)}: give a v4:mergePolicy, or v4:isDerived true"
    # A derived property may say that it has one value: its JSON is then no array.
    assert not derived or policies in ([], [f"{V4}Single"]), f"{short(term)}: derived, so v4:Single or no policy"


def test_derived_properties_are_those_of_the_design() -> None:
    derived = {s.removeprefix(V4) for s in ALL.subjects(f"{V4}isDerived") if s.startswith(V4)}
    assert derived == DERIVED, (
        f"no longer derived: {sorted(DERIVED - derived)}; newly derived: {sorted(derived - DERIVED)}"
    )


@pytest.mark.parametrize(
    ("name", "policy"),
    [
        (SKOS + "prefLabel", "SinglePerLanguage"),
        (SKOS + "altLabel", "Set"),
        (SKOS + "member", "Set"),
        (DCTERMS + "title", "SinglePerLanguage"),
        (DCTERMS + "description", "SinglePerLanguage"),
        (ORG + "member", "Single"),
        (ORG + "organization", "Single"),
        (ORG + "role", "Set"),
        (ORG + "classification", "Set"),
        (SCHEMA + "url", "Set"),
        (SCHEMA + "location", "Set"),
        (SCHEMA + "latitude", "Single"),
        (V4 + "startDate", "Single"),
        (V4 + "acronym", "Set"),
        (V4 + "funder", "Set"),
        (V4 + "statedStatus", "Single"),
        (V4 + "accepted", "Single"),
    ],
)
def test_policies_the_resolver_relies_on(name: str, policy: str) -> None:
    assert ALL.iris(name, f"{V4}mergePolicy") == {V4 + policy}


def test_names_that_lose_become_other_names() -> None:
    assert ALL.iris(f"{SKOS}prefLabel", f"{V4}otherValuesAs") == {f"{SKOS}altLabel"}


@pytest.mark.parametrize("term", OBJECT_PROPERTIES, ids=short)
def test_object_property_reads_well_from_both_sides(term: str) -> None:
    symmetric = f"{OWL}SymmetricProperty" in ALL.iris(term, f"{RDF}type")
    if symmetric:
        assert not ALL.values(term, f"{V4}inverseLabel"), f"{short(term)} is symmetric: its label serves both sides"
        return
    faults = list(six_languages(term, f"{V4}inverseLabel", "v4:inverseLabel"))
    there, back = ALL.texts(term, f"{RDFS}label"), ALL.texts(term, f"{V4}inverseLabel")
    faults += [
        f"{short(term)}: label and inverse label are the same in {lang}" for lang in there if there[lang] == back[lang]
    ]
    assert not faults, list_of(faults)


@pytest.mark.parametrize("term", ALL.subjects(f"{V4}inverseLabel"), ids=short)
def test_inverse_labels_are_complete(term: str) -> None:
    faults = list(six_languages(term, f"{V4}inverseLabel", "v4:inverseLabel"))
    assert not faults, list_of(faults)


@pytest.mark.parametrize("term", [*PROPERTIES, *ANNOTATIONS], ids=short)
def test_property_says_where_it_belongs(term: str) -> None:
    domain = ALL.iris(term, f"{RDFS}domain")
    included = ALL.iris(term, f"{SCHEMA}domainIncludes")
    assert not ALL.values(term, f"{RDFS}range"), (
        f"{short(term)}: use schema:rangeIncludes, rdfs:range would type the value"
    )
    assert bool(domain) != bool(included), f"{short(term)}: give either rdfs:domain or schema:domainIncludes"
    assert domain <= {V4 + c for c in RELATION_CLASSES}, (
        f"{short(term)}: use schema:domainIncludes instead of rdfs:domain"
    )
    ranges = ALL.iris(term, f"{SCHEMA}rangeIncludes")
    assert ranges, f"{short(term)}: add schema:rangeIncludes"
    literal = {r for r in ranges if r in DATATYPES}
    if term in OBJECT_PROPERTIES:
        assert not literal, f"{short(term)}: an object property cannot have the datatype {literal}"
    elif term in PROPERTIES:
        assert literal == ranges, f"{short(term)}: use a datatype that the store keeps, not {ranges - literal}"


# -- Axioms ------------------------------------------------------------------------------------------------------------


def test_no_axiom_that_could_merge_things() -> None:
    types = {f"{OWL}{t}" for t in ["FunctionalProperty", "InverseFunctionalProperty", "Restriction", "AllDifferent"]}
    predicates = {
        f"{OWL}{p}"
        for p in [
            "sameAs",
            "imports",
            "equivalentClass",
            "equivalentProperty",
            "hasKey",
            "unionOf",
            "oneOf",
            "propertyChainAxiom",
        ]
    }
    faults = [str(q) for q in ALL.quads if q.predicate.value in predicates or q.object.value in types]
    assert not faults, f"take these out, they let a reasoner merge or retype things:{list_of(faults)}"


def test_class_hierarchy_has_no_cycle() -> None:
    for predicate in (f"{RDFS}subClassOf", f"{RDFS}subPropertyOf", f"{SKOS}broader"):
        above = {s: ALL.iris(s, predicate) for s in ALL.subjects(predicate)}
        for start in above:
            seen, front = set(), above[start]
            while front:
                assert start not in front, f"{short(start)} lies below itself by {predicate}: break the cycle"
                seen |= front
                front = set().union(*(above.get(f, set()) for f in front)) - seen


def closure(turtle: str) -> rdflib.Graph:
    """The OWL RL closure of the axioms of the vocabulary and some statements about things."""
    texts = {rdflib.RDFS.label, rdflib.SKOS.definition, rdflib.SKOS.scopeNote, rdflib.URIRef(f"{V4}inverseLabel")}
    graph = rdflib.Graph()
    for triple in rdflib.Graph().parse(VOCABULARY):
        if triple[1] not in texts:
            graph.add(triple)
    prefixes = f"@prefix v4: <{V4}> . @prefix org: <{ORG}> . @prefix owl: <{OWL}> . @prefix foaf: <{FOAF}> .\n"
    graph.parse(data=f"{prefixes}@prefix : <{BASE}id/> .\n{turtle}", format="turtle")
    owlrl.DeductiveClosure(owlrl.OWLRL_Semantics).expand(graph)
    return graph


def merged(graph: rdflib.Graph) -> list[str]:
    pairs = sorted((str(s), str(o)) for s, _, o in graph.triples((None, rdflib.OWL.sameAs, None)) if s != o)
    return [f"{s} = {o}" for s, o in pairs if s.startswith(f"{BASE}id/")]


def contradictions(graph: rdflib.Graph) -> list[str]:
    error = rdflib.URIRef("http://www.daml.org/2002/03/agents/agent-ont#error")
    return sorted(str(o) for o in graph.objects(None, error))


def types_of(graph: rdflib.Graph, name: str) -> set[str]:
    general = {f"{OWL}Thing", f"{RDFS}Resource"}
    return {str(t) for t in graph.objects(rdflib.URIRef(f"{BASE}id/{name}"), rdflib.RDF.type)} - general


TOY = """
:nca a org:Organization, v4:ClusterOrganisation .
:uks a org:Organization, v4:ClusterOrganisation .
:membership a v4:PartnershipMembership ; org:organization :meta ; org:member :nca, :uks .
:meta a v4:MetaCluster ; v4:theme <https://w3id.org/v4graph/scheme/sector/ict> ; v4:emergedFrom :v4clusters .
:v4clusters a v4:Project ; v4:leadPartner :nca ; v4:partner :uks ; v4:partOfProgramme :fund .
:first a v4:ProjectParticipation ; v4:project :v4clusters ; v4:participant :nca .
:second v4:project :v4clusters ; v4:participant :uks .
:money v4:fundedProject :v4clusters ; v4:funder :ivf ; v4:programme :fund .
:fund a v4:Programme .
:meeting a v4:Event ; v4:partOfProject :v4clusters ; v4:hostedBy :meta .
:plan a v4:StrategicPlan ; v4:producedBy :v4clusters .
:nca v4:coParticipatedWith :uks ; v4:manages :cluster .
:cluster a v4:Cluster .
:link a v4:CooperationLink ; v4:cooperationParty :nca, :x ; v4:inContextOf :meeting .
:intent v4:intentOf :nca ; v4:targetMarket <http://publications.europa.eu/resource/authority/country/VNM> .
:award v4:awardedTo :nca ; v4:awardedLabel <https://w3id.org/v4graph/scheme/quality-label/esca-gold> ; v4:issuer :y .
:count a v4:IndicatorObservation ; v4:refOrganisation :x ; v4:value 31 .
:service a v4:TechnologyService ; v4:servesSector <https://w3id.org/v4graph/scheme/sector/ict> .
:policy a v4:ClusterPolicy ; v4:appliesTo <http://data.europa.eu/nuts/code/CZ08> .
:judgement v4:classifies :cluster ; v4:stage <https://w3id.org/v4graph/scheme/life-cycle/mature> .
:x v4:originPlace :town .
"""


@pytest.fixture(scope="module")
def toy() -> rdflib.Graph:
    return closure(TOY)


def test_reasoning_merges_nothing(toy: rdflib.Graph) -> None:
    assert not merged(toy), f"the axioms make these one thing:{list_of(merged(toy))}"
    assert not contradictions(toy), f"the axioms contradict good data:{list_of(contradictions(toy))}"


def test_the_check_would_notice_a_merger() -> None:
    graph = closure(TOY + "org:member a owl:FunctionalProperty .")
    assert merged(graph), "two members of one membership under a functional org:member must come out as one"


@pytest.mark.parametrize(
    ("name", "types"),
    [
        ("v4clusters", {f"{V4}Project", f"{FOAF}Project", f"{PROV}Activity"}),
        ("first", {f"{V4}ProjectParticipation"}),
        ("second", {f"{V4}ProjectParticipation"}),
        ("money", {f"{V4}Funding"}),
        ("ivf", set()),
        ("fund", {f"{V4}Programme"}),
        ("nca", {f"{V4}ClusterOrganisation", f"{ORG}Organization"}),
        ("meta", {f"{V4}MetaCluster", f"{V4}ClusterPartnership", f"{ORG}OrganizationalCollaboration"}),
        ("cluster", {f"{V4}Cluster"}),
        ("meeting", {f"{V4}Event", f"{SCHEMA}Event"}),
        ("plan", {f"{V4}StrategicPlan", f"{V4}Output", f"{PROV}Entity"}),
        ("link", {f"{V4}CooperationLink"}),
        ("intent", set()),
        ("award", set()),
        ("count", {f"{V4}IndicatorObservation"}),
        ("service", {f"{V4}TechnologyService", f"{SCHEMA}Service"}),
        ("policy", {f"{V4}ClusterPolicy", f"{PROV}Plan"}),
        ("judgement", set()),
        ("x", set()),
        ("y", set()),
        ("town", set()),
    ],
)
def test_reasoning_adds_only_the_types_we_mean(toy: rdflib.Graph, name: str, types: set[str]) -> None:
    assert types_of(toy, name) == types, f"a domain, range or superclass types {name} otherwise than meant"


def test_reasoning_adds_only_the_roles_we_mean(toy: rdflib.Graph) -> None:
    node = rdflib.URIRef(f"{BASE}id/v4clusters")
    assert {str(o) for o in toy.objects(node, rdflib.URIRef(f"{V4}involves"))} == {f"{BASE}id/nca", f"{BASE}id/uks"}
    uks = rdflib.URIRef(f"{BASE}id/uks")
    assert (uks, rdflib.URIRef(f"{V4}coParticipatedWith"), rdflib.URIRef(f"{BASE}id/nca")) in toy


def test_reasoning_makes_no_seat_and_no_cooperation(toy: rdflib.Graph) -> None:
    """A place of founding is a connected place, never a seat; meeting in a project is no cooperation."""
    x, town = rdflib.URIRef(f"{BASE}id/x"), rdflib.URIRef(f"{BASE}id/town")
    assert {str(p).removeprefix(V4) for p in toy.predicates(x, town)} == {"originPlace", "associatedPlace"}
    links = set(toy.subjects(rdflib.URIRef(f"{V4}cooperationParty"), None))
    assert links == {rdflib.URIRef(f"{BASE}id/link")}


def test_every_class_can_have_members() -> None:
    graph = closure("".join(f":x{n} a <{c}> .\n" for n, c in enumerate(CLASSES)))
    assert not contradictions(graph), f"a class is below two disjoint ones:{list_of(contradictions(graph))}"


@pytest.mark.parametrize(
    "fault",
    [
        ":x a v4:Project, foaf:Agent .",
        ":x a v4:Cluster, foaf:Agent .",
        ":x a v4:Project, v4:Programme .",
        ":x a v4:ProjectParticipation, v4:Project .",
        ":x a v4:Event, v4:Project .",
        ":x a v4:Output, v4:Project .",
        ":x a v4:ClusterPolicy, v4:Programme .",
        ":x a v4:CooperationLink, foaf:Agent .",
        ":x a v4:SectorRelation, v4:Sector .",
        ":x a v4:Indicator, v4:Sector .",
        ":x a v4:Funding ; v4:project :p . :p a v4:Project . :x a v4:Project .",
    ],
)
def test_confusions_are_contradictions(fault: str) -> None:
    assert contradictions(closure(fault)), f"add owl:disjointWith so that this comes out as wrong: {fault}"


# -- Concepts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", sorted(SCHEMES))
def test_scheme_has_the_concepts_the_data_needs(scheme: str) -> None:
    have = {c.rpartition("/")[2] for c in OWN_CONCEPTS if c.startswith(f"{SCHEME}{scheme}/")}
    missing = set(SCHEMES[scheme].split()) - have
    assert not missing, f"schemes/{scheme}.ttl: add {sorted(missing)}; a notation is never removed or renamed"


@pytest.mark.parametrize("scheme", CONCEPT_SCHEMES)
def test_scheme_is_documented(scheme: str) -> None:
    faults = [
        fault
        for predicate, name in ((f"{DCTERMS}title", "dcterms:title"), (f"{SKOS}prefLabel", "skos:prefLabel"))
        for fault in six_languages(scheme, predicate, name)
    ]
    if scheme.startswith(SCHEME):
        tops = ALL.iris(scheme, f"{SKOS}hasTopConcept")
        stated = {c for c in OWN_CONCEPTS if scheme in ALL.iris(c, f"{SKOS}topConceptOf")}
        if not tops or tops != stated:
            faults.append(
                f"<{scheme}>: hasTopConcept and topConceptOf differ in {sorted(tops ^ stated) or 'having none'}"
            )
        if len(ALL.texts(scheme, f"{SKOS}definition").get("en", [])) != 1:
            faults.append(f"<{scheme}>: give one skos:definition@en")
    assert not faults, list_of(faults)


@pytest.mark.parametrize("concept", CONCEPTS)
def test_concept_is_complete(concept: str) -> None:
    faults = list(six_languages(concept, f"{SKOS}prefLabel", "skos:prefLabel"))
    scheme, _, last = concept.rpartition("/")
    if ALL.iris(concept, f"{SKOS}inScheme") != {scheme} or scheme not in CONCEPT_SCHEMES:
        faults.append(f"<{concept}>: give skos:inScheme <{scheme}> and declare that scheme")
    notations = [n.value for n in ALL.values(concept, f"{SKOS}notation")]
    if len(notations) != 1:
        faults.append(f"<{concept}>: give exactly one skos:notation, found {notations}")
    if concept.startswith(SCHEME):
        if notations != [last] or not re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", last):
            faults.append(f"<{concept}>: skos:notation must be {last!r}, small letters, digits and hyphens")
        if len(ALL.texts(concept, f"{SKOS}definition").get("en", [])) != 1:
            faults.append(f"<{concept}>: give exactly one skos:definition@en")
        broader = ALL.iris(concept, f"{SKOS}broader")
        top = ALL.iris(concept, f"{SKOS}topConceptOf")
        if bool(broader) == bool(top):
            faults.append(f"<{concept}>: give either skos:broader or skos:topConceptOf <{scheme}>")
        if any(b.rpartition("/")[0] != scheme for b in broader) or not top <= {scheme}:
            faults.append(f"<{concept}>: skos:broader and skos:topConceptOf must stay inside <{scheme}>")
    assert not faults, list_of(faults)


def test_concepts_lie_in_the_file_of_their_scheme() -> None:
    faults = []
    for path in (ONTOLOGY / "schemes").glob("*.ttl"):
        if path == REGIONS:
            continue
        base = (AUTHORITY if path.stem in AUTHORITY_FILES else SCHEME) + path.stem
        strangers = {
            q.subject.value for q in ox.parse(path=str(path)) if not f"{q.subject.value}/".startswith(f"{base}/")
        }
        faults += [f"{path.name}: move <{s}> to the file of its scheme" for s in sorted(strangers)]
    assert not faults, list_of(faults)


def test_notations_and_labels_are_unique_in_a_scheme() -> None:
    owners: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for concept in CONCEPTS:
        scheme = concept.rpartition("/")[0]
        for notation in ALL.iris(concept, f"{SKOS}notation"):
            owners[scheme, "skos:notation", notation].append(concept)
        for language, texts in ALL.texts(concept, f"{SKOS}prefLabel").items():
            for text in texts:
                owners[scheme, f"skos:prefLabel@{language}", text.casefold()].append(concept)
    faults = [f"{' '.join(key)}: tell apart {c}" for key, c in owners.items() if len(c) > 1]
    assert not faults, list_of(faults)


@pytest.mark.parametrize(
    ("scheme", "kind"),
    [
        ("sector", V4 + "Sector"),
        ("technology", V4 + "Technology"),
        ("technology-2021", V4 + "Technology"),
        ("participation-role", ORG + "Role"),
        ("indicator", V4 + "Indicator"),
        ("life-cycle", V4 + "LifeCycleStage"),
    ],
)
def test_concepts_have_the_class_of_their_scheme(scheme: str, kind: str) -> None:
    faults = [
        f"<{c}>: add the type {short(kind)}"
        for c in OWN_CONCEPTS
        if c.startswith(f"{SCHEME}{scheme}/") and kind not in ALL.iris(c, f"{RDF}type")
    ]
    assert not faults, list_of(faults)


MAPPINGS = [f"{SKOS}{name}Match" for name in ("exact", "close", "broad", "narrow", "related")]


def test_mappings_lead_to_other_schemes_and_say_one_thing() -> None:
    """SKOS S46: what matches exactly is neither broader nor related; two lists are compared, not one with itself."""
    said: dict[tuple[str, str], list[str]] = defaultdict(list)
    for quad in ALL.quads:
        if quad.predicate.value in MAPPINGS:
            said[quad.subject.value, quad.object.value].append(quad.predicate.value)
    own = {pair: names for pair, names in said.items() if pair[0].startswith(SCHEME)}
    assert len(own) > 40
    faults = [f"{a} and {b}: choose one of {n}" for (a, b), n in said.items() if len(n) > 1 or (b, a) in said]
    same = [
        (a, b)
        for a, b in own
        if a.rpartition("/")[0] == b.rpartition("/")[0]
        and ALL.iris(a, f"{V4}stageModel") == ALL.iris(b, f"{V4}stageModel")
    ]
    faults += [f"{a} and {b}: use skos:broader or skos:related inside a scheme" for a, b in same]
    assert not faults, list_of(faults)


def test_the_mapping_table_says_what_the_schemes_say() -> None:
    """SSSOM is the form in which mapping tools read what the schemes state (https://mapping-commons.github.io/sssom/)."""
    lines = (ONTOLOGY / "mappings" / "sectors.sssom.tsv").read_text(encoding="utf-8").splitlines()
    table = [line.split("\t") for line in lines if not line.startswith("#")]
    names = "subject_id subject_label predicate_id object_id object_label mapping_justification"
    assert table[0] == names.split()
    rows = {tuple(row) for row in table[1:]}
    assert len(rows) == len(table) - 1 and list(table[1:]) == sorted(table[1:])
    mapped = [f"{SCHEME}{name}/" for name in ("industrial-ecosystem", "emerging-industry", "technology-2021")]
    english = {c: ALL.texts(c, f"{SKOS}prefLabel")["en"][0] for c in OWN_CONCEPTS}

    def short_of(iri: str) -> str:
        return iri.replace(SCHEME, "scheme:").replace(SKOS, "skos:")

    assert rows == {
        (*(short_of(a), english[a], short_of(m), short_of(b), english[b]), "semapv:ManualMappingCuration")
        for m in MAPPINGS
        for a in ALL.subjects(m)
        if a.startswith(tuple(mapped))
        for b in ALL.iris(a, m)
    }


@pytest.mark.parametrize("scheme", ["industrial-ecosystem", "emerging-industry"])
def test_industries_of_others_are_mapped_to_our_sectors(scheme: str) -> None:
    unmapped = {c.rpartition("/")[2] for c in OWN_CONCEPTS if c.startswith(f"{SCHEME}{scheme}/")} - {
        a.rpartition("/")[2] for m in MAPPINGS for a in ALL.subjects(m) if ALL.iris(a, m) & set(OWN_CONCEPTS)
    }
    # Trade with consumers has no sector of ours: no cluster organisation we know of works in it.
    assert unmapped <= {"retail"}


def test_stages_name_their_model() -> None:
    stages = ALL.typed(f"{V4}LifeCycleStage")
    models = {model for stage in stages for model in ALL.iris(stage, f"{V4}stageModel")}
    assert all(len(ALL.iris(stage, f"{V4}stageModel")) == 1 for stage in stages)
    assert models == {f"{SCHEME}life-cycle-model/{name}" for name in SCHEMES["life-cycle-model"].split()}


def test_regions_form_a_tree_of_codes() -> None:
    """NUTS 2021: nine countries whole; a region lies in the region whose code is one character shorter."""
    levels = Counter((code[:2], len(code) - 2) for code in REGION_CODES)
    whole = {"CZ": 14, "SK": 8, "PL": 73, "HU": 20, "AT": 35, "DE": 401, "IT": 107, "SI": 12, "HR": 21}
    assert {country: levels[country, 3] for country in whole} == whole
    faults = []
    for code in REGION_CODES:
        node = NUTS + code
        if ALL.iris(node, f"{SKOS}inScheme") != {NUTS_2021} or ALL.iris(node, f"{SKOS}notation") != {code}:
            faults.append(f"{code}: give skos:inScheme <{NUTS_2021}> and skos:notation {code!r}")
        names = ALL.texts(node, f"{SKOS}prefLabel")
        if {tag: len(found) for tag, found in names.items()} != {NATIVE[code[:2]]: 1}:
            faults.append(f"{code}: give one name, tagged {NATIVE[code[:2]]}")
        above = {NUTS + code[:-1]} if len(code) > 2 else set()
        if ALL.iris(node, f"{SKOS}broader") != above or (above and code[:-1] not in REGION_CODES):
            faults.append(f"{code}: give skos:broader {sorted(above)}, and describe that region")
    tops = {NUTS + code for code in REGION_CODES if len(code) == 2}
    assert ALL.iris(NUTS_2021, f"{SKOS}hasTopConcept") == tops
    assert not faults, list_of(faults)


@pytest.mark.parametrize(
    ("code", "name", "country"),
    [
        ("CZ080", "Moravskoslezský kraj", "CZE"),
        ("PL229", "Gliwicki", "POL"),
        ("HU221", "Győr-Moson-Sopron", "HUN"),
        ("SK023", "Nitriansky kraj", "SVK"),
        ("AT312", "Linz-Wels", "AUT"),
        ("HU333", "Csongrád", "HUN"),
    ],
)
def test_regions_have_the_names_of_2021(code: str, name: str, country: str) -> None:
    assert ALL.iris(NUTS + code, f"{SKOS}prefLabel") == {name}
    assert ALL.iris(NUTS + code[:2], f"{SKOS}closeMatch") == {f"{AUTHORITY}country/{country}"}
    assert ALL.iris(f"{AUTHORITY}country/{country}", f"{V4}nutsPrefix") == {code[:2]}


def test_a_coordinator_is_a_lead_partner() -> None:
    assert ALL.iris(f"{SCHEME}participation-role/coordinator", f"{SKOS}broader") == {
        f"{SCHEME}participation-role/lead-partner"
    }


def test_ranks_are_ordered() -> None:
    order = {n: [int(v.value) for v in ALL.values(f"{SCHEME}source-rank/{n}", f"{V4}rankOrder")] for n in "abcde"}
    assert order == {"a": [1], "b": [2], "c": [3], "d": [4], "e": [5]}, "v4:rankOrder runs from 1 (a) to 5 (e)"


@pytest.mark.parametrize(
    ("scheme", "codes", "pattern"),
    [
        (
            "country",
            "CZE SVK POL HUN AUT DEU ITA SVN HRV SRB UKR ROU BGR MNE ESP NLD GBR NOR BEL FRA DNK PRT CHE SWE FIN",
            "[A-Z]{2}",
        ),
        ("language", "ENG CES SLK POL HUN DEU", "[a-z]{2}"),
        ("currency", "EUR CZK", "[A-Z]{3}"),
    ],
)
def test_authority_lists(scheme: str, codes: str, pattern: str) -> None:
    have = {c.rpartition("/")[2]: c for c in CONCEPTS if c.startswith(f"{AUTHORITY}{scheme}/")}
    assert set(codes.split()) <= set(have), f"schemes/{scheme}.ttl: add {sorted(set(codes.split()) - set(have))}"
    faults = [
        f"<{c}>: skos:notation {n!r} is not of the form {pattern}"
        for c in have.values()
        for n in ALL.iris(c, f"{SKOS}notation")
        if not re.fullmatch(pattern, n)
    ]
    assert not faults, list_of(faults)


def test_language_notations_are_the_tags_in_use() -> None:
    tags = {n for c in CONCEPTS if c.startswith(f"{AUTHORITY}language/") for n in ALL.iris(c, f"{SKOS}notation")}
    assert set(LANGUAGES) <= tags, f"schemes/language.ttl: add {sorted(set(LANGUAGES) - tags)}"


# -- Prefixes ----------------------------------------------------------------------------------------------------------


def declared_prefixes() -> dict[str, str]:
    prefixes = {}
    for node in ALL.iris(f"{BASE}prefixes", f"{SH}declare"):
        names, namespaces = ALL.values(node, f"{SH}prefix"), ALL.values(node, f"{SH}namespace")
        assert len(names) == len(namespaces) == 1, f"<{node}>: give one sh:prefix and one sh:namespace"
        assert node == f"{BASE}prefixes/{names[0].value}", f"<{node}>: name the node after its prefix"
        assert namespaces[0].datatype.value == f"{XSD}anyURI", f"<{node}>: type sh:namespace as xsd:anyURI"
        prefixes[names[0].value] = namespaces[0].value
    return prefixes


def test_prefixes_are_declared_once() -> None:
    prefixes = declared_prefixes()
    wanted = "v4 org foaf schema skos dcterms prov rdf rdfs owl xsd sh sd void dcat vann geo country language currency"
    assert set(wanted.split()) <= set(prefixes), f"prefixes.ttl: declare {sorted(set(wanted.split()) - set(prefixes))}"
    assert prefixes["v4"] == V4
    assert len(set(prefixes.values())) == len(prefixes), "two prefixes stand for one namespace: keep one"
    assert all(ns.endswith(("#", "/")) for ns in prefixes.values()), "a namespace must end in # or /"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_files_use_the_declared_prefixes(path: Path) -> None:
    prefixes = declared_prefixes()
    text = path.read_text(encoding="utf-8")
    used = dict(re.findall(r"^@prefix ([a-z0-9]+): <([^>]+)> \.$", text, re.M))
    faults = [f"{p}: <{ns}>" for p, ns in used.items() if prefixes.get(p) != ns]
    assert not faults, f"{path.name}: use the prefixes of prefixes.ttl, or declare these there:{list_of(faults)}"
    body = re.sub(r'"(?:[^"\\]|\\.)*"|<[^>]*>|^#.*$|^@prefix.*$', "", text, flags=re.M)
    idle = [p for p in used if not re.search(rf"(?<![\w:]){p}:", body) and f"^^{p}:" not in text]
    assert not idle, f"{path.name}: take out the unused prefixes {idle}"
