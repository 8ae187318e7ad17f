# `make` lists what there is. Needs Rust, a C compiler, Python 3 and make; everything else is installed into this folder.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

FUNCTIONS := callback worker sweeper
STACK ?= handover
ARCHITECTURE ?= arm64
DENY := 0.20.2
FAKETIME := 3.0.1
FUZZ := 0.13.2
MUTANTS := 27.1.0

# The functions' zips are built for the oldest machine that runs them: Amazon Linux 2023 has glibc 2.34.
HOST_TARGET = $(shell rustc -vV | sed -n 's/^host: //p')

.PHONY: help
help: ## List what there is
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-19s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# ---------------------------------------------------------------------------------------------------- What it needs

.PHONY: prerequisites
prerequisites:
	@command -v cargo > /dev/null || { echo "Rust is missing: install it with rustup (https://rustup.rs)" >&2; exit 1; }
	@command -v cc > /dev/null || { echo "a C compiler is missing: on Debian, apt-get install gcc" >&2; exit 1; }
	@command -v python3 > /dev/null || { echo "Python 3.10 or later is missing: on Debian, apt-get install python3 python3-venv" >&2; exit 1; }
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "Python is older than 3.10: $$(python3 --version)" >&2; exit 1; }
	@python3 -c 'import ensurepip, venv' 2> /dev/null || { echo "Python's venv is missing: on Debian, apt-get install python3-venv" >&2; exit 1; }

.venv/installed: infra/local/requirements.txt | prerequisites
	@echo "installing the local cloud and the builder of the zips into .venv"
	@python3 -m venv .venv
	@.venv/bin/pip install --quiet --disable-pip-version-check -r infra/local/requirements.txt
	@touch $@

.venv-lint/installed: infra/local/requirements-lint.txt | prerequisites
	@echo "installing the checks of the template into .venv-lint"
	@python3 -m venv .venv-lint
	@.venv-lint/bin/pip install --quiet --disable-pip-version-check -r infra/local/requirements-lint.txt
	@touch $@

.tools/bin/cargo-deny: Makefile | prerequisites
	@echo "installing cargo-deny $(DENY) into .tools"
	@cargo install --quiet --locked --debug --root .tools --version $(DENY) cargo-deny
	@touch $@

.tools/bin/cargo-fuzz: Makefile | prerequisites
	@echo "installing cargo-fuzz $(FUZZ) into .tools"
	@cargo install --quiet --locked --debug --root .tools --version $(FUZZ) cargo-fuzz
	@touch $@

.tools/bin/cargo-mutants: Makefile | prerequisites
	@echo "installing cargo-mutants $(MUTANTS) into .tools"
	@cargo install --quiet --locked --debug --root .tools --version $(MUTANTS) cargo-mutants
	@touch $@

# Moves the clock of the unmodified functions in the end-to-end tests. The package's source holds more than its wheel:
# the multi-threaded library.
.tools/libfaketimeMT.so.1: .venv/installed Makefile
	@echo "building libfaketime $(FAKETIME) into .tools"
	@rm -rf .tools/faketime && mkdir -p .tools/faketime
	@.venv/bin/pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: \
	    --dest .tools/faketime libfaketime==$(FAKETIME)
	@tar -xzf .tools/faketime/libfaketime-$(FAKETIME).tar.gz -C .tools/faketime
	@$(MAKE) --silent -C .tools/faketime/libfaketime-$(FAKETIME)/libfaketime/vendor/libfaketime/src libfaketimeMT.so.1
	@cp .tools/faketime/libfaketime-$(FAKETIME)/libfaketime/vendor/libfaketime/src/libfaketimeMT.so.1 $@

.PHONY: tools
tools: .venv/installed .venv-lint/installed .tools/bin/cargo-deny .tools/libfaketimeMT.so.1 ## Install what the tests and checks need into this folder

# --------------------------------------------------------------------------------------------------------- Building

.PHONY: zips
zips: .venv/installed ## Build the functions' zips for this machine
	@echo "building the functions' zips (a few minutes the first time)"
	@PATH="$(CURDIR)/.venv/bin:$$PATH" cargo lambda build --release --locked --output-format zip \
	    --target $(HOST_TARGET).2.34 $(FUNCTIONS:%=--package handover-%)

.PHONY: build
build: prerequisites ## Build the command `handover` and `run`
	@echo "building the command \`handover\` and the stand-ins"
	@cargo build --locked --package handover-cli --package handover-local

# ---------------------------------------------------------------------------------------------------------- Running

.PHONY: run
run: zips build ## Walk a customer from link to registered database, on this machine
	@target/debug/run

# ---------------------------------------------------------------------------------------------------------- Testing

.PHONY: test
test: unit e2e ## Unit, property, contract and end-to-end tests

.PHONY: unit
unit: prerequisites ## Unit, property and contract tests
	@cargo test --locked --workspace --exclude handover-e2e --quiet

# Seconds for each target; TARGETS="exchange wait" fuzzes only these.
SECONDS_EACH ?= 60
TARGETS ?= $(sort $(basename $(notdir $(wildcard tests/fuzz/fuzz/fuzz_targets/*.rs))))

.PHONY: fuzz
fuzz: ## Fuzz with libFuzzer, guided by coverage (SECONDS_EACH=60 TARGETS="…"); needs a nightly Rust and a C++ compiler
	@cargo +nightly --version > /dev/null 2>&1 || { echo "a nightly Rust is missing: rustup toolchain install nightly --profile minimal (\`make unit\` fuzzes with the stable one, unguided)" >&2; exit 1; }
	@command -v c++ > /dev/null || { echo "a C++ compiler is missing: on Debian, apt-get install g++" >&2; exit 1; }
	@$(MAKE) --silent .tools/bin/cargo-fuzz
	@SECONDS_EACH=$(SECONDS_EACH) tests/fuzz/run.sh $(TARGETS)

.PHONY: e2e
e2e: zips build .tools/libfaketimeMT.so.1 ## End to end on the deployed template
	@cargo test --locked --package handover-e2e

.PHONY: chaos
chaos: zips build .tools/libfaketimeMT.so.1 ## Kill functions at random moments, then compare the books (SEED=… CONNECTIONS=… KILLS=…)
	@cargo run --locked --quiet --package handover-chaos

# SEED=123 plays one seed, with every line of its trace.
SEEDS ?= 20000

.PHONY: simulate
simulate: prerequisites ## Play the production code against a world that fails at every call (SEEDS=n, SEED=n)
	@cargo build --locked --quiet --package handover-simulate
	@SEEDS=$(SEEDS) $(if $(SEED),SEED=$(SEED)) target/debug/simulate

.PHONY: simulate-breaks
simulate-breaks: prerequisites ## Break one promise after the other on purpose: the simulation has to notice each
	@cargo build --locked --quiet --package handover-simulate
	@SEEDS=$(SEEDS) target/debug/simulate breaks

.PHONY: precision
precision: zips build .tools/libfaketimeMT.so.1 precision-simulated ## How late registrations are, simulated and on the local cloud (CONNECTIONS=… MINUTES=… SEED=…)
	@target/debug/precision local

.PHONY: precision-simulated
precision-simulated: prerequisites ## How late registrations are, on a simulated clock alone (SEEDS=n)
	@cargo build --locked --quiet --package handover-precision
	@target/debug/precision simulated

.PHONY: model
model: prerequisites ## Check the protocol over the production rules exhaustively within bounds, and print the states
	@cargo run --locked --quiet --package handover-model

.PHONY: model-breaks
model-breaks: prerequisites ## Leave out one precaution after the other: the model check has to notice each
	@cargo run --locked --quiet --package handover-model -- breaks

# Each change runs the tests again: with fewer random cases than usual. One that makes them endless (3) is noticed, too,
# unless another is missed.
MUTATE ?= crates/core/src/**
APPLY := crates/core/src/apply.rs crates/core/src/apply/*
MUTANTS_RUN = PROPTEST_CASES=48 .tools/bin/cargo-mutants mutants --package handover-core --colors never --jobs 2 --timeout 60
ALL_NOTICED = (( ended == 0 || ended == 3 )) && test ! -s target/mutants.out/missed.txt

.PHONY: mutants
mutants: .tools/bin/cargo-mutants ## Change the rules, one expression after the other: a test has to notice each (MUTATE="…/decide/**")
	@ended=0; $(MUTANTS_RUN) --file '$(MUTATE)' $(APPLY:%=--exclude '%') || ended=$$?; $(ALL_NOTICED)

# What does something with a decision is exercised where it is used.
.PHONY: mutants-apply
mutants-apply: .tools/bin/cargo-mutants ## The same for what carries the rules out, with the tests of the functions
	@ended=0; $(MUTANTS_RUN) $(APPLY:%=--file '%') --test-package handover-core \
	    $(FUNCTIONS:%=--test-package handover-%) || ended=$$?; $(ALL_NOTICED)

# COLD, WARM, BATCHES, MESSAGES and SWEEPS say how often, ROUND_TRIP_MS how far away the upstreams are.
.PHONY: bench
bench: zips build .venv-bench/installed tests/bench/peers/node/dist/callback.cjs ## Measure the zips beside their peers; fails if calls or items grow, never for a time
	@cargo run --locked --quiet --profile harness --package handover-bench

# Seconds instead of minutes: calls, round trips, units and sizes alone.
.PHONY: bench-counts
bench-counts: zips build ## Count the calls of a connection's life; fails if they, or its items, grow
	@cargo run --locked --quiet --profile harness --package handover-bench -- counts

# Each as OPT_LEVEL:LTO, beside the usual z:fat (`lambda`); more folders of zips in MORE.
VARIANTS ?= s:fat 3:fat z:thin
.PHONY: bench-variants
bench-variants: zips build ## Build the zips in other ways, and measure them beside each other
	@for variant in $(VARIANTS); do \
	    echo "building the zips with $$variant" && \
	    CARGO_PROFILE_RELEASE_OPT_LEVEL=$${variant%:*} CARGO_PROFILE_RELEASE_LTO=$${variant#*:} \
	    CARGO_TARGET_DIR=target/variants PATH="$(CURDIR)/.venv/bin:$$PATH" \
	    cargo lambda build --release --locked --output-format zip --target $(HOST_TARGET).2.34 \
	        --lambda-dir target/variants/$$variant $(FUNCTIONS:%=--package handover-%) || exit 1; \
	done
	@cargo run --locked --quiet --profile harness --package handover-bench -- \
	    variants target/lambda $(VARIANTS:%=target/variants/%) $(MORE)

.PHONY: valgrind
valgrind:
	@command -v valgrind > /dev/null || { echo "valgrind is missing: on Debian, apt-get install valgrind" >&2; exit 1; }

# CARGO_PROFILE_RELEASE_STRIP=false keeps the names of the functions in the zips.
.PHONY: bench-instructions
bench-instructions: valgrind zips build ## Count the instructions of a warm event, with valgrind
	@cargo run --locked --quiet --profile harness --package handover-bench -- instructions

.PHONY: bench-scale
bench-scale: zips build ## Sweep and list over ten thousand, a hundred thousand and a million stored connections (SWEEPS=n)
	@cargo run --locked --quiet --profile harness --package handover-bench -- scale

.venv-bench/installed: tests/bench/peers/python/requirements.txt | prerequisites
	@echo "installing the peer in Python into .venv-bench"
	@python3 -m venv .venv-bench
	@.venv-bench/bin/pip install --quiet --disable-pip-version-check -r tests/bench/peers/python/requirements.txt
	@touch $@

tests/bench/peers/node/dist/callback.cjs: $(addprefix tests/bench/peers/node/,package.json package-lock.json callback.mjs)
	@command -v npm > /dev/null || { echo "Node.js 20 or later with npm is missing: on Debian, apt-get install nodejs npm" >&2; exit 1; }
	@echo "installing the peer for Node.js into tests/bench/peers/node"
	@cd tests/bench/peers/node && npm ci --silent --no-audit --no-fund && npm run --silent bundle

.PHONY: lint
lint: .venv-lint/installed .tools/bin/cargo-deny ## Formatting, clippy, dependencies, template
	@cargo fmt --all --check
	@cargo clippy --locked --workspace --all-targets --all-features --quiet -- -D warnings
	@RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --quiet
	@.tools/bin/cargo-deny --log-level error check bans licenses sources
	@infra/local/check.sh .venv-lint/bin

# -------------------------------------------------------------------------------------------------------- Deploying

DEPLOY_TARGET = $(if $(filter arm64,$(ARCHITECTURE)),aarch64,x86_64)-unknown-linux-gnu

.PHONY: deploy
deploy: .venv/installed .venv-lint/installed ## Deploy to the AWS account of your credentials (STACK=… ARCHITECTURE=… PARAMETERS="Name=value …")
	@test -d "$$(rustc --print target-libdir --target $(DEPLOY_TARGET))" || rustup target add $(DEPLOY_TARGET)
	@PATH="$(CURDIR)/.venv/bin:$$PATH" cargo lambda build --release --locked --output-format zip \
	    $(if $(filter arm64,$(ARCHITECTURE)),--arm64,--x86-64) $(FUNCTIONS:%=--package handover-%)
	@.venv-lint/bin/sam deploy --template-file infra/template.yaml --stack-name $(STACK) --resolve-s3 \
	    --capabilities CAPABILITY_IAM CAPABILITY_AUTO_EXPAND --no-fail-on-empty-changeset \
	    --parameter-overrides Architecture=$(ARCHITECTURE) $(PARAMETERS)

.PHONY: clean
clean: ## Remove what was built and installed here
	@rm -rf target .venv .venv-bench .venv-lint .tools .local tests/bench/peers/node/node_modules tests/bench/peers/node/dist
