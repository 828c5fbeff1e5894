# Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT
#
# Daily acts, one command each. Whatever is missing is installed first: Debian
# packages with apt, the exact Deno binary with npm. `make help` lists them.

SHELL := /bin/bash
.DEFAULT_GOAL := help

export DENO_DIR := $(CURDIR)/.deno/cache
export DENO_NO_UPDATE_CHECK := 1
DENO := $(CURDIR)/.deno/node_modules/@deno/linux-x64-glibc/deno
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
CONFIG ?=
DATA ?=
ARCHIVE ?=
WHAT ?=
DIRS ?=
comma := ,
empty :=
space := $(empty) $(empty)

# Packages that running needs, those that it goes without where they can't be
# had (then without DPDK), and those that the tests and checks need besides.
RUN_PACKAGES  := gcc make pkg-config libc6-dev liburing-dev
DPDK_PACKAGES := libdpdk-dev dpkg-dev
TEST_PACKAGES := g++ git fio libquickfix-dev libasan8 libubsan1 cppcheck shellcheck yamllint \
	ansible-core ansible-lint mmdebstrap systemd-container iproute2 iputils-ping ethtool \
	openssh-client socat procps python3 nats-server linuxptp tshark \
	chromium prometheus prometheus-node-exporter

# What the appliance may do: its shims, its own files, the admin port. The
# ports of clients are opened by the shims, which Deno's permissions do not see;
# --allow-ffi cannot be narrower, so the service manager contains the process.
READABLE := $(CURDIR)$(if $(CONFIG),$(comma)$(CONFIG))$(if $(DATA),$(comma)$(DATA))
COMMON_PERMISSIONS := --no-prompt --cached-only --frozen --allow-ffi \
	--allow-env=NOTIFY_SOCKET,WATCHDOG_USEC,FERRULE_NATIVE_DIR,CREDENTIALS_DIRECTORY
RUN_PERMISSIONS = $(COMMON_PERMISSIONS) --allow-read=$(READABLE) \
	--allow-write=$(or $(DATA),data) --allow-net=127.0.0.1$(if $(NET),$(comma)$(NET))

.PHONY: help
help: ## This list
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# ---------------------------------------------------------------- what is needed

.PHONY: deno deps-run deps-test native
deno: $(DENO) .deno/cache/.complete
$(DENO): .deno/package.json .deno/package-lock.json
	@command -v npm >/dev/null || { $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq --no-install-recommends nodejs npm ca-certificates; }
	@cd .deno && npm ci --no-fund --no-audit --loglevel=error
	@touch $@

# Every import of the lock file, fetched once; later runs need no network.
.deno/cache/.complete: deno.lock deno.json | $(DENO)
	@mkdir -p .deno/cache
	@$(DENO) install --quiet --frozen
	@touch $@

# Installs what is missing of a list of packages, and says nothing if nothing is.
# Debian starts Prometheus at once, on the appliance's own port 9090: not here.
define install-missing
	@missing=""; for package in $(1); do \
		dpkg-query -W -f='$${Status}' $$package 2>/dev/null | grep -q "ok installed" || missing="$$missing $$package"; done; \
	if [ -n "$$missing" ]; then echo "installing:$$missing"; $(SUDO) apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
		case "$$missing" in *" prometheus"*) [ ! -d /run/systemd/system ] || \
			$(SUDO) systemctl disable --quiet --now prometheus prometheus-node-exporter;; esac; fi
endef

deps-run:
	$(call install-missing,$(RUN_PACKAGES))
	$(call install-missing,$(DPDK_PACKAGES)) || echo "DPDK is left out: its packages can not be installed"
deps-test:
	$(call install-missing,$(RUN_PACKAGES) $(DPDK_PACKAGES) $(TEST_PACKAGES))

native: deps-run
	@$(MAKE) -s --no-print-directory -C native

# ---------------------------------------------------------------- daily acts

.PHONY: run doctor config send control reload promote inspect verify shadow replay test test-deep test-kill sim mutants bench challenge rules fmt check clean hugepages
run: native deno ## Start the appliance (CONFIG=file.toml for your own; DATA=folder if its data lies elsewhere; NET=hosts of lease servers)
	@$(DENO) run $(RUN_PERMISSIONS) main.ts run $(if $(CONFIG),--config $(CONFIG))

doctor: native deno ## Say what this host lacks, and how to mend it (WHAT=--measure-disk times the disk, WHAT=--json for programs)
	@$(DENO) run $(RUN_PERMISSIONS) main.ts doctor $(if $(CONFIG),--config $(CONFIG)) $(WHAT)

config: native deno ## Print the default configuration with a reason for each line
	@$(DENO) run $(RUN_PERMISSIONS) main.ts config

send: native deno ## Place an order: make send ORDER="--session CLIENT1 buy 100 AAPL 187.50"
	@$(DENO) run $(COMMON_PERMISSIONS) --allow-read=$(READABLE) --allow-net --unstable-net main.ts send $(ORDER)

control: deno ## Ask the running appliance: make control REQUEST="state instrument=AAPL state=halt"
	@$(DENO) run --no-prompt --cached-only --frozen --allow-ffi --allow-read=$(READABLE) --allow-net=127.0.0.1 \
		--allow-env=FERRULE_NATIVE_DIR main.ts control $(if $(CONFIG),--config $(CONFIG)) $(REQUEST)

# What looks into data folders reads them and writes nothing.
LOOK = $(DENO) run --no-prompt --cached-only --frozen --allow-ffi --allow-env=FERRULE_NATIVE_DIR \
	--allow-read=$(READABLE)$(subst $(space),,$(addprefix $(comma),$(ARCHIVE) $(DIRS))) main.ts
LOOK_AT := $(if $(CONFIG),--config $(CONFIG)) $(if $(DATA),--data $(DATA)) $(if $(ARCHIVE),--archive $(ARCHIVE))

inspect: native deno ## Look into a data folder: make inspect WHAT="--at 1000 book AAPL" (DATA=folder or CONFIG=file.toml; ARCHIVE=folder of older segments)
	@$(LOOK) inspect $(LOOK_AT) $(WHAT)

verify: native deno ## Check whole archives (DIRS="folder ...", ARCHIVE=folder of older segments, WHAT=--quick for the bytes alone)
	@$(LOOK) verify $(LOOK_AT) $(WHAT) $(DIRS)

shadow: native deno ## Say whether this build may take over a data folder (DATA=folder, ARCHIVE=folder of older segments, WHAT=--from-snapshot)
	@$(LOOK) shadow $(LOOK_AT) $(WHAT)

reload: deno ## Have the running appliance read its configuration file again: CONFIG=file.toml
	@$(DENO) run --no-prompt --cached-only --frozen --allow-ffi --allow-read=$(READABLE) --allow-net=127.0.0.1 \
		--allow-env=FERRULE_NATIVE_DIR main.ts reload $(if $(CONFIG),--config $(CONFIG))

promote: deno ## Make the standby of this host primary (FORCE=true: even if it lacks what was acknowledged)
	@$(DENO) run --no-prompt --cached-only --frozen --allow-ffi --allow-read=$(READABLE) --allow-net=127.0.0.1 \
		--allow-env=FERRULE_NATIVE_DIR main.ts promote $(if $(CONFIG),--config $(CONFIG)) $(if $(FORCE),force=$(FORCE))

replay: native deno ## Feed recorded order flow into the books: FILE=..., BOOK=... (LOBSTER)
	@$(DENO) run $(COMMON_PERMISSIONS) --allow-read main.ts replay $(FILE) $(if $(BOOK),--book $(BOOK))

test: deps-test native deno ## Run every test (TESTS="tests/ring tests/wire" for some)
	@$(DENO) run --no-prompt --frozen --allow-all tests/run_all.ts $(TESTS)

test-deep: deno ## Ten million commands through engine and oracle (COMMANDS=..., SEED=...)
	@$(DENO) run --no-prompt --frozen --allow-read tests/deep/oracle_deep.ts $(or $(COMMANDS),10000000) $(or $(SEED),1)

sim: native deno ## Simulate with faults, seed after seed (MINUTES=5); one seed with its log: SEED=... STEPS=...; a pair: PAIR=1
	@$(DENO) run --no-prompt --frozen --allow-all tests/sim/run.ts $(if $(MINUTES),--minutes=$(MINUTES)) \
		$(if $(SEED),--seed=$(SEED)) $(if $(STEPS),--steps=$(STEPS)) $(if $(PAIR),--pair) $(if $(MINUTES),,$(if $(SEED),--one --log))

test-kill: deps-test native deno ## Kill the appliance, and a pair, under load again and again (KILLS=200)
	@KILLS=$(or $(KILLS),200) $(DENO) test --no-prompt --frozen --no-check --allow-all --unstable-net \
		--filter "/kills/" tests/appliance/quickfix_test.ts tests/appliance/recovery_test.ts \
		tests/replication/kill_pair_test.ts

mutants: deno ## Break each rule in turn and see that the tests notice (MUTANTS="stops auction" for some)
	@$(DENO) run --no-prompt --frozen --allow-all tests/mutation/mutants.ts $(MUTANTS)

bench: deps-test native deno ## Measure, beside the references (BENCH="book latency" for some)
	@$(DENO) run --no-prompt --frozen --allow-all --unstable-net bench/run_all.ts $(BENCH) $(addprefix --file=,$(abspath $(FILE)))

rules: deno ## Make docs/rules.md from the data in docs/rules/
	@$(DENO) run --no-prompt --cached-only --frozen --allow-read=$(CURDIR) --allow-write=docs/rules.md tests/rules/generate.ts

challenge: deps-test native deno ## Workloads of the public challenge through the exchange: FILE="static.bin normal.bin"
	@$(DENO) run --no-prompt --frozen --allow-all bench/run_all.ts challenge $(addprefix --file=,$(abspath $(FILE)))

fmt: deno ## Format TypeScript
	@$(DENO) fmt --quiet

check: deno ## Formatting, lint and types
	@$(DENO) fmt --check --quiet
	@$(DENO) lint --quiet
	@$(DENO) check --frozen --quiet main.ts engine ffi tests bench containers/setup.ts

hugepages: ## Reserve 512 huge pages of 2 MiB until the next boot
	$(SUDO) sysctl -w vm.nr_hugepages=512

clean: ## Remove what was built (not data, not the runtime)
	rm -rf native/build build bench/results

include ansible/artifact.mk
