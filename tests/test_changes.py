"""The change feed as values: pages that settle, records that cannot be altered, an Atom feed that stays XML."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pyoxigraph as ox
import pytest
from typer.testing import CliRunner

from v4graph import changes, cli, rdf
from v4graph.errors import BadRequest, NotFound
from v4graph.iris import Iris
from v4graph.ledger import Append, Entry, Ledger
from v4graph.workspace import Workspace

IRIS = Iris()
ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    found = Ledger.in_home(tmp_path)
    yield found
    found.close()


def publish(ledger: Ledger, number: int, **detail: object) -> Entry:
    told = {"contribution": 1, "mode": "replacement", "name": "private.ttl", **detail}
    lines = [f'<http://x/s> <http://x/p> "{number}" .']
    return ledger.append([Append("revision", "a", "nca/secret-id", lines, number, told)])[0]


def private(ledger: Ledger, count: int) -> None:
    ledger.append([Append("state", "a", "nca/1", detail={"contribution": 0, "state": "pending"}) for _ in range(count)])


def test_pages_follow_the_numbers_of_the_ledger(ledger: Ledger) -> None:
    with pytest.raises(NotFound):
        changes.read_page(ledger, 1)
    publish(ledger, 1)
    private(ledger, 98)
    page = changes.read_page(ledger, 1)
    assert ([e.revision for e in page.entries], page.full) == ([1], False)
    with pytest.raises(NotFound):
        changes.read_page(ledger, 2)
    publish(ledger, 2)
    page = changes.read_page(ledger, 1)
    assert ([e.revision for e in page.entries], page.full) == ([1, 2], True)
    assert changes.read_page(ledger, 2).entries == ()
    publish(ledger, 3)
    assert changes.read_page(ledger, 1) == page, "a full page never changes"
    assert [e.revision for e in changes.read_page(ledger, 2).entries] == [3]
    private(ledger, 250)
    assert changes.read_page(ledger, 3).entries == ()
    assert changes.read_page(ledger, 3).full
    for number in (0, 5):
        with pytest.raises(NotFound):
            changes.read_page(ledger, number)


def test_a_page_is_read_back(ledger: Ledger) -> None:
    entries = [publish(ledger, number, note='with "quotes", a \\ and\na line') for number in range(1, 131)]
    for number, expected in ((1, entries[:100]), (2, entries[100:])):
        page = changes.read_page(ledger, number)
        text = "\n".join(rdf.ntriples(changes.page_triples(page, IRIS)))
        found = changes.read_members((q.triple for q in ox.parse(text, ox.RdfFormat.N_TRIPLES)), number, IRIS)
        assert [e.number for e in found.entries] == [e.number for e in expected]
        assert [e.hash for e in found.entries] == [e.hash for e in expected]
        assert [e.content for e in found.entries] == [e.content for e in expected]
        assert found.next_page is page.full is (number == 1)
        assert found.entries[0].detail["note"] == expected[0].detail["note"]


def test_a_record_tells_what_is_public_only(ledger: Ledger) -> None:
    entry = publish(ledger, 1, reviewer="mesys/other-id", checked_with="f00d", address="http://internal/")
    text = changes.record(entry)
    for hidden in ("secret-id", "other-id", "private.ttl", "internal"):
        assert hidden not in text
    again = changes.read_record(text, changes.record_hash(text))
    assert (again.actor, again.detail["reviewer"], again.detail["checked_with"]) == ("nca", "mesys", "f00d")


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (1, "2026-01-01T00:00:00Z> ."),
        (2, "token"),
        (3, "a> <http://x/p> <http://x/o> . <http://x/s"),
        (3, "a/b"),
        (3, ""),
        (4, "nca> } ; DROP ALL ; INSERT DATA { <x"),
        (5, None),
        (5, "1"),
        (5, True),
        (6, None),
        (7, {"contribution": "1> <x"}),
        (7, {"contribution": 1, "mode": "<>"}),
        (7, {"contribution": 1, "secret": "x"}),
        (7, {"contribution": 1, "to": "2"}),
        (7, {}),
        (7, []),
        (8, 1),
    ],
)
def test_a_record_that_would_break_out_is_refused(ledger: Ledger, place: int, value: object) -> None:
    told = json.loads(changes.record(publish(ledger, 1)))
    told[place] = value
    text = json.dumps(told)
    with pytest.raises(BadRequest):
        changes.read_record(text, changes.record_hash(text))


def test_a_record_with_another_hash_is_refused(ledger: Ledger) -> None:
    text = changes.record(publish(ledger, 1))
    with pytest.raises(BadRequest):
        changes.read_record(text.replace("nca", "nobody"), changes.record_hash(text))
    for nonsense in ("", "[]", "{}", "[1,2", '"x"', "null"):
        with pytest.raises(BadRequest):
            changes.read_record(nonsense, changes.record_hash(nonsense))


def test_atom_stays_xml_whatever_is_said(ledger: Ledger) -> None:
    entries = [publish(ledger, 1, note="a <b> & “c”\x00\x0b\ud7ff"), publish(ledger, 2, mode="withdrawal")]
    sizes = ledger.triples()
    feed = ElementTree.fromstring(changes.atom(reversed(entries), IRIS, {"a": "Name <&>"}, sizes))
    titles = [entry.findtext(f"{ATOM}title") for entry in feed.findall(f"{ATOM}entry")]
    assert titles == ["Name <&>: revision 2, withdrawal", "Name <&>: revision 1"]
    assert "a <b> & “c”\ufffd\ufffd" in (feed.findall(f"{ATOM}entry")[1].findtext(f"{ATOM}summary") or "")
    assert ElementTree.fromstring(changes.atom([], IRIS, {}, {})).findtext(f"{ATOM}updated")


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE entry SET actor = 'somebody' WHERE number = 3",
        "UPDATE entry SET detail = '{}' WHERE number = (SELECT MAX(number) FROM entry)",
        "DELETE FROM entry WHERE number = (SELECT MAX(number) - 1 FROM entry)",
        "UPDATE content SET data = (SELECT data FROM content LIMIT 1) WHERE rowid = (SELECT MAX(rowid) FROM content)",
    ],
)
def test_check_notices_a_tampered_ledger(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tampering: str) -> None:
    with sqlite3.connect(workspace.home / "ledger.sqlite") as database:
        assert database.execute(tampering).rowcount == 1
    database.close()
    monkeypatch.setenv("V4GRAPH_HOME", str(workspace.home))
    result = CliRunner().invoke(cli.app, ["check"])
    assert result.exit_code == 1
    assert "changed from outside" in result.output
