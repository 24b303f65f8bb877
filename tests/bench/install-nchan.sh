#!/usr/bin/env bash
# install-nchan - nginx with nchan, which tests/bench/sse.py measures beside ours
# SPDX-License-Identifier: MPL-2.0
#
# usage: tests/bench/install-nchan.sh
#
# Debian's packages; nothing else needs them. Without them sse.py leaves nchan out.
set -euo pipefail
as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo)
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -q -y --no-install-recommends nginx libnginx-mod-nchan
