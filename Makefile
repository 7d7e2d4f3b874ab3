# `make help` lists the targets. Everything lands in build/ and .venv/; `make clean` removes both.

PORT ?= 8080
SECONDS ?= 60
JOBS := $(shell nproc)
PYTHON := .venv/bin/python
C_FILES := git ls-files 'cextensions/*.[ch]' 'tests/*.[ch]' ':!cextensions/generated'

SYSTEM_PYTHON = $(firstword $(wildcard /usr/bin/python3) python3)
MAKE_DEB = $(if $(SUITE)$(ARCH),$(SYSTEM_PYTHON) -m tests.package.build $(ARCH:%=--arch %) $(or $(SUITE),bookworm),.ci/deb)

.DEFAULT_GOAL := help
.PHONY: help run build test test-c fuzz-replay e2e jitter soak lint format asan fuzz bench deb deb-test generate docs site clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

run: build ## build proxyd and run it on port PORT=8080 in front of demo backends
	@exec $(PYTHON) conf/demo/run.py --port $(PORT)

build: .venv/requirements .venv/bin/proxyd ## build the engine in place; .venv/bin/proxyd runs it
	@$(PYTHON) -W ignore setup.py -q build_ext --inplace

test: build .venv/requirements-dev test-c fuzz-replay site ## run all tests, build the documentation
	@env -u PROXYD_TEST_JITTER $(PYTHON) -m pytest -n 2 --reruns 1 --rerun-show-tracebacks tests

test-c: packages-test ## run the C engine's own tests, with sanitizers
	@$(MAKE) --no-print-directory -j$(JOBS) -C tests/c check

fuzz-replay: packages-test
	@$(MAKE) --no-print-directory -j$(JOBS) -C tests/fuzz replay

e2e: build .venv/requirements-dev packages-test ## run the end-to-end tests
	@$(PYTHON) -m pytest -n 2 tests/e2e

JITTER ?= 2000

jitter: build .venv/requirements-dev packages-test ## run what talks to servers under random delays of up to JITTER=2000 microseconds
	@PROXYD_TEST_JITTER=$(JITTER) $(PYTHON) -m pytest -n 2 tests/conformance tests/e2e

lint: .venv/requirements-dev packages-lint ## check style and types of Python and C
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@$(C_FILES) | xargs -r clang-format --dry-run -Werror

format: .venv/requirements-dev packages-lint ## format Python and C as lint wants it
	@.venv/bin/ruff check -q --fix . || true
	@.venv/bin/ruff format -q .
	@$(C_FILES) | xargs -r clang-format -i

soak: build .venv/requirements-dev packages-test ## run the long tests: reloads, kills, upgrades, limits, full tables, slow clients, many sites (more than 5 minutes)
	@$(PYTHON) -m tests.soak all

asan: build .venv/requirements-dev packages-test ## run the end-to-end tests under Address- and UBSanitizer
	@.ci/asan

fuzz: packages-test ## fuzz each target for SECONDS=60
	@$(MAKE) --no-print-directory -j$(JOBS) -C tests/fuzz long SECONDS=$(SECONDS)

bench: build .venv/requirements-bench packages-bench ## measure proxyd beside nginx, HAProxy and Caddy
	@$(PYTHON) -m loadtests.uncounted
	@$(PYTHON) -m loadtests.compare --seconds 1
	@$(PYTHON) -m loadtests.syscalls

deb: ## build the Debian package: build/deb/proxyd_VERSION_ARCH.deb; SUITE=trixie: build/deb/trixie/, in a fresh Debian 13 (as root); ARCH=arm64
	@$(MAKE_DEB)

deb-test: ## install, run under systemd, upgrade, rotate and purge the package in a fresh Debian, under load (as root); SUITE as above
	@$(if $(SUITE),$(MAKE_DEB) 99.0,.ci/deb && .ci/deb 99.0)
	@$(SYSTEM_PYTHON) -m tests.package --suite $(or $(SUITE),bookworm) \
		$$(ls build/deb/$(SUITE)/proxyd_[0-8]*_$$(dpkg --print-architecture).deb) build/deb/$(SUITE)/proxyd_99.0_$$(dpkg --print-architecture).deb

generate: .venv/requirements ## make cextensions/generated/ anew from the declarations
	@$(PYTHON) cextensions/generate.py

docs: generate site ## make docs/reference/ anew, then the site

site: .venv/requirements-docs ## build the documentation as a site: build/site/index.html
	@$(PYTHON) -m mkdocs build --quiet --strict

clean: ## remove all that was built
	rm -rf build .venv *.egg-info proxyd/_engine*.so
	rm -rf .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# What the targets above stand on

.PHONY: packages-build packages-test packages-lint packages-bench
packages-build packages-test packages-lint packages-bench: packages-%:
	@.ci/packages build $(filter-out build,$*)

# A virtual environment with the pinned packages of one requirements file; made again when that file changes.
.venv/requirements .venv/requirements-dev .venv/requirements-bench .venv/requirements-docs: .venv/%: %.txt requirements.txt | .venv/bin/python
	@$(PYTHON) -m pip install -q --disable-pip-version-check -r $<
	@touch $@

# Debian's own Python where there is one: its headers are what the packages bring, and other users may run it.
.venv/bin/python: | packages-build
	@$(SYSTEM_PYTHON) -m venv .venv

# The command, and the checkout on the path of this environment's Python. (An editable install by pip would do the
# same, but compiles the whole engine once more.)
.venv/bin/proxyd: Makefile | .venv/bin/python
	@echo "$(CURDIR)" > "$$($(PYTHON) -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/proxyd.pth"
	@printf '#!/bin/sh\nexec "%s/.venv/bin/python" -m proxyd "$$@"\n' "$(CURDIR)" > $@
	@chmod +x $@
