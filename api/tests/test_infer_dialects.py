"""The delimiter of nasty files."""

import pytest
from rowhouse.infer.dialects import Dialect, find_dialect

ROWS = range(1, 40)


def lines(header: str, row: str) -> str:
    return "\n".join([header, *(row.replace("#", str(number)) for number in ROWS)]) + "\n"


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        (lines("Station;Datum;Wert;Höhe (m)", "Köln #;01.03.2024;#,5;1.#,25"), ";"),
        (lines("id;text", "#;one, two, three, #, and more, or so"), ";"),
        (lines("id\tnote\tn", '#\t"a, b\nc; d "" e"\t3'), "\t"),
        (lines("id|name|when", "#|Doe, J. #|2024-01-01 12:00:00"), "|"),
        (lines("id,start,end", "#,08:#:00,09:#:30"), ","),
        (lines("id;name;x;", "#;n#;#,5;"), ";"),
        (lines('"id","a ""x"" b","v"', '"#","Smith, John; Jr.","#.5"'), ","),
        (lines("id,props", '#,"{""a"": [1, 2], ""b"": ""x;y""}"'), ","),
        (lines("url;hits", "https://example.org/a?b=c,d&e=#|f:#;7"), ";"),
        (lines("a,b,c,d,e", ",,,,"), ","),
        (lines("a;b;c", "#;2;3") + "4;2\n", ";"),
        (lines('"Name, first","Name, last",Age', "Jo#,Doe,#"), ","),
        (lines("Last, first|x", "true|#,28"), "|"),
        ("Last, first;value;id;note\n444,93;;true;720.786\n", ";"),
        (lines("id;title;price", "#;Rock 'n' roll, it's #;#.50"), ";"),
        (lines("id;wkt;n", "#;POLYGON((1.# 2.5, 3.1 4.2, 5 6));#"), ";"),
        (lines("a^b^c", "#^x y^#.5"), "^"),
        ("first,last,city\nAnn,Lee,Rome\nBob,Ray,Oslo\n", ","),
        ("id;name;x\n1;a;2,5\n", ";"),
        ("id;name\n", ";"),
        (lines("name", "person number #"), ","),
        (lines("name", "Doe, J. #"), ";"),
        (lines("Last, first", "x"), ";"),
        ("", ","),
    ],
)
def test_the_delimiter_is_the_one_that_header_and_rows_share(text: str, delimiter: str) -> None:
    assert find_dialect(text).delimiter == delimiter
    assert find_dialect(text.replace("\n", "\r\n")).delimiter == delimiter


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        (lines("id,name", "#,'Doe, J.'"), "'"),
        (lines("'id','name'", "'#','a'"), "'"),
        (lines("id,name", "#,'n' roll"), '"'),
        (lines("id,name", '#,"Doe, J."'), '"'),
        (lines("id,name", "#,a"), '"'),
        (lines("id\tname", '#\t5" wide'), ""),
        (lines("id,name", '#,the "best"'), ""),
    ],
)
def test_the_quote_is_one_that_is_around_fields(text: str, quote: str) -> None:
    assert find_dialect(text).quote == quote


def test_a_sample_of_long_texts_is_no_trouble() -> None:
    assert find_dialect("a;b\n1;" + "x" * 200_000 + "\n") == Dialect(";")
