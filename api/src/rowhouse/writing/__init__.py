"""Datasets whose rows clients write: their tables, their states, and what HTTP promises for them."""
