# Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT
#
# Included by the top Makefile.
#
# make artifact   build/ferrule-<version>.tar.gz: all that a host needs, without internet

FERRULE_DENO ?= .deno/node_modules/@deno/linux-x64-glibc/deno

.PHONY: artifact
artifact:
	$(MAKE) --no-print-directory -C native
	$(FERRULE_DENO) run --no-prompt --allow-read --allow-write=build --allow-env \
	  --allow-run=$(FERRULE_DENO),tar,gzip ansible/artifact.ts --deno=$(FERRULE_DENO)
