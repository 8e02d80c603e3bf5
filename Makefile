# `make` or `make help` lists everything. What CI runs is what a person runs.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

CONTEXT ?=
REGISTRY ?=
ARGS ?=
ROOT ?= .
export CONTEXT REGISTRY

# None of the libraries may call home, whoever starts them.
export ORT_DISABLE_TELEMETRY := 1
export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := true

# uv looks where pip is told to look.
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif
export UV_SYSTEM_CERTS := 1
export UV_PYTHON_DOWNLOADS := never
unexport VIRTUAL_ENV

CLUSTER := tests/cluster/cluster
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/penstock
UV_VERSION := $(shell sed -n '/^\[uv\]/,/^\[/s/^version = "\([^"]*\)".*/\1/p' tests/cluster/versions.toml)
UV := $(CACHE)/uv/$(UV_VERSION)/bin/uv
PYTHON := .venv/bin/python

# Members as the root pyproject.toml lists them; locks are named after the folder.
MEMBERS := $(shell sed -n '/^members = \[/,/^\]/s/^ *"\([^"]*\)".*/\1/p' pyproject.toml)
LOCKED := $(filter-out contracts json-logs tests/support,$(MEMBERS))
# A second run costs nothing: the environment is stamped with the hash of all that it is made from.
VENV_INPUTS := locks/dev.txt $(MEMBERS:%=%/pyproject.toml)
VENV_HASH := $(shell { python3 --version; pwd; cat $(VENV_INPUTS); } 2>&1 | sha256sum | cut -c1-16)
VENV := .venv/.made-from-$(VENV_HASH)

RPC := services/predictor/src/penstock_predictor/rpc/open_inference
GENERATED := manifests/crd/modeldeployments.yaml manifests/install.yaml charts/penstock/files/crd.yaml \
  docs/reference/modeldeployment.md docs/reference/metrics.md docs/reference/reasons.md \
  docs/user/why-was-my-version-refused.md \
  docs/pictures/architecture.svg docs/pictures/architecture-narrow.svg \
  docs/pictures/performance-predictor.svg docs/pictures/performance-rollback.svg \
  $(addprefix charts/penstock/files/dashboards/,fleet.json model.json rollout.json) $(addprefix $(RPC),_pb2.py _pb2.pyi _pb2_grpc.py)
TYPED := contracts cli/src controller/src json-logs/src sdk/src $(wildcard services/*/src) \
  $(wildcard examples/*/src examples/*/*.py examples/*/tests) tests bench release docs/site services/predictor/hatch_build.py

##@ Start here

help: ## This list
	@awk 'BEGIN {FS = ":.*## "} /^##@ / {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z][a-z0-9-]*:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@printf '%s\n' '' 'Variables' \
	  '  CONTEXT        a kube context to use instead of a test cluster of our own' \
	  '  REGISTRY       with CONTEXT: where images can be pushed, and pulled by that cluster, such as host/project' \
	  '  ARGS           more arguments for pytest: make e2e ARGS="-k switch"'

demo: $(VENV) ## From a bare machine to a served model that changes versions under load
	@$(PYTHON) -m penstock_testing.demo

down: $(VENV) ## End what the demo started
	@$(PYTHON) -m penstock_testing.demo down

##@ Test

test: ## Everything: check, component and e2e, on CONTEXT or a test cluster that ends with it
	@tests/stage "environment" $(MAKE) venv
	@tests/with-cluster --fresh --beside check $(MAKE) test-on-cluster

test-deep: $(VENV) ## The same with long outages and the tests of what tests are made with, then check-deep
	@PENSTOCK_DEEP=1 $(MAKE) test
	@$(MAKE) check-deep

check: lint types imports verify site unit ## What needs no cluster: some minutes

unit: $(VENV) ## Unit tests: seconds, no network
	@$(PYTHON) -m pytest tests/unit -n 2 --dist loadgroup $(ARGS)

check-deep: $(VENV) ## Every rollout invariant over 50,000 random sequences, 20,000 random callers of a predictor, and mutation
	@PENSTOCK_SEQUENCES=50000 $(PYTHON) -m pytest tests/unit/controller/rollout/test_rollout_machine.py $(ARGS)
	@PENSTOCK_EXAMPLES=20000 $(PYTHON) -m pytest tests/component/predictor/test_fuzz.py $(ARGS)
	@$(MAKE) mutation

mutation: $(VENV) ## Faults planted in the controller's decisions, and how many unit tests see: PART=rollout.steps SECONDS_AT_MOST=600
	@$(PYTHON) tests/deep/mutation.py

component: $(VENV) ## Component tests: each real process edge
	@$(PYTHON) -m pytest tests/component -n 2 --dist loadfile $(ARGS)

clients: $(VENV) ## Clients that are not ours against a predictor; writes docs/reference/clients.md
	@PENSTOCK_UPDATE_CLIENTS=1 $(PYTHON) -m pytest tests/component/predictor/clients $(ARGS)

sdk-torch: $(VENV) ## Models of PyTorch in an environment of their own, of 5.6 GB; no other run has them
	@[ -x build/torch/bin/python ] || $(UV) venv --quiet --python python3 build/torch
	@$(UV) pip sync --quiet --python build/torch/bin/python --require-hashes tests/frameworks/pytorch/requirements.txt
	@$(UV) pip install --quiet --python build/torch/bin/python --no-deps --no-build-isolation --editable contracts --editable sdk
	@PENSTOCK=$(CURDIR)/.venv/bin/penstock build/torch/bin/python -m pytest -p no:cacheprovider --noconftest \
	  --rootdir tests/frameworks --override-ini addopts=--import-mode=importlib -s tests/frameworks/pytorch $(ARGS)

screens: $(VENV) ## Write the plugin's screens and the statuses in docs anew
	@PENSTOCK_UPDATE_SCREENS=1 $(PYTHON) -m pytest tests/unit/cli/test_screens.py tests/unit/controller/rollout/test_status_table.py tests/unit/controller/rollout/test_phase_statuses.py $(ARGS)

e2e: $(VENV) ## End-to-end tests on CONTEXT, on the cluster of `make cluster`, or on one that ends with them
	@tests/with-cluster $(PYTHON) -m penstock_testing.end_to_end $(ARGS)

# Where a run's time goes: the longest of set-ups, calls and tear-downs, in seconds.
SLOWEST := --durations=30 --durations-min=5

# Inside with-cluster.
test-on-cluster: $(VENV)
	@# Two processes: what serves component tests until their session ends takes nothing from the traffic of the others.
	@tests/stage "component tests" $(PYTHON) -m pytest tests/component -n 2 --dist loadfile $(SLOWEST) $(ARGS)
	@tests/stage "end-to-end tests" $(PYTHON) -m penstock_testing.end_to_end $(SLOWEST) $(ARGS)

##@ Bench

bench-verdicts: $(VENV) ## Right and wrong verdicts on simulated traffic, beside Flagger and Argo: TABLES="same worse" ATTEMPTS=200 ONLY=outage
	@$(PYTHON) -m bench.verdicts.tables $(TABLES)

bench-evaluation: $(VENV) ## What gates cost: processor time of an evaluation, bytes of status, writes of an attempt: GATEWAY_PODS="2 20 80" SEEDS=3
	@$(PYTHON) -m bench.evaluation.evaluation

bench-drift: $(VENV) ## False alarms, and rows until drift is found, beside Evidently's defaults: FULL=1 takes an hour
	@$(PYTHON) -m bench.drift.tables

bench-report: $(VENV) ## What an Evidently report takes, for 20 and 200 columns of 5,000 rows
	@$(PYTHON) -m bench.drift.report

bench-quality: $(VENV) ## Labelled requests that tell two versions apart, and how often interval and gate are wrong: FULL=1 takes an hour
	@$(PYTHON) -m bench.quality.tables
	@$(PYTHON) -m bench.quality.gate

bench-rollback: $(VENV) ## From a candidate's first failure to weight 0 everywhere, 20 times on a cluster
	@tests/with-cluster $(PYTHON) bench/rollback/rollback.py

bench-gateway: $(VENV) ## What the gateway adds to a request, and how soon a new weight holds; no cluster
	@$(PYTHON) -m bench.gateway.hop

bench-serving: $(VENV) ## Our predictor and its peers on one core: ROUNDS=5 SECONDS=4 ONLY=c64,ours,mosec; needs wrk and go
	@UV=$(UV) $(PYTHON) -m bench.serving.serving

bench-sweep: $(VENV) ## Choose the peers' settings anew, before that: ONLY=mosec
	@UV=$(UV) $(PYTHON) -m bench.serving.sweep

bench-footprint: $(VENV) ## The predictor's memory under load and its time to start
	@UV=$(UV) $(PYTHON) -m bench.serving.footprint

bench-answers: $(VENV) ## A million requests of all kinds, each answer compared with onnxruntime's: REQUESTS=1000000
	@UV=$(UV) $(PYTHON) -m bench.serving.million

bench-records: $(VENV) ## What prediction records cost the predictor: with them beside without
	@UV=$(UV) $(PYTHON) -m bench.serving.records

bench-features: $(VENV) ## What looking features up adds to a request: RATE=200 ROUNDS=5 SECONDS=5
	@$(PYTHON) -m bench.features.added

bench-cores: $(VENV) ## What the predictor does with a second core: threads or workers
	@UV=$(UV) $(PYTHON) -m bench.serving.cores

bench-many: $(VENV) ## Two hundred resources: at rest, one among them, fifty rollouts at once: RESOURCES=200 ROLLOUTS=50 MINUTES=10 ROUNDS=2000
	@tests/with-cluster $(PYTHON) -m bench.many.many

bench-neighbours: $(VENV) ## A rollout and a rollback beside broken registries, and beside fifty restless resources: ROUNDS=5 NEIGHBOURS=50
	@tests/with-cluster $(PYTHON) -m bench.neighbours.neighbours

##@ Code

fmt: $(VENV) ## Format, and fix what ruff can fix
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix .

lint: $(VENV) ## ruff: rules and format
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .

types: $(VENV) ## mypy, strict
	@.venv/bin/mypy $(TYPED)

imports: $(VENV) ## Import contracts between and inside the parts; each member lists what it imports, and nothing else
	@.venv/bin/lint-imports
	@failed=0; for member in $(MEMBERS); do \
	  found=$$(cd $$member && $(CURDIR)/.venv/bin/deptry --no-ansi src 2>&1) || { echo "$$member: $$found" >&2; failed=1; }; \
	done; \
	[ $$failed = 0 ] && echo 'Each member lists what it imports, and nothing else.'

generate: $(VENV) $(if $(shell command -v helm),,helm) ## CRD, rendered manifests, reference pages and gRPC stubs, from their sources
	@$(PYTHON) contracts/metrics_reference.py $(ROOT)
	@$(PYTHON) contracts/reasons_reference.py $(ROOT)
	@$(PYTHON) contracts/dashboards.py $(ROOT)
	@$(PYTHON) contracts/crd.py $(ROOT)
	@$(PYTHON) docs/site/architecture.py $(ROOT)/docs/pictures
	@$(PYTHON) docs/site/plots.py $(ROOT)/docs/pictures
	@$(PYTHON) docs/site/refusals.py $(ROOT)
	@{ cat manifests/namespace.yaml; $(HELM) template penstock $(ROOT)/charts/penstock --namespace penstock-system; } \
	  > $(ROOT)/manifests/install.yaml
	@mkdir -p $(ROOT)/$(dir $(RPC))
	@$(PYTHON) -m grpc_tools.protoc --proto_path services/predictor/src --python_out $(ROOT)/services/predictor/src \
	  --pyi_out $(ROOT)/services/predictor/src --grpc_python_out $(ROOT)/services/predictor/src $(RPC).proto

verify: $(VENV) ## Fail when a generated file is not what `make generate` writes
	@there=$$(mktemp -d); trap 'rm -rf "$$there"' EXIT; \
	mkdir "$$there/manifests"; cp -R charts "$$there"; \
	$(MAKE) generate ROOT="$$there"; \
	differ=0; for file in $(GENERATED); do diff -u "$$file" "$$there/$$file" || differ=1; done; \
	[ $$differ = 0 ] || { echo 'verify: generated files are out of date: run `make generate`' >&2; exit 1; }

site: $(VENV) ## The docs site into build/site; a link that leads nowhere, or a page that is on no menu, fails
	@NO_MKDOCS_2_WARNING=1 $(PYTHON) -m mkdocs --quiet build --strict

lock: ## Renew all locks: of the members, of the clients in tests/clients and of the peers in bench/serving
	@UV_VERSION=$(UV_VERSION) ./locks/install-uv --unchecked $(CACHE)/uv/$(UV_VERSION)
	@UV=$(UV) UV_VERSION=$(UV_VERSION) ./locks/renew $(LOCKED)
	@UV=$(UV) ./bench/serving/peers/renew

##@ Machine

cluster: ## Start a test cluster that stays, for `make e2e` and for you
	@$(CLUSTER) setup
	@$(CLUSTER) up dev

cluster-down: ## End it
	@$(CLUSTER) down dev

images: ## Build and try all images, by docker where its daemon answers, else by buildah (ENGINE=buildah); push them to REGISTRY where it is set
	@[ "$(or $(ENGINE),$$($(CLUSTER) engine))" = docker ] || $(CLUSTER) setup
	@$(CLUSTER) images --map build/images.json $(ENGINE:%=--engine %) $(REGISTRY:%=--registry %) $(ARCHITECTURE:%=--tag $(TAG)-%)

##@ Release

# What a release does, step by step: release/README.md. Each writes below build/ and can be tried anywhere.
TAG := $(shell sed -n 's/^version: //p' charts/penstock/Chart.yaml)

version: $(VENV) ## Say the one version of chart, images and packages, or write it everywhere: NEXT=1.2.3
	@$(PYTHON) -m release.version $(NEXT)

wheels: $(VENV) ## Source distributions and wheels of what goes to PyPI, into build/dist
	@$(PYTHON) -m release.distributions build/dist

# Needs no .venv: it is built on machines that have none, with each Python.
compiled-wheels: $(UV) ## Wheels of the predictor with compiled modules, for this platform, into build/compiled: PYTHONS="3.11 3.12"
	@UV=$(UV) python3 -m release.compiled_wheels build/compiled $(or $(PYTHONS),python3)

plugin: $(UV) ## The kubectl plugin as a program without Python, for this platform, into build/plugin
	@UV=$(UV) python3 -m release.plugin_archive build/plugin $(or $(PYTHONS),python3)

krew: $(VENV) ## The manifest by which krew installs the archives in build/plugin
	@$(PYTHON) -m release.krew_manifest build/plugin build/plugin/penstock.yaml

# On a machine of each architecture first: make images REGISTRY=... ARCHITECTURE=amd64
image-lists: ## Lists of the images that were pushed to REGISTRY with ARCHITECTURE: ARCHITECTURES=amd64,arm64
	@$(CLUSTER) image-lists --registry $(REGISTRY) --tag $(TAG) --of $(ARCHITECTURES) $(ENGINE:%=--engine %) --map build/images.json

chart: $(VENV) $(if $(shell command -v helm),,helm) ## Package the chart into build/chart; push it below REGISTRY where it is set
	@$(PYTHON) -m release.chart build/chart $(HELM) $(REGISTRY)

sign: $(VENV) ## Sign the images in build/images.json and the chart in build/chart.json, by cosign
	@$(PYTHON) -m release.signatures build/images.json build/chart.json

release-page: $(VENV) ## Write what CHANGELOG.md says of the version into build/release-page.md: GIT_TAG=v1.2.3
	@$(PYTHON) -m release.changelog $(GIT_TAG) build/release-page.md

##@ Environment

venv: $(VENV) ## The virtual environment .venv, from locks/dev.txt
	@true

clean: ## Remove what was built here, and what dead test clusters left behind
	@rm -rf build .mypy_cache .ruff_cache .pytest_cache .hypothesis .schemathesis .import_linter_cache
	@$(CLUSTER) clean

$(UV):
	@UV_VERSION=$(UV_VERSION) ./locks/install-uv $(CACHE)/uv/$(UV_VERSION)

$(VENV): | $(UV)
	@echo "making .venv from locks/dev.txt"
	@[ -x .venv/bin/python ] || $(UV) venv --quiet --clear --python python3 .venv
	@rm -f .venv/.made-from-*
	@# Compiled once here: every process that tests start would compile MLflow and pandas anew where nothing is written beside.
	@$(UV) pip sync --quiet --compile-bytecode --python $(PYTHON) --require-hashes locks/dev.txt
	@# hatchling is in the lock: members are installed without fetching a build tool that nobody checked.
	@$(UV) pip install --quiet --python $(PYTHON) --no-deps --no-build-isolation $(MEMBERS:%=--editable %)
	@touch $@

# The test cluster's helm, compiled without the rest of it, stands in where there is none on PATH.
HELM = $(or $(shell command -v helm),$(shell $(CLUSTER) build helm | tail -n 1)/helm)
helm:
	@$(CLUSTER) build helm > /dev/null

.PHONY: sdk-torch site chart compiled-wheels image-lists krew plugin release-page sign version wheels bench-answers bench-cores bench-drift bench-features bench-footprint bench-gateway bench-many bench-neighbours bench-quality bench-records bench-rollback bench-serving bench-sweep bench-verdicts clients screens help demo down test check unit check-deep test-deep mutation component e2e test-on-cluster fmt lint types imports generate verify lock \
  cluster cluster-down images venv clean helm
