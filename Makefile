# One line for each thing a developer does; CMake, CTest and a few scripts do the work. `make help` lists the targets.
JOBS         ?= $(shell nproc)
PROMPT       ?= Once upon a time
TOKENS       ?= 64
TEMPERATURE  ?= 0.7
SEED         ?= 1
QUESTION     ?= What is the capital of France?
FUZZ_SECONDS ?= 60

.DEFAULT_GOAL := help
.PHONY: help demo demo-smollm test check build setup asan fuzz bench bench-llama \
        test-tokenizers test-templates test-openai \
        format lint \
        rtl rtl-short rtl-soak rtl-faults rtl-vx synth synth-netlist \
        web test-web pictures \
        clean

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: build/build.ninja ## Generate text on the simulated chip and show where the time went (PROMPT=, TOKENS=, TEMPERATURE=, SEED=)
	cmake --build --preset release --target hadal -j $(JOBS)
	build/hadal run models/hadal-tiny --chip chips/hadal-1.yaml --prompt "$(PROMPT)" --max-tokens $(TOKENS) \
	  --temperature $(TEMPERATURE) --top-p 0.95 --seed $(SEED)

demo-smollm: build/build.ninja ## Fetch SmolLM2-135M-Instruct (a GGUF file of 98 MB) and let it answer on the chip (QUESTION=, TOKENS=)
	cmake --build --preset release --target hadal -j $(JOBS)
	build/hadal chat "$$(tools/fetch_smollm2.sh)" --chip chips/hadal-1.yaml --max-tokens $(TOKENS) --threads $(JOBS) \
	  --message "$(QUESTION)"

test: build ## Build and run the whole test suite
	ctest --preset test -j $(JOBS)

check: build ## The fast part of it: under a minute once built
	ctest --preset check -j $(JOBS)

build: build/build.ninja ## Build everything into build/
	cmake --build --preset release -j $(JOBS)

setup: ## Install the Debian packages that are missing
	@tools/setup.sh build

asan: setup ## The whole suite under AddressSanitizer and UBSan, in build-asan/
	cmake --preset asan
	cmake --build --preset asan -j $(JOBS)
	ctest --preset asan -j $(JOBS)

fuzz: ## Each fuzz target for a minute, in build-fuzz/ (FUZZ_SECONDS=)
	@tools/setup.sh build fuzz
	cmake --preset fuzz
	cmake --build --preset fuzz -j $(JOBS)
	tools/fuzz.sh build-fuzz $(FUZZ_SECONDS)

bench: build ## Run every benchmark program, and the tokenizers beside those of Hugging Face
	@for program in build/bench_*; do echo "== $$program"; "$$program" || exit 1; done
	tools/python.sh tools/goldens/fetch_tokenizers.py
	tools/python.sh tools/goldens/tokenizer_families.py bench
	@if [ -e build/venv-bench/requirements.txt ]; then $(MAKE) --no-print-directory bench-llama; else \
	  echo "== llama.cpp beside the simulator: make bench-llama (builds llama-cpp-python, about ten minutes)"; fi

bench-llama: build ## The functional simulator beside llama.cpp on SmolLM2-135M: tokens/s, memory
	PACKAGES=bench tools/python.sh tools/bench/llama.py

test-tokenizers: build ## Fetch published tokenizers and compare with the `tokenizers` package (COUNT=)
	tools/python.sh tools/goldens/fetch_tokenizers.py
	tools/python.sh tools/goldens/tokenizer_families.py compare

test-templates: build ## Fetch published chat templates and compare with transformers
	tools/python.sh tools/goldens/fetch_tokenizers.py templates
	tools/python.sh tools/goldens/chat_goldens.py compare

test-openai: build ## The server with the real `openai` client package
	tools/python.sh tools/openai_test.py

format: ## Rewrite the C++ sources in the house format
	@tools/setup.sh lint
	git ls-files '*.h' '*.cpp' | xargs clang-format -i

lint: build/build.ninja ## Format, clang-tidy, layering, links, leftovers; what has not changed is not looked at again
	@tools/setup.sh lint
	tools/lint.sh $(JOBS)

rtl: build/build.ninja ## Lint the RTL, run it beside the functional simulator: random programs of one and four cores, kernels, tokens (SEED=)
	@tools/setup.sh build rtl
	cmake --build --preset release --target hadal -j $(JOBS)
	tools/rtl_lint.sh
	OBJCACHE=ccache build/hadal verify --random 400 --seed $(SEED) --kernels
	build/hadal verify --model hadal-tiny --tokens 4
	OBJCACHE=ccache build/hadal verify --chip hadal-rtl-4 --random 12 --seed $(SEED)

rtl-short: build/build.ninja ## A few minutes of it: random programs, the cycles of kernels within their limits, one token
	@tools/setup.sh build rtl
	cmake --build --preset release --target hadal -j $(JOBS)
	OBJCACHE=ccache build/hadal verify --random 20 --seed $(SEED) --kernels
	build/hadal verify --model hadal-tiny --tokens 1

rtl-soak: build/build.ninja ## Ten million committed lines: 22 tokens, 640 programs of four cores; then random programs of one and two (SEED=)
	@tools/setup.sh build rtl
	cmake --build --preset release --target hadal -j $(JOBS)
	OBJCACHE=ccache build/hadal verify --model hadal-tiny --tokens 22
	OBJCACHE=ccache build/hadal verify --chip hadal-rtl-4 --random 640 --seed 30000
	build/hadal verify --random 300 --seed $(SEED)
	OBJCACHE=ccache build/hadal verify --chip hadal-rtl-2 --random 20 --seed $(SEED)

rtl-faults: build/build.ninja ## Plant the faults of rtl/mutations.txt one by one; each must be noticed
	@tools/setup.sh build rtl
	cmake --build --preset release --target hadal -j $(JOBS)
	OBJCACHE=ccache build/hadal verify --mutations rtl/mutations.txt --random 40 --seed $(SEED)

rtl-vx: build/build.ninja ## Lint the vector unit's RTL, run it against the simulator, print its cycles (SEED=)
	@tools/setup.sh build rtl
	dv/vx/lint.sh
	JOBS=$(JOBS) dv/vx/build.sh
	build/rtl-vx/leaves_bench 2000000 $(SEED)
	build/rtl-vx/vx_bench --groups 3000 --seed $(SEED)
	build/rtl-vx/vx_bench cycles

web: build/web/report.html ## Build the page of `hadal report` and `hadal ui` (needs npm)

test-web: build/build.ninja web ## The pages in a headless Chromium; leaves screenshots in build/web/screens
	@tools/setup.sh build rtl browser
	cmake --build --preset release --target hadal -j $(JOBS)
	cd web && npm test

pictures: build/build.ninja web ## The pictures of the README, in docs/images (minutes: it explores a whole space)
	@tools/setup.sh build browser
	cmake --build --preset release --target hadal -j $(JOBS)
	cd web && node pictures.mjs

synth: build/build.ninja ## Area, clock and energy of the RTL's blocks on a cell library (LIBERTY=)
	@tools/setup.sh build rtl synth
	cmake --build --preset release --target hadal -j $(JOBS)
	build/hadal synth $(if $(LIBERTY),--liberty $(LIBERTY))

synth-netlist: build/build.ninja ## The gates of the matrix unit beside its RTL in lockstep with the simulator, and faults (LIBERTY=, SEED=)
	@tools/setup.sh build rtl synth
	cmake --build --preset release --target hadal -j $(JOBS)
	OBJCACHE=ccache build/hadal synth --check-netlist --seed $(SEED) $(if $(LIBERTY),--liberty $(LIBERTY))

clean: ## Remove every build folder of this Makefile
	rm -rf build build-asan build-fuzz

web/node_modules/.package-lock.json: web/package.json web/package-lock.json
	@tools/setup.sh web
	cd web && npm ci --ignore-scripts --no-audit --no-fund

build/web/report.html: web/node_modules/.package-lock.json web/build.mjs web/tsconfig.json $(shell find web/src -type f)
	cd web && npm run --silent check && npm run --silent build

build/build.ninja: CMakePresets.json | setup
	cmake --preset release
