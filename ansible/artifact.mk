# Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT
#
# What concerns the host that the appliance is deployed on. Part of the top
# Makefile, whose DENO, native and deno it uses.

# systemd-analyze's figure times ten: 0 is sealed, 100 is open. "OK" ends at 49.
UNIT_EXPOSURE_MAX := 30

.PHONY: artifact verify-units
artifact: native deno ## Pack build/ferrule-<version>.tar.gz: all that a host needs
	@$(DENO) run --no-prompt --allow-read --allow-write=build --allow-env --allow-run \
		ansible/artifact.ts --deno=$(DENO)

# The program is not where the unit expects it on this machine: a command that is stands in for it.
verify-units: ## Check the systemd units and how far they are sealed
	@mkdir -p build/units
	@set -e -o pipefail; for unit in $(notdir $(wildcard systemd/*.service systemd/*.slice systemd/*.target)); do \
		sed 's|/opt/ferrule/current/bin/deno|/bin/true|; s|^WorkingDirectory=.*||' systemd/$$unit > build/units/$$unit; done; \
	for unit in build/units/*.service build/units/*.slice build/units/*.target; do systemd-analyze verify $$unit; done; \
	for unit in build/units/*.service; do systemd-analyze security --offline=true --threshold=$(UNIT_EXPOSURE_MAX) $$unit | tail -n 1; done

.PHONY: role-table
role-table: deno ## Write the table of variables into the role's README
	@$(DENO) run --no-prompt --frozen --allow-read --allow-write=ansible/roles ansible/role_table.ts
