"""The running API, held against its own description by Schemathesis."""

from house import House
from table import YML, as_csv, make_rows

PLACES_YML = """\
title: Places
description: Invented places
source: Nobody
file: places.csv
key: name
filters: [longitude, latitude, kind]
point: {longitude: longitude, latitude: latitude}
columns:
  name: {type: text}
  longitude: {type: number, unit: degrees, minimum: -180, maximum: 180}
  latitude: {type: number, unit: degrees, minimum: -90, maximum: 90}
  kind: {type: text, enum: [a, b], description: What it is}
"""
PLACES = "name,longitude,latitude,kind\na b&c?ä%,1.5,-2,a\nb,,,\nc,0,0,b\n"
DAYS_YML = """\
title: Days
file: days.csv
key: day
columns:
  day: {type: date, minimum: 2025-01-01}
  code: {type: text, required: true, pattern: "[A-Z]+[0-9]"}
"""
DAYS = "day,code\n2025-01-01,AB1\n2025-12-31,C2\n"


def furnish(house: House) -> None:
    house.put(as_csv(make_rows()), yml=YML, name="rows")
    house.put(PLACES, yml=PLACES_YML, name="places")
    house.put(DAYS, yml=DAYS_YML, name="days")
