"""Rowhouse: a table as a fast, cached JSON API."""

__version__ = "0.1.0"
