"""Resolving one subject: policies, ranks, dates of different precision, names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v4graph.iris import Iris
from v4graph.resolution import XSD, Policies, Recorded, Rules, choose, resolve_subject

IRIS = Iris()
START, NAME, OTHER, SET = "<http://e/start>", "<http://e/name>", "<http://e/other>", "<http://e/set>"
POLICIES = Policies(frozenset({START}), frozenset({NAME}), {NAME: OTHER}, frozenset({"<http://e/derived>"}))
RANKS = {"a": 1, "b": 2, "b2": 2, "c": 3}
RULES = Rules(POLICIES, RANKS, {})


def date(text: str) -> str:
    return f'"{text}"^^<{XSD}{ {4: "gYear", 7: "gYearMonth", 10: "date"}[len(text)] }>'


@pytest.mark.parametrize(
    ("said", "value", "rule", "differ"),
    [
        ({"2013-10": {"b"}, "2013-11": {"c"}}, "2013-10", "best-rank", True),
        ({"2013-10": {"b"}, "2013-10-01": {"c"}}, "2013-10", "best-rank", False),
        ({"2013-10": {"b"}, "2013-10-01": {"b2"}}, "2013-10-01", "more-precise", False),
        ({"2016-10-16": {"b"}, "2016-11-16": {"b"}}, "2016", "coarsest-common-date", True),
        ({"2016-10-16": {"b"}, "2016-10-17": {"b2"}}, "2016-10", "coarsest-common-date", True),
        ({"2016-10-16": {"b"}, "2017": {"b2"}}, None, "undecided", True),
        ({"2013": {"a", "c"}, "2014": {"b"}}, "2013", "best-rank", True),
        ({"2013": {"nobody"}, "2014": {"c"}}, "2014", "best-rank", True),
    ],
)
def test_dates(said: dict[str, set[str]], value: str | None, rule: str, differ: bool) -> None:
    choice = choose({date(d): sources for d, sources in said.items()}, RULES, None)
    assert (choice.value, choice.rule, choice.differ) == (value and date(value), rule, differ)


def test_equal_ranks_that_are_no_dates_are_undecided() -> None:
    choice = choose({'"4"': {"b"}, '"5"': {"b"}}, RULES, None)
    assert (choice.value, choice.rule, choice.differ) == (None, "undecided", True)


def test_a_recorded_resolution_beats_every_rank() -> None:
    said = {date("2013"): {"a"}, date("2014"): {"c"}}
    choice = choose(said, RULES, Recorded("<http://e/r>", date("2014")))
    assert (choice.value, choice.rule, choice.resolution) == (date("2014"), "recorded-resolution", "<http://e/r>")
    assert choose(said, RULES, Recorded("<http://e/r>", None)).value is None


def lines(*pairs: tuple[str, str]) -> list[str]:
    return [f"<http://e/s> {predicate} {value} ." for predicate, value in pairs]


def test_names_that_lose_become_other_names_and_are_no_disagreement() -> None:
    resolved = resolve_subject(
        "<http://e/s>",
        {
            "b": lines((NAME, '"National Cluster Association"@en')),
            "c": lines((NAME, '"Cluster Association (CZ)"@en'), (NAME, '"Národní klastrová asociace"@cs')),
            "a": lines((OTHER, '"National Cluster Association"@en'), (OTHER, '"NCA"')),
        },
        RULES,
        IRIS,
    )
    assert resolved.lines == frozenset(
        lines(
            (NAME, '"National Cluster Association"@en'),
            (NAME, '"Národní klastrová asociace"@cs'),
            (OTHER, '"Cluster Association (CZ)"@en'),
            (OTHER, '"NCA"'),
        )
    )
    assert resolved.disagreements == frozenset()


def test_sets_are_united_and_derived_properties_never_taken_from_a_source() -> None:
    resolved = resolve_subject(
        "<http://e/s>",
        {"a": lines((SET, '"1"')), "c": lines((SET, '"2"'), ("<http://e/derived>", '"x"'))},
        RULES,
        IRIS,
    )
    assert resolved.lines == frozenset(lines((SET, '"1"'), (SET, '"2"')))


values = st.sampled_from([date("2013"), date("2013-10"), date("2013-11"), date("2013-10-01"), '"x"'])
said = st.dictionaries(st.sampled_from(["a", "b", "b2", "c"]), st.lists(values, max_size=3), min_size=1)


@given(said)
def test_resolving_does_not_depend_on_order(by_source: dict[str, list[str]]) -> None:
    statements = {s: lines(*((START, v) for v in vs)) for s, vs in by_source.items()}
    backwards = {s: list(reversed(statements[s])) for s in reversed(statements)}
    assert resolve_subject("<http://e/s>", statements, RULES, IRIS) == resolve_subject(
        "<http://e/s>", backwards, RULES, IRIS
    )


@given(said)
def test_at_most_one_value_and_never_one_that_nobody_agrees_with(by_source: dict[str, list[str]]) -> None:
    statements = {s: lines(*((START, v) for v in vs)) for s, vs in by_source.items()}
    resolved = resolve_subject("<http://e/s>", statements, RULES, IRIS)
    kept = [line.split(" ", 2)[2][:-2] for line in resolved.lines]
    everything = [v for vs in by_source.values() for v in vs]
    assert len(kept) <= 1
    for value in kept:
        text = value.split('"')[1]
        assert any(v.split('"')[1].startswith(text) for v in everything)
    if len(set(everything)) == 1:
        assert kept == [everything[0]]
        assert not resolved.disagreements
