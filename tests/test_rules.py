"""What holds today: cooperation, life-cycle stage and quality labels, derived step by step and built anew alike."""

from __future__ import annotations

import datetime
import itertools
from pathlib import Path

import pyoxigraph as ox
import pytest

from tests.test_projection import IRIS, TYPE, V4, XSD, project, quads, revise, start, thing
from v4graph import assets, derivation, rdf

X, Y, Z = (thing("organisation", slug) for slug in "xyz")
LINK, CLUSTER, PROJECT = thing("cooperation", "x-y"), thing("cluster", "c"), thing("project", "p")
TODAY = datetime.datetime.now(tz=datetime.UTC).date()
KINDS = {4: "gYear", 7: "gYearMonth", 10: "date"}


def said(subject: str, **values: str) -> list[str]:
    """Statements with properties of ours; a value that begins with a digit is a date of its length."""
    lines = []
    for name, value in values.items():
        term = f'"{value}"^^<{XSD}{KINDS[len(value)]}>' if value[0].isdigit() else value
        lines.append(f"{subject} <{V4}{name}> {term} .")
    return lines


def link(**values: str) -> list[str]:
    parties = [f"{LINK} <{V4}cooperationParty> {party} ." for party in (X, Y)]
    return [f"{LINK} {TYPE} <{V4}CooperationLink> .", *parties, *said(LINK, **values)]


def closed(end: str) -> list[str]:
    return [f"{PROJECT} {TYPE} <{V4}Project> .", *said(PROJECT, startDate="2010", endDate=end)]


def stage(name: str) -> str:
    return f"<{IRIS.concept('life-cycle', name)}>"


def judged(number: int, name: str, **values: str) -> list[str]:
    node = thing("life-cycle-classification", str(number))
    return [
        f"{node} {TYPE} <{V4}LifeCycleClassification> .",
        *said(node, classifies=CLUSTER, stage=stage(name), **values),
    ]


def label(name: str) -> str:
    return f"<{IRIS.concept('quality-label', name)}>"


def awarded(number: int, name: str, **values: str) -> list[str]:
    node = thing("award", str(number))
    return [f"{node} {TYPE} <{V4}LabelAward> .", *said(node, awardedTo=X, awardedLabel=label(name), **values)]


TOGETHER = {("cooperatesWith", X, Y), ("cooperatesWith", Y, X)}
MONTH, YEAR = TODAY.isoformat()[:7], TODAY.isoformat()[:4]
TOMORROW, YESTERDAY = ((TODAY + datetime.timedelta(days=n)).isoformat() for n in (1, -1))
Step = tuple[list[str], set[tuple[str, str, str]]]
LINKS: list[Step] = [
    (link(), TOGETHER),
    (link(endDate=YESTERDAY), set()),
    (link(endDate=YEAR), TOGETHER),
    (link(startDate=TOMORROW), set()),
    (link(startDate=MONTH), TOGETHER),
    ([*link(inContextOf=PROJECT), *closed("2999")], TOGETHER),
    ([*link(inContextOf=PROJECT), *closed("2014-02")], set()),
    ([*link(inContextOf=PROJECT, endDate="2999"), *closed("2014-02")], TOGETHER),
    ([*link(inContextOf=PROJECT), *closed("2999"), *said(PROJECT, terminatedOn="2014-02")], set()),
    ([line for line in link() if TYPE not in line], set()),
    ([line for line in link() if Y not in line], set()),
    ([*link(), f"{LINK} <{V4}cooperationParty> {Z} ."],
     {("cooperatesWith", *pair) for pair in itertools.permutations((X, Y, Z), 2)}),
]  # fmt: skip
JUDGEMENTS: list[Step] = [
    (judged(1, "growing", assessedOn="2014"), {("currentStage", CLUSTER, stage("growing"))}),
    ([*judged(1, "growing", assessedOn="2014"), *judged(2, "mature", assessedOn="2015-03")],
     {("currentStage", CLUSTER, stage("mature"))}),
    # Within 2014 it is open which came first.
    ([*judged(1, "growing", assessedOn="2014"), *judged(2, "mature", assessedOn="2014-03")],
     {("currentStage", CLUSTER, stage("growing")), ("currentStage", CLUSTER, stage("mature"))}),
    ([*judged(1, "growing"), *judged(2, "mature", assessedOn="2014-03")], {("currentStage", CLUSTER, stage("mature"))}),
    ([*judged(1, "growing", assessedOn="2014"), *judged(2, "menzel-fornahl-decline", assessedOn="2019")],
     {("currentStage", CLUSTER, stage("growing")), ("currentStage", CLUSTER, stage("menzel-fornahl-decline"))}),
]  # fmt: skip
AWARDS: list[Step] = [
    (awarded(1, "esca-gold"), set()),
    (awarded(1, "esca-gold", awardedOn="2020", validUntil="2023"), set()),
    (awarded(1, "esca-gold", validUntil=YESTERDAY), set()),
    (awarded(1, "esca-gold", validUntil=TODAY.isoformat()), {("currentLabel", X, label("esca-gold"))}),
    (awarded(1, "esca-gold", awardedOn=TOMORROW, validUntil="2999"), set()),
    ([*awarded(1, "esca-gold", validUntil=YEAR), *awarded(2, "esca-bronze", validUntil=MONTH)],
     {("currentLabel", X, label("esca-gold")), ("currentLabel", X, label("esca-bronze"))}),
]  # fmt: skip
MADE = ("cooperatesWith", "currentStage", "currentLabel")
SCHEMES = rdf.ntriples(ox.parse(path=str(assets.ONTOLOGY / "schemes" / "life-cycle.ttl")))


def derived_in(home: Path) -> set[tuple[str, str, str]]:
    found = (line.split(" ") for line in quads(home) if line.endswith(f" <{IRIS.derived}> ."))
    names = {f"<{V4}{name}>": name for name in MADE}
    return {(names[p], s, o) for s, p, o, *_ in found if p in names}


def test_what_holds_today_step_by_step_and_anew(tmp_path: Path) -> None:
    ledger = start(tmp_path)
    ledger.append(revise(ledger, "b-page", frozenset(SCHEMES)))
    try:
        nothing: Step = ([], set())
        # The three have nothing in common, so one publication is a step of each.
        for together in itertools.zip_longest(LINKS, JUDGEMENTS, AWARDS, fillvalue=nothing):
            lines = [line for lines, _ in together for line in lines]
            ledger.append(revise(ledger, "a-page", frozenset(lines)))
            project(ledger, tmp_path)
            assert derived_in(tmp_path) == set().union(*(expected for _, expected in together)), lines
        last = [LINKS[4], JUDGEMENTS[2], AWARDS[5]]
        ledger.append(revise(ledger, "a-page", frozenset(line for lines, _ in last for line in lines)))
        project(ledger, tmp_path)
        anew = tmp_path / "anew"
        project(ledger, anew, anew=True)
        assert quads(anew) == quads(tmp_path)
        assert derived_in(anew) == set().union(*(expected for _, expected in last)) != set()
    finally:
        ledger.close()


@pytest.mark.parametrize(("day", "holds"), [("2024-12-31", True), ("2025-01-01", False)])
def test_a_new_day_ends_what_has_ended(day: str, holds: bool) -> None:
    lines = [*link(endDate="2024"), *awarded(1, "esca-gold", validUntil="2024-12-31")]
    store = ox.Store()
    store.load("\n".join(lines).encode(), format=ox.RdfFormat.N_TRIPLES)
    rules = derivation.load_rules(IRIS)
    derivation.derive_all(store, rules, "2024-06-01", IRIS)
    concerned = {rule.name: derivation.foci(store, rule, {}, all_daily=True) for rule in rules}
    assert (concerned["rules/cooperates-with"], concerned["rules/current-label"]) == ([X, Y], [X])
    updates = [derivation.derive_update(r, concerned[r.name], day, IRIS) for r in rules if concerned[r.name]]
    store.update(derivation.prologue_of(rules) + "\n" + " ;\n".join(updates))
    left = {str(q.predicate) for q in store.quads_for_pattern(None, None, None, ox.NamedNode(IRIS.derived))}
    assert {name for name in MADE if f"<{V4}{name}>" in left} == (
        {"cooperatesWith", "currentLabel"} if holds else set()
    )
