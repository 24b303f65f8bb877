// settings_table - every setting of every program: key, kind, default, range, meaning
// SPDX-License-Identifier: MPL-2.0
//
// Sections and the rows of a section are in alphabetical order. The environment's names, the
// --help of flags and --print-config are made from this table.
#include "mesh/settings.h"

#define MS ((int64_t) 1)
#define SECOND (1000 * MS)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define KIB ((int64_t) 1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

// clang-format off
#define WORDS(name, of, start, means) \
    .key = (name), .kind = MESH_SETTING_##of, .initial = (start), .meaning = (means)
#define RANGE(from, to) .least = (from), .most = (to)
#define TEXT(name, start, means) {WORDS(name, STRING, start, means)}
#define SECRET(name, means) {WORDS(name, STRING, "", means), .secret = true}
#define LIST(name, start, means) {WORDS(name, LIST, start, means)}
#define CHOICE(name, start, words, means) {WORDS(name, CHOICE, start, means), .allowed = (words)}
#define FLAG(name, start, means) {WORDS(name, FLAG, start, means)}
#define NUMBER(name, start, from, to, means) {WORDS(name, NUMBER, start, means), RANGE(from, to)}
#define DURATION(name, start, from, to, means) {WORDS(name, DURATION, start, means), RANGE(from, to)}
#define SIZE(name, start, from, to, means) {WORDS(name, SIZE, start, means), RANGE(from, to)}
// clang-format on

const mesh_setting_t mesh_settings_table[] = {
    LIST("bridge/aider_tools", "aider_ai_code,aider_ai_ask",
         "tools of MCP servers that run aider, a call of which is a session; a last * stands "
         "for "
         "any end of a name"),
    LIST("bridge/fallback_models", "",
         "models in the order in which a person would fall back, named in events; "
         "provider=model is for that provider alone"),
    FLAG("bridge/keep_noise", "false",
         "whether what an MCP server prints on stdout beside its messages stays there; else it "
         "goes to stderr"),
    LIST("bridge/labels", "",
         "key=value pairs that a session's start carries: 32 at most, a key of 64 bytes, a "
         "value "
         "of 256"),
    SIZE("bridge/line_limit", "256KiB", KIB, 16 * MIB,
         "how much of a line is parsed; all of it passes through"),
    DURATION("bridge/linger", "30s", 0, HOUR,
             "how long the bridge goes on trying to deliver after the command has ended"),
    CHOICE(
        "bridge/mode", "auto", "auto|cli|mcp|ndjson",
        "what the wrapped command is: aider itself, an MCP server, or a writer of JSON lines"),
    TEXT("bridge/name", "",
         "a name for the session, shown to those who watch: 256 bytes at most"),
    TEXT("bridge/patterns", "",
         "a file of further texts that are errors, and which; see docs/AIDER.md, section 11.1"),
    FLAG("bridge/progress", "false",
         "whether the client of an MCP server gets progress notifications of ours, for calls "
         "that "
         "ask for progress"),
    CHOICE("bridge/prompt", "preview", "none|preview|full",
           "how much of a prompt events carry"),
    SIZE("bridge/store_bytes", "64MiB", MIB, 16 * GIB,
         "how much one bridge's spool keeps while the broker is away"),
    DURATION("bridge/waiting_every", "10s", SECOND, HOUR,
             "how often an open request without other news is said to be waiting"),

    LIST("broker/bind_control", "",
         "endpoints of the control socket; empty is ipc in the "
         "runtime directory"),
    LIST("broker/bind_publish", "",
         "endpoints of the publish socket; empty is ipc in the "
         "runtime directory"),
    LIST("broker/bind_subscribe", "",
         "endpoints of the subscribe socket; empty is ipc in the "
         "runtime directory"),
    NUMBER("broker/calls", "1000", 1, 100000,
           "how many calls of services may wait for their answer"),
    CHOICE("broker/durability", "process", "process|disk",
           "what an acknowledged event, and what the monitor knows, survives: a crash of "
           "programs, or a loss of power too"),
    FLAG("broker/fallback", "false",
         "whether this broker was started because there was none, and makes room for one that "
         "was asked for"),
    FLAG("broker/insecure", "false",
         "whether to bind addresses other hosts can reach, "
         "though there are no keys"),
    TEXT("broker/journal", "",
         "the journal's file; empty is journal.db in the state directory, \"memory\" keeps "
         "none"),
    NUMBER("broker/journal_block", "1000000", 1000, 1000000000,
           "how many offsets are reserved at a time"),
    SIZE("broker/journal_wal", "64MiB", MIB, 4 * GIB,
         "how long the journal's write-ahead log may get"),
    CHOICE("broker/keys", "auto", "auto|on|off",
           "whether only programs with an authorized key are let in; auto is on where the key "
           "store has a broker.key, also while the broker runs"),
    DURATION("broker/leave_when_unused", "0", 0, 7 * DAY,
             "how long no program may be registered before the broker leaves; 0 is for ever"),
    SIZE("broker/memory_bytes", "64MiB", MIB, 64 * GIB,
         "how many bytes of the newest events are kept in memory"),
    NUMBER("broker/memory_events", "100000", 100, 100000000,
           "how many of the newest events are kept in memory"),
    NUMBER("broker/peers", "2000", 1, 100000, "how many programs may be registered at once"),
    SIZE("broker/queue_bytes", "64MiB", MIB, 16 * GIB,
         "how many bytes of events may be between taken in and committed; past it no more are "
         "read"),
    NUMBER("broker/queue_events", "10000", 1, 1000000,
           "how many events may be between taken in and committed; past it no more are read"),
    NUMBER("broker/replays", "64", 1, 10000,
           "how many pages of the past, of at most 1 MiB, may be unread by those who asked"),
    DURATION("broker/retain_age", "7d", 0, 3650 * DAY,
             "how long the journal keeps events; 0 is for ever"),
    SIZE("broker/retain_bytes", "1GiB", MIB, 1024 * GIB, "how large the journal may get"),
    DURATION("broker/retain_errors", "0", 0, 3650 * DAY,
             "how long it keeps rate limits, errors and throttling; 0 is as broker/retain_age"),
    NUMBER("broker/retain_events", "10000000", 100, 1000000000,
           "how many events the journal keeps"),
    DURATION("broker/retain_mesh", "0", 0, 3650 * DAY,
             "how long it keeps events of the mesh; 0 is as broker/retain_age"),
    DURATION("broker/retain_progress", "0", 0, 3650 * DAY,
             "how long it keeps progress; 0 is as broker/retain_age"),
    NUMBER("broker/sessions", "10000", 10, 1000000,
           "how many sessions late joiners are shown; past it the oldest finished goes first"),
    NUMBER("broker/sources", "100000", 10, 100000,
           "how many sources are remembered; past it the one unheard for the longest goes "
           "first"),
    DURATION("broker/stop_grace", "500ms", 0, MINUTE,
             "how long a stop waits for what is on its way"),
    NUMBER("broker/subscriptions", "64", 1, 10000,
           "how many prefixes a connection may subscribe to; who asks for more is cut off"),
    SIZE("broker/unread_bytes", "64MiB", 4 * MIB, 16 * GIB,
         "how many bytes of calls and results may be unread by those they were passed on to, "
         "4 MiB of them by one"),
    SIZE("broker/window_bytes", "1MiB", 64 * KIB, 64 * MIB,
         "how many bytes a publisher may have sent without an acknowledgement"),
    NUMBER("broker/window_events", "1000", 1, 100000,
           "how many events a publisher may have sent without an acknowledgement"),

    FLAG("doctor/json", "false", "whether to print the report as JSON"),

    FLAG("features/beacon", "true",
         "whether beacons are sent and listened to, where there are keys"),
    FLAG("features/compression", "true",
         "whether streams are sent as gzip to clients that take it"),
    FLAG("features/discovery", "true", "whether the discovery file is read to find the broker"),
    FLAG("features/fallback", "true",
         "whether the stdio-bridge starts a broker where nothing names a mesh and none is "
         "found"),
    FLAG("features/spool", "true",
         "whether the events of a session wait on disk until the broker has them; off keeps "
         "them in memory, where they end with the bridge"),

    DURATION("flush/wait", "30s", 0, DAY, "how long aidermesh flush tries to deliver"),

    FLAG("forget/force", "false",
         "whether to forget a session also while it goes on, or when the broker does not know "
         "it"),
    FLAG("forget/json", "false", "whether to print what was done as JSON"),
    TEXT("forget/session", "", "the session to forget"),

    TEXT("http/address", "127.0.0.1", "the address to listen on"),
    LIST("http/allow_hosts", "",
         "names, beside those of loopback, that requests may ask for; empty is any where a "
         "token is asked for"),
    LIST("http/allow_origins", "", "origins of web pages that may read the streams"),
    NUMBER(
        "http/api_requests", "1000", 0, 1000000,
        "how many requests a token, or the address of one with the mesh's own, may make to the "
        "API within http/api_window; 0 is any number"),
    DURATION("http/api_window", "20s", SECOND, HOUR,
             "how long it takes until they may all be made again"),
    TEXT("http/base_path", "", "the path that a proxy in front puts before ours, e.g. /mesh"),
    NUMBER("http/clients", "20000", 1, 1000000, "how many streams may be open at once"),
    NUMBER(
        "http/clients_per_address", "200", 1, 1000000,
        "how many streams and waiting requests one address may have; loopback is not counted"),
    NUMBER("http/clients_per_token", "50", 1, 1000000,
           "how many streams and waiting requests a token may have; the mesh's own is not "
           "counted"),
    DURATION("http/comment_every", "15s", SECOND, 5 * MINUTE,
             "how often a stream with nothing to say sends a comment"),
    DURATION("http/ended_after", "30s", SECOND, HOUR,
             "how long after its session's completion a stream of that one session ends"),
    NUMBER("http/filters", "1000", 1, 100000, "how many different filters streams may have"),
    DURATION("http/head_deadline", "10s", SECOND, 5 * MINUTE,
             "how long a client may take to send its request"),
    SIZE("http/head_limit", "16KiB", 2 * KIB, MIB, "how long the head of a request may be"),
    FLAG("http/insecure", "false",
         "whether to listen beyond loopback although nothing is encrypted"),
    DURATION(
        "http/max_age", "1h", 0, 30 * DAY,
        "how long a stream may be open before it is closed, up to a fifth earlier, for its "
        "client to come back; 0 is for ever"),
    NUMBER("http/port", "8790", 0, 65535, "the port to listen on; 0 has the kernel choose"),
    TEXT("http/port_file", "", "a file to write the port into, once it is listened on"),
    DURATION("http/retry", "3s", 100 * MS, HOUR,
             "how long a client is told to wait before it connects again"),
    SIZE("http/ring_bytes", "64MiB", MIB, 16 * GIB,
         "how many bytes of events are kept for clients that are slow or come back"),
    TEXT("http/tls_certificate", "",
         "the file (PEM) of the certificate that HTTPS shows, those that signed it after it; "
         "empty is HTTP"),
    TEXT("http/tls_key", "", "the file (PEM) of its private key"),
    FLAG("http/token", "true", "whether clients must show the token"),
    SECRET("http/token_value", "the token itself, instead of the one made at the first start"),
    LIST("http/trusted_proxies", "",
         "networks of the proxies in front, whose X-Forwarded-For is believed"),

    CHOICE("log/format", "text", "text|json", "the form of a line of the log"),
    CHOICE("log/level", "info", "debug|info|warning|error", "the least level that is logged"),

    DURATION("mesh/beacon_every", "1s", 100 * MS, MINUTE,
             "how often the broker sends a beacon"),
    TEXT("mesh/beacon_interface", "",
         "the network in which beacons are sent, such as 10.1.0.0/16; empty is that of the "
         "default route, else the first that can broadcast"),
    NUMBER("mesh/beacon_port", "5770", 1, 65535, "the UDP port of beacons"),
    TEXT("mesh/discovery_file", "",
         "the file that says where the mesh is; empty is in the "
         "runtime directory"),
    DURATION("mesh/heartbeat", "1s", 50 * MS, MINUTE, "how often programs say they are there"),
    TEXT("mesh/host", "", "this host's name in events; empty is the kernel's"),
    TEXT("mesh/key", "",
         "the file of the key this program shows; empty is local.key of the key store, where "
         "there is one"),
    TEXT("mesh/keys_dir", "", "the key store; empty is keys in the state directory"),
    DURATION("mesh/lost_after", "3s", 100 * MS, 10 * MINUTE,
             "how long a program may be silent before it counts as lost"),
    TEXT("mesh/mesh_id", "default", "the name of the mesh"),
    TEXT("mesh/runtime_dir", "",
         "the directory of the sockets; empty is "
         "$XDG_RUNTIME_DIR/aidermesh"),
    LIST("mesh/seeds", "", "control endpoints of brokers to try first"),
    TEXT("mesh/state_dir", "",
         "the directory of what outlives a reboot; empty is "
         "$XDG_STATE_HOME/aidermesh"),

    DURATION("monitor/health_every", "10s", 100 * MS, HOUR,
             "how often the mesh's health is published"),
    DURATION("monitor/long_running", "30s", 100 * MS, 24 * HOUR,
             "how long a request may be without progress before it is long_running"),
    NUMBER("monitor/requests", "10000", 10, 1000000,
           "how many requests are remembered; past it the oldest finished goes first"),
    TEXT("monitor/state", "",
         "the file of what the monitor knows; empty is monitor.db in the state directory, "
         "\"memory\" keeps none"),
    DURATION("monitor/throttled", "60s", 100 * MS, 24 * HOUR,
             "how long a request may be without progress before it is throttled; more than "
             "monitor/long_running"),

    LIST("redact/off", "", "rules that leave secrets in events; docs/SECURITY.md lists them"),
    TEXT("redact/pattern", "",
         "a regular expression (PCRE2) for more that is to be taken out of events"),

    FLAG("spool/anywhere", "false",
         "whether spools may be on file systems that other hosts or containers may share, such "
         "as NFS and overlay"),
    TEXT("spool/dir", "", "the directory of spools; empty is spool in the state directory"),
    NUMBER("spool/files", "1000", 1, 100000,
           "how many spools there may be; past it the oldest that nobody holds is removed"),
    SIZE("spool/total_bytes", "1GiB", MIB, 1024 * GIB,
         "how large all spools together may get; past it the oldest that nobody holds is "
         "reduced to its last event"),

    LIST("tail/hosts", "", "follow only what happens on these hosts"),
    FLAG("tail/json", "false", "whether to print one JSON object a line"),
    NUMBER("tail/last", "0", 0, 100000, "begin with that many events of the past"),
    LIST("tail/models", "", "follow only events that name one of these models"),
    LIST("tail/providers", "", "follow only events that name one of these providers"),
    LIST("tail/sessions", "", "follow only these sessions"),
    LIST("tail/severities", "", "follow only events of these severities"),
    TEXT("tail/since", "",
         "begin at this place: a cursor, a time (RFC 3339), an age such as 10m, or earliest"),
    FLAG("tail/snapshot", "false", "whether to begin with the sessions that have not ended"),
    LIST("tail/types", "aider.*",
         "follow only these types of events; a trailing * matches any rest"),
    TEXT("tail/url", "", "where the mesh is; empty is the mesh of this user on this host"),

    DURATION("token/expires", "0", 0, 3650 * DAY,
             "how long a token that is made is good; 0 is for ever"),
    LIST("token/scopes", "", "what a token that is made is good for; empty is everything"),
    {.key = NULL},
};
