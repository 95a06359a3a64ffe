"""``python -m v4graph`` is the command line."""

from v4graph.cli import app

app()
