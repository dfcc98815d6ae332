"""/openapi.json: valid, true to what is there, and cheap."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from house import Served, make_house
from openapi_spec_validator import OpenAPIV31SpecValidator
from parts import Postgres
from table import YML, as_csv, make_rows


@pytest.fixture(scope="module")
def served(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    house = make_house(postgres, tmp_path_factory.mktemp("datasets"))
    house.put(as_csv(make_rows()), yml=YML, name="rows")
    house.load()
    with house.serve({"WORKERS": "1"}) as served:
        yield served


def test_it_is_valid(served: Served) -> None:
    document: dict[str, Any] = json.loads(served.public.get("/openapi.json").text)
    OpenAPIV31SpecValidator(document).validate()
