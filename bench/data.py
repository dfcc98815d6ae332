"""The table that everybody serves: made-up measurements, the same in each run."""

import random
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path

NAME = "air"
STATIONS = 200
# Name and type, as dataset.yml has them.
COLUMNS = {
    "id": "integer",
    "date": "date",
    "station": "text",
    "latitude": "number",
    "longitude": "number",
    "pm10": "number",
    "pm25": "number",
    "no2": "number",
    "o3": "number",
    "humidity": "integer",
    "valid": "boolean",
    "remark": "text",
}


def description(filters: Iterable[str]) -> str:
    """Return the dataset.yml, with an index for each of the filters."""
    columns = "".join(f"  {name}: {{type: {kind}}}\n" for name, kind in COLUMNS.items())
    return f"title: Air\nfile: {NAME}.csv\nkey: id\nfilters: [{', '.join(filters)}]\ncolumns:\n{columns}"


def station(number: int) -> str:
    """Return the name of one of the stations."""
    return f"DEBW{number:03}"


def lines(count: int) -> Iterator[str]:
    """Yield the header and this many rows, without line ends."""
    chance = random.Random(1)
    yield ",".join(COLUMNS)
    first = date(1998, 1, 1)
    days = [str(first + timedelta(days=i)) for i in range(10_000)]
    # Enough of them to look like measurements, and quickly made.
    tails = [
        ",".join(f"{chance.uniform(0, 90):.3f}" for _ in range(4))
        + f",{chance.randrange(101)},{chance.choice(('true', 'false'))},{chance.choice(('', '', 'checked by hand'))}"
        for _ in range(10_000)
    ]
    places = [f"{station(i)},{47.5 + i / 100:.4f},{7.5 + i / 90:.5f}" for i in range(STATIONS)]
    for i in range(1, count + 1):
        yield f"{i},{days[i // STATIONS % 10_000]},{places[i % STATIONS]},{tails[i * 7919 % 10_000]}"


def write_dataset(folder: Path, count: int) -> Path:
    """Write dataset.yml and the file of a dataset with this many rows below the folder; return the file."""
    place = folder / NAME
    place.mkdir(parents=True)
    (place / "dataset.yml").write_text(description(["station", "pm10"]))
    path = place / f"{NAME}.csv"
    with path.open("w") as file:
        file.writelines(f"{line}\n" for line in lines(count))
    return path
