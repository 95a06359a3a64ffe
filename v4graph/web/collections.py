"""The start page and the plain lists: things of a kind, and sources."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import pyoxigraph as ox
from fastapi import FastAPI
from starlette.datastructures import State
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp

from v4graph import portal, rdf
from v4graph.entities import DCTERMS, LABELS, LARGEST_PAGE, PAGE, PREF_LABEL, Referring, Term, describe, select
from v4graph.errors import NotFound
from v4graph.iris import Iris
from v4graph.queries import bind, load_query
from v4graph.rdf import CSV, GRAPH_FORMATS, JSON_LD
from v4graph.web import pages
from v4graph.web.delivery import present_snapshot
from v4graph.web.negotiation import HTML, Choice, negotiate, not_acceptable
from v4graph.web.replies import alternates, links_of, number, path_of, reply
from v4graph.web.telling import Links, Text, Value

FORMATS = (HTML, *GRAPH_FORMATS, CSV)
Names = dict[str, dict[str, str]]
"""Thing -> language -> name."""

_FIGURES = ("organisation", "project", "partnership", "event", "output")
_SHOWN_DISAGREEMENTS = 6
