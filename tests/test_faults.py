"""The 64 faults of contributions: each as a file, the rule that finds it, and its words in six languages.

Faults 4 (in part), 62 (in part) and 63 are of the document, not of what it says: its parser refuses them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from v4graph import rdf
from v4graph.errors import MalformedData
from v4graph.integrity import load_integrity
from v4graph.report import Report, Rule
from v4graph.reporting import render_text, to_json
from v4graph.rules import load_rules
from v4graph.sandbox.documents import Document, parse_documents
from v4graph.settings import Settings
from v4graph.shapes import validate

from .test_shapes import CASES, IRIS, LANGUAGES, NEIGHBOURHOOD, lines_of, local

FAULTS = CASES / "faults"
TABLE = [
    ("01-no-name.ttl", "name"),
    ("02-two-english-names.ttl", "name-language"),
    ("03-name-without-language.ttl", "name-text"),
    ("04a-language-cz.ttl", "name-text"),
    ("04b-language-sl-CS.ttl", "Contribution-languageTag"),
    ("05-name-in-latin.ttl", "name-text"),
    ("06a-name-of-spaces.ttl", "name-text"),
    ("06b-name-too-long.ttl", "name-text"),
    ("06c-name-with-control-character.ttl", "name-text"),
    ("07a-markup-in-name.ttl", "name-text"),
    ("07b-script-in-description.ttl", "description"),
    ("08a-country-as-text.ttl", "Organisation-country"),
    ("08b-country-as-code.ttl", "Organisation-country"),
    ("09-country-that-does-not-exist.ttl", "Contribution-unknownConcept"),
    ("10a-region-of-level-two.ttl", "Organisation-seatRegion-level", "warning"),
    ("10b-region-code-too-long.ttl", "Contribution-unknownConcept"),
    ("11-region-of-another-country.ttl", "integrity-region-of-another-country"),
    ("12-region-without-version.ttl", "integrity-region-without-version"),
    ("13a-sector-as-text.ttl", "Organisation-inSector"),
    ("13b-sector-of-another-list.ttl", "Organisation-primarySector"),
    ("13c-deprecated-sector.ttl", "integrity-deprecated-reference"),
    ("14-technology-as-sector.ttl", "Organisation-inSector"),
    ("15a-website-without-scheme.ttl", "url"),
    ("15b-website-javascript.ttl", "url"),
    ("15c-website-mailto.ttl", "url"),
    ("15d-website-localhost.ttl", "url"),
    ("15e-website-with-credentials.ttl", "url"),
    ("15f-website-with-spaces.ttl", "url"),
    ("16-e-mail-of-a-person.ttl", "Contribution-personalData"),
    ("17a-ico-of-seven-digits.ttl", "Contribution-identifierNumber"),
    ("17b-ico-with-wrong-check-digit.ttl", "Contribution-identifierNumber"),
    ("17c-slovak-number-in-czech-register.ttl", "integrity-identifier-of-another-country"),
    ("18a-krs-with-letters.ttl", "Contribution-identifierNumber"),
    ("18b-nip-with-wrong-check-digit.ttl", "Contribution-identifierNumber"),
    ("18c-hungarian-tax-number-of-wrong-form.ttl", "Contribution-identifierNumber"),
    ("19-same-number-twice.ttl", "integrity-same-identifier"),
    ("20a-end-before-start-day.ttl", "integrity-ends-before-start"),
    ("20b-end-before-start-year.ttl", "integrity-ends-before-start"),
    ("20c-end-before-start-month-and-day.ttl", "integrity-ends-before-start"),
    ("21a-thirty-first-of-february.ttl", "Project-startDate"),
    ("21b-thirteenth-month.ttl", "Project-startDate"),
    ("21c-czech-order-as-text.ttl", "Project-startDate"),
    ("21d-ambiguous-order.ttl", "Project-startDate"),
    ("22a-founded-in-the-future.ttl", "integrity-date-in-future"),
    ("22b-founded-before-1800.ttl", "Organisation-foundedOn"),
    ("23-project-without-partner.ttl", "integrity-no-partner", "warning"),
    ("24-two-lead-partners.ttl", "integrity-two-lead-partners"),
    ("25-participant-that-exists-nowhere.ttl", "Contribution-unknownThing"),
    ("26a-participant-is-a-project.ttl", "ProjectParticipation-participant"),
    ("26b-participant-is-a-cluster.ttl", "ProjectParticipation-participant"),
    ("26c-participant-is-a-country.ttl", "ProjectParticipation-participant"),
    ("27-unknown-role.ttl", "Contribution-unknownConcept"),
    ("28-same-partner-twice.ttl", "integrity-same-participation-twice"),
    ("29-participation-after-the-project.ttl", "integrity-participation-outside-project"),
    ("30-meta-cluster-with-one-member.ttl", "integrity-meta-cluster-of-one"),
    ("31-meta-cluster-of-one-country.ttl", "integrity-complete-meta-cluster-in-one-country"),
    ("32a-meta-cluster-with-two-themes.ttl", "integrity-two-themes"),
    ("32b-meta-cluster-without-theme.ttl", "integrity-no-theme"),
    ("33-meta-cluster-member-is-a-project.ttl", "PartnershipMembership-member"),
    ("34-meta-cluster-is-its-own-member.ttl", "integrity-part-of-itself"),
    ("35-cluster-is-an-organisation-too.ttl", "Contribution-twoKinds"),
    ("36-part-of-itself-through-others.ttl", "integrity-part-of-itself"),
    ("37a-negative-amount.ttl", "Funding-amount"),
    ("37b-amount-as-text.ttl", "Funding-amount"),
    ("37c-currency-missing.ttl", "Amount-currency"),
    ("37d-currency-euro-as-text.ttl", "Funding-currency"),
    ("38-grant-above-total-cost.ttl", "integrity-grant-above-total"),
    ("39a-funding-by-the-project-itself.ttl", "Funding-funder"),
    ("39b-funding-by-a-person.ttl", "Funding-funder"),
    ("40a-event-without-date-and-place.ttl", "integrity-event-without-date-and-place"),
    ("40b-event-ends-before-it-starts.ttl", "integrity-ends-before-start"),
    ("41a-output-without-producer.ttl", "integrity-output-without-producer"),
    ("41b-output-without-language.ttl", "integrity-output-without-language", "warning"),
    ("42-strategic-plan-linked-to-nothing.ttl", "integrity-plan-of-nothing"),
    ("43a-readiness-level-zero.ttl", "TechnologyService-trlFrom"),
    ("43b-readiness-level-ten.ttl", "TechnologyService-trlTo"),
    ("43c-readiness-levels-falling.ttl", "integrity-readiness-levels"),
    ("44a-service-without-provider.ttl", "TechnologyService-provider"),
    ("44b-service-without-technology.ttl", "TechnologyService-technology"),
    ("45-cooperation-with-itself.ttl", "integrity-cooperation-of-one"),
    ("46-cooperation-of-kind-friendship.ttl", "Contribution-unknownConcept"),
    ("47-stage-of-another-model.ttl", "integrity-stage-of-another-model"),
    ("48a-stage-without-date.ttl", "LifeCycleClassification-assessedOn"),
    ("48b-stage-without-assessor.ttl", "LifeCycleClassification-assessedBy"),
    ("49a-label-valid-until-before-award.ttl", "integrity-ends-before-start"),
    ("49b-label-by-unknown-issuer.ttl", "Contribution-unknownThing"),
    ("50a-value-many.ttl", "IndicatorObservation-value"),
    ("50b-percentage-above-hundred.ttl", "integrity-percentage-out-of-range"),
    ("50c-count-of-a-half.ttl", "integrity-count-not-whole"),
    ("50d-wrong-unit.ttl", "integrity-unit-of-another-indicator"),
    ("51a-observation-without-period.ttl", "IndicatorObservation-refPeriod-given", "warning"),
    ("51b-observation-twice.ttl", "integrity-same-observation-twice"),
    ("52-unknown-edition-of-the-indicator.ttl", "IndicatorObservation-indicatorVersion"),
    ("53a-strength-above-one.ttl", "SectorRelation-strength"),
    ("53b-sector-related-to-itself.ttl", "integrity-sector-related-to-itself"),
    ("54a-claim-of-ones-own.ttl", "Contribution-platformSubject"),
    ("55-quotation-too-long.ttl", "Resolution-quote"),
    ("56-lead-partner-typed-in.ttl", "leadPartner-derived"),
    ("57a-same-as.ttl", "sameAs"),
    ("57b-class-in-data.ttl", "vocabulary"),
    ("57c-statement-about-a-foreign-subject.ttl", "Contribution-foreignSubject"),
    ("57d-axiom.ttl", "Contribution-axiom"),
    ("58-statement-about-a-thing-out-of-scope.ttl", "Contribution-untyped"),
    ("59a-address-of-an-unknown-kind.ttl", "Contribution-unknownKind"),
    ("59b-number-with-wrong-check-digit.ttl", "Contribution-identifierNumber"),
    ("59c-address-used-again.ttl", "Contribution-withdrawn"),
    ("60a-graph-of-another-contributor.ttl", "Contribution-platformSubject"),
    ("60b-approves-itself.ttl", "contributionState-derived"),
    ("61-unknown-version-of-the-rules.ttl", "Contribution-unknownVersion"),
    ("62a-formula.ttl", "Contribution-formula"),
    ("62b-broken-letters.ttl", "Contribution-misreadText"),
    ("64-birth-date.ttl", "Contribution-personalData"),
]
"""Fault number and name (the file), the rule, and the severity where it is none; sent by somebody from outside."""
OWN = [
    ("54b-source-without-retrieval-date.ttl", "SourceDocument-retrievedOn"),
    ("54c-retrieved-in-the-future.ttl", "integrity-date-in-future"),
]
"""Faults of sources, which only the manifest of this repository describes."""
REFUSED = [
    ("04c-language-en_GB.ttl", rdf.TURTLE, 5),
    ("62c-latin-2.ttl", rdf.TURTLE, 5),
    ("63-deep.jsonld", rdf.JSON_LD, 1),
]
"""What the parser refuses, in which line."""
RULES: dict[str, Rule] = dict(load_rules(IRIS).rules) | {i.rule.iri: i.rule for i in load_integrity(IRIS)}


def rows() -> Iterator[tuple[str, str, str, bool]]:
    for given, outside in ((TABLE, True), (OWN, False)):
        for file, shape, *severity in given:
            yield file, shape, *(severity or ["violation"]), outside


def test_all_faults_are_there() -> None:
    files = {file for file, *_ in rows()} | {file for file, *_ in REFUSED}
    assert files == {path.name for path in FAULTS.iterdir()}
    assert {int(file[:2]) for file in files} == set(range(1, 65))


@pytest.mark.parametrize(("file", "shape", "severity", "outside"), list(rows()), ids=lambda given: str(given))
def test_fault(file: str, shape: str, severity: str, outside: bool) -> None:
    """It trips the rule it should and no other that blocks."""
    report = validate(lines_of(FAULTS / file), context=NEIGHBOURHOOD, iris=IRIS, outside=outside)
    found = {local(finding.shape) for finding in report.findings if finding.severity == severity}
    if severity == "violation":
        assert found == {shape}, render_text(report)
        assert report.blocks
    else:
        assert shape in found, render_text(report)
        assert not report.blocks
    told_in_all_languages(report, shape)


def told_in_all_languages(report: Report, shape: str) -> None:
    """Field, message and report differ between the languages; no word of them is an address that has a name."""
    rule = next(finding for finding in report.findings if local(finding.shape) == shape)
    messages = {language: rule.message(language) for language in LANGUAGES}
    assert len(set(messages.values())) == len(LANGUAGES)
    texts = set()
    for language, message in messages.items():
        assert rule.label(language)
        assert len(message) > 24
        assert re.search(r"[.!?]$", message), "whole sentences"
        assert IRIS.ontology not in message, "terms have names"
        assert not re.search(rf"{re.escape(IRIS.base)}scheme/[a-z0-9-]+/[a-z]", message), "entries of lists have names"
        text = render_text(report, language)
        assert message in text
        texts.add(text)
        group = next(g for g in to_json(report, language)["groups"] if g["shape"] == rule.shape)
        assert group["message"] == message
    assert len(texts) == len(LANGUAGES)


@pytest.mark.parametrize(("file", "fmt", "line"), REFUSED, ids=lambda given: str(given))
def test_fault_of_the_document(file: str, fmt: rdf.Format, line: int, tmp_path: Path) -> None:
    """The parser says where."""
    document = Document((FAULTS / file).read_bytes(), fmt, IRIS.genid("document", ""), one_graph=True)
    [refused] = parse_documents([document], Settings(home=tmp_path))
    assert isinstance(refused, MalformedData)
    assert refused.extras["line"] == line
    assert refused.extras["column"] >= 1
    assert refused.detail


def test_every_rule_of_the_table_has_its_words() -> None:
    for _, shape, _, _ in rows():
        rule = next(rule for iri, rule in RULES.items() if local(iri) == shape)
        assert set(rule.messages) == set(rule.names) == set(LANGUAGES)
