// event_line - one event as one line of text for a person
// SPDX-License-Identifier: MPL-2.0
#include "event_line.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    SESSION_SHOWN = 8,
    NAME_LIMIT = 64,    // characters of a host, provider, model or session
};

// Read one character of UTF-8 as the Unicode standard allows it (shortest form, no surrogates).
// Returns its bytes, or 0 when there is none here.
static size_t
read_character(const unsigned char *text, uint32_t *character)
{
    static const uint32_t LEAST[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t size = text[0] < 0x80             ? 1
                  : (text[0] & 0xE0) == 0xC0 ? 2
                  : (text[0] & 0xF0) == 0xE0 ? 3
                  : (text[0] & 0xF8) == 0xF0 ? 4
                                             : 0;
    if (size == 0)
        return 0;
    *character = size == 1 ? text[0] : text[0] & (0x7FU >> size);
    for (size_t i = 1; i < size; i++) {
        if ((text[i] & 0xC0) != 0x80)    // also the NUL at the end
            return 0;
        *character = *character << 6 | (text[i] & 0x3FU);
    }
    bool surrogate = *character >= 0xD800 && *character <= 0xDFFF;
    return *character < LEAST[size] || *character > 0x10FFFF || surrogate ? 0 : size;
}

// Whether a terminal may act on it: C0, DEL, C1; line and paragraph ends; what reorders, hides
// or joins text (bidirectional controls, zero width, byte order mark, tags).
static bool
acts_on_a_terminal(uint32_t c)
{
    return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0xAD || c == 0x61C ||
           (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) ||
           (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFB) ||
           (c >= 0xE0000 && c <= 0xE007F);
}

void
event_line_write_text(FILE *out, const char *text, size_t limit)
{
    const unsigned char *at = (const unsigned char *) text;
    for (size_t shown = 0; *at; shown++) {
        if (shown == limit) {
            fputs("...", out);
            return;
        }
        uint32_t character = 0;
        size_t size = read_character(at, &character);
        if (size == 0)
            fprintf(out, "\\x%02x", *at);
        else if (character == '\n' || character == '\r' || character == '\t')
            fputc(' ', out);
        else if (!acts_on_a_terminal(character))
            fwrite(at, 1, size, out);
        else if (character < 0x100)
            fprintf(out, "\\x%02x", (unsigned) character);
        else
            fprintf(out, "\\u%04x", (unsigned) character);
        at += size ? size : 1;
    }
}

static const char *
string_of(const json_t *payload, const char *member)
{
    const char *value = json_string_value(json_object_get(payload, member));
    return value && *value ? value : NULL;
}

// A number that is worth showing: there, finite and not negative.
static bool
number_of(const json_t *payload, const char *member, double *value)
{
    const json_t *given = json_object_get(payload, member);
    *value = json_number_value(given);
    return json_is_number(given) && isfinite(*value) && *value >= 0;
}

static bool
is_true(const json_t *payload, const char *member)
{
    return json_is_true(json_object_get(payload, member));
}

// Write before, the member's text and after, when there is one.
static bool
write_string(FILE *out, const json_t *payload, const char *before, const char *member,
             const char *after)
{
    const char *value = string_of(payload, member);
    if (!value)
        return false;
    fputs(before, out);
    event_line_write_text(out, value, EVENT_LINE_TEXT_LIMIT);
    fputs(after, out);
    return true;
}

// Write before, the member's number and after, when there is one. A whole number is written as
// such, anything else with one decimal, as AIDER writes its delays; two below a tenth.
static bool
write_number(FILE *out, const json_t *payload, const char *before, const char *member,
             const char *after)
{
    double value;
    if (!number_of(payload, member, &value))
        return false;
    int decimals = value == floor(value) ? 0 : value < 0.1 ? 2 : 1;
    fprintf(out, "%s%.*f%s", before, decimals, value, after);
    return true;
}

static bool
write_money(FILE *out, const json_t *payload, const char *before, const char *member)
{
    double value;
    if (!number_of(payload, member, &value))
        return false;
    fprintf(out, "%s$%.4f", before, value);
    return true;
}

static void
write_attempt(FILE *out, const json_t *payload)
{
    if (write_number(out, payload, ", attempt ", "attempt", "")) {
        double retries;
        // AIDER retries max_retries times after the first attempt.
        if (number_of(payload, "max_retries", &retries))
            fprintf(out, " of %.0f", retries + 1);
    }
}

static void
write_session_started(FILE *out, const json_t *payload)
{
    fputs("session started", out);
    write_string(out, payload, " (", "mode", ")");
    write_string(out, payload, ", named ", "name", "");
    write_string(out, payload, ", aider ", "aider_version", "");
    write_string(out, payload, ", ", "model", "");
    write_string(out, payload, ", in ", "working_dir", "");
    write_string(out, payload, ": ", "prompt", "");
}

static void
write_session_progress(FILE *out, const json_t *payload)
{
    if (!write_string(out, payload, "", "stage", ""))
        fputs("progress", out);
    write_string(out, payload, ": ", "message", "");
    write_number(out, payload, " (", "duration", " s)");
}

static void
write_session_completed(FILE *out, const json_t *payload)
{
    fputs("session ended", out);
    if (!write_string(out, payload, ": ", "outcome", ""))
        fputs(is_true(payload, "success") ? ": ok" : ": failed", out);
    write_number(out, payload, ", after ", "duration", " s");
    write_number(out, payload, ", exit code ", "exit_code", "");
    write_number(out, payload, ", signal ", "signal", "");
    if (is_true(payload, "rate_limit_encountered"))
        fputs(", rate limits on the way", out);
    write_string(out, json_object_get(payload, "changes_summary"), ": ", "summary", "");
}

static void
write_request_started(FILE *out, const json_t *payload)
{
    fputs("request", out);
    write_string(out, payload, " to ", "model", "");
    write_string(out, payload, ": ", "prompt", "");
}

static void
write_request_completed(FILE *out, const json_t *payload)
{
    fputs("request ended", out);
    if (!write_string(out, payload, ": ", "outcome", ""))
        fputs(is_true(payload, "success") ? ": ok" : ": failed", out);
    write_number(out, payload, ", after ", "duration", " s");
    double attempts;
    if (number_of(payload, "attempts", &attempts))
        fprintf(out, ", %.0f attempt%s", attempts, attempts == 1 ? "" : "s");
    write_number(out, payload, ", ", "tokens_sent", " tokens sent");
    write_number(out, payload, ", ", "tokens_received", " received");
    write_money(out, payload, ", ", "cost");
}

static void
write_rate_limit(FILE *out, const json_t *payload)
{
    fputs("rate limited", out);
    write_string(out, payload, " by ", "provider", "");
    write_string(out, payload, " (", "current_model", ")");
    write_attempt(out, payload);
    if (is_true(payload, "will_retry"))
        write_number(out, payload, ", next in ", "estimated_delay", " s");
    else if (json_is_false(json_object_get(payload, "will_retry")))
        fputs(", the last one", out);
    write_number(out, payload, ", the provider asks for ", "retry_after", " s");
    write_string(out, payload, "; the chain names ", "fallback_model", " next");
}

static void
write_error(FILE *out, const json_t *payload)
{
    fputs(is_true(payload, "fatal") ? "fatal error" : "error", out);
    write_string(out, payload, " (", "error_type", ")");
    write_string(out, payload, " from ", "provider", "");
    write_attempt(out, payload);
    if (is_true(payload, "will_retry"))
        write_number(out, payload, ", next in ", "estimated_delay", " s");
    write_string(out, payload, ": ", "error_message", "");
}

static void
write_throttling_detected(FILE *out, const json_t *payload)
{
    if (!write_string(out, payload, "", "status", ""))
        fputs("throttled", out);
    write_string(out, payload, ", severity ", "severity", "");
    write_string(out, payload, ", ", "diagnosis", "");
    write_number(out, payload, ", for ", "duration", " s");
}

static void
write_throttling_cleared(FILE *out, const json_t *payload)
{
    fputs("throttling is over", out);
    write_number(out, payload, ", after ", "duration", " s");
    write_string(out, payload, ": ", "reason", "");
}

static void
write_waiting(FILE *out, const json_t *payload)
{
    fputs("waits for a person", out);
    write_string(out, payload, " (", "kind", ")");
    write_string(out, payload, ": ", "question", "");
}

static void
write_transport(FILE *out, const json_t *payload)
{
    write_string(out, payload, "", "transport_type", " ");
    write_string(out, payload, "", "transport_id", "");
}

static void
write_health(FILE *out, const json_t *payload)
{
    if (!write_string(out, payload, "the mesh is ", "status", ""))
        fputs("health", out);
    write_number(out, payload, ", requests open: ", "active_requests", "");
    write_number(out, payload, ", throttled: ", "throttled_requests", "");
    write_number(out, payload, ", events seen: ", "events_seen", "");
}

static bool
is_common(const char *member)
{
    static const char *const COMMON[] = {
        "timestamp", "session_id", "request_id", "correlation_id",
        "host",      "source",     "seq",        "late"};
    for (size_t i = 0; i < sizeof COMMON / sizeof COMMON[0]; i++) {
        if (strcmp(member, COMMON[i]) == 0)
            return true;
    }
    return false;
}

// An event of a type that has no wording of its own: its members as they stand.
static void
write_any(FILE *out, json_t *payload)
{
    const char *separator = "";
    const char *member;
    json_t *value;
    json_object_foreach(payload, member, value)
    {
        if (is_common(member))
            continue;
        fputs(separator, out);
        event_line_write_text(out, member, NAME_LIMIT);
        fputc('=', out);
        char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        event_line_write_text(out, text ? text : "?", EVENT_LINE_TEXT_LIMIT);
        free(text);
        separator = " ";
    }
}

typedef struct wording {
    const char *type;
    void (*write)(FILE *out, const json_t *payload);
} wording_t;

static const wording_t WORDINGS[] = {
    {"aider.session_started", write_session_started},
    {"aider.session_progress", write_session_progress},
    {"aider.session_completed", write_session_completed},
    {"aider.request_started", write_request_started},
    {"aider.request_completed", write_request_completed},
    {"aider.rate_limit_detected", write_rate_limit},
    {"aider.error_occurred", write_error},
    {"aider.throttling_detected", write_throttling_detected},
    {"aider.throttling_cleared", write_throttling_cleared},
    {"aider.waiting_for_input", write_waiting},
    {"mesh.health", write_health},
    {"mesh.transport_joined", write_transport},
    {"mesh.transport_left", write_transport},
    {"mesh.transport_lost", write_transport},
    {NULL, NULL},
};

static void
write_time(FILE *out, const json_t *payload)
{
    // The end of year 9999: beyond it a date is a mistake.
    static const double LATEST = 253402300799.0;
    double timestamp;
    if (!number_of(payload, "timestamp", &timestamp) || timestamp > LATEST) {
        fputs("--:--:--.---", out);
        return;
    }
    int64_t ms = (int64_t) (timestamp * 1000);
    time_t seconds = (time_t) (ms / 1000);
    struct tm local;
    char text[16];
    if (!localtime_r(&seconds, &local) || strftime(text, sizeof text, "%H:%M:%S", &local) == 0)
        fputs("--:--:--.---", out);
    else
        fprintf(out, "%s.%03d", text, (int) (ms % 1000));
}

static void
write_session(FILE *out, const json_t *payload)
{
    const char *session = string_of(payload, "session_id");
    if (!session) {
        fputs("-", out);
        return;
    }
    size_t size = strlen(session);
    const char *shown = size > SESSION_SHOWN ? session + size - SESSION_SHOWN : session;
    // Not from the middle of a character.
    while (shown > session && ((unsigned char) *shown & 0xC0) == 0x80)
        shown--;
    event_line_write_text(out, shown, SESSION_SHOWN);
}

// What all lines begin with.
static void
write_head(FILE *out, const char *type, const json_t *payload)
{
    write_time(out, payload);
    fputc(' ', out);
    const char *host = string_of(payload, "host");
    event_line_write_text(out, host ? host : "-", NAME_LIMIT);
    fputc(' ', out);
    write_session(out, payload);
    fputc(' ', out);
    event_line_write_text(out, type, NAME_LIMIT);
    fputs(is_true(payload, "late") ? "  (late) " : "  ", out);
}

void
event_line_write(FILE *out, const char *type, json_t *payload)
{
    assert(out && type);
    write_head(out, type, payload);
    const wording_t *wording = WORDINGS;
    while (wording->type && strcmp(type, wording->type) != 0)
        wording++;
    if (wording->type)
        wording->write(out, payload);
    else
        write_any(out, payload);
    fputc('\n', out);
}

void
event_line_write_sessions(FILE *out, const char *type, const json_t *payload)
{
    assert(out && type);
    size_t index;
    json_t *row;
    json_array_foreach(json_object_get(payload, "sessions"), index, row)
    {
        json_t *line = json_is_object(row) ? json_copy(row) : json_object();
        json_t *last = json_object_get(line, "last_event_at");
        if (last)
            json_object_set(line, "timestamp", last);
        write_head(out, type, line);
        fputs("session is running", out);
        write_string(out, line, ", named ", "name", "");
        write_string(out, line, ", ", "model", "");
        write_string(out, line, ", in ", "working_dir", "");
        write_string(out, line, "; the last of it is ", "last_event", "");
        fputc('\n', out);
        json_decref(line);
    }
}

int
event_line_write_json(FILE *out, const char *id, const char *type, json_t *payload)
{
    assert(out && id && type && payload);
    json_t *line = json_object();
    int rc = *id ? json_object_set_new(line, "id", json_string(id)) : 0;
    rc |= json_object_set_new(line, "event", json_string(type));
    rc |= json_object_set(line, "data", payload);
    char *text = rc == 0 ? json_dumps(line, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
    json_decref(line);
    if (!text)
        return -1;
    // Jansson leaves DEL as it is; it can only stand inside a string.
    for (const char *at = text; *at; at++) {
        if (*at == 0x7F)
            fputs("\\u007f", out);
        else
            fputc(*at, out);
    }
    fputc('\n', out);
    free(text);
    return 0;
}

static bool
write_opened(FILE *out, const json_t *payload)
{
    const char *verdict = string_of(payload, "verdict");
    if (!verdict)
        return false;
    if (strcmp(verdict, "live") == 0)
        fputs("following, from now on", out);
    else if (strcmp(verdict, "exact") == 0)
        fputs("following, nothing is missing since the place asked for", out);
    else if (strcmp(verdict, "gap") == 0)
        fputs("following, but events since the place asked for are no longer kept", out);
    else if (strcmp(verdict, "reset") == 0)
        fputs("following, but the mesh's journal is a new one: what was missed before it "
              "cannot be known",
              out);
    else if (strcmp(verdict, "unknown") == 0)
        fputs("following, but the place asked for is not one the mesh knows", out);
    else
        write_string(out, payload, "following, verdict ", "verdict", "");
    return true;
}

bool
event_line_write_stream(FILE *out, const char *type, const json_t *payload)
{
    assert(out && type);
    if (strcmp(type, "stream.opened") == 0)
        return write_opened(out, payload);
    if (strcmp(type, "stream.gap") == 0) {
        fputs("gap", out);
        write_string(out, payload, " (", "reason", ")");
        fputs(": events are missing", out);
        write_number(out, payload, ", at most ", "at_most", "");
        write_string(out, payload, ", after ", "from", "");
        write_string(out, payload, " up to ", "to", "");
        return true;
    }
    if (strcmp(type, "stream.snapshot") == 0) {
        double left_out;
        if (!number_of(payload, "left_out", &left_out) || left_out == 0)
            return false;
        fprintf(out, "%.0f more sessions are running than the mesh tells of", left_out);
        return true;
    }
    if (strcmp(type, "stream.dropped") == 0) {
        fputs("too slow: events were dropped", out);
        write_number(out, payload, ", at most ", "at_most", "");
        return true;
    }
    if (strcmp(type, "stream.closing") == 0) {
        fputs("the server ends the stream", out);
        write_string(out, payload, ": ", "reason", "");
        write_string(out, payload, ", ", "detail", "");
        return true;
    }
    return false;
}
