#!/bin/bash
# Copyright 2026 the Ferrule authors. SPDX-License-Identifier: MIT
#
# Fetches Debian's source package of lwIP into a folder, as `source`:
#
#   apt's own package sources -> the same as deb-src, in the folder -> lwip
#
# apt checks Debian's signatures. The lists of the system are not touched, and
# the ones made here (20 MB) are removed again. Needs dpkg-dev and the network.
set -euo pipefail

folder=$(realpath -m "$1")
keys=/usr/share/keyrings/debian-archive-keyring.gpg
lists=$folder/apt

fail() {
	echo "Failed to fetch the source of lwIP (TCP for DPDK): $1" >&2
	exit 1
}

rm -rf "$lists" "$folder/source" "$folder"/lwip-*
mkdir -p "$lists/lists/partial" "$lists/cache/archives/partial"
apt-get indextargets --format \
	"\$(ORIGIN)|\$(CREATED_BY)|deb-src [signed-by=$keys] \$(REPO_URI) \$(RELEASE) \$(COMPONENT)" |
	sed -n 's/^Debian|Packages|//p' | sort -u >"$lists/sources.list"
[ -s "$lists/sources.list" ] ||
	fail "apt knows no Debian archive. Run apt-get update, and see /etc/apt/sources.list.d"
apt=(apt-get -qq
	-o "Dir::Etc::SourceList=$lists/sources.list" -o Dir::Etc::SourceParts=/dev/null
	-o "Dir::State::Lists=$lists/lists" -o "Dir::Cache=$lists/cache" -o APT::Sandbox::User="$(id -un)")
"${apt[@]}" update >"$lists/log" 2>&1 ||
	fail "$(tail -n 1 "$lists/log"). Is the Debian archive within reach?"
(cd "$folder" && "${apt[@]}" source lwip) >"$lists/log" 2>&1 ||
	fail "$(tail -n 1 "$lists/log"). Is dpkg-dev installed, and the Debian archive within reach?"
mv "$folder"/lwip-*/ "$folder/source"
rm -rf "$lists" "$folder"/lwip_*
