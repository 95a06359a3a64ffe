"""What the tests of the vocabulary share: its statements looked up by subject, and what is expected of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pyoxigraph as ox

ONTOLOGY = Path(__file__).parents[2] / "ontology"
VOCABULARY = ONTOLOGY / "v4graph.ttl"
FILES = [VOCABULARY, ONTOLOGY / "prefixes.ttl", *sorted((ONTOLOGY / "schemes").glob("*.ttl"))]
AUTHORITY_FILES = {"country", "currency", "language"}
REGIONS = ONTOLOGY / "schemes" / "nuts.ttl"
INDUSTRIES = ONTOLOGY / "schemes" / "nace.ttl"

BASE = "https://w3id.org/v4graph/"
V4 = f"{BASE}ontology#"
SCHEME = f"{BASE}scheme/"
NUTS = "http://data.europa.eu/nuts/code/"
NACE = "http://data.europa.eu/ux2/nace2.1/"
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
} | {f"{RDF}langString", f"{RDF}JSON"}

# These come from rules, the resolver or the ledger, never from a source.
DERIVED = set(
    [
        "groupsOrganisation",
        "ledgerEntry",
        "ledgerHash",
        "rulesHash",
        "ledgerRecord",
        "recordHash",
        "contentHash",
        "stateHash",
        "revisionNumber",
        "patch",
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
        "cooperatesWith",
        "currentStage",
        "currentLabel",
        "contributionState",
        "contributionKind",
        "checkedWith",
        "reason",
    ]
)
# Nodes that stand for a relation or a finding: only their properties may have an rdfs:domain.
RELATION_CLASSES = set(["ProjectParticipation", "EventParticipation", "Funding", "Disagreement", "Claim", "Resolution"])
SCHEMES = {
    "activity-kind": "benchmarking mapping matchmaking networking training internationalisation technology-transfer"
    " policy-analysis",
    "contribution-kind": "replacement patch rollback withdrawal",
    "contribution-state": "submitted invalid pending accepted declined published withdrawn superseded",
    "publisher-role": "register programme-authority lead-partner partner third-party aggregator",
    "review-status": "unreviewed under-review approved rejected",
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
CONCEPTS = [c for c in ALL.typed(f"{SKOS}Concept") if not c.startswith((NUTS, NACE))]
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
