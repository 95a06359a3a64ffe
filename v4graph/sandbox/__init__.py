"""Processes in which everything from outside is run: queries, updates and uploads.

The engine cannot cancel a query, dies of deep nesting, aborts when memory runs out and follows ``SERVICE`` and
``LOAD``. Here it works in child processes that can be killed, are capped and have no network. This package file
stays empty: the children import it, and they have to start in milliseconds.
"""
