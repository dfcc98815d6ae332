"""The datasets that come along are what their dataset.yml says."""

import shutil
from pathlib import Path

from house import House

FILES = Path(__file__).parents[2] / "files" / "datasets"


def test_the_datasets_load_without_a_reject(house: House) -> None:
    for folder in FILES.iterdir():
        shutil.copytree(folder, house.folder / folder.name)
    assert [dataset.name for dataset in house.datasets if dataset.writable] == ["users"]
    house.load()
    assert house.sql("SELECT dataset, rows, rejects FROM dataset_version ORDER BY 1") == [
        ("air_quality", 149_151, 0),
        ("restaurants", 60, 0),
    ]
    assert house.sql(
        "SELECT count(*), count(DISTINCT borough), count(longitude), max(jsonb_array_length(grades)), "
        "bool_and(address ? 'street' AND address ? 'building' AND address ? 'zipcode') FROM restaurants_v2"
    ) == [(60, 5, 58, 4, True)]
    assert house.sql("SELECT count(*) FROM users_rows") == [(0,)]
