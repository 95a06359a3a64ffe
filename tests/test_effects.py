"""Effects: what is foretold of a publication is what it then does, and foretelling writes nothing."""

from __future__ import annotations

from collections.abc import Iterable

import pyoxigraph as ox
import pytest

from v4graph import projection, rdf
from v4graph.effects import Dispute, Effects, effects
from v4graph.iris import Iris
from v4graph.ledger import Append
from v4graph.store.embedded import current
from v4graph.store.primary import publishing
from v4graph.workspace import Workspace

IRIS = Iris()
XSD = "http://www.w3.org/2001/XMLSchema#"
V4CLUSTERS = f"<{IRIS.thing('project', 'v4clusters')}>"
START = f"<{IRIS.term('startDate')}>"


def snapshot(workspace: Workspace) -> ox.Store:
    found = current(workspace.home)
    assert found is not None
    return ox.Store.read_only(str(found.path))


def said(workspace: Workspace, source: str) -> list[str]:
    with workspace.ledger() as ledger:
        return ledger.lines(ledger.latest("revision")[source].content)


def foretold(workspace: Workspace, source: str, lines: Iterable[str]) -> Effects:
    with workspace.ledger() as ledger:
        return effects(ledger, snapshot(workspace), source, lines, IRIS)


def publish(workspace: Workspace, source: str, lines: Iterable[str]) -> None:
    with publishing(workspace.home), workspace.ledger() as ledger:
        revision = (ledger.latest("revision")[source].revision or 0) + 1
        ledger.append([Append("revision", source, "curator", list(lines), revision, {"contribution": 1})])
        projection.project(ledger, workspace.home, IRIS)


def graph(workspace: Workspace, name: str | None) -> set[str]:
    """A graph of the store without what rules have derived."""
    store = snapshot(workspace)
    node = ox.NamedNode(name) if name else ox.DefaultGraph()
    derived = {str(q.triple) for q in store.quads_for_pattern(None, None, None, ox.NamedNode(IRIS.derived))}
    quads = store.quads_for_pattern(None, None, None, node)
    return set(rdf.ntriples(q for q in quads if name or str(q.triple) not in derived))


def test_a_new_date_opens_a_disagreement(workspace: Workspace) -> None:
    lines = said(workspace, "gapr-v4clusters")
    [old] = [line for line in lines if line.startswith(f"{V4CLUSTERS} {START} ")]
    new = f'{V4CLUSTERS} {START} "2014-05"^^<{XSD}gYearMonth> .'
    before = workspace.hash()
    found = foretold(workspace, "gapr-v4clusters", [*(x for x in lines if x != old), new])
    assert workspace.hash() == before
    disputes = {(d.subject, d.property): d for d in (*found.opened, *found.changed)}
    dispute = disputes[(V4CLUSTERS, START)]
    assert dispute.after is not None
    assert dispute.after.values[f'"2014-05"^^<{XSD}gYearMonth>'] == ("gapr-v4clusters",)
    assert dispute.after.rule.startswith(f"<{IRIS.concept('resolution-rule', '')}")


def nodes(disputes: Iterable[Dispute]) -> set[str]:
    return {f"<{IRIS.hashed('disagreement', d.subject, d.property)}>" for d in disputes}


CHANGES = {
    "as it is": lambda lines: lines,
    "withdrawn": lambda lines: [],
    "half of it": lambda lines: lines[::2],
    "other years": lambda lines: [line.replace('"201', '"202') for line in lines],
    "other names": lambda lines: [line.replace('"@en', ' again"@en') for line in lines],
    "one more": lambda lines: [*lines, f'{V4CLUSTERS} {START} "1999"^^<{XSD}gYear> .'],
    "spelt otherwise": lambda lines: [line.replace("#integer>", "#int>") for line in lines],
}


@pytest.mark.parametrize(
    ("source", "change"),
    [
        *(("gapr-v4clusters", change) for change in CHANGES),
        ("nca-projects", "withdrawn"),
        ("nca-projects", "spelt otherwise"),
        ("resolutions", "half of it"),
    ],
)
def test_what_is_foretold_happens(workspace: Workspace, source: str, change: str) -> None:
    lines = CHANGES[change](said(workspace, source))
    resolved, disputed = graph(workspace, None), graph(workspace, IRIS.disagreements)
    found = foretold(workspace, source, lines)
    publish(workspace, source, lines)
    assert graph(workspace, None) == (resolved - set(found.lost)) | set(found.gained)
    assert not set(found.gained) & resolved
    assert set(found.lost) <= resolved
    after = graph(workspace, IRIS.disagreements)
    kind = f"<{IRIS.term('Disagreement')}> ."
    were, are = ({x.split(" ")[0] for x in g if x.endswith(kind)} for g in (disputed, after))
    assert nodes(found.opened) == are - were
    assert nodes(found.closed) == were - are
    touched = {x.split(" ")[0] for x in disputed ^ after}
    assert nodes((*found.opened, *found.closed, *found.changed)) >= touched & (were | are)
    assert bool(touched) is any((found.opened, found.closed, found.changed))
    if change == "as it is":
        assert not found
