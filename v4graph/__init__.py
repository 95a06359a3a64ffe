"""v4graph: the knowledge graph of Central Europe's cluster organisations, projects and partners."""

__version__ = "0.1.0"
__all__ = ["__version__"]
