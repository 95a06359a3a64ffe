"""What the rules found, as a value: findings, worst first, with the words of each rule in all languages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from v4graph.iris import PUBLIC_BASE

Severity = Literal["violation", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("violation", "warning", "info")


Texts = Mapping[str, str]
"""A text by language."""


def text_in(texts: Texts, language: str) -> str:
    """The text in this language, else in its main language (``de`` for ``de-AT``), else in English, else any."""
    wanted = language.lower()
    for tag in (wanted, wanted.split("-")[0], "en", *sorted(texts)):
        if tag in texts:
            return texts[tag]
    return ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One shape: how it is called, how severe it is and what it says to people."""

    iri: str
    severity: Severity = "violation"
    order: float = 0
    path: str | None = None
    names: Texts = field(default_factory=dict, hash=False)
    messages: Texts = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault: the record, the property and value (N-Triples text) where there is one, and the rule it breaks."""

    rule: Rule
    focus: str
    path: str | None = None
    value: str | None = None
    suggestion: str | None = None
    component: str = field(default="", compare=False)
    """The SHACL constraint component that found it, for SHACL reports."""

    @property
    def severity(self) -> Severity:
        """Violation blocks, warning is for a reviewer, info advises."""
        return self.rule.severity

    @property
    def shape(self) -> str:
        """The IRI of the shape."""
        return self.rule.iri

    def label(self, language: str) -> str:
        """The name of the field, or of the kind of record where the record itself is at fault."""
        return text_in(self.rule.names, language)

    def message(self, language: str) -> str:
        """What is wrong and how to mend it."""
        return text_in(self.rule.messages, language)


@dataclass(frozen=True, slots=True)
class Group:
    """The findings of one rule about one property."""

    rule: Rule
    path: str | None
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What the rules found, worst first; the order depends on the content only."""

    findings: tuple[Finding, ...]
    base: str = PUBLIC_BASE

    @property
    def blocks(self) -> bool:
        """Whether publication is refused: from the severities, never from ``sh:conforms``."""
        return any(finding.severity == "violation" for finding in self.findings)

    @property
    def counts(self) -> dict[Severity, int]:
        """How many findings of each severity."""
        found = Counter(finding.severity for finding in self.findings)
        return {severity: found[severity] for severity in SEVERITIES}

    @property
    def groups(self) -> tuple[Group, ...]:
        """The findings by rule and property, in order."""
        by_rule: dict[tuple[str, str, str | None], list[Finding]] = {}
        for finding in self.findings:
            by_rule.setdefault((finding.severity, finding.shape, finding.path), []).append(finding)
        return tuple(Group(found[0].rule, path, tuple(found)) for (_, _, path), found in by_rule.items())
