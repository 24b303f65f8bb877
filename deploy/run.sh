#!/usr/bin/env bash
# run - installs what is missing, builds, starts the mesh, and plays a recorded AIDER session
# SPDX-License-Identifier: MPL-2.0
#
# usage: ./deploy/run.sh [--once] [OPTION OF aidermesh up...]
#   --once   end after the recording instead of staying up until Ctrl-C
#   others   are handed to aidermesh up, e.g. --port 9000, --no-token
#
# The session is one of aider 0.86.2, recorded (deploy/demo/session.rec): it needs no API key and
# no aider. Everything else is real: the bridge that wraps it, the broker, and the HTTP stream
# that curl reads. The mesh is yours: started as `aidermesh up` starts it, and stopped at the end.
set -euo pipefail

root="$(cd "$(dirname "$0")/.." && pwd)"
aidermesh="$root/build/bin/aidermesh"
ready_limit_s=40
events_limit_s=30

once=0
up_words=()
for word in "$@"; do
    case "$word" in
        --once) once=1 ;;
        -h | --help)
            sed -n '5,11s/^# \{0,1\}//p' "$0"
            exit 0
            ;;
        *) up_words+=("$word") ;;
    esac
done

dir="$(mktemp -d "${TMPDIR:-/tmp}/aidermesh-run.XXXXXX")"
up=
follower=
player=
interrupted=0
staying=0

say() {
    printf '\n== %s\n' "$*"
}

fail() {
    printf 'run.sh: %s\n' "$*" >&2
    exit 1
}

# End one of our own processes and wait for it. Returns its status.
end() {
    kill -TERM "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null
}

# shellcheck disable=SC2317  # called by the trap
clean_up() {
    local status=$?
    trap - EXIT
    [ -z "$player" ] || end "$player" || true
    [ -z "$follower" ] || end "$follower" || true
    [ -z "$up" ] || end "$up" || true
    rm -rf "$dir"
    exit "$status"
}

# shellcheck disable=SC2317
on_interrupt() {
    interrupted=1
    # Staying up is over because somebody said so, which is no failure; before that it is one.
    [ "$staying" = 1 ] || exit 130
}

trap clean_up EXIT
trap on_interrupt INT TERM HUP

build() {
    "$root/deploy/install-packages.sh" build
    # Only once: configured again, CMake 3.25 orders the flags of pkg-config anew, and everything
    # would be compiled again. What has changed since, the build itself notices.
    if [ ! -e "$root/build/build.ninja" ] &&
        ! cmake -S "$root" -B "$root/build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo \
            -DMESH_TESTS=OFF >"$dir/build.log" 2>&1 ||
        ! cmake --build "$root/build" --parallel >>"$dir/build.log" 2>&1; then
        tail -n 40 "$dir/build.log" >&2
        fail "it does not build; the last lines stand above"
    fi
}

# wait_for SECONDS PROCESS COMMAND...: until the command succeeds; false when the process ends or
# the time is over.
wait_for() {
    local until=$((SECONDS + $1)) process="$2"
    shift 2
    until "$@"; do
        kill -0 "$process" 2>/dev/null || return 1
        [ "$SECONDS" -lt "$until" ] || return 1
        sleep 0.05
    done
}

start_mesh() {
    : >"$dir/up.out"
    "$aidermesh" up "${up_words[@]}" >"$dir/up.out" 2>"$dir/up.log" </dev/null &
    up=$!
    if ! wait_for "$ready_limit_s" "$up" grep -q '^Wrap a session' "$dir/up.out"; then
        tail -n 20 "$dir/up.log" >&2
        fail "the mesh did not start; why stands above" \
            "(if another program has the port: ./deploy/run.sh --port 0 takes a free one)"
    fi
    url="$(sed -n 's/^aidermesh .* is up at \([^ ]*\) .*/\1/p' "$dir/up.out")"
}

# The words that up printed to be pasted, run as they stand, so that they are known to work.
follow() {
    # Long lines would hide on a terminal what comes after what.
    local shorten=()
    if [ -t 1 ]; then
        shorten=(-e "s/^\\(.\\{$(($(tput cols 2>/dev/null || echo 80) - 8))\\}\\).*/\\1.../")
    fi
    sed -n 's/^ *curl -N /exec curl -sS -N /p' "$dir/up.out" >"$dir/follow.sh"
    : >"$dir/events"
    mkfifo "$dir/frames"
    tee "$dir/events" <"$dir/frames" | sed -u "${shorten[@]}" -e 's/^/    /' &
    frames_shown=$!
    bash "$dir/follow.sh" >"$dir/frames" &
    follower=$!
    wait_for 10 "$follower" grep -q '^event: stream.opened' "$dir/events" ||
        fail "the stream $url/events/aider did not open"
}

play() {
    mkdir "$dir/project"
    printf 'print("Hello!")\n' >"$dir/project/hello.py"
    mkfifo "$dir/lines"
    sed -u 's/^/aider | /' <"$dir/lines" &
    local lines_shown=$!
    (
        cd "$dir/project"
        exec "$aidermesh" run --name demo --set bridge/linger=2s -- "$root/deploy/demo/aider" \
            --message "greet the world by name" hello.py
    ) </dev/null >"$dir/lines" &
    player=$!
    local status=0
    wait "$player" || status=$?
    player=
    wait "$lines_shown" || true
    [ "$status" = 0 ] || fail "the recorded session ended with status $status"
}

say "building into build/ (what it needs is installed first)"
build
say "starting broker, monitor and sse-bridge"
start_mesh
echo "the mesh is up at $url"
say "a recorded AIDER session (lines that begin with \"aider |\"), and what curl reads meanwhile from $url/events/aider"
follow
play
wait_for "$events_limit_s" "$follower" grep -q '^event: aider.session_completed' "$dir/events" ||
    fail "the end of the session did not arrive at curl within $events_limit_s s"

if [ "$once" = 1 ]; then
    end "$follower" || true    # by our signal
    follower=
    wait "$frames_shown" || true
    say "the session was seen from its start to its end"
    up_status=0
    end "$up" || up_status=$?
    up=
    [ "$up_status" = 0 ] || fail "the mesh ended with status $up_status"
    exit 0
fi

say "the mesh stays up until Ctrl-C; type this in another terminal"
sed 1,2d "$dir/up.out"
printf 'Or play the session again:\n  %s run -- %s\n' "$aidermesh" "$root/deploy/demo/aider"
staying=1
up_status=0
while kill -0 "$up" 2>/dev/null && [ "$interrupted" = 0 ]; do
    wait "$up" || up_status=$?
done
if [ "$interrupted" = 0 ]; then
    up=
    tail -n 20 "$dir/up.log" >&2
    fail "the mesh ended by itself with status $up_status; its last words stand above"
fi
end "$up" || up_status=$?
up=
exit 0
