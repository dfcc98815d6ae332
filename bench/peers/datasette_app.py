"""Datasette over the SQLite file that DATABASE names: `uvicorn datasette_app:app`, as it has no workers of its own."""

import os

from datasette.app import Datasette

app = Datasette(
    immutables=[os.environ["DATABASE"]],
    # It would look for what else might be asked, in every column, each time.
    settings={"default_page_size": 100, "max_returned_rows": 1000, "suggest_facets": False},
).app()
