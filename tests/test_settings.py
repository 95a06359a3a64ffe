"""Settings come from the environment once, are frozen, and impossible ones are refused in words."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from v4graph.settings import Settings


def test_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("V4GRAPH_HOME", str(tmp_path))
    monkeypatch.setenv("V4GRAPH_QUERY_SECONDS", "2.5")
    settings = Settings()
    assert settings.home == tmp_path
    assert settings.query_seconds == 2.5
    with pytest.raises(ValidationError):
        settings.port = 1  # type: ignore[misc]


def test_home_is_outside_the_tree_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("V4GRAPH_HOME", raising=False)
    tree = Path(__file__).parent.parent
    assert tree not in Settings().home.parents


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("base_iri", "nowhere", "slash"),
        ("base_iri", "https://example.org/x", "slash"),
        ("log_level", "loud", "critical"),
        ("readers", "0", "greater"),
        ("query_seconds", "0", "greater"),
        ("port", "70000", "65535"),
    ],
)
def test_impossible_values(name: str, value: str, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Settings(**{name: value})  # type: ignore[arg-type]


def test_every_setting_is_described() -> None:
    assert all(field.description for field in Settings.model_fields.values())
    assert len(Settings.model_fields) <= 20
