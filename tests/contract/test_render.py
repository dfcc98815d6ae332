"""What playbooks/render.yml writes for people without Ansible: a folder for kustomize, and one for compose."""

import importlib.resources
import json
import re
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.contract.manifests import DEFAULTS, ROOT, TABLE, load, objects_of, run_render
from tests.contract.renderings import OVERRIDES, Renderings

PROD = ROOT / "inventories/prod"
WORKLOADS = {"postgres": "StatefulSet", "load": "Job", "redis": "Deployment", "api": "Deployment"}
# {name of a Secret: {its key: name in .env}}
ENV_NAMES = {
    "postgres": {
        "superuser-password": "POSTGRES_SUPERUSER_PASSWORD",
        "loader-password": "POSTGRES_LOADER_PASSWORD",
        "api-password": "POSTGRES_API_PASSWORD",
    },
    "redis": {"password": "REDIS_PASSWORD"},
}


@pytest.fixture(scope="module")
def folder(renderings: Renderings) -> Path:
    return renderings.folder("prod")


@pytest.fixture(scope="module")
def objects(renderings: Renderings) -> dict[str, Any]:
    return renderings.objects("prod")


@pytest.fixture(scope="module")
def compose(folder: Path) -> Any:
    return load(folder / "compose/compose.yaml")


def pod(objects: dict[str, Any], service: str) -> dict[str, Any]:
    (item,) = [item for name, item in objects.items() if re.match(f"{WORKLOADS[service]}/{service}(-|$)", name)]
    content: dict[str, Any] = item["spec"]["template"]["spec"]
    return content


def container(objects: dict[str, Any], service: str) -> dict[str, Any]:
    (content,) = pod(objects, service)["containers"]
    assert isinstance(content, dict)
    return content


def question(name: str) -> str:
    return f"${{{name}:?set {name} in .env}}"


def test_the_kustomization_lists_every_file_and_nothing_else(folder: Path) -> None:
    kustomization = load(folder / "kustomize/kustomization.yaml")
    files = {path.name for path in (folder / "kustomize").iterdir()}
    generators = kustomization["secretGenerator"]
    examples = {f"{file}.example" for generator in generators for file in generator["envs"]}
    assert files == {*kustomization["resources"], *examples, "kustomization.yaml"}
    # As `for file in [0-9]*.yaml` goes through them.
    assert kustomization["resources"] == sorted(kustomization["resources"])
    assert kustomization["resources"][0] == "01-namespace-rowhouse-prod.yaml"


def test_the_kustomization_names_each_image_once_and_as_it_is(folder: Path, objects: dict[str, Any]) -> None:
    images = load(folder / "kustomize/kustomization.yaml")["images"]
    assert all(entry["name"] == entry["newName"] for entry in images)
    named = {
        f"{entry['name']}@{entry['digest']}" if "digest" in entry else f"{entry['name']}:{entry['newTag']}"
        for entry in images
    }
    assert len(named) == len(images) == 4
    assert named == {container(objects, service)["image"] for service in WORKLOADS}
    assert OVERRIDES["redis"] in named


def test_no_secret_is_rendered_and_a_file_asks_for_each_of_its_passwords(folder: Path, objects: dict[str, Any]) -> None:
    assert not [name for name in objects if name.startswith("Secret/")]
    generators = {entry["name"]: entry for entry in load(folder / "kustomize/kustomization.yaml")["secretGenerator"]}
    assert generators.keys() == ENV_NAMES.keys()
    for name, keys in ENV_NAMES.items():
        assert generators[name]["options"]["disableNameSuffixHash"] is True
        assert generators[name]["namespace"] == "rowhouse-prod"
        lines = (folder / f"kustomize/{name}.env.example").read_text().splitlines()
        assert [line for line in lines if line.endswith("=")] == [f"{key}=" for key in keys]
    assert lines[-1] == "auth.conf=requirepass "


def test_the_compose_file_is_strictly_valid(compose: Any) -> None:
    schema = importlib.resources.files("check_jsonschema") / "builtin_schemas/vendor/compose-spec.json"
    jsonschema.validate(compose, json.loads(schema.read_text()))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**compose, "service": {}}, json.loads(schema.read_text()))


@pytest.mark.parametrize("service", WORKLOADS)
def test_a_service_is_its_container(compose: Any, objects: dict[str, Any], service: str) -> None:
    there, here = container(objects, service), compose["services"][service]
    arguments = there.get("args", [])
    # What comes behind is the role's.
    assert here.get("command", [])[: len(arguments)] == arguments
    assert here["mem_limit"] == there["resources"]["limits"]["memory"].replace("Mi", "m").replace("Gi", "g")
    assert here["read_only"] is True
    assert here["cap_drop"] == ["ALL"]
    assert here["security_opt"] == ["no-new-privileges"]
    assert here["restart"] == ("no" if service == "load" else "unless-stopped")
    folders = [mount["mountPath"] for mount in there["volumeMounts"]]
    mounted = [path.split(":")[0] for path in here["tmpfs"]] + [path.split(":")[1] for path in here["volumes"]]
    # A file of the folder will do.
    missing = [folder for folder in folders if not any(f"{path}/".startswith(f"{folder}/") for path in mounted)]
    assert missing == []


def test_the_api_has_the_environment_of_its_pods(compose: Any, objects: dict[str, Any]) -> None:
    settings, passwords = {}, {}
    for variable in container(objects, "api")["env"]:
        if "value" in variable:
            settings[variable["name"]] = variable["value"]
        else:
            wanted = variable["valueFrom"]["secretKeyRef"]
            passwords[variable["name"]] = question(ENV_NAMES[wanted["name"]][wanted["key"]])
    assert compose["services"]["api"]["environment"] == settings | passwords
    assert settings["ROWHOUSE_WORKERS"] == "2"
    assert {"ROWHOUSE_DATABASE_PASSWORD", "ROWHOUSE_REDIS_PASSWORD"} == passwords.keys()


def test_a_load_has_that_of_its_job_and_finds_the_data_beside_their_descriptions(
    compose: Any, objects: dict[str, Any]
) -> None:
    variables = container(objects, "load")["env"]
    values = {variable["name"]: variable["value"] for variable in variables if "value" in variable}
    assert compose["services"]["load"]["environment"] == values | {
        "ROWHOUSE_DATABASE_PASSWORD": question("POSTGRES_LOADER_PASSWORD"),
        "ROWHOUSE_DATA_DIR": "/etc/rowhouse/datasets",
    }
    assert compose["services"]["load"]["image"] == compose["services"]["api"]["image"]


def test_the_parts_find_each_other(compose: Any) -> None:
    services = compose["services"]
    settings = services["api"]["environment"]
    assert {settings["ROWHOUSE_DATABASE_HOST"], settings["ROWHOUSE_REDIS_HOST"]} <= services.keys()
    assert services["load"]["environment"]["ROWHOUSE_DATABASE_HOST"] in services
    assert services["api"]["depends_on"]["load"] == {"condition": "service_completed_successfully"}
    assert services["api"]["depends_on"].keys() == services.keys() - {"api"}
    assert all("healthcheck" in services[name] for name in ("postgres", "redis", "api"))


def test_only_the_api_has_a_port_and_that_on_loopback(compose: Any, objects: dict[str, Any]) -> None:
    (port,) = [port for port in container(objects, "api")["ports"] if port["name"] == "http"]
    published = {name: content["ports"] for name, content in compose["services"].items() if "ports" in content}
    assert published == {"api": [f"127.0.0.1:${{API_PORT:-30802}}:{port['containerPort']}"]}


def test_images_are_those_that_everybody_can_pull_or_others(compose: Any) -> None:
    images = {name: content["image"] for name, content in compose["services"].items()}
    api = f"{DEFAULTS['stack_pull_registry']}/{TABLE['api']['repository']}:{DEFAULTS['stack_release']}"
    assert images == {
        "postgres": "${POSTGRES_IMAGE:-postgres:17}",
        "redis": "${REDIS_IMAGE:-redis:8}",
        "load": f"${{API_IMAGE:-{api}}}",
        "api": f"${{API_IMAGE:-{api}}}",
    }


def test_what_is_mounted_is_there_and_everybody_may_read_it(compose: Any, folder: Path) -> None:
    mounts = [mount for content in compose["services"].values() for mount in content["volumes"]]
    bound = [mount.split(":") for mount in mounts if mount.startswith("./")]
    assert [options for _, _, options in bound if options != "ro,z"] == []
    paths = [folder / "compose" / source for source, _, _ in bound]
    assert [path for path in paths if not path.exists()] == []
    assert {mount.split(":")[0] for mount in mounts if not mount.startswith("./")} == compose["volumes"].keys()
    inside = (folder / "compose").rglob("*")
    assert [path for path in inside if path.stat().st_mode & 0o777 != (0o755 if path.is_dir() else 0o644)] == []


def test_files_are_those_of_the_config_maps_and_the_data(folder: Path, objects: dict[str, Any]) -> None:
    compose = folder / "compose"
    for name in ("postgres", "redis"):
        found = {path.name: path.read_text() for path in (compose / name).iterdir()}
        assert found == objects[f"ConfigMap/{name}"]["data"]
    for source in (ROOT / "files/datasets").iterdir():
        copy = compose / "datasets" / source.name
        assert {path.name for path in copy.iterdir()} == {path.name for path in source.iterdir()} - {"README.md"}
        assert [path.name for path in copy.iterdir() if path.read_bytes() != (source / path.name).read_bytes()] == []


def test_the_example_asks_for_what_the_compose_file_needs(folder: Path) -> None:
    text = (folder / "compose/compose.yaml").read_text()
    example = (folder / "compose/.env.example").read_text()
    assert set(re.findall(r"^([A-Z_]+)=$", example, re.MULTILINE)) == set(re.findall(r"\$\{([A-Z_]+):\?", text))
    assert set(re.findall(r"^# ([A-Z_]+)=", example, re.MULTILINE)) == set(re.findall(r"\$\{([A-Z_]+):-", text))


def test_postgresql_starts_as_in_its_image(compose: Any, folder: Path) -> None:
    recipe = ROOT / TABLE["postgres"]["recipe"].replace(
        "{{ __stack_recipes }}", "collections/ansible_collections/rowhouse/platform/roles/images/files"
    )
    for name in ("rowhouse-postgres", "database.sql"):
        assert (folder / "compose/start" / name).read_bytes() == (recipe / name).read_bytes()
    containerfile = (recipe / "Containerfile").read_text()
    environment = compose["services"]["postgres"]["environment"]
    assert all(f"{name}={environment[name]}" in containerfile for name in ("PGDATA", "PGHOST"))
    assert f"STOPSIGNAL {compose['services']['postgres']['stop_signal']}" in containerfile
    start = (folder / "compose/start/with-passwords").read_text()
    assert set(re.findall(r'"\$([A-Z_]+)" >/run/secrets/postgres/([a-z-]+)', start)) == {
        (name, key) for key, name in ENV_NAMES["postgres"].items()
    }


@pytest.mark.slow
def test_rendered_again_it_lacks_what_is_no_longer_deployed_and_has_what_others_put_there(
    folder: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / "kustomize/postgres.env").write_text("mine")
    (copy / "compose/.env").write_text("mine")
    elsewhere = {
        "postgres_mode": "external",
        "postgres_host": "192.0.2.5",
        "postgres_loader_password": "given-1",
        "postgres_api_password": "given-2",
        "redis_mode": "none",
        "stack_render_dir": str(copy),
    }
    done = run_render(PROD, copy, elsewhere)
    assert done.returncode == 0, done.stdout + done.stderr
    objects, compose = objects_of(copy), load(copy / "compose/compose.yaml")
    assert {path.name for path in (copy / "kustomize").glob("[0-9]*")} == set(
        load(copy / "kustomize/kustomization.yaml")["resources"]
    )
    assert "StatefulSet/postgres" not in objects
    assert compose["services"].keys() == {"load", "api"}
    assert "volumes" not in compose
    assert compose["services"]["api"]["depends_on"].keys() == {"load"}
    assert not (copy / "compose/start/database.sql").exists()
    assert [(copy / name).read_text() for name in ("kustomize/postgres.env", "compose/.env")] == ["mine"] * 2
    assert not [path for path in copy.rglob("*") if path.is_file() and "given-" in path.read_text(errors="replace")]


def test_without_a_folder_nothing_is_deployed_instead(tmp_path: Path) -> None:
    done = run_render(PROD, tmp_path)
    assert done.returncode != 0
    assert "-e stack_render_dir=FOLDER" in done.stdout
