#!/usr/bin/env bash
# build - one of the builds that the tests need, in build/<variant>
# SPDX-License-Identifier: MPL-2.0
#
# usage: tests/checks/build.sh asan|plain|tsan|fuzz [TARGET...]
#   asan    gcc, ASan and UBSan: what most tests run
#   plain   gcc, as installed: benchmarks, install rules; valgrind, with the target unit_tests
#   tsan    gcc, ThreadSanitizer, and of the unit tests those with threads; all by unit_tests
#   fuzz    clang, ASan, UBSan and libFuzzer: the programs and the fuzzers
#
# Warnings are errors in each, so this is also the check that gcc and clang are content; with
# the unit tests clang is content if clang-tidy is.
set -euo pipefail
cd "$(dirname "$0")/../.."

variant="${1:-}"
options=(-DMESH_WERROR=ON -DMESH_TESTS=ON)
targets=()    # all that the variant is for
case "$variant" in
    asan)
        options+=(-DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=Debug -DMESH_CHECKS=ON
            "-DMESH_SANITIZE=address,undefined")
        ;;
    plain)
        options+=(-DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=RelWithDebInfo -DMESH_UNIT_TESTS=none)
        ;;
    tsan)
        options+=(-DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=Debug -DMESH_UNIT_TESTS=threads
            -DMESH_SANITIZE=thread)
        ;;
    fuzz)
        options+=(-DCMAKE_C_COMPILER=clang-14 -DCMAKE_BUILD_TYPE=Debug -DMESH_FUZZ=ON
            "-DMESH_SANITIZE=address,undefined")
        targets=(--target programs fuzzers)
        ;;
    *)
        echo "build.sh: no variant '$variant'; use asan, plain, tsan or fuzz" >&2
        exit 2
        ;;
esac
shift
[ $# = 0 ] || targets=(--target "$@")
if command -v ccache >/dev/null; then
    options+=(-DCMAKE_C_COMPILER_LAUNCHER=ccache)
    export CCACHE_DIR="${CCACHE_DIR:-$PWD/build/ccache}"
fi
# Configured again only with other options: CMake 3.25 then orders the flags of pkg-config anew, and
# everything would be compiled again. What else has changed the build itself notices.
stamp="build/$variant/aidermesh.options"
if [ ! -e "build/$variant/build.ninja" ] || [ "$(cat "$stamp" 2>/dev/null)" != "${options[*]}" ]
then
    cmake -S . -B "build/$variant" -G Ninja "${options[@]}"
    echo "${options[*]}" >"$stamp"
fi
cmake --build "build/$variant" "${targets[@]}" -- -j "${MESH_BUILD_JOBS:-$(nproc)}"
