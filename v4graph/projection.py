"""The store as a projection of the ledger: built anew, or brought up to date by one atomic update.

Both ways give the same store, quad for quad (tests prove it): everything here is a pure function of the ledger's
entries and the rules. The store records the entry it has applied in the same update, so a crash between ledger and
store heals by applying what is missing.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyoxigraph as ox

from v4graph import derivation, provenance, rdf, touched
from v4graph.building import Progress, build
from v4graph.errors import StoreDamaged, StoreError
from v4graph.iris import Iris
from v4graph.ledger import PROJECTED, Entry, Ledger
from v4graph.resolution import Policies, Rules, resolve_subject
from v4graph.state import RESOLUTIONS, State, state_of
from v4graph.store.embedded import Snapshot, current
from v4graph.store.faults import damaged, store_faults
from v4graph.store.primary import Primary, is_kept, wipe

VOCABULARY = ("ontology", "schemes")
"""Sources that decide how all others are read: a change of theirs builds the store anew."""
_FEW = 2
"""More properties of a thing than that are read together with all others of it."""
Pair = tuple[str, str]
"""A subject and a property, or a subject and a value, as N-Triples text."""


def token_of(entry: Entry, fingerprint: str) -> str:
    """A short text unique to the content of the store after an entry."""
    return f"{entry.number}-{entry.hash[:12]}-{fingerprint[:6]}"


def applied(store: ox.Store, iris: Iris) -> tuple[int, str, str] | None:
    """The ledger entry a store has applied: its number, its hash and the rules' fingerprint; None in an empty store."""
    graph = ox.NamedNode(iris.provenance)

    def value(name: str) -> str | None:
        quads = store.quads_for_pattern(graph, ox.NamedNode(iris.term(name)), None, graph)
        return next((q.object.value for q in quads if isinstance(q.object, ox.Literal)), None)

    number, digest, rules = value("ledgerEntry"), value("ledgerHash"), value("rulesHash")
    return (int(number), digest, rules) if number and digest and rules else None


def project(
    ledger: Ledger,
    home: Path,
    iris: Iris,
    *,
    until: int | None = None,
    anew: bool = False,
    tell: Progress = lambda _: None,
) -> Snapshot:
    """Bring the store of a home up to the ledger's last public entry and make the snapshot; heals what a crash left.

    To be called within ``publishing``. Costs as much as what is missing, or everything when ``anew`` or when the store
    turns out to be damaged. With ``until`` the store is that of an entry of the past, in a home of its own.

    Raises:
        StorageFull, NotWritable: the ledger stays as it is; called again, it goes on where it stopped.
    """
    kept = is_kept(home)
    try:
        with store_faults(home):
            return _project(ledger, home, iris, until, anew, tell)
    except StoreError as error:
        if not kept and (anew or not isinstance(error, StoreDamaged)):
            raise
        failed = error
    _forget(failed)
    if kept:  # what it complains of may be long past: opened again it may have nothing to say
        return project(ledger, home, iris, until=until, anew=anew, tell=tell)
    tell(f"building the store anew: {failed.detail}")
    with store_faults(home):
        return _project(ledger, home, iris, until, True, tell)


def _forget(error: BaseException | None) -> None:
    """Let go of what the functions that failed worked with: a store is closed when nobody refers to it any more."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def _project(ledger: Ledger, home: Path, iris: Iris, until: int | None, anew: bool, tell: Progress) -> Snapshot:
    head = ledger.head(PROJECTED, until=until)
    if head is None:
        raise ValueError("the ledger is empty: there is nothing to project")
    rules = derivation.load_rules(iris)
    fingerprint = derivation.fingerprint(rules)
    token = token_of(head, fingerprint)
    if anew:
        wipe(home)
    primary = Primary(home)
    try:
        done = applied(primary.store, iris)
        now = current(home)
        if done == (head.number, head.hash, fingerprint) and now and now.token == token and now.path.is_dir():
            if applied(ox.Store.read_only(str(now.path)), iris) != done:
                raise damaged(home, f"{now.path}/CURRENT")
            return now
        if done != (head.number, head.hash, fingerprint):
            at_marker = ledger.entry(done[0]) if done and done[0] <= head.number else None
            entries = ledger.entries(after=done[0], until=head.number, kind=PROJECTED) if done and at_marker else []
            follows = done is not None and at_marker is not None and done[1:] == (at_marker.hash, fingerprint)
            if follows and at_marker and not _changes_vocabulary(entries):
                subjects = _bring_up_to_date(primary.store, ledger, at_marker, head, rules, fingerprint, iris)
                touched.note(home, token_of(at_marker, fingerprint), token, subjects)
            else:
                if any(True for _ in primary.store):
                    primary.close()
                    wipe(home)
                    primary = Primary(home)
                build(primary.store, ledger, head, rules, fingerprint, iris, home, tell)
        snapshot = primary.checkpoint(entry=head.number, token=token, created=head.time)
        primary.leave()
        return snapshot
    finally:
        primary.close()


def _changes_vocabulary(entries: Iterable[Entry]) -> bool:
    return any(entry.kind == "revision" and entry.source in VOCABULARY for entry in entries)


# --- brought up to date -----------------------------------------------------------------------------------------


@dataclass(slots=True)
class Difference:
    """Quads to remove and to add, per graph (IRI in angle brackets; "" is the default graph)."""

    removed: dict[str, set[str]]
    added: dict[str, set[str]]

    def between(self, graph: str, old: Iterable[str], new: Iterable[str]) -> None:
        """Note what makes the new lines of a graph of the old ones."""
        before, after = set(old), set(new)
        self.removed.setdefault(graph, set()).update(before - after)
        self.added.setdefault(graph, set()).update(after - before)

    def update(self) -> list[str]:
        """The operations of a SPARQL Update that makes the difference."""
        return [
            f"{verb} DATA {{\n{_blocks(part)}\n}}"
            for verb, part in (("DELETE", self.removed), ("INSERT", self.added))
            if any(part.values())
        ]


def _blocks(lines_by_graph: Mapping[str, set[str]]) -> str:
    blocks = []
    for graph, lines in sorted(lines_by_graph.items()):
        text = "\n".join(sorted(lines))
        if lines:
            blocks.append(f"GRAPH {graph} {{\n{text}\n}}" if graph else text)
    return "\n".join(blocks)


def _bring_up_to_date(
    store: ox.Store,
    ledger: Ledger,
    at_marker: Entry,
    head: Entry,
    rules: tuple[derivation.Rule, ...],
    fingerprint: str,
    iris: Iris,
) -> set[str]:
    """Make the update; the subjects whose statements in the default graph came or went, by their IRIs."""
    entries = ledger.entries(after=at_marker.number, until=head.number, kind=PROJECTED)
    sources = {entry.source for entry in entries}
    old = state_of(ledger, iris, at_marker.number, sources)
    new = state_of(ledger, iris, head.number, sources)
    difference = Difference({}, {})
    pairs: set[Pair] = set()
    for source in sources:
        before, after = old.revisions.get(source), new.revisions.get(source)
        if (before and before.content) != (after and after.content):
            graph = f"<{iris.graph(source)}>"
            difference.between(graph, *_where_they_differ(ledger, before, after))
            pairs |= {pair_of(line) for line in difference.removed[graph] | difference.added[graph]}
        if old.rules.rank(source) != new.rules.rank(source) and after:
            pairs |= {pair_of(line) for line in rdf.normalise(ledger.lines(after.content))}
    if RESOLUTIONS in sources:
        pairs |= dict(old.rules.recorded.items() ^ new.rules.recorded.items()).keys()
    changed = resolve_again(store, pairs, difference, new.rules, iris)

    named = [e.content for e in (*entries, *(s.revisions[t] for s in (old, new) for t in sources & s.revisions.keys()))]
    sizes = ledger.triples(content for content in named if content)
    graph = f"<{iris.provenance}>"
    was = provenance.marker(at_marker, fingerprint, iris)
    now = provenance.marker(head, fingerprint, iris)
    for source in sources:
        was |= _about_source(ledger, old, source, sizes, iris)
        now |= _about_source(ledger, new, source, sizes, iris)
    for entry in entries:
        if entry.kind == "revision":
            now |= provenance.of_revision(entry, sizes.get(entry.content or "", 0), iris)
    difference.between(graph, was, now)

    operations = difference.update()
    subjects = {line.split(" ", 1)[0] for part in (difference.removed, difference.added) for line in part.get("", ())}
    new_day = at_marker.time[:10] != head.time[:10]
    for rule in rules:
        reached = derivation.foci(store, rule, changed, all_daily=new_day)
        if reached:
            subjects.update(reached)
            operations.append(derivation.derive_update(rule, reached, head.time[:10], iris))
    store.update(f"{derivation.prologue_of(rules)}\n" + " ;\n".join(operations))
    return {subject[1:-1] for subject in subjects}


def _about_source(ledger: Ledger, state: State, source: str, sizes: Mapping[str, int], iris: Iris) -> set[str]:
    described = state.descriptions.get(source)
    lines = rdf.normalise(ledger.lines(described.content)) if described else []
    return provenance.of_source(lines, state.revisions.get(source), sizes, iris)


def _where_they_differ(ledger: Ledger, before: Entry | None, after: Entry | None) -> tuple[list[str], list[str]]:
    """Two contents as the engine keeps them, as far as their statements are not the same.

    A statement that is spelled in two ways is one statement: where some were removed, all values of their pairs are
    looked at together.
    """
    first, last = ((entry.revision or 0 if entry else 0) for entry in (before, after))
    between = [ledger.revision(after.source, n) for n in range(first + 1, last + 1)] if after else []
    whole = None in between  # a copy of another ledger need not begin at the beginning
    changed = [] if whole else [ledger.difference(entry) for entry in between if entry]
    if changed and not any(removed for _, removed in changed):
        return [], rdf.normalise(line for added, _ in changed for line in added)
    pairs = {" ".join((*pair_of(line), "")) for parts in changed for lines in parts for line in lines}
    pairs |= {""} if whole else set()
    old, new = (ledger.lines_about(entry.content, pairs) if entry else [] for entry in (before, after))
    return rdf.normalise(old), rdf.normalise(new)


def resolve_again(
    store: ox.Store, pairs: Iterable[Pair], difference: Difference, rules: Rules, iris: Iris
) -> dict[str, list[Pair]]:
    """Add to the difference what the resolved view and the disagreements gain and lose because of some pairs.

    Returns, by property, subject and value of the statements, former and new, that were resolved anew and differ.
    """
    disagreements = f"<{iris.disagreements}>"
    no_source = {f"<{g}>" for g in (iris.provenance, iris.disagreements, iris.derived)}
    added = {graph: by_subject(lines) for graph, lines in difference.added.items()}
    changed: dict[str, list[Pair]] = {}
    properties: dict[str, set[str]] = {}
    for subject, predicate in pairs:
        if predicate not in rules.policies.derived:
            properties.setdefault(subject, set()).update(_together(predicate, rules.policies))
    found = _by_graph(quad for about in properties.items() for quad in _said_now(store, *about))
    for subject, predicates in sorted(properties.items()):
        statements: dict[str, set[str]] = {}
        for graph in (found.keys() | added.keys()) - no_source - {""}:
            kept = found.get(graph, {}).get(subject, set()) - difference.removed.get(graph, set())
            new = {line for line in added.get(graph, {}).get(subject, ()) if pair_of(line)[1] in predicates}
            if kept or new:
                statements[iris.source(graph[1:-1])] = kept | new
        resolved = resolve_subject(subject, statements, rules, iris)
        before = found.get("", {}).get(subject, set())
        for line in before ^ resolved.lines:
            _, predicate, value = rdf.split_line(line)
            changed.setdefault(predicate, []).append((subject, value))
        difference.between("", before, resolved.lines)
        disputable = predicates & rules.policies.single
        told = [line for p in disputable for line in disagreement_about(store, subject, p, iris)]
        difference.between(disagreements, told, resolved.disagreements)
    return changed


def _said_now(store: ox.Store, subject: str, predicates: set[str]) -> Iterator[ox.Quad]:
    """What a store says of some properties of a thing: a look-up costs as much as a dozen statements."""
    if len(predicates) > _FEW:
        every = store.quads_for_pattern(_node(subject), None, None, None)
        yield from (quad for quad in every if f"<{quad.predicate.value}>" in predicates)
        return
    for predicate in predicates:
        yield from store.quads_for_pattern(_node(subject), _node(predicate), None, None)


def _together(predicate: str, policies: Policies) -> set[str]:
    """A property with those that are resolved in step with it: names, and what the names that lose become."""
    coupled = {(name, other) for name, other in policies.other_values_as.items() if predicate in (name, other)}
    return {predicate}.union(*coupled)


def disagreement_about(store: ox.Store, subject: str, predicate: str, iris: Iris) -> list[str]:
    """What the graph of disagreements says about a pair."""
    graph, claim = ox.NamedNode(iris.disagreements), ox.NamedNode(iris.term("claim"))
    about: list[ox.Quad] = []
    node = ox.NamedNode(iris.hashed("disagreement", subject, predicate))
    for quad in store.quads_for_pattern(node, None, None, graph):
        about.append(quad)
        if quad.predicate == claim:
            about += store.quads_for_pattern(quad.object, None, None, graph)  # type: ignore[arg-type]
    return rdf.ntriples(about) if about else []


def _node(text: str) -> ox.NamedNode:
    return ox.NamedNode(text[1:-1])


def pair_of(line: str) -> Pair:
    """The subject and the property of a line."""
    subject, predicate, _ = line.split(" ", 2)
    return subject, predicate


def by_subject(lines: Iterable[str]) -> dict[str, set[str]]:
    """Lines by their subject."""
    found: dict[str, set[str]] = {}
    for line in lines:
        found.setdefault(line.split(" ", 1)[0], set()).add(line)
    return found


def _by_graph(quads: Iterable[ox.Quad]) -> dict[str, dict[str, set[str]]]:
    """Quads as N-Triples lines, by graph ("" is the default graph) and subject."""
    found: dict[str, list[ox.Quad]] = {}
    for quad in quads:
        name = "" if isinstance(quad.graph_name, ox.DefaultGraph) else str(quad.graph_name)
        found.setdefault(name, []).append(quad)
    return {name: by_subject(rdf.ntriples(group)) for name, group in found.items()}
