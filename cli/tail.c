// tail - the verb that follows the mesh's events and prints them
// SPDX-License-Identifier: MPL-2.0
#include "tail.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>
#include <jansson.h>

#include "event_line.h"
#include "http_base.h"
#include "http_trust.h"
#include "mesh/clock.h"
#include "mesh/exit_status.h"
#include "mesh/program.h"
#include "mesh/token.h"
#include "sse_reader.h"
#include "tail_query.h"

enum {
    EVENT_LIMIT_BYTES = 1024 * 1024,
    ANSWER_LIMIT_BYTES = 4096,    // of an answer that is no stream
    CONNECT_TIMEOUT_MS = 10 * 1000,
    SILENCES = 4,    // as long as that many comments are missing, the server may be slow
    POLL_MS = 1000,
    STATUS_WORDS_SIZE = 96,
};

typedef enum {
    STATE_FOLLOWING,
    STATE_ENDED,          // the work is done: nothing more will come
    STATE_INTERRUPTED,    // by a signal
    STATE_NO_READER,      // nobody reads our output
    STATE_FAILED,         // it cannot be printed
} state_t;

typedef struct tail {
    CURLM *multi;                       // owned
    CURL *easy;                         // owned
    struct curl_slist *headers;         // of the request under way; owned
    sse_reader_t *reader;               // owned
    int signal_fd;                      // owned
    char *base;                         // owned
    char *url;                          // owned
    char *token;                        // owned; NULL for none
    char *no_token_reason;              // owned; NULL for none
    const mesh_settings_t *own_mesh;    // borrowed; NULL when another one is followed
    bool json;
    bool snapshot;    // the live sessions are to be printed

    state_t state;
    bool was_connected;    // a stream was opened at least once
    bool is_stream;        // the answer under way is one
    bool is_checked;       // ... or not: its head has been looked at
    unsigned failures;     // connections in a row that gave no event
    long said_status;      // the HTTP status of the last of them that was told of
    uint64_t skipped;      // events too large that have been told of
    char answer[ANSWER_LIMIT_BYTES + 1];
    size_t answer_bytes;
} tail_t;

__attribute__((format(printf, 1, 2))) static void
say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("aidermesh tail: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

// Say a sentence about the stream itself, where its event has one.
static void
say_stream(const char *type, const json_t *payload)
{
    char *sentence = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&sentence, &size);
    assert(out);
    bool worth = event_line_write_stream(out, type, payload);
    fclose(out);
    if (worth)
        say("%s", sentence);
    free(sentence);
}

static void
print_event(tail_t *self, const sse_event_t *event, json_t *payload)
{
    bool about_stream = strncmp(event->type, "stream.", strlen("stream.")) == 0;
    if (about_stream)
        say_stream(event->type, payload);
    if (self->json) {
        if (event_line_write_json(stdout, event->id, event->type, payload) != 0)
            say("an event whose name or id is no UTF-8 was left out");
    } else if (!about_stream) {
        event_line_write(stdout, event->type, payload);
    } else if (self->snapshot && strcmp(event->type, "stream.snapshot") == 0) {
        event_line_write_sessions(stdout, event->type, payload);
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        self->state = errno == EPIPE ? STATE_NO_READER : STATE_FAILED;
        if (self->state == STATE_FAILED)
            say("cannot write: %s", strerror(errno));
    }
}

static void
on_event(void *arg, const sse_event_t *event)
{
    tail_t *self = arg;
    if (self->state != STATE_FOLLOWING)
        return;
    self->failures = 0;
    json_error_t error;
    json_t *payload =
        json_loadb(event->data, event->data_bytes, JSON_ALLOW_NUL | JSON_DECODE_ANY, &error);
    if (!payload) {
        say("an event that is no JSON was left out: %s", error.text);
        return;
    }
    print_event(self, event, payload);
    const char *reason = json_string_value(json_object_get(payload, "reason"));
    if (self->state == STATE_FOLLOWING && strcmp(event->type, "stream.closing") == 0 &&
        reason && strcmp(reason, "ended") == 0)
        self->state = STATE_ENDED;
    json_decref(payload);
}

// Look at the head of the answer once its first byte is there.
static void
check_answer(tail_t *self)
{
    long status = 0;
    const char *type = NULL;
    curl_easy_getinfo(self->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(self->easy, CURLINFO_CONTENT_TYPE, &type);
    self->is_checked = true;
    self->is_stream = status == 200 && type && strncmp(type, "text/event-stream", 17) == 0;
    self->was_connected |= self->is_stream;
}

static size_t
on_bytes(char *bytes, size_t one, size_t size, void *arg)
{
    (void) one;
    tail_t *self = arg;
    if (!self->is_checked)
        check_answer(self);
    if (self->is_stream) {
        sse_reader_feed(self->reader, bytes, size);
        uint64_t skipped = sse_reader_skipped(self->reader);
        if (skipped > self->skipped)
            say("%llu event(s) larger than %d bytes were left out",
                (unsigned long long) (skipped - self->skipped), EVENT_LIMIT_BYTES);
        self->skipped = skipped;
    } else {
        size_t room = ANSWER_LIMIT_BYTES - self->answer_bytes;
        size_t kept = size < room ? size : room;
        memcpy(self->answer + self->answer_bytes, bytes, kept);
        self->answer_bytes += kept;
    }
    // Anything but size ends the transfer.
    return self->state == STATE_FOLLOWING ? size : 0;
}

static struct curl_slist *
add_header(struct curl_slist *headers, const char *name, const char *value)
{
    char *line = NULL;
    int size = asprintf(&line, "%s: %s", name, value);
    assert(size >= 0);
    headers = curl_slist_append(headers, line);
    assert(headers);
    free(line);
    return headers;
}

static void
prepare_request(tail_t *self)
{
    const char *last_id = sse_reader_last_id(self->reader);
    curl_slist_free_all(self->headers);
    self->headers = add_header(NULL, "Accept", "text/event-stream");
    if (*last_id)
        self->headers = add_header(self->headers, "Last-Event-ID", last_id);
    if (self->token) {
        char *value = NULL;
        int size = asprintf(&value, "Bearer %s", self->token);
        assert(size >= 0);
        self->headers = add_header(self->headers, "Authorization", value);
        free(value);
    }
    curl_easy_setopt(self->easy, CURLOPT_HTTPHEADER, self->headers);
    // Anew each time: the certificate may be another one since.
    if (self->own_mesh)
        http_trust_apply(self->own_mesh, self->easy);
    sse_reader_reconnect(self->reader);
    self->is_checked = false;
    self->is_stream = false;
    self->answer_bytes = 0;
}

static void
take_signal(tail_t *self)
{
    struct signalfd_siginfo info;
    if (read(self->signal_fd, &info, sizeof info) == sizeof info &&
        self->state == STATE_FOLLOWING)
        self->state = STATE_INTERRUPTED;
}

// Wait for the transfer or a signal, at most wait_ms.
static void
poll_once(tail_t *self, int wait_ms)
{
    struct curl_waitfd signals = {.fd = self->signal_fd, .events = CURL_WAIT_POLLIN};
    curl_multi_poll(self->multi, &signals, 1, wait_ms, NULL);
    take_signal(self);
}

// Make one connection and follow it to its end. Returns how that came about.
static CURLcode
follow_once(tail_t *self)
{
    prepare_request(self);
    curl_multi_add_handle(self->multi, self->easy);
    CURLcode result = CURLE_OK;
    bool over = false;
    while (self->state == STATE_FOLLOWING && !over) {
        int running = 0;
        curl_multi_perform(self->multi, &running);
        int left = 0;
        for (CURLMsg *message; (message = curl_multi_info_read(self->multi, &left));) {
            if (message->msg == CURLMSG_DONE) {
                result = message->data.result;
                over = true;
            }
        }
        if (!over && self->state == STATE_FOLLOWING)
            poll_once(self, POLL_MS);
    }
    curl_multi_remove_handle(self->multi, self->easy);
    return result;
}

static void
wait_before_next(tail_t *self, int64_t wait_ms)
{
    int64_t until_ms = (int64_t) (mesh_clock_mono_ns() / 1000000) + wait_ms;
    for (int64_t left_ms = wait_ms; self->state == STATE_FOLLOWING && left_ms > 0;
         left_ms = until_ms - (int64_t) (mesh_clock_mono_ns() / 1000000))
        poll_once(self, (int) (left_ms < POLL_MS ? left_ms : POLL_MS));
}

// Say what the server gave as the reason of a refusal, after our own words.
static void
say_refusal(tail_t *self, const char *words)
{
    self->answer[self->answer_bytes] = '\0';
    json_t *problem = json_loadb(self->answer, self->answer_bytes, 0, NULL);
    const char *detail = json_string_value(json_object_get(problem, "detail"));
    if (!detail)
        detail = json_string_value(json_object_get(problem, "title"));
    char *safe = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&safe, &size);
    assert(out);
    event_line_write_text(out, detail ? detail : "", ANSWER_LIMIT_BYTES);
    fclose(out);
    say("%s%s%s", words, *safe ? ": " : "", safe);
    free(safe);
    json_decref(problem);
}

static void
say_no_access(const tail_t *self)
{
    if (self->token) {
        say("%s does not accept this user's token: it belongs to another mesh, or the token "
            "was "
            "made anew (aidermesh token show)",
            self->base);
    } else {
        say("%s asks for a token%s%s", self->base, self->no_token_reason ? ", and " : "",
            self->no_token_reason ? self->no_token_reason : "");
        if (!self->no_token_reason)
            say("give it in AIDERMESH_HTTP_TOKEN_VALUE_FILE");
    }
}

// Whether the answer leaves nothing to try again for; says so then, and sets *exit_status.
static bool
is_final(tail_t *self, long status, int *exit_status)
{
    *exit_status = MESH_EXIT_FAILED;
    if (status == 204) {
        say("the session is over, and everything of it was read");
        *exit_status = MESH_EXIT_STOPPED;
    } else if (status == 400) {
        say_refusal(self, "the mesh does not understand this");
        *exit_status = MESH_EXIT_USAGE;
    } else if (status == 401 || status == 403) {
        say_no_access(self);
    } else if (status != 0 && !self->is_stream && status != 429 && status < 500) {
        char words[STATUS_WORDS_SIZE];
        snprintf(words, sizeof words, "what answers is no mesh (HTTP status %ld)", status);
        say_refusal(self, words);
    } else {
        return false;
    }
    return true;
}

// Say why there is another connection to come; once for failures in a row that are the same.
static void
say_again(tail_t *self, CURLcode result, long status)
{
    if (self->failures > 1 && status == self->said_status)
        return;
    self->said_status = status;
    if (status != 0 && !self->is_stream) {
        char words[STATUS_WORDS_SIZE];
        snprintf(words, sizeof words,
                 "the mesh has no room now (HTTP status %ld), trying again", status);
        say_refusal(self, words);
    } else {
        say("the connection to %s is lost (%s); trying again, nothing is missed that the mesh "
            "keeps",
            self->base,
            result != CURLE_OK ? curl_easy_strerror(result) : "the server ended it");
    }
}

// What the end of a connection means. Returns an exit status, or -1 to connect again after
// *wait_ms.
static int
judge(tail_t *self, CURLcode result, int64_t *wait_ms)
{
    long status = 0;
    curl_off_t retry_after_s = 0;
    bool has_followed = self->was_connected;
    curl_easy_getinfo(self->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(self->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
    // A stream may break off before its first byte.
    if (!self->is_checked)
        check_answer(self);

    int exit_status = 0;
    if (is_final(self, status, &exit_status))
        return exit_status;
    if ((status == 0 || self->is_stream) && !has_followed) {
        say("no mesh answers at %s (%s); `aidermesh up` starts one", self->base,
            curl_easy_strerror(result));
        return MESH_EXIT_FAILED;
    }
    self->failures++;
    say_again(self, result, status);
    *wait_ms = tail_query_wait_ms(sse_reader_retry_ms(self->reader), self->failures);
    if (*wait_ms < (int64_t) retry_after_s * 1000)
        *wait_ms = (int64_t) retry_after_s * 1000;
    return -1;
}

static int
follow(tail_t *self)
{
    for (;;) {
        CURLcode result = follow_once(self);
        int64_t wait_ms = 0;
        int status = self->state == STATE_FOLLOWING ? judge(self, result, &wait_ms) : -1;
        if (status != -1)
            return status;
        wait_before_next(self, wait_ms);
        if (self->state != STATE_FOLLOWING)
            return self->state == STATE_FAILED ? MESH_EXIT_FAILED : MESH_EXIT_STOPPED;
    }
}

static void
set_options(tail_t *self, const mesh_settings_t *settings, bool is_ours)
{
    CURL *easy = self->easy;
    long silence_s =
        (long) (SILENCES * mesh_settings_ms(settings, "http/comment_every") / 1000);
    curl_easy_setopt(easy, CURLOPT_URL, self->url);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "aidermesh-tail");
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, self);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long) CONNECT_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, silence_s);
    // A proxy for the web has no business between two programs of one host.
    if (is_ours)
        curl_easy_setopt(easy, CURLOPT_PROXY, "");
}

// The token, where the mesh asks for one and is one that may be told it.
static void
find_token(tail_t *self, const mesh_settings_t *settings, bool is_ours)
{
    bool was_given = *mesh_settings_string(settings, "http/token_value");
    if (mesh_settings_flag(settings, "http/token") && (is_ours || was_given))
        self->token = mesh_token_load(settings, &self->no_token_reason);
}

static int
open_signals(void)
{
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGHUP);
    // Without a reader of our output the write shall fail, so that we end as we should.
    signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &ends, NULL) != 0)
        return -1;
    return signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int
run(const mesh_settings_t *settings, int argc, char *argv[])
{
    (void) argc;
    (void) argv;
    char *error = NULL;
    char *path = NULL;
    int status = MESH_EXIT_FAILED;
    tail_t tail = {.state = STATE_FOLLOWING, .signal_fd = -1};
    tail.json = mesh_settings_flag(settings, "tail/json");
    tail.snapshot = mesh_settings_flag(settings, "tail/snapshot");
    tail.base = http_base_find(settings, &error);
    if (!tail.base) {
        say("%s", error);
        free(error);
        return MESH_EXIT_FAILED;
    }
    path = tail_query_path(settings);
    if (asprintf(&tail.url, "%s%s", tail.base, path) < 0)
        abort();
    free(path);
    tail.own_mesh = *mesh_settings_string(settings, "tail/url") ? NULL : settings;
    bool is_ours = tail.own_mesh || http_base_is_loopback(tail.url);
    find_token(&tail, settings, is_ours);
    tail.signal_fd = open_signals();
    tail.reader = sse_reader_new(EVENT_LIMIT_BYTES, on_event, &tail);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    tail.multi = curl_multi_init();
    tail.easy = curl_easy_init();
    if (tail.signal_fd != -1 && tail.multi && tail.easy) {
        set_options(&tail, settings, is_ours);
        status = follow(&tail);
    } else {
        say("cannot start: %s", strerror(errno));
    }

    curl_easy_cleanup(tail.easy);
    curl_multi_cleanup(tail.multi);
    curl_slist_free_all(tail.headers);
    curl_global_cleanup();
    sse_reader_destroy(&tail.reader);
    if (tail.signal_fd != -1)
        close(tail.signal_fd);
    free(tail.no_token_reason);
    free(tail.token);
    free(tail.url);
    free(tail.base);
    return status;
}

int
tail_main(int argc, char *argv[])
{
    static const mesh_program_flag_t FLAGS[] = {
        {"--type", "TYPE", "tail/types", NULL,
         "only this type of event, e.g. aider.error_occurred, or mesh.*; may be repeated, as "
         "the next five"},
        {"--session", "ID", "tail/sessions", NULL, "only this session"},
        {"--host", "HOST", "tail/hosts", NULL, "only this host"},
        {"--provider", "NAME", "tail/providers", NULL, "only this provider"},
        {"--model", "NAME", "tail/models", NULL, "only this model"},
        {"--severity", "WORD", "tail/severities", NULL, "only this severity"},
        {"--since", "PLACE", "tail/since", NULL,
         "begin in the past: a cursor, a time (RFC 3339), an age such as 10m, or earliest"},
        {"--last", "N", "tail/last", NULL, "begin with the last N events"},
        {"--snapshot", NULL, "tail/snapshot", "true",
         "begin with the sessions that have not ended"},
        {"--json", NULL, "tail/json", "true", "print {\"id\",\"event\",\"data\"}, one a line"},
        {"--url", "URL", "tail/url", NULL, "follow the mesh there"},
        {"--port", "PORT", "http/port", NULL, "follow the mesh of this host at that port"},
        {NULL, NULL, NULL, NULL, NULL},
    };
    static const mesh_program_t PROGRAM = {
        .name = "aidermesh tail",
        .summary = "Follow what happens in the mesh, one line an event, until interrupted.",
        .usage = "",
        .flags = FLAGS,
        .run = run,
    };
    return mesh_program_main(&PROGRAM, argc, argv);
}
