"""What the two pipelines do on an event, as GitHub and GitLab would read their files."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


@dataclass(frozen=True, order=True)
class Step:
    """A command that a job runs, with the inventory and the environment that it is for; empty for none."""

    command: str
    inventory: str = ""
    environment: str = ""


@dataclass(frozen=True)
class Event:
    """A pull request, a push to a branch or of a tag, or a start by hand, and whether cloud/ is changed by it."""

    kind: str
    ref: str = ""
    cloud: bool = False
    inputs: Mapping[str, str] | None = None


def read(path: Path) -> dict[str, Any]:
    """Return a file of YAML."""
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


# GitHub


def github(event: Event) -> set[Step]:
    """Return the commands that GitHub runs on an event."""
    context = {
        "github.ref": f"refs/{'tags' if event.ref.startswith('v') else 'heads'}/{event.ref}",
        "github.ref_type": "tag" if event.ref.startswith("v") else "branch",
        **{f"inputs.{name}": value for name, value in (event.inputs or {}).items()},
    }
    return {
        step
        for path in WORKFLOWS
        if _github_starts(read(path)["on"], event)
        for step in _github_steps(read(path), context)
    }


def _github_starts(on: Mapping[str, Any], event: Event) -> bool:
    if event.kind not in on:
        return False
    choice = on[event.kind] or {}
    if "paths" in choice and not event.cloud:
        return False
    if event.kind != "push":
        return True
    return event.ref in choice.get("branches", []) or (event.ref.startswith("v") and "v*" in choice.get("tags", []))


def _github_steps(workflow: Mapping[str, Any], context: Mapping[str, Any]) -> Iterator[Step]:
    running: set[str] = set()
    for name, job in workflow["jobs"].items():
        needs = job.get("needs", [])
        needed = {needs} if isinstance(needs, str) else set(needs)
        if not needed <= running or not _github_holds(job.get("if", "true"), context):
            continue
        running.add(name)
        if "uses" in job:
            called = read(ROOT / job["uses"])
            defaults = {key: item.get("default") for key, item in called["on"]["workflow_call"]["inputs"].items()}
            inputs = {f"inputs.{key}": value for key, value in (defaults | job["with"]).items()}
            yield from _github_steps(called, {**context, **inputs})
            continue
        environment = workflow.get("env", {}) | job.get("env", {})
        for step in job["steps"]:
            if "run" in step:
                yield Step(
                    step["run"],
                    _github_filled(environment.get("INVENTORY", ""), context),
                    _github_filled(job.get("environment", ""), context),
                )


def _github_holds(condition: str, context: Mapping[str, Any]) -> bool:
    words = re.sub(r"(github|inputs)\.\w+", lambda found: repr(context.get(found[0], "")), condition)
    return bool(eval(words.replace("&&", "and").replace("||", "or"), {"true": True}))


def _github_filled(text: str, context: Mapping[str, Any]) -> str:
    return re.sub(r"\$\{\{ (\S+) \}\}", lambda found: str(context[found[1]]), text)


# GitLab


def gitlab_jobs() -> dict[str, dict[str, Any]]:
    """Return GitLab's jobs with what they extend."""
    content = read(ROOT / ".gitlab-ci.yml")
    return {
        name: (content[job["extends"]] | job if "extends" in job else job)
        for name, job in content.items()
        if isinstance(job, dict) and "script" in job
    }


def gitlab(event: Event) -> set[Step]:
    """Return the commands that GitLab runs on an event."""
    source = {"pull_request": "merge_request_event", "push": "push", "workflow_dispatch": "web"}[event.kind]
    where = "CI_COMMIT_TAG" if event.ref.startswith("v") else "CI_COMMIT_BRANCH"
    inputs = {name.upper(): value for name, value in (event.inputs or {}).items()}
    variables = {"CI_PIPELINE_SOURCE": source, where: event.ref, **inputs}
    steps = set()
    for job in gitlab_jobs().values():
        rule = next((rule for rule in job["rules"] if _gitlab_holds(rule, variables, cloud=event.cloud)), None)
        if rule and rule.get("when") != "never":
            inventory = rule.get("variables", {}).get("INVENTORY", "")
            steps.add(
                Step(
                    job["script"],
                    *(_gitlab_filled(text, variables) for text in (inventory, job.get("environment", ""))),
                )
            )
    return steps


def _gitlab_holds(rule: Mapping[str, Any], variables: Mapping[str, str], *, cloud: bool) -> bool:
    condition = re.sub(r"(\$\w+) =~ /(.*?)/", r"bool(re.search(r'\2', \1))", rule["if"])
    condition = re.sub(r"\$(\w+)", lambda found: repr(variables.get(found[1], "")), condition)
    return ("changes" not in rule or cloud) and bool(
        eval(condition.replace("&&", "and").replace("||", "or"), {"re": re})
    )


def _gitlab_filled(text: str, variables: Mapping[str, str]) -> str:
    return re.sub(r"\$(\w+)", lambda found: variables[found[1]], text)
