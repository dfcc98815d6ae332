"""The page and the files that it loads."""

from collections.abc import Mapping
from pathlib import Path

from rowhouse.pages import Asset, Page, package_folder

# The package only holds files for us. Importing it would read all of them, and put them into templates of its own.
_PACKAGE = "offapi"
_OURS = Path(__file__).parent


def docs_page() -> Page:
    """Return the page of /docs."""
    return Page(path="/docs", html=_OURS / "page.html", files=_files)


def _files() -> Mapping[str, Asset]:
    swagger = package_folder(_PACKAGE)
    paths = (swagger / "swagger_bundle.js", swagger / "swagger_style.css", _OURS / "page.js", _OURS / "page.css")
    return {path.name: Asset.of_file(path) for path in paths}
