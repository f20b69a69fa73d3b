# Two commands are enough on a fresh machine: `make demo` and `make test`. Both do their own set-up (scripts/setup).
PY := .venv/bin/python
PYTEST := $(PY) -m pytest
TESTS ?= tests
# Workers: over sockets most tests wait. Under a sanitizer they compute, and take gigabytes.
JOBS ?= 4
SANITIZED_JOBS ?= 2
# What the sanitizers run. asan: all but the other clients. tsan: what has more than one thread.
SANITIZED ?= tests/unit tests/conformance tests/scenarios tests/flow
THREADED ?= tests/conformance tests/unit/runtime_asio tests/unit/python

.PHONY: help demo test test-all soak plants finder build rivals bench guard asan tsan tidy fuzz lint format clean

help: ## this list
	@sed -n 's/^\([a-z-]*\): .*## \(.*\)/  make \1|\2/p' Makefile | column -t -s '|' 2>/dev/null || sed -n 's/^\([a-z-]*\): .*## \(.*\)/  make \1  \2/p' Makefile

build:  ## set up what is missing, then build the extension module
	@scripts/setup system python build

demo: build ## a real download from libtorrent and from our own seed at once, with a report
	@$(PY) -m jstorrent.cli demo

test: build ## every test; TESTS=path chooses, JOBS=n workers
	@scripts/setup tests
	@TARGETS="fuzz_targets planted bench_traffic bench_guard" scripts/setup build
	@$(PYTEST) -q -n $(JOBS) --dist loadgroup -m "not cluster" $(TESTS)

test-all: test asan tsan fuzz plants finder soak ## everything: sanitizers, fuzz targets, planted bugs, a campaign, a cluster
	@scripts/setup cluster
	@$(PYTEST) -q -m cluster tests/unit/lab

soak: build ## random plans for SOAK_SECONDS (600); fails when one fails, or something that is drawn was never hit
	@$(PY) -m jstorrent.cli lab soak --seconds $${SOAK_SECONDS:-600} --jobs $(JOBS) --hit-each 1 --json

plants: build ## plant each known bug in turn: which oracle finds it
	@TARGETS=planted scripts/setup build
	@$(PYTEST) -q tests/plants

finder: build ## random plans against each planted bug: how many it takes, and what is left after shrinking
	@TARGETS=planted scripts/setup build
	@$(PY) -m tests.plants.finder $(ARGS)

rivals: build ## the other clients that bench measures, into build/rivals and .venv (many minutes)
	@scripts/rivals

bench: build ## what a transfer costs beside other clients (ARGS="--help" for more)
	@$(PY) -m bench $(ARGS)

guard: build ## has anything become dearer? Instructions of deterministic runs, beside those on record (ARGS=--record)
	@scripts/setup tests
	@$(PY) -m bench.guard $(ARGS)

asan: ## every test but interop under AddressSanitizer and UBSan; SANITIZED=path chooses
	@scripts/setup system python
	@PRESET=asan scripts/setup build
	@ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0:quarantine_size_mb=32 UBSAN_OPTIONS=print_stacktrace=1 \
	  LD_PRELOAD="$$(g++ -print-file-name=libasan.so) $$(g++ -print-file-name=libstdc++.so)" \
	  JST_MODULE_TREE=build/asan/python $(PYTEST) -q -p no:cacheprovider -n $(SANITIZED_JOBS) --dist loadgroup $(SANITIZED)

tsan: ## what has threads under ThreadSanitizer; THREADED=path chooses
	@scripts/setup system python
	@PRESET=tsan scripts/setup build
	@TSAN_OPTIONS="halt_on_error=0 exitcode=66 suppressions=$(CURDIR)/tests/support/tsan.supp" \
	  LD_PRELOAD="$$(g++ -print-file-name=libtsan.so)" \
	  JST_MODULE_TREE=build/tsan/python $(PYTEST) -q -p no:cacheprovider $(THREADED)

tidy: ## clang-tidy over the whole tree (slow)
	@scripts/setup system tidy python
	@PRESET=tidy scripts/setup build

fuzz: ## build the libFuzzer targets and run each for SECONDS_EACH (30)
	@scripts/setup system fuzz python
	@PRESET=fuzz TARGETS=fuzz_targets scripts/setup build
	@$(PY) tests/fuzz/run.py build/fuzz --seconds $${SECONDS_EACH:-30}

lint: build ## ruff, mypy and clang-format, without changing anything
	@.venv/bin/ruff check python tests bench scripts mock_peer
	@.venv/bin/mypy -p jstorrent
	@git ls-files '*.cpp' '*.hpp' | xargs .venv/bin/clang-format --dry-run -Werror

format: ## lay out C++ and Python
	@git ls-files '*.cpp' '*.hpp' | xargs .venv/bin/clang-format -i
	@.venv/bin/ruff check --fix -q python tests bench scripts mock_peer

clean: ## remove what was built here (not .venv)
	@rm -rf build dist .cache python/jstorrent/*.so .pytest_cache .hypothesis .mypy_cache .ruff_cache
	@find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +
