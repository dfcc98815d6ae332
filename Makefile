# Python's code is compiled once, not at each of the hundred starts of a run, whatever the shell says.
export PYTHONDONTWRITEBYTECODE :=

# What a shell starts in its background ignores Ctrl-C, and with it the programs that tests interrupt.
INTERRUPTIBLE := env --default-signal=INT

.DEFAULT_GOAL := help
.PHONY: help up down dataset test test-all test-api test-compose bench check format lock screenshot
.PHONY: images deploy rollback collection sbom scan-secrets scan-vulnerabilities cloud-validate cloud-plan cloud-apply

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: ## from a clone to an answer: environment, local cluster unless KUBECONFIG is set, images, deployment
	@scripts/up

down: ## remove all that `make up` made, and say what is left
	@scripts/down

dataset: ## a new dataset from your file: make dataset FILE=path/to/my.csv NAME=my_table
	@scripts/dataset

test: ## all but the long runs, on a real cluster; leaves the machine as it was found
	@$(INTERRUPTIBLE) scripts/test

test-all: ## the long runs too, or some: make test-all PARTS='faults upgrade'
	@$(INTERRUPTIBLE) scripts/test-all $(PARTS)

test-api: ## the API's tests with their coverage: make test-api PYTHON_VERSION=3.12
	@scripts/test-api

test-compose: ## the rendered compose folder, started and asked once
	@scripts/test-compose

bench: ## Rowhouse and its peers, measured in turns, into bench/RESULTS.md: make bench ARGS='--only hot'
	@scripts/bench $(ARGS)

check: ## lint, types, contract and unit tests: no cluster, under a minute
	@$(INTERRUPTIBLE) scripts/check

format: ## rewrite Python files in the project's style
	@scripts/environment
	@.venv/bin/ruff check --fix-only --quiet . && .venv/bin/ruff format --quiet .

lock: ## compile the lock files anew
	@scripts/lock

screenshot: ## the picture of the explorer in docs/, taken anew
	@scripts/environment
	@.venv/bin/pytest -q api/tests/test_browser_looks.py -k picture --pictures docs

images: ## build this commit's images and push them: make images INVENTORY=inventories/staging REF=staging
	@scripts/images

deploy: ## deploy what make images has pushed: make deploy INVENTORY=inventories/staging REF=staging
	@scripts/deploy

rollback: ## go back to an earlier release: make rollback INVENTORY=inventories/prod RELEASE=release-3
	@scripts/rollback

collection: ## the Ansible collection as a tarball that needs no clone, into artifacts/collection
	@scripts/collection

sbom: ## what is in this commit's images, as SPDX, into artifacts/sbom
	@scripts/sbom

scan-secrets: ## look for passwords, tokens and keys in every commit
	@scripts/scan-secrets

scan-vulnerabilities: ## look for known vulnerabilities in what is locked and in artifacts/sbom
	@scripts/scan-vulnerabilities

cloud-validate: ## look whether cloud/ is right
	@scripts/cloud validate

cloud-plan: ## what cloud/ would change, into artifacts/cloud/plan.txt
	@scripts/cloud plan

cloud-apply: ## change it, unless that is another plan by now
	@scripts/cloud apply
