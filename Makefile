# All of it happens in this checkout: .venv holds Python's packages, .cache the programs that the tests talk to.

PYTHON ?= python3
IN := .venv/bin
READY := .venv/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test check fuzz docs bench soak clean

help:  ## this list
	@awk -F':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(READY)  ## a podcast client that mails when it matters, and the post office it mails to
	@$(IN)/python examples/podcasts/demo.py

test: $(READY)  ## every test, with real mail programs unpacked from Debian
	@$(IN)/python tests/peers/unpack.py
	@$(IN)/python -m pytest --numprocesses 2 --dist loadfile

check: $(READY)  ## style, types, walls between the rooms, undocumented commands and settings
	$(IN)/ruff check .
	$(IN)/ruff format --check src tests examples bench docs/generate.py .ci
	$(IN)/mypy
	$(IN)/lint-imports
	$(IN)/python -m pytest -q tests/unit/test_checks_*.py tests/unit/test_docs_settings.py

fuzz: $(READY)  ## a million spoilt dialogues through the protocol engine (FUZZ=--seed=7 for those of a seed)
	@$(IN)/python tests/fuzz/fuzz_run.py $(FUZZ)

docs: $(READY)  ## write those parts of the reference anew that the code knows
	@$(IN)/python docs/generate.py
	@$(IN)/python -m mailsponge.config.reference > docs/reference/settings.md

bench: $(READY)  ## speed beside what one would take instead (needs root for Postfix)
	@$(IN)/python tests/peers/unpack.py
	@$(IN)/python bench/run.py

soak: $(READY)  ## good, slow, broken and hostile clients, with the server killed 500 times (about 20 minutes; SOAK=--postgres: on a database)
	@$(IN)/python tests/soak/soak.py $(SOAK)

clean:  ## remove what was made here
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml .ci/venv.py
	@echo "Setting up .venv (once, about a minute)"
	@$(PYTHON) .ci/venv.py
