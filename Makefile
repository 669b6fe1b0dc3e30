# hwmap: make demo | test | soak | bench | lint | lock. The first run makes .venv from the lock file.

VENV := .venv
PYTHON ?= python3
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Two processes with one thread each: OpenBLAS threads of two processes wait for each other.
PYTEST := OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n 2
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test soak bench lint lock clean

demo: $(READY)
	rm -rf build/demo build/demo_streaming
	$(BIN)/hwmap compile examples/digits.onnx --board pynq-z2 --mem 30KiB --max-drop 1 \
	  --calib examples/digits_calib.npz --test-data examples/digits_test.npz -o build/demo
	$(MAKE) -C build/demo csim
	$(BIN)/hwmap simulate build/demo
	$(BIN)/hwmap verify build/demo
	$(BIN)/hwmap compile examples/digits.onnx --board pynq-z2 --style streaming \
	  --calib examples/digits_calib.npz --test-data examples/digits_test.npz -o build/demo_streaming
	$(BIN)/hwmap verify build/demo_streaming
	@echo
	@echo "C++ for Vitis HLS:  build/demo/hls/top.cpp (start here), params.hpp; what it runs: program.txt"
	@echo "a kernel per layer: build/demo_streaming/hls/top.cpp, kernels.hpp, params.hpp"
	@echo "every decision:     build/demo/plan.json"
	@echo "on a page:          build/demo/report.html, build/demo_streaming/report.html"
	@echo "results as JSON:    build/demo/report.json"

test: $(READY)
	$(PYTEST) -m "not soak"

soak: $(READY)
	$(PYTEST) -m soak

bench: $(READY)
	$(BIN)/python -m tests.bench

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# Pinned versions with hashes, for every Python from 3.11 on.
lock: $(READY)
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --extra dev --extra bench --universal --generate-hashes \
	  --no-header --no-annotate --quiet -o requirements.lock

$(READY): pyproject.toml requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --editable .
	@touch $@

clean:
	rm -rf build $(VENV)
