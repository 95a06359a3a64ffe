"""Where ontology, data, queries and shapes lie: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGED = Path(__file__).parent / "assets"
ROOT = _PACKAGED if _PACKAGED.is_dir() else Path(__file__).parent.parent

ONTOLOGY = ROOT / "ontology"
DATA = ROOT / "data"
QUERIES = ROOT / "queries"
SHAPES = ROOT / "shapes"
