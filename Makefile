# For machines without ROS: `make demo` and `make test` build all they need in .venv.
# PYTHON=python3.12 chooses the interpreter, DISTRO=kilted the ROS release of the wheels.

PYTHON ?= python3
DISTRO ?= jazzy
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
CHROMIUM := $(shell command -v chromium || command -v chromium-browser)

# What an installation is made from. The Python package is not among it: the environment runs the
# checkout's own (see scripts/use_checkout.py), so a change there needs no new installation.
INPUTS := Makefile package.xml CMakeLists.txt setup.py pyproject.toml constraints.txt \
  $(wildcard config/* kernels/* launch/* msg/* rviz/* scripts/* security/* srv/*)

# A ROS set up in this shell would mix its libraries with those of the wheels.
ifdef AMENT_PREFIX_PATH
unexport AMENT_PREFIX_PATH CMAKE_PREFIX_PATH COLCON_PREFIX_PATH LD_LIBRARY_PATH PYTHONPATH
endif
# The wheels' mark that this environment's libraries are on LD_LIBRARY_PATH; not true of another's.
unexport _ROS_WHEELS_BOOTSTRAP_COMPLETE
# Nothing that runs here is heard outside this machine.
export ROS_AUTOMATIC_DISCOVERY_RANGE := LOCALHOST

.PHONY: venv demo test test-slow benchmark clean

venv: $(READY)

$(READY): $(INPUTS)
	scripts/prepare_machine $(PYTHON)
	$(BIN)/pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	touch $(VENV)/COLCON_IGNORE
	MTML_ROS_DISTRO=$(DISTRO) $(BIN)/pip install -c constraints.txt '.[$(DISTRO),train,live,test]'
	$(BIN)/python scripts/use_checkout.py
	touch $@

demo: venv
	$(BIN)/mtml demo --out demo_output

test: venv
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m pytest --cov=mtml_ros $(if $(CHROMIUM),-m "not slow")

# a process of its own: DDS keeps the network interfaces that the first participant of one has seen
NETWORK := test/ros/test_node_network.py
SLOW_TESTS_NEED := cmake=cmake aarch64-linux-gnu-g++=g++-aarch64-linux-gnu \
  /usr/share/sweethome3d/furniture=sweethome3d-furniture
test-slow: venv
	scripts/prepare_machine $(PYTHON) $(SLOW_TESTS_NEED)
	$(BIN)/python -m pytest -rs -m "slow or browser" --timeout 7200 --ignore $(NETWORK)
	$(BIN)/python -m pytest -rs -m slow --timeout 7200 $(NETWORK)

benchmark: venv
	$(BIN)/mtml benchmark

clean:
	rm -rf $(VENV) build *.egg-info demo_output .mypy_cache .ruff_cache .hypothesis
	find mtml_ros test -name __pycache__ -prune -exec rm -rf {} +
