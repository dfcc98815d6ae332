"""Rules of dataset.yml: what each takes and refuses, by both ways of loading."""

import pytest
from house import HEADER, STATIONS_YML, House
from rowhouse.errors import LoadError

# A column, its rule, values that keep it, and those that break it with what is said.
RULES = [
    (
        "name",
        "pattern: 'DE[A-Z]{2}[0-9]+|x'",
        ["DEUB1", "x", ""],
        {"aDEUB1": "does not match DE[A-Z]{2}[0-9]+|x (rule pattern)"},
    ),
    (
        "name",
        "pattern: '[^\\]+]+: (?:a|b):c%s'",
        ["q: b:c%s"],
        {"]: b:c%s": "does not match [^\\]+]+: (?:a|b):c%s (rule pattern)"},
    ),
    ("name", "pattern: '[^x]*'", ["a", '"two\nlines"'], {'"a\nx"': "does not match [^x]* (rule pattern)"}),
    ("name", "pattern: '\\w+'", ["a_1"], {"ö": "does not match \\w+ (rule pattern)"}),
    (
        "name",
        "enum: [a, it's, '%(x)s :y']",
        ["a", "it's", "%(x)s :y"],
        {"A": "is none of a, it's, %(x)s :y (rule enum)"},
    ),
    ("name", "unique: true", ["a", "A", "", ""], {"a": "is there in line 2 already (rule unique)"}),
    ("height", "minimum: 0", ["0", "1e-9"], {"-3": "is less than the minimum 0.0 (rule minimum)"}),
    ("height", "maximum: 1.5", ["1.5", "-7"], {"1.500001": "is greater than the maximum 1.5 (rule maximum)"}),
    ("height", "enum: [1, 2.5]", ["1.0", "2.5"], {"2": "is none of 1.0, 2.5 (rule enum)"}),
    ("height", "unique: true", ["1.0", "2"], {"1": "is there in line 2 already (rule unique)"}),
    (
        "opened",
        "minimum: 2025-01-01",
        ["2025-01-01"],
        {"2024-12-31": "is less than the minimum 2025-01-01 (rule minimum)"},
    ),
    ("opened", "enum: [2025-01-01]", ["2025-01-01"], {"2024-12-31": "is none of 2025-01-01 (rule enum)"}),
    (
        "seen",
        "maximum: 2025-01-01T12:00:00+01:00",
        ["2025-01-01 11:00"],
        {"2025-01-01 11:01": "is greater than the maximum 2025-01-01 12:00:00+01:00 (rule maximum)"},
    ),
    (
        "seen",
        "minimum: 2025-01-01",
        ["2025-01-01"],
        {"2024-12-31": "is less than the minimum 2025-01-01 00:00:00+00:00 (rule minimum)"},
    ),
]
COLUMNS = ("id", "name", "height", "opened", "seen", "open")


def rows(column: str, values: list[str]) -> str:
    place = COLUMNS.index(column)
    return HEADER + "".join(
        f"{line},{',' * (place - 1)}{value}{',' * (5 - place)}\n" for line, value in enumerate(values, start=2)
    )


@pytest.mark.parametrize(("column", "rule", "good", "bad"), RULES)
def test_a_rule(house: House, column: str, rule: str, good: list[str], bad: dict[str, str]) -> None:
    declared = next(line for line in STATIONS_YML.splitlines() if line.startswith(f"  {column}:"))
    yml = STATIONS_YML.replace(declared, declared.replace("}", f", {rule}}}") if "}" in declared else declared)
    house.put(rows(column, good), yml=yml)
    house.load()
    house.put(rows(column, good + list(bad)), yml=f"{yml}max_rejects: {len(bad)}\n")
    house.load()
    assert house.sql("SELECT version, rows, rejects FROM dataset_version ORDER BY 1") == [
        (1, len(good), 0),
        (2, len(good), len(bad)),
    ]
    found = house.sql('SELECT "column", value, reason FROM dataset_reject ORDER BY line')
    assert found == [(column, value.strip('"'), reason) for value, reason in bad.items()]


def test_rules_are_asked_one_after_the_other(house: House) -> None:
    yml = STATIONS_YML.replace("{type: integer}", "{type: integer, minimum: 0, maximum: 9}")
    house.put(f"{HEADER}5,,,,,\n-1,,,,,\n10,,,,,\nx,,,,,\n,,,,,\n5,,,,,\n", yml=f"{yml}max_rejects: 5\n")
    house.load()
    assert house.sql("SELECT line, value, reason FROM dataset_reject ORDER BY line") == [
        (3, "-1", "is less than the minimum 0 (rule minimum)"),
        (4, "10", "is greater than the maximum 9 (rule maximum)"),
        (5, "x", 'was refused: invalid input syntax for type bigint: "x"'),
        (6, None, "is missing, but the column is required"),
        (7, "5", "is the key of line 2 already"),
    ]


def test_a_row_that_was_rejected_takes_no_unique_value(house: House) -> None:
    yml = STATIONS_YML.replace("{type: text}", "{type: text, unique: true}")
    house.put(f"{HEADER}1,a,,,,\n1,b,,,,\n2,b,,,,\n", yml=f"{yml}max_rejects: 1\n")
    house.load()
    assert house.sql("SELECT id, name FROM stations_v1 ORDER BY id") == [(1, "a"), (2, "b")]


def test_a_text_that_no_index_takes_is_a_reject(house: House) -> None:
    yml = f"{STATIONS_YML.replace('key: id', 'key: name')}filters: [open]\n"
    house.put(f"{HEADER}1,{'ä' * 500},,,,\n2,{'ä' * 500}a,,,,\n", yml=f"{yml}max_rejects: 1\n")
    house.load()
    assert house.sql("SELECT line, reason FROM dataset_reject") == [
        (3, "is longer than 1000 bytes, too long for a key, for filters or for unique values")
    ]


def test_a_pattern_that_postgresql_does_not_understand_is_named(house: House) -> None:
    yml = STATIONS_YML.replace("{type: text}", "{type: text, pattern: 'a{1,300}'}")
    house.put(f"{HEADER}1,a,,,,\n", yml=yml)
    with pytest.raises(
        LoadError, match=r"columns\.name\.pattern: PostgreSQL does not understand 'a\{1,300\}' \(invalid reg"
    ):
        house.load()
