"""The page and the files that it loads."""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import orjson
from falcon import MEDIA_JSON

from rowhouse.pages import Asset, Page, package_folder

_OURS = Path(__file__).parent
# About a kilometre, less than the outlines themselves are off.
_DECIMALS = 2


def explorer_page() -> Page:
    """Return the page of `/`."""
    return Page(path="/", html=_OURS / "page.html", files=_files)


def _files() -> Mapping[str, Asset]:
    """Take what we wrote, and out of packages, which are never imported, what these hold for us."""
    charts = package_folder("chartkick") / "django" / "static" / "chartkick"
    maps = package_folder("js_lib_leaflet") / "static" / "js_lib_leaflet"
    countries = package_folder("countryinfo") / "data"
    ours = sorted(path for path in _OURS.iterdir() if path.suffix in (".js", ".css"))
    return {path.name: Asset.of_file(path) for path in ours} | {
        "chart_bundle.js": Asset.of_file(charts / "Chart.bundle.js"),
        "leaflet.js": Asset.of_file(maps / "leaflet.js"),
        "leaflet.css": Asset.of_file(maps / "leaflet.css"),
        "outlines.json": Asset(partial(_outlines, countries), MEDIA_JSON),
    }


def _outlines(folder: Path) -> bytes:
    """Return the countries of a folder, a file each, as one geometry, no finer than it is drawn."""
    facts = [orjson.loads(path.read_bytes()) for path in sorted(folder.glob("*.json"))]
    # The smallest ones have no outline.
    features = [feature for country in facts for feature in country.get("geoJSON", {}).get("features", ())]
    polygons = [polygon for feature in features for polygon in _polygons(feature["geometry"])]
    return orjson.dumps({"type": "MultiPolygon", "coordinates": polygons})


def _polygons(geometry: dict[str, Any]) -> Iterator[list[list[list[float]]]]:
    parts = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    for part in parts:
        yield [[[round(degrees, _DECIMALS) for degrees in place] for place in ring] for ring in part]
