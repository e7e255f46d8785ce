# make setup    create or update .venv with the app's packages
# make run      run the app at the address in .streamlit/config.toml; Ctrl-C ends it
#               HOST=name opens it to the network under that name or address
# make check    lint, types, layers
# make test     check, then every test but those of clusters, with browser tests if there is a Chromium
# make test-quick    the tests without a browser that take less than a quarter of a second
# make coverage      make test-quick, with the lines of core and state that it runs
# make docs-pictures the pictures of docs/, from the running app, with CALTECH101_ROOT
# make test-scale    the tests that need a server or cluster, which it starts: Milvus, Ray, torchrun, S3
# make test-milvus   those of Milvus only
#
# Variables: PYTHON (to set up with), CHROMIUM (to test in), REQUIRE_BROWSER=1 (fail without one).

BIN := .venv/bin
# One process more than cores, up to four, as tests wait for servers; files stay whole and in order.
IN_PARALLEL := -n $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1) --maxprocesses 4 --dist loadfile --no-loadscope-reorder
QUICK := -m "not browser and not slow and not milvus and not scale" -n 2 --dist loadfile
TYPED := $(wildcard Home.py serve.py pages state core tests benchmarks)

# Compiled modules are kept, also where the environment says otherwise: tests start a third sooner.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: setup setup-dev run check check-code test test-quick coverage docs-pictures test-scale test-milvus clean

setup:
	@.ci/setup.sh requirements.txt

setup-dev: setup
	@.ci/setup.sh requirements-dev.txt

run: setup
	@exec $(BIN)/python serve.py $(HOST)

check: setup-dev check-code

check-code:
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy $(TYPED)
	@if [ -f tests/test_layers.py ]; then $(BIN)/python -m pytest -q tests/test_layers.py; fi

# One recipe, to keep this order under `make -j`.
test: setup-dev
	@.ci/browser.sh
	@$(MAKE) --no-print-directory check-code
	.ci/in_memory.sh 14000000 $(BIN)/python -m pytest $(IN_PARALLEL) -m "not scale"

test-quick: setup-dev
	.ci/in_memory.sh 4000000 $(BIN)/python -m pytest $(QUICK)

coverage: setup-dev
	.ci/in_memory.sh 4000000 $(BIN)/python -m pytest $(QUICK) --cov=core --cov=state --cov-report=term:skip-covered --cov-fail-under=90

docs-pictures: setup-dev
	@.ci/browser.sh
	$(BIN)/python -m tests.support.docs_pictures

# In its own network namespace if allowed: the server's ports are open on all interfaces.
test-scale test-milvus:
	@.ci/setup.sh requirements-scale-test.txt
	tests/milvus/isolated.sh $(BIN)/python -m pytest -m "$(MARKS_$@)"

MARKS_test-scale := milvus or scale
MARKS_test-milvus := milvus

clean:
	rm -rf .mypy_cache .ruff_cache .pytest_cache .coverage* test-results
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
