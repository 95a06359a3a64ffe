"""Every error has one shape, over HTTP and on the command line."""

from __future__ import annotations

import inspect
import re

import pytest

from v4graph import errors
from v4graph.errors import V4GraphError

CLASSES = [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, V4GraphError)]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.__name__)
def test_error(cls: type[V4GraphError]) -> None:
    error = cls("What is wrong.", headers={"Retry-After": "1"}, line=3)
    problem = error.problem("https://example.org/")
    assert problem == {
        "type": f"https://example.org/problems/{cls.slug}",
        "title": cls.title,
        "status": cls.status,
        "detail": "What is wrong.",
        "line": 3,
    }
    assert str(error) == "What is wrong."
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", cls.slug)
    assert 400 <= cls.status < 600
    assert cls.__doc__
    assert cls.__name__ in (errors.__doc__ or ""), "draw it in the tree"


def test_slugs_are_told_apart() -> None:
    slugs = [cls.slug for cls in CLASSES]
    assert len(slugs) == len(set(slugs))
