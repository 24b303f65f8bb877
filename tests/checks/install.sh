#!/usr/bin/env bash
# install - what is installed runs from where it is installed, and says its version
# SPDX-License-Identifier: MPL-2.0
#
# usage: tests/checks/install.sh BUILD_DIRECTORY VERSION
set -euo pipefail
[ $# = 2 ] || { sed -n '5s/^# //p' "$0" >&2; exit 2; }
prefix="$(mktemp -d)"
trap 'rm -rf "$prefix"' EXIT
cmake --install "$1" --prefix "$prefix" >"$prefix/log" || { cat "$prefix/log"; exit 1; }
cd /
for program in aidermesh aidermesh-broker aidermesh-monitor aidermesh-sse-bridge \
    aidermesh-stdio-bridge aidermesh-observer; do
    said="$("$prefix/bin/$program" --version)"
    case "$said" in
        *"$2"*) echo "$program: $said" ;;
        *)
            echo "install: $program --version says '$said', not $2" >&2
            exit 1
            ;;
    esac
    "$prefix/bin/$program" --help | grep -q -- --print-config || {
        echo "install: $program --help does not name --print-config" >&2
        exit 1
    }
done
for document in README.md LICENSE PROTOCOL.md AIDER.md events.schema.json; do
    [ -n "$(find "$prefix/share/doc" -name "$document")" ] || {
        echo "install: $document is not installed" >&2
        exit 1
    }
done
strays="$(find "$prefix" -type f -perm /022)"
[ -z "$strays" ] || { echo "install: others may write $strays" >&2; exit 1; }
