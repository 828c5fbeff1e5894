#!/bin/bash
# Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT
#
# Fetches Debian's source package of lwIP into a folder, as `source`:
#
#   apt's own package sources -> the same as deb-src, in the folder -> lwip
#
# apt checks Debian's signatures. The system needs no deb-src and nothing of its
# apt is changed; the lists made here (20 MB) are removed again. Needs dpkg-dev
# and the network. What was there before stays if it fails, and `failed` says why.
set -euo pipefail

folder=$(realpath -m "$1")
keys=/usr/share/keyrings/debian-archive-keyring.gpg
lists=$folder/apt

fail() {
	rm -rf "$lists"
	mkdir -p "$folder"
	echo "the source of lwIP (TCP for DPDK) can not be fetched: $1" | tee "$folder/failed" >&2
	exit 1
}

rm -rf "$lists" "$folder"/lwip-* "$folder/failed"
mkdir -p "$lists/lists/partial" "$lists/cache/archives/partial"
apt-get indextargets --format \
	"\$(ORIGIN)|\$(CREATED_BY)|deb-src [signed-by=$keys] \$(REPO_URI) \$(RELEASE) \$(COMPONENT)" |
	sed -n 's/^Debian|Packages|//p' | sort -u >"$lists/sources.list"
command -v dpkg-source >/dev/null || fail "dpkg-dev is not installed"
[ -s "$lists/sources.list" ] ||
	fail "apt knows no Debian archive. Run apt-get update, and see /etc/apt/sources.list.d"
apt=(apt-get -qq
	-o "Dir::Etc::SourceList=$lists/sources.list" -o Dir::Etc::SourceParts=/dev/null
	-o Acquire::Retries=0 -o Acquire::http::Timeout=10 -o Acquire::https::Timeout=10
	-o "Dir::State::Lists=$lists/lists" -o "Dir::Cache=$lists/cache" -o APT::Sandbox::User="$(id -un)")
"${apt[@]}" -o APT::Update::Error-Mode=any update >"$lists/log" 2>&1 ||
	fail "$(grep '^[EW]:' "$lists/log" | head -n 1) Is the Debian archive within reach?"
(cd "$folder" && "${apt[@]}" source lwip) >"$lists/log" 2>&1 ||
	fail "$(tail -n 1 "$lists/log")"
rm -rf "$folder/source"
mv "$folder"/lwip-*/ "$folder/source"
rm -rf "$lists" "$folder"/lwip_*
