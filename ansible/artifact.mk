# Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT
#
# What concerns the host that the appliance is deployed on. Part of the top
# Makefile, whose DENO, native and deno it uses.

# systemd-analyze's figure times ten: 0 is sealed, 100 is open. "OK" ends at 49.
UNIT_EXPOSURE_MAX := 30

.PHONY: artifact verify-units
artifact: native deno ## Pack and sign build/ferrule-<version>.tar.gz: all that a host needs (SIGNING_KEY=file of yours)
	@$(DENO) run --no-prompt --allow-read --allow-write=build,ansible/secrets --allow-env --allow-run \
		ansible/artifact.ts --deno=$(DENO) $(if $(SIGNING_KEY),--key=$(SIGNING_KEY))

# The program is not where the unit expects it on this machine: a command that is stands in for it.
verify-units: ## Check the systemd units and how far they are sealed
	@mkdir -p build/units
	@set -e -o pipefail; for unit in $(notdir $(wildcard systemd/*.service systemd/*.slice systemd/*.target)); do \
		sed 's|/opt/ferrule/current/bin/deno|/bin/true|; s|^WorkingDirectory=.*||' systemd/$$unit > build/units/$$unit; done; \
	for unit in build/units/*.service build/units/*.slice build/units/*.target; do systemd-analyze verify $$unit; done; \
	for unit in build/units/*.service; do systemd-analyze security --offline=true --threshold=$(UNIT_EXPOSURE_MAX) $$unit | tail -n 1; done

.PHONY: role-table
role-table: deno ## Write each role's defaults and README table from its argument specification
	@$(DENO) run --no-prompt --frozen --allow-read --allow-write=ansible/roles ansible/role_table.ts

# Minutes, software emulation: not part of make test.
.PHONY: test-deploy
test-deploy: deps-test native deno ## Deploy, trade, reboot, upgrade, fail over on virtual machines and pairs (ONLY=vm, pair, upgrade or whole)
	$(call install-missing,qemu-system-x86 qemu-utils fdisk e2fsprogs)
	@FERRULE_DEPLOY=whole $(DENO) test --no-prompt --frozen --no-check --allow-all --unstable-net \
		$(if $(filter-out whole,$(ONLY)),tests/deploy/$(ONLY)_deploy.ts,\
		tests/deploy/deploy_test.ts $(if $(ONLY),,tests/deploy/{upgrade,vm,pair}_deploy.ts))

# What the roles ask Debian for, with all that it depends on: apt is told that nothing is installed yet.
HOST_PACKAGES ?= chrony driverctl ethtool iproute2 linuxptp nftables prometheus prometheus-node-exporter python3-apt rsync

.PHONY: packages
packages: deps-run ## Pack build/packages-bookworm.tar.gz: Debian packages for hosts that reach no mirror (HOST_PACKAGES=...)
	@. /etc/os-release && test "$$VERSION_CODENAME" = bookworm || \
		{ echo "make packages packs those of the Debian that it runs on, and the hosts run 12 (bookworm)"; exit 1; }
	@rm -rf build/packages && mkdir -p build/packages
	@set -o pipefail; cd build/packages && apt-get install --print-uris --yes --quiet --no-install-recommends \
		--option=Dir::State::status=/dev/null $(HOST_PACKAGES) | sed -n "s/^'[^']*' \([^_]*\)_\([^_]*\)_.*/\1=\2/p" | \
		sed 's/%3a/:/g' | xargs apt-get download --quiet --quiet
	@cd build/packages && dpkg-scanpackages --multiversion . 2>/dev/null >Packages
	@tar --create --gzip --sort=name --owner=0 --group=0 --numeric-owner --directory=build/packages \
		--file=build/packages-bookworm.tar.gz .
	@rm -rf build/packages && ls -sh build/packages-bookworm.tar.gz
