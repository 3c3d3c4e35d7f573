# What one does with a checkout; `make` alone lists it.
# PYTHON=/path/to/python names the Python to build with, ARGS="..." adds to the command that is run, WORKERS=1 runs the
# tests one by one.

PYTHON ?=
ARGS ?=
# Tests wait more than they work, for processes and connections: one worker more than two cores pays.
WORKERS ?= 3
# The environment of the demo holds what a running bot needs; training's libraries stay in the one of the tests.
DEMO_ENV := .venv
TEST_ENV := .venv-test
AUDIT_ENV := .venv-audit
ENVS := $(DEMO_ENV) $(TEST_ENV) $(AUDIT_ENV)

help:  ## list these targets
	@awk -F ':.*  ## ' '/^[a-z]+:.*  ## / { printf "make %-6s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(DEMO_ENV)/.installed  ## judge a played-out match in the terminal: no account, no GPU, no training
	@$(DEMO_ENV)/bin/referee demo $(ARGS)

test: $(TEST_ENV)/.installed  ## run the tests
	@$(TEST_ENV)/bin/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

check: $(TEST_ENV)/.installed  ## check style and types
	@$(TEST_ENV)/bin/ruff check --quiet .
	@$(TEST_ENV)/bin/ruff format --check --quiet .
	@$(TEST_ENV)/bin/mypy --strict --no-error-summary

soak: $(TEST_ENV)/.installed  ## kill the bot a thousand times under load and feed it broken clips; takes an hour
	@$(TEST_ENV)/bin/python -m tests.crash.soak --kills 1000 $(ARGS)
	@$(TEST_ENV)/bin/python -m tests.hostile.fuzz_decode --inputs 20000

audit: $(AUDIT_ENV)/.installed  ## look for known holes and unfit licences in what Referee is built from; needs the network
	@$(AUDIT_ENV)/bin/pip-licenses > $(AUDIT_ENV)/licences.log && \
	    echo "Licences: those of `tail -n +2 $(AUDIT_ENV)/licences.log | wc -l` packages are fit (pyproject.toml lists which are)."
	@$(AUDIT_ENV)/bin/pip-audit --strict --disable-pip --no-deps -r constraints.txt

clean:  ## remove the environments made here and every cache
	@for env in $(ENVS); do if [ -e $$env/.installed ] || [ -e $$env/.unfinished ]; then rm -rf $$env; fi; done
	@rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name '.venv*' -prune -o -type d -name __pycache__ -prune -exec rm -rf {} +

.PHONY: help demo test check soak audit clean

# These files are what an environment is made of: one that is older than they are is brought up to date.
$(ENVS:=/.installed): pyproject.toml constraints.txt

$(DEMO_ENV)/.installed:
	$(call install,$(@D),speech-model,the runtime,620 MB)

$(TEST_ENV)/.installed:
	$(call install,$(@D),$(test_extras),the runtime and the libraries of training and tests,2 GB or more)

$(AUDIT_ENV)/.installed:
	$(call install,$(@D),speech-model$(comma)postgres$(comma)audit,the runtime and what looks at it,700 MB)

comma := ,
test_extras := speech-model$(comma)postgres$(comma)train$(comma)train-base$(comma)dev

# $(call install,ENVIRONMENT,EXTRAS,WHAT,SIZE). `.unfinished` stays behind where a run is cut short, so that the next
# one starts afresh; an environment that somebody else made is used as it is and never removed.
define install
@$(call require_python)set -u; \
if [ -e $(1)/.unfinished ]; then rm -rf $(1); fi; \
if [ ! -e $(1)/pyvenv.cfg ] || [ -e $(1)/.installed ]; then mkdir -p $(1) && : > $(1)/.unfinished || exit 1; fi; \
echo "Installing $(3) into $(1): $(4), a few minutes, this once." >&2; \
{ [ -e $(1)/pyvenv.cfg ] || "$(python)" -m venv $(1); } > $(1)/install.log 2>&1 && \
$(1)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[$(2)]" \
    >> $(1)/install.log 2>&1 || { \
  reason=`grep -E '^ *(ERROR|Error): ' $(1)/install.log | tail -n 1 | sed 's/^ *[A-Za-z]*: //'`; \
  echo "Cannot install into $(1): $${reason:-`tail -n 1 $(1)/install.log`} ($(1)/install.log has it all)." \
    "Check the network and the room on the disk, and run the same command again." >&2; \
  exit 1; \
}; \
rm -f $(1)/.unfinished && : > $(1)/.installed
endef

# Leave the Python to build with in $(python), or stop with one line that says what is missing.
require_python = $(eval answer := $(find_python))$(if $(filter yes,$(firstword $(answer))),$(eval \
	python := $(word 2,$(answer))),$(error $(answer)))

candidates = $(or $(PYTHON),python3 python3.11 python3.12 python3.13 python3.14)

# Print "yes PYTHON" for the first Python that will do, or else why none does.
find_python = $(shell old=; bare=; \
	for python in $(candidates); do \
		if version=`"$$python" -c '$(probe_version)' 2>/dev/null`; then \
			if "$$python" -c 'import ensurepip, venv' 2>/dev/null; then echo "yes $$python"; exit; fi; \
			bare="$${bare:-python$$version}"; \
		elif [ -n "$$version" ]; then old="$$old $$python is $$version;"; fi; \
	done; \
	if [ -n "$$bare" ]; then \
		echo "$$bare has no venv module to make an environment with: on Debian and Ubuntu, apt install $$bare-venv"; \
	else \
		echo "Referee needs Python 3.11 or newer:$${old:- there is no $(firstword $(candidates)) here;}" \
			"install one, or name it with PYTHON=/path/to/python"; \
	fi)

probe_version = import sys; print("%d.%d" % sys.version_info[:2]); sys.exit(sys.version_info < (3, 11))
