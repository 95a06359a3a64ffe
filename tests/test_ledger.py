"""The ledger keeps what it was given, in order, and notices every change behind its back."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from v4graph import rdf
from v4graph.errors import LedgerBroken
from v4graph.ledger import EMPTY, PROJECTED, START, Append, Entry, Ledger

LINES = ['<http://e/a> <http://e/b> "č\u2028x" .', "<http://e/a> <http://e/b> <http://e/c> ."]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger.in_home(tmp_path)
    ledger.append([Append("source", "one", "curator", LINES[:1], detail={"rank": 2})])
    ledger.append(
        [
            Append("contribution", "one", "curator", LINES),
            Append("revision", "one", "curator", LINES, 1, {"contribution": 2}),
        ]
    )
    ledger.append([Append("revision", "one", "curator", [], 2, {"contribution": 2})])
    return ledger


def test_entries_are_chained(ledger: Ledger) -> None:
    entries = ledger.entries()
    assert [entry.number for entry in entries] == [1, 2, 3, 4]
    assert entries[0].previous == START
    assert all(later.previous == entry.hash for entry, later in pairwise(entries))
    assert ledger.verify() == 4
    assert ledger.head() == entries[-1]


def test_content_comes_back_sorted_and_whole(ledger: Ledger) -> None:
    [first, second] = ledger.entries(kind="revision")
    assert ledger.lines(first.content) == sorted(LINES)
    assert first.content == rdf.sha256(LINES)
    assert second.content == EMPTY
    assert ledger.lines(EMPTY) == []
    assert ledger.triples()[rdf.sha256(LINES)] == 2


def test_latest_knows_the_past(ledger: Ledger) -> None:
    assert ledger.latest("revision")["one"].revision == 2
    assert ledger.latest("revision", until=3)["one"].revision == 1
    assert ledger.latest("revision", until=2) == {}


def test_an_append_that_fails_leaves_nothing(ledger: Ledger) -> None:
    def lines() -> list[str]:
        raise RuntimeError

    class Broken:
        def __iter__(self) -> object:
            raise RuntimeError("in the middle")

    before = ledger.entries()
    with pytest.raises(RuntimeError):
        ledger.append([Append("revision", "one", "curator", LINES, 3), Append("x", "y", "z", Broken())])  # type: ignore[arg-type]
    assert ledger.entries() == before
    assert ledger.verify() == 4


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE entry SET time = '2001-01-01T00:00:00Z' WHERE number = 2",
        "UPDATE entry SET detail = '{}' WHERE number = 3",
        "UPDATE entry SET content = NULL WHERE number = 3",
        "DELETE FROM entry WHERE number = 2",
        "UPDATE content SET data = x'00' WHERE triples = 2",
        "DELETE FROM content WHERE triples = 2",
    ],
)
def test_every_change_is_noticed(ledger: Ledger, tmp_path: Path, change: str) -> None:
    with sqlite3.connect(tmp_path / "ledger.sqlite") as db:
        db.execute(change)
    db.close()
    with pytest.raises(LedgerBroken):
        ledger.verify()


def test_time_never_goes_back(ledger: Ledger, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "ledger.sqlite") as db:
        db.execute("UPDATE entry SET time = '2999-01-01T00:00:00Z' WHERE number = 4")
    db.close()
    [entry] = ledger.append([Append("source", "two", "curator")])
    assert entry.time == "2999-01-01T00:00:00Z"


def test_attached_contents_are_kept_and_checked(ledger: Ledger, tmp_path: Path) -> None:
    sent = b"\xff\x00 not even text"
    [entry] = ledger.append(
        [Append("contribution", "one", "a/1", LINES, attached={"payload": sent, "added": LINES[:1]})]
    )
    assert ledger.content(entry.detail["payload"]) == sent
    assert ledger.lines(entry.detail["added"]) == LINES[:1]
    assert ledger.verify() == 5
    with sqlite3.connect(tmp_path / "ledger.sqlite") as db:
        db.execute("DELETE FROM content WHERE sha256 = ?", [entry.detail["payload"]])
    db.close()
    with pytest.raises(LedgerBroken, match="content"):
        ledger.verify()


def test_lines_that_came_as_bytes_before_are_counted(ledger: Ledger) -> None:
    lines = [f"<http://e/{n}> <http://e/p> <http://e/o> ." for n in range(3)]
    payload = "".join(f"{line}\n" for line in lines).encode()
    ledger.append([Append("contribution", "one", "a/1", attached={"payload": payload})])
    [entry] = ledger.append([Append("contribution", "one", "a/1", lines)])
    assert entry.content is not None
    assert ledger.triples([entry.content]) == {entry.content: 3}


def test_an_entry_names_the_contribution_it_is_about(ledger: Ledger) -> None:
    first = Append("contribution", "one", "a/1", LINES)
    about = [
        Append("state", "one", "a/1", detail={"state": "pending"}, of=0),
        Append("revision", "one", "a/1", [], 3, of=0),
    ]
    entries = ledger.append([first, *about])
    assert [entry.detail.get("contribution") for entry in entries] == [None, 5, 5]
    standing = ledger.standing(5)
    assert standing is not None
    assert (standing.state, standing.revision, standing.partner, standing.actor) == ("published", 3, "a", "a/1")


def test_the_state_is_a_hash_of_what_is_public(ledger: Ledger) -> None:
    hashes = [ledger.state(until=number) for number in range(1, 5)]
    assert len({*hashes}) == 3, "a contribution changes nothing public"
    assert [e.detail.get("state") for e in ledger.entries()] == [hashes[0], None, hashes[2], hashes[3]]
    described = ledger.current("source", "one")
    assert described is not None
    assert hashes[2] == rdf.sha256([f"one {rdf.sha256(LINES)} {described.content}"])
    assert hashes[3] == rdf.sha256([f"one {EMPTY} {described.content}"])
    ledger.append(
        [Append("state", "one", "a/1", detail={"contribution": 2, "state": "published"}), Append("token", "x", "a")]
    )
    assert ledger.state() == hashes[3]
    assert ledger.head(PROJECTED) == ledger.entry(4)
    ledger.append([Append("revision", "one", "a/1", LINES, 3, {"contribution": 2})])
    assert ledger.state() == hashes[2], "the same content is the same state"


def test_the_state_of_many_sources_in_one_append_is_what_each_entry_says(ledger: Ledger) -> None:
    """Slugs in no order, one of them the beginning of another, descriptions and revisions mixed, one said twice."""
    slugs = ["two", "one-more", "a", "one", "two-b", "a"]
    made = ledger.append(
        append
        for number, slug in enumerate(slugs)
        for append in (
            Append("source", slug, "curator", [f"<http://e/{number}> <http://e/b> <http://e/c> ."], detail={"rank": 1}),
            Append("revision", slug, "curator", LINES[: number % 3], 1 + number, {"contribution": 2}),
        )
    )
    for entry in made:
        revisions, sources = (ledger.latest(kind, until=entry.number) for kind in ("revision", "source"))
        said = {source: [told[source].content if source in told else "-" for told in (revisions, sources)]
                for source in revisions.keys() | sources.keys()}  # fmt: skip
        assert entry.detail["state"] == rdf.sha256(" ".join([source, *map(str, each)]) for source, each in said.items())
    assert ledger.verify() == 16


def test_many_contents_are_read_at_once(ledger: Ledger) -> None:
    wanted = [entry.content for entry in ledger.entries() if entry.content]
    assert dict(ledger.lines_of(wanted)) == {content: ledger.lines(content) for content in wanted}
    assert dict(ledger.lines_of([*wanted, "0" * 64])).keys() == set(wanted), "what is not there is left out"


def test_a_copy_must_come_to_the_same_state(ledger: Ledger, tmp_path: Path) -> None:
    copy = Ledger.in_home(tmp_path / "copy")
    public = ledger.entries(kind=PROJECTED)
    for entry in public[:2]:
        [made] = copy.append([again(ledger, entry)])
        assert (made.detail["state"], made.time) == (entry.detail["state"], entry.time)
    wrong = again(ledger, public[2])
    with pytest.raises(LedgerBroken, match="state"):
        copy.append([replace(wrong, lines=LINES)])
    with pytest.raises(LedgerBroken, match="older"):
        copy.append([replace(wrong, time="2001-01-01T00:00:00Z")])
    assert [entry.number for entry in copy.entries()] == [1, 2]
    copy.append([wrong])
    assert copy.state() == ledger.state()
    copy.close()


def again(ledger: Ledger, entry: Entry) -> Append:
    lines = ledger.lines(entry.content)
    return Append(entry.kind, entry.source, entry.actor, lines, entry.revision, entry.detail, time=entry.time)


def test_what_begins_with_is_found_by_bisection(ledger: Ledger) -> None:
    lines = sorted(f'<http://e/{s}> <http://e/{p}> "{v}" .' for s in "aábž" for p in ("p", "pp") for v in range(3))
    [entry] = ledger.append([Append("contribution", "one", "a/1", lines)])
    for wanted in ("<http://e/a> <http://e/p> ", "<http://e/ž> ", "<http://e/a> <http://e/x> ", "", "z", "\x00"):
        assert ledger.lines_about(entry.content, [wanted]) == [line for line in lines if line.startswith(wanted)]
    assert ledger.lines_about(EMPTY, ["<"]) == ledger.lines_about(None, ["<"]) == []


def test_entries_are_found_by_what_they_are(ledger: Ledger) -> None:
    ledger.append([Append("partner", "one", "curator", detail={"partner": "one"})])
    assert ledger.revision("one", 2) == ledger.entry(4) == ledger.current("revision", "one")
    assert ledger.current("revision", "one", until=3) == ledger.entry(3)
    assert ledger.revision("one", 9) is ledger.current("revision", "two") is ledger.entry(99) is None
    assert [e.number for e in ledger.entries(kind=("source", "revision"), backwards=True, limit=2)] == [4, 3]
    assert [e.number for e in ledger.entries(after=1, until=3)] == [2, 3]
    assert ledger.latest("revision").keys() == ledger.latest("partner").keys() == {"one"}
    assert ledger.latest("token") == {}
    last = ledger.entry(4)
    assert last is not None
    assert ledger.head(("revision",), at=last.time) == last
    assert ledger.head(at="2001-01-01T00:00:00Z") is None


def test_a_changed_standing_is_noticed(ledger: Ledger, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "ledger.sqlite") as db:
        db.execute("UPDATE standing SET state = 'pending'")
    db.close()
    with pytest.raises(LedgerBroken, match="stand"):
        ledger.verify()


def test_a_ledger_from_before_contributions_had_states_opens(tmp_path: Path) -> None:
    """Entries without states, differences and hashes of the state: they verify, and say the same when asked."""
    ledger = Ledger.in_home(tmp_path)
    ledger.append([Append("source", "one", "curator", LINES[:1], detail={"rank": 2})])
    for number, lines in enumerate((LINES, LINES[:1]), start=1):
        revision = Append("revision", "one", "curator", lines, number, of=0)
        ledger.append([Append("contribution", "one", "curator", lines), revision])
    ledger.close()
    _forget_what_is_new(tmp_path / "ledger.sqlite")
    old = Ledger.in_home(tmp_path)
    assert old.verify() == 5
    assert [(s.contribution, s.state, s.revision) for s in old.standings()] == [
        (2, "published", 1),
        (4, "published", 2),
    ]
    revisions = old.entries(kind="revision")
    assert all("state" not in entry.detail for entry in old.entries())
    assert [old.difference(entry) for entry in revisions] == [(sorted(LINES), []), ([], LINES[1:])]
    [entry] = old.append([Append("revision", "one", "curator", LINES, 3, {"contribution": 2})])
    assert entry.detail["state"] == old.state()
    old.close()


def _forget_what_is_new(path: Path) -> None:
    """Make a ledger as it was written before: fewer tables and indexes, entries that say less, chained anew."""
    with sqlite3.connect(path) as db:
        db.execute("DROP TABLE standing")
        db.execute("DROP INDEX entry_by_kind")
        db.row_factory = sqlite3.Row
        previous = START
        for row in db.execute("SELECT * FROM entry ORDER BY number").fetchall():
            detail = {
                name: value for name, value in json.loads(row["detail"]).items() if name in ("rank", "contribution")
            }
            entry = Entry(**{**dict(row), "detail": detail, "previous": previous, "hash": ""})
            previous = entry.expected_hash()
            db.execute(
                "UPDATE entry SET detail = ?, previous = ?, hash = ? WHERE number = ?",
                [json.dumps(detail, sort_keys=True), entry.previous, previous, entry.number],
            )
    db.close()
