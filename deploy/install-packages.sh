#!/usr/bin/env bash
# install-packages - the Debian packages that building and testing need, installed where missing
# SPDX-License-Identifier: MPL-2.0
#
# usage: deploy/install-packages.sh [build|test] [--list]
#   build    what ./deploy/run.sh needs (default)
#   test     that, and what ./tests/run.sh needs
#   --list   only print the packages' names
#
# Asks dpkg first; calls apt-get (by sudo when not root) only when something is missing, so it
# needs neither network nor rights on a machine that has everything.
set -euo pipefail

# command:package is met by the command, wherever it comes from; a bare name by the package.
build=(
    gcc:gcc
    libc6-dev
    cmake:cmake
    ninja:ninja-build
    pkg-config:pkg-config
    curl:curl
    ca-certificates
    libzmq3-dev
    libczmq-dev
    libjansson-dev
    libmicrohttpd-dev
    libgnutls28-dev
    libcurl4-openssl-dev
    libpcre2-dev
    libsodium-dev
    libsqlite3-dev
    zlib1g-dev
)
test=(
    libcmocka-dev
    clang-14:clang-14
    libclang-rt-14-dev
    llvm-symbolizer-14:llvm-14
    clang-format-14:clang-format-14
    clang-tidy-14:clang-tidy-14
    valgrind:valgrind
    libc6-dbg
    shellcheck:shellcheck
    ccache:ccache
    git:git
    python3:python3
    python3-venv
    node:nodejs
    npm:npm
    faketime:faketime
    chromium:chromium
    openssl:openssl
    slowhttptest:slowhttptest
)

wanted=("${build[@]}")
list=0
for argument in "$@"; do
    case "$argument" in
        build) ;;
        test) wanted+=("${test[@]}") ;;
        --list) list=1 ;;
        -h | --help)
            sed -n '5,8s/^# \{0,1\}//p' "$0"
            exit 0
            ;;
        *)
            echo "install-packages: unknown argument '$argument'; use build, test or --list" >&2
            exit 2
            ;;
    esac
done

if [ "$list" = 1 ]; then
    printf '%s\n' "${wanted[@]#*:}"
    exit 0
fi

is_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# A python3 from elsewhere brings its own venv module.
has_venv() {
    python3 -c 'import ensurepip, venv' 2>/dev/null
}

missing=()
for entry in "${wanted[@]}"; do
    package="${entry#*:}"
    if [ "$entry" != "$package" ] && command -v "${entry%%:*}" >/dev/null; then
        continue
    fi
    if [ "$package" = python3-venv ] && has_venv; then
        continue
    fi
    is_installed "$package" || missing+=("$package")
done

if [ "${#missing[@]}" = 0 ]; then
    echo "install-packages: all ${#wanted[@]} packages are there"
    exit 0
fi
if ! command -v apt-get >/dev/null; then
    echo "install-packages: this is no Debian; please install: ${missing[*]}" >&2
    exit 1
fi
as_root=()
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "install-packages: no rights to install; as root: apt-get install ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo)
fi
echo "install-packages: installing ${missing[*]}"
"${as_root[@]}" apt-get update -q
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -q -y --no-install-recommends "${missing[@]}"
