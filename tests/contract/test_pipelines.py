"""The pipelines call verbs and nothing else, and GitHub's does on each event what GitLab's does.

No runner is here to try them: test_jobs.py of the cluster's tests runs each command as a job would.
"""

import os
import re
import tomllib
from typing import Any

import pytest

from tests.contract.pipelines import ROOT, WORKFLOWS, Event, Step, github, gitlab, gitlab_jobs, read

VERBS = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
JOBS = [
    pytest.param(job, id=f"{path.stem}-{name}")
    for path in WORKFLOWS
    for name, job in read(path)["jobs"].items()
    if "steps" in job
]
CHECKS = {
    Step(f"make {verb}")
    for verb in ("check", "test-api", "scan-secrets", "scan-vulnerabilities", "test-compose", "collection")
}


def delivery(environment: str, *, deployed: bool = True) -> set[Step]:
    inventory = f"inventories/{environment}"
    made = {Step(f"make {verb}", inventory) for verb in ("images", "sbom", "scan-vulnerabilities")}
    return made | ({Step("make deploy", inventory, environment)} if deployed else set())


CLOUD = {Step("make cloud-validate"), Step("make cloud-plan"), Step("make cloud-apply", "", "infrastructure")}
BY_HAND = {"environment": "staging", "release": "0.1.0"}


@pytest.mark.parametrize(
    ("event", "steps"),
    [
        pytest.param(Event("pull_request"), CHECKS, id="pull request"),
        pytest.param(Event("pull_request", cloud=True), CHECKS | {Step("make cloud-validate")}, id="cloud changed"),
        pytest.param(Event("push", "a-branch"), set(), id="another branch"),
        pytest.param(Event("push", "development"), delivery("dev"), id="development"),
        pytest.param(Event("push", "staging"), delivery("staging"), id="staging"),
        pytest.param(Event("push", "master"), delivery("prod", deployed=False), id="master"),
        pytest.param(Event("push", "v0.1.0"), delivery("prod"), id="release"),
        pytest.param(
            Event("push", "master", cloud=True), delivery("prod", deployed=False) | CLOUD, id="cloud on master"
        ),
        pytest.param(
            Event("workflow_dispatch", inputs=BY_HAND),
            {Step("make rollback", "inventories/staging", "staging")},
            id="by hand",
        ),
    ],
)
def test_both_do_the_same_on_an_event(event: Event, steps: set[Step]) -> None:
    assert github(event) == steps
    assert gitlab(event) == steps


@pytest.mark.parametrize("job", JOBS)
def test_a_job_of_github_calls_one_verb(job: dict[str, Any]) -> None:
    commands = [step["run"] for step in job["steps"] if "run" in step]
    # One that only keeps what others made has none.
    assert len(commands) == 1 or (not commands and job["permissions"] == {"contents": "write"})
    assert {command.removeprefix("make ") for command in commands} <= VERBS


@pytest.mark.parametrize("name", gitlab_jobs())
def test_a_job_of_gitlab_calls_one_verb(name: str) -> None:
    assert gitlab_jobs()[name]["script"].removeprefix("make ") in VERBS


def test_what_cannot_be_taken_back_waits_for_somebody() -> None:
    """At GitHub the environments `prod` and `infrastructure` have reviewers, which is no part of the files."""
    waiting = {
        (name, job["environment"])
        for name, job in gitlab_jobs().items()
        if any(rule.get("when") == "manual" for rule in job["rules"])
    }
    assert waiting == {("prod", "prod"), ("apply", "infrastructure")}


def test_the_api_is_tested_on_every_python_that_it_takes() -> None:
    project = tomllib.loads((ROOT / "api/pyproject.toml").read_text(encoding="utf-8"))["project"]
    versions = ["3.12", "3.13"]
    assert project["requires-python"] == f">={versions[0]}"
    assert read(ROOT / ".github/workflows/pull-request.yml")["jobs"]["api"]["strategy"]["matrix"]["python"] == versions
    assert gitlab_jobs()["api"]["parallel"]["matrix"] == [{"PYTHON_VERSION": versions}]


def test_actions_of_others_are_named_by_their_content() -> None:
    uses = [line for path in WORKFLOWS for line in re.findall(r"uses: (.*)", path.read_text(encoding="utf-8"))]
    assert uses
    assert [
        use for use in uses if not re.fullmatch(r"\./\.github/workflows/\w+\.yml|\S+@[0-9a-f]{40} # v[\d.]+", use)
    ] == []


def test_a_workflow_may_only_read_unless_a_job_says_more() -> None:
    assert [path.name for path in WORKFLOWS if read(path)["permissions"] != {"contents": "read"}] == []


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_what_a_verb_starts_is_there(verb: str) -> None:
    recipe = re.search(rf"^{verb}:.*\n((?:\t.*\n?)+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert recipe
    for script in re.findall(r"\bscripts/[\w-]+", recipe[1]):
        assert os.access(ROOT / script, os.X_OK), script


def test_the_page_names_every_command_and_its_links_lead_somewhere() -> None:
    page = (ROOT / "docs/promotion.md").read_text(encoding="utf-8")
    commands = {step.command for steps in (CHECKS, CLOUD, delivery("prod")) for step in steps} | {"make rollback"}
    assert {command for command in commands if f"`{command}" not in page} == set()
    targets = re.findall(r"\]\(([^)#]+)\)", page)
    assert targets
    assert [target for target in targets if not (ROOT / "docs" / target).exists()] == []
