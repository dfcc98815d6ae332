"""Names of columns, units and titles out of what people write into headers and file names."""

import re
import unicodedata
from collections.abc import Iterable

from rowhouse.dataset import PARAMETERS

_LONGEST = 63
_VALID = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}", re.ASCII)
# Where leaving the mark out would be another word.
_SPELLED_OUT = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss", "æ": "ae", "Æ": "Ae", "ø": "o"}
    | {"Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "œ": "oe", "Œ": "Oe", "µ": "u", "μ": "u"}
)
_UNIT = re.compile(r"\s*[(\[]([^()\[\]]{1,12})[)\]]\s*$")
_UNITS = (
    " m cm mm km nm mi ft in g kg mg t lb oz s ms min h d °C °F K % ‰ Pa hPa kPa mbar bar V mV kV A mA W kW MW GW Wh "
    "kWh MWh GWh TWh J kJ MJ kcal Hz kHz MHz GHz l ml hl m2 m² km2 km² m3 m³ cm² cm³ ha km/h m/s m³/s l/s mph kn mm/h "
    "µg/m³ μg/m³ µg/m3 ug/m3 mg/m³ mg/l g/l µg/l mol/l W/m² kWh/m² N kN Nm dB lx lm ppm ppb ° deg degrees € EUR $ USD "
    "£ GBP CHF px rpm bit kB MB GB "
)
_EXTENSIONS = re.compile(r"(\.(csv|tsv|txt|json|ndjson|jsonl|gz))+$", re.IGNORECASE)


def column_names(headers: Iterable[str]) -> list[str]:
    """Return a valid column name for each header, no two alike even to those who do not tell case apart."""
    names: list[str] = []
    taken: set[str] = set()
    for number, header in enumerate(headers, 1):
        stem = _stem(header, number)
        name, count = stem, 1
        while name.lower() in taken:
            count += 1
            name = f"{stem[: _LONGEST - 1 - len(str(count))].rstrip('_')}_{count}"
        taken.add(name.lower())
        names.append(name)
    return names


def _stem(header: str, number: int) -> str:
    # A name that serves as it is stays as people know it.
    if _VALID.fullmatch(header) and "__" not in header:
        return f"{header}_value" if header in PARAMETERS else header
    spelled_out = split_unit(header)[0].translate(_SPELLED_OUT)
    letters = unicodedata.normalize("NFKD", spelled_out).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "_", letters).strip("_")
    if name[:1].isdigit():
        name = f"c_{name}"
    name = name[:_LONGEST].rstrip("_") or f"column_{number}"
    return f"{name}_value" if name in PARAMETERS else name


def split_unit(header: str) -> tuple[str, str]:
    """Return header and unit of `Temp (°C)` or `Temp [°C]`, the header alone where that is no unit."""
    found = _UNIT.search(header)
    if found and f" {found[1].strip()} " in _UNITS and found.start():
        return header[: found.start()].strip(), found[1].strip()
    return header, ""


def title_from(file_name: str) -> str:
    """Return `Air quality 2020` for `air_quality-2020.csv.gz`."""
    words = re.sub(r"[\s_\-.]+", " ", _EXTENSIONS.sub("", file_name)).strip()
    return (words[:1].upper() + words[1:]) or "Table"
