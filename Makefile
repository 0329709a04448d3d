# make demo: the iCub learns to imitate, headless.   make test: everything that is checked.   make help: the rest.
# PYTHON=python3.13 takes another Python (3.11 to 3.14), VENV=folder another place for what is installed.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
# to compare with; without torchvision, which the comparison does not need, and so not among the constraints
TIMM := timm==1.0.31
# to compare with, in an environment of its own: it needs NumPy 1; without what it draws and hears with (jax, matplotlib, ...)
MEDIAPIPE := mediapipe==0.10.21 numpy==1.26.4 opencv-python-headless==4.11.0.86 absl-py==2.5.1 attrs==26.1.0 \
  flatbuffers==25.12.19 protobuf==4.25.9
# what guides a fuzzer; without it (there is none for the newest Python) nothing does, and it is faster
ATHERIS := atheris==3.0.0
TARGET ?= value
fuzz: MINUTES := 5
# what writes constraints.txt; another one may write the same pins in other words
UV := uv==0.13.9
# says which Python runs it
SAY := import os, platform, sys; print(f"Python {platform.python_version()}: {os.path.realpath(sys.executable)}")
# the Python of the virtual environment, if there is one already
BUILT = $(wildcard $(BIN)/python)
# how long `make soak` takes
soak: MINUTES := 60

# library that must be there : Debian package that has it
LIBRARIES := libOSMesa.so.8:libosmesa6 libGL.so.1:libgl1 libglib-2.0.so.0:libglib2.0-0

# program that must be there for the tests : Debian package that has it
PROGRAMS := chromium:chromium ip:iproute2 unshare:util-linux mount:mount
# installs the Debian packages in $$missing, as root or with sudo
define INSTALL
	[ -z "$$missing" ] && exit 0; \
	if ! command -v apt-get >/dev/null; then echo "Please install what these Debian packages have:$$missing" >&2; exit 1; fi; \
	if [ "$$(id -u)" = 0 ]; then as=; elif command -v sudo >/dev/null; then as=sudo; \
	else echo "Please run as root: apt-get install$$missing" >&2; exit 1; fi; \
	echo "Installing Debian packages:$$missing"; \
	$$as apt-get update -q && $$as env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $$missing
endef

# As many tests run beside each other as there are processors, or more: each computes with one.
COVERED = OMP_NUM_THREADS=1 $(BIN)/python -m coverage run -m pytest --durations 10

.DELETE_ON_ERROR:
.PHONY: help python demo test test-fast model names fuzz lint docs bench chaos yarp pins clean system programs soak

help: ## what there is
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

python:
	@$(if $(BUILT)$(PYTHON),,echo "Python 3.11 or newer is needed; PYTHON=... names it" >&2; exit 1)
	@$(or $(BUILT),$(PYTHON)) -c '$(SAY)'
ifneq ($(filter environment command,$(firstword $(origin PYTHON))),)
	@[ -z "$(BUILT)" ] || [ "$$($(BUILT) -c '$(SAY)')" = "$$($(PYTHON) -c '$(SAY)')" ] || \
	  { echo "$(VENV) was made with that one, not with $(PYTHON); VENV=... names another folder" >&2; exit 1; }
endif

demo: python $(VENV)/robot.done ## set up, then run launch/mirror.yaml; arguments: make demo ARGS="pairs=20"
	$(BIN)/agentspace launch launch/mirror.yaml $(ARGS)

test: python $(VENV)/test.done lint docs ## set up, then lint, types, docs and all tests, with coverage
	rm -f .coverage .coverage.*
	@session() { mark=$$1; shift; \
	  $(COVERED) --cache-clear -m "$$mark" "$$@" $(ARGS); code=$$?; \
	  [ $$code != 1 ] || { echo "Once more, each by itself; what passes now is a fault of the test, or of what it tests:"; \
	    $(COVERED) -vv --last-failed --last-failed-no-failures none --maxfail 10 -m "$$mark" $(ARGS); return $$?; }; \
	  [ $$code = 5 ] || return $$code; }; \
	session "not alone" -n 4 --dist worksteal; beside=$$?; session alone; alone=$$?; \
	  exit $$((beside ? beside : alone))  # 5, no test, is right if ARGS names none of them
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report --fail-under=95

test-fast: python $(VENV)/fast.done ## tests/unit, tests/model, tests/fuzz, within a minute; needs no robot, PyTorch, browser or YARP
	$(BIN)/python -m pytest -n logical --hypothesis-profile fast --durations 5 --durations-min 1 tests/unit tests/model tests/fuzz $(ARGS)

names: python $(VENV)/fast.done ## ten million names of slots, one after the other, and what is left of them; some minutes
	AGENTSPACE_NAMES=10000000 $(BIN)/python -m pytest -s tests/unit/core/test_forgetting.py -k names_without_end

model: python $(VENV)/fast.done ## all that can happen in larger worlds than tests/model has; STATES=100000 ends sooner
	$(BIN)/python -m tests.model $(STATES)

fuzz: python $(VENV)/fuzz.done ## attacks a reader on all cores: TARGET=value MINUTES=5; TARGET=server: a live server
	nice $(BIN)/python -m tests.fuzz.run $(TARGET) --minutes $(MINUTES) $(ARGS)

lint: $(VENV)/test.done ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/test.done ## docs/_build/html, warnings are errors
	$(BIN)/sphinx-build -q -n -W --keep-going -b html docs docs/_build/html

bench: $(VENV)/robot.done ## `agentspace bench`; hot swaps under load (arguments: SWAP_ARGS)
	$(BIN)/agentspace bench $(ARGS)
	$(BIN)/python tests/benchmarks/swap.py $(SWAP_ARGS)

chaos: $(VENV)/test.done ## 1000 faults, with kill -9 and cut links; what all clients saw is checked (ARGS="--seed 7 --faults 100")
	$(BIN)/python -m tests.chaos $(ARGS)

soak: $(VENV)/test.done ## whether anything grows: an hour, MINUTES=60, of a robot under a varied load; into build/soak
	$(BIN)/python -m tests.soak --minutes $(MINUTES) $(ARGS)

yarp: | $(BIN)/python ## real YARP for robots: built once (five to ten minutes) into ~/.cache/agentspace
	.ci/install-yarp $(BIN)/python

pins: python | $(BIN)/python ## constraints.txt from pyproject.toml; UPGRADE=1 takes the newest that fit
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(UV)
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11.0 --all-extras --no-emit-index-url --no-annotate \
	  --custom-compile-command "make pins" $(if $(UPGRADE),--upgrade) pyproject.toml --output-file constraints.txt

clean: ## removes what make made
	rm -rf $(VENV) build *.egg-info docs/_build .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis

system:
	@missing=; for pair in $(LIBRARIES); do \
	  /sbin/ldconfig -p | grep -q "$${pair%%:*}" || missing="$$missing $${pair##*:}"; done; $(INSTALL)

programs:
	@missing=; for pair in $(PROGRAMS); do \
	  command -v "$${pair%%:*}" >/dev/null || missing="$$missing $${pair##*:}"; done; $(INSTALL)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; PYTHON=... names it")'
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Please install python3-venv" >&2; exit 1; }

$(VENV)/fast.done: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing Python packages for tests/unit (once; about a minute)"
	$(PIP) --editable '.[tools,test]'
	@touch $@

$(VENV)/robot.done: pyproject.toml constraints.txt | $(BIN)/python system
	@echo "Installing Python packages (once; about a minute)"
	$(PIP) --editable '.[robot,tools]'
	@touch $@

$(VENV)/fuzz.done: $(VENV)/test.done
	-$(PIP) --no-deps $(ATHERIS)
	@touch $@

$(VENV)/test.done: $(VENV)/robot.done | programs
	@echo "Installing Python packages for tests, docs and training (once; some minutes)"
	$(PIP) --editable '.[robot,tools,train,test,docs]'
	$(PIP) --no-deps $(TIMM)
	-$(BIN)/python -m venv $(VENV)/mediapipe && \
	  $(VENV)/mediapipe/bin/python -m pip install --quiet --disable-pip-version-check --no-deps $(MEDIAPIPE)
	@touch $@
