// stream_query - what a client asks for: path, query and Last-Event-ID, checked
// SPDX-License-Identifier: MPL-2.0
#include "stream_query.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "moment.h"

enum {
    NAME_BYTES = 32,
    // All values of one parameter together, decoded.
    LIST_BYTES = FILTER_VALUES * 64,
    QUOTED_BYTES = 64,
};

typedef struct parse {
    stream_query_t *query;
    int64_t now_us;
    char *problem;
    const char *last_event_id;    // of the query, when the header gave none; in id_text
    char id_text[STREAM_QUERY_ID_BYTES + 1];
    unsigned seen;    // scalars that may be given once, as bits by their place in the table
    const stream_bounds_t *bounds;    // NULL: none
    bool outside;
} parse_t;

typedef int parameter_fn(parse_t *parse, const char *value);

static int __attribute__((format(printf, 2, 3))) refuse(parse_t *parse, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(parse->problem, STREAM_QUERY_PROBLEM_BYTES, format, arguments);
    va_end(arguments);
    return -1;
}

// Make foreign text fit to be shown: printable ASCII, short.
static const char *
quoted(const char *text, char out[static QUOTED_BYTES])
{
    size_t at = 0;
    for (; text[at] && at < QUOTED_BYTES - 1; at++) {
        out[at] = text[at];
        if (text[at] < 0x20 || text[at] >= 0x7F || text[at] == '"')
            out[at] = '?';
    }
    if (text[at])
        memcpy(out + at - 3, "...", 3);
    out[at] = '\0';
    return out;
}

static int
hex_digit(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

// Decode form encoding into out and add a NUL. Returns 0; -1 when it is not well formed or
// holds a control character, -2 when it is too long.
static int
decode(const char *text, size_t bytes, char *out, size_t out_bytes)
{
    size_t used = 0;
    for (size_t at = 0; at < bytes; at++) {
        char byte = text[at];
        if (byte == '+') {
            byte = ' ';
        } else if (byte == '%') {
            int high = at + 2 < bytes ? hex_digit(text[at + 1]) : -1;
            int low = at + 2 < bytes ? hex_digit(text[at + 2]) : -1;
            if (high < 0 || low < 0)
                return -1;
            byte = (char) (high * 16 + low);
            at += 2;
        }
        if ((unsigned char) byte < 0x20 || byte == 0x7F)
            return -1;
        if (used + 1 >= out_bytes)
            return -2;
        out[used++] = byte;
    }
    out[used] = '\0';
    return 0;
}

static bool
severity_is_known(const char *value)
{
    static const char *const known[] = {"info",    "low",   "medium",  "high",
                                        "warning", "error", "critical"};
    for (size_t at = 0; at < sizeof known / sizeof known[0]; at++) {
        if (strcmp(known[at], value) == 0)
            return true;
    }
    return false;
}

// Whether none of the scopes takes a session or host that is asked for by name.
static bool
is_outside(const stream_bounds_t *bounds, filter_parameter_t parameter, const char *value)
{
    if (!bounds || bounds->count == 0 ||
        (parameter != FILTER_SESSION && parameter != FILTER_HOST))
        return false;
    mesh_scope_list_t list = parameter == FILTER_SESSION ? MESH_SCOPE_SESSION : MESH_SCOPE_HOST;
    for (size_t at = 0; at < bounds->count; at++)
        if (mesh_scope_takes(bounds->items[at], list, value))
            return false;
    return true;
}

static int
add_value(parse_t *parse, filter_parameter_t parameter, const char *name, const char *value)
{
    char shown[QUOTED_BYTES];
    bool negated = value[0] == '!';
    if (negated)
        value++;
    if (value[0] == '\0')
        return refuse(parse,
                      "parameter %s has an empty value; leave it out, or give a comma "
                      "list such as a,b,!c",
                      name);
    if (parameter == FILTER_TYPES && !event_type_may_be_asked(value))
        return refuse(parse, "types has the value \"%s\"; allowed are %s", quoted(value, shown),
                      event_types_allowed());
    if (parameter == FILTER_SEVERITY && !severity_is_known(value))
        return refuse(parse,
                      "severity has the value \"%s\"; allowed are info, low, medium, "
                      "high, warning, error, critical",
                      quoted(value, shown));
    if (!negated && is_outside(parse->bounds, parameter, value)) {
        parse->outside = true;
        return refuse(parse,
                      "%s has the value \"%s\", which is not within the scope of the token",
                      name, quoted(value, shown));
    }
    if (filter_add(parse->query->filter, parameter, value, negated) != 0)
        return refuse(parse, "parameter %s takes at most %d values of at most %d bytes", name,
                      FILTER_VALUES, FILTER_VALUE_BYTES);
    return 0;
}

static int
add_list(parse_t *parse, filter_parameter_t parameter, const char *name, char *list)
{
    for (char *value = list; value;) {
        char *comma = strchr(value, ',');
        if (comma)
            *comma = '\0';
        if (add_value(parse, parameter, name, value) != 0)
            return -1;
        value = comma ? comma + 1 : NULL;
    }
    return 0;
}

static int
take_since(parse_t *parse, const char *value)
{
    resume_ask_t *ask = &parse->query->ask;
    char shown[QUOTED_BYTES];
    if (ask->since != RESUME_SINCE_NOTHING)
        return refuse(parse, "since and last say where to begin: give one of them, once");
    if (strcmp(value, "earliest") == 0)
        ask->since = RESUME_SINCE_EARLIEST;
    else if (mesh_cursor_parse(&ask->since_cursor, value) == 0)
        ask->since = RESUME_SINCE_CURSOR;
    else if (moment_parse(value, parse->now_us, &ask->since_us) == 0)
        ask->since = RESUME_SINCE_TIME;
    else
        return refuse(parse,
                      "since has the value \"%s\"; allowed are a cursor (the id of an "
                      "event), a time such as 2026-02-03T04:05:06Z, an age such as 30s, "
                      "10m, 2h or 7d, or earliest",
                      quoted(value, shown));
    return 0;
}

// Read a number. Returns 0, or -1 with the refusal.
static int
take_number(parse_t *parse, const char *name, const char *value, uint32_t least, uint32_t most,
            uint32_t *number)
{
    char shown[QUOTED_BYTES];
    size_t digits = strspn(value, "0123456789");
    bool is_number = digits >= 1 && digits <= 9 && value[digits] == '\0';
    unsigned long read = is_number ? strtoul(value, NULL, 10) : 0;
    if (!is_number || read < least || read > most)
        return refuse(
            parse, "%s has the value \"%s\"; allowed is a number from %" PRIu32 " to %" PRIu32,
            name, quoted(value, shown), least, most);
    *number = (uint32_t) read;
    return 0;
}

static int
take_last(parse_t *parse, const char *value)
{
    resume_ask_t *ask = &parse->query->ask;
    if (ask->since != RESUME_SINCE_NOTHING)
        return refuse(parse, "since and last say where to begin: give one of them, once");
    if (take_number(parse, "last", value, 1, STREAM_QUERY_LAST_MOST, &ask->last) != 0)
        return -1;
    ask->since = RESUME_SINCE_LAST;
    return 0;
}

static int
take_limit(parse_t *parse, const char *value)
{
    return take_number(parse, "limit", value, 1, STREAM_QUERY_LIMIT_MOST,
                       &parse->query->once.limit);
}

static int
take_max_bytes(parse_t *parse, const char *value)
{
    return take_number(parse, "max_bytes", value, STREAM_QUERY_BYTES_LEAST,
                       STREAM_QUERY_BYTES_MOST, &parse->query->once.max_bytes);
}

static int
take_wait(parse_t *parse, const char *value)
{
    uint32_t seconds = 0;
    char number[8];
    // "25" and "25s" alike.
    size_t bytes = strlen(value);
    const char *read = value;
    if (bytes >= 2 && bytes < sizeof number && value[bytes - 1] == 's') {
        memcpy(number, value, bytes - 1);
        number[bytes - 1] = '\0';
        read = number;
    }
    if (take_number(parse, "wait", read, 0, STREAM_QUERY_WAIT_S, &seconds) != 0)
        return -1;
    parse->query->once.wait_ms = (int64_t) seconds * 1000;
    return 0;
}

static int
take_format(parse_t *parse, const char *value)
{
    char shown[QUOTED_BYTES];
    if (strcmp(value, "json") == 0)
        parse->query->once.format = STREAM_FORMAT_JSON;
    else if (strcmp(value, "ndjson") == 0)
        parse->query->once.format = STREAM_FORMAT_NDJSON;
    else
        return refuse(parse, "format has the value \"%s\"; allowed are json and ndjson",
                      quoted(value, shown));
    return 0;
}

static int
take_last_event_id(parse_t *parse, const char *value)
{
    // One that is too long is no cursor, as any other that is none: the stream says so.
    snprintf(parse->id_text, sizeof parse->id_text, "%s", value);
    parse->last_event_id = strlen(value) < sizeof parse->id_text ? parse->id_text : "?";
    return 0;
}

static int
take_envelope(parse_t *parse, const char *value)
{
    char shown[QUOTED_BYTES];
    if (strcmp(value, "cloudevents") == 0)
        parse->query->envelope = ENVELOPE_CLOUDEVENTS;
    else if (strcmp(value, "data") != 0)
        return refuse(parse, "envelope has the value \"%s\"; allowed are data and cloudevents",
                      quoted(value, shown));
    return 0;
}

static int
take_snapshot(parse_t *parse, const char *value)
{
    char shown[QUOTED_BYTES];
    if (strcmp(value, "0") != 0 && strcmp(value, "1") != 0)
        return refuse(parse, "snapshot has the value \"%s\"; allowed are 0 and 1",
                      quoted(value, shown));
    parse->query->ask.snapshot = value[0] == '1';
    return 0;
}

static int
take_slow(parse_t *parse, const char *value)
{
    char shown[QUOTED_BYTES];
    if (strcmp(value, "drop-oldest") == 0)
        parse->query->slow = STREAM_SLOW_DROP_OLDEST;
    else if (strcmp(value, "disconnect") != 0)
        return refuse(parse,
                      "slow has the value \"%s\"; allowed are disconnect and "
                      "drop-oldest",
                      quoted(value, shown));
    return 0;
}

// Access has looked at it already.
static int
take_ticket(parse_t *parse, const char *value)
{
    (void) parse;
    (void) value;
    return 0;
}

static int
take_parameter(parse_t *parse, const char *name, char *value)
{
    static const struct {
        const char *name;
        filter_parameter_t parameter;
    } lists[] = {
        {"types", FILTER_TYPES}, {"session", FILTER_SESSION},   {"request", FILTER_REQUEST},
        {"host", FILTER_HOST},   {"provider", FILTER_PROVIDER}, {"model", FILTER_MODEL},
        {"label", FILTER_LABEL}, {"severity", FILTER_SEVERITY},
    };
    static const struct {
        const char *name;
        parameter_fn *take;
        bool of_streams;
        bool of_once;
        bool repeats;    // or says itself that it was given twice
    } scalars[] = {
        {"since", take_since, true, true, true},
        {"last", take_last, true, true, true},
        {"envelope", take_envelope, true, true, false},
        {"last_event_id", take_last_event_id, true, true, false},
        {"snapshot", take_snapshot, true, false, false},
        {"slow", take_slow, true, false, false},
        {"ticket", take_ticket, true, false, true},
        {"limit", take_limit, false, true, false},
        {"max_bytes", take_max_bytes, false, true, false},
        {"wait", take_wait, false, true, false},
        {"format", take_format, false, true, false},
    };
    bool once = parse->query->endpoint == ENDPOINT_ONCE;
    for (size_t at = 0; at < sizeof lists / sizeof lists[0]; at++) {
        if (strcmp(lists[at].name, name) == 0)
            return add_list(parse, lists[at].parameter, name, value);
    }
    for (size_t at = 0; at < sizeof scalars / sizeof scalars[0]; at++) {
        if (strcmp(scalars[at].name, name) != 0 ||
            !(once ? scalars[at].of_once : scalars[at].of_streams))
            continue;
        if (!scalars[at].repeats && (parse->seen & 1U << at))
            return refuse(parse, "%s is given twice; give it once", name);
        parse->seen |= 1U << at;
        return scalars[at].take(parse, value);
    }
    char shown[QUOTED_BYTES];
    return refuse(parse,
                  "parameter \"%s\" is not known; allowed are types, session, request, "
                  "host, provider, model, label, severity, since, last, last_event_id, "
                  "envelope%s",
                  quoted(name, shown),
                  once ? ", limit, max_bytes, wait and format" : ", snapshot and slow");
}

static int
take_pair(parse_t *parse, const char *pair, size_t bytes)
{
    const char *equals = memchr(pair, '=', bytes);
    size_t name_bytes = equals ? (size_t) (equals - pair) : bytes;
    char name[NAME_BYTES];
    char value[LIST_BYTES] = "";
    char shown[QUOTED_BYTES];
    int rc = decode(pair, name_bytes, name, sizeof name);
    if (rc == -1)
        return refuse(parse, "the query has a parameter name that is not well percent-encoded "
                             "text");
    if (rc == -2) {
        snprintf(name, sizeof name, "%.*s", NAME_BYTES - 1, pair);
        return take_parameter(parse, name, value);
    }
    rc = equals ? decode(equals + 1, bytes - name_bytes - 1, value, sizeof value) : 0;
    if (rc == -1)
        return refuse(parse,
                      "parameter \"%s\" has a value that is not well percent-encoded "
                      "text",
                      quoted(name, shown));
    if (rc == -2)
        return refuse(parse, "parameter \"%s\" has a value of more than %d bytes",
                      quoted(name, shown), LIST_BYTES - 1);
    return take_parameter(parse, name, value);
}

static int
take_query(parse_t *parse, const char *query)
{
    int pairs = 0;
    while (*query) {
        size_t bytes = strcspn(query, "&");
        if (bytes > 0) {
            if (++pairs > STREAM_QUERY_PARAMETERS)
                return refuse(parse, "the query has more than %d parameters",
                              STREAM_QUERY_PARAMETERS);
            if (take_pair(parse, query, bytes) != 0)
                return -1;
        }
        query += bytes;
        if (*query == '&')
            query++;
    }
    return 0;
}

stream_query_outcome_t
stream_query_parse(stream_query_t *self, endpoint_t endpoint, const char *query,
                   const char *last_event_id, const stream_bounds_t *bounds, int64_t now_us,
                   char problem[static STREAM_QUERY_PROBLEM_BYTES])
{
    memset(self, 0, sizeof *self);
    self->endpoint = endpoint;
    self->once.limit = STREAM_QUERY_LIMIT;
    self->once.max_bytes = STREAM_QUERY_BYTES;
    self->filter = filter_new();
    const char *const *types = endpoint_info(endpoint)->types;
    for (size_t at = 0; types[at]; at++) {
        int rc = filter_add(self->filter, FILTER_ENDPOINT, types[at], false);
        assert(rc == 0);
    }
    parse_t parse = {.query = self, .now_us = now_us, .problem = problem, .bounds = bounds};
    if (query && take_query(&parse, query) != 0) {
        stream_query_clear(self);
        return parse.outside ? STREAM_QUERY_OUTSIDE : STREAM_QUERY_BAD;
    }
    if (bounds && bounds->count > 0)
        filter_confine(self->filter, bounds->items, bounds->count);
    filter_seal(self->filter);

    const char *id = last_event_id && *last_event_id ? last_event_id : parse.last_event_id;
    if (id && *id) {
        self->ask.id =
            mesh_cursor_parse(&self->ask.cursor, id) == 0 ? RESUME_ID : RESUME_ID_UNREADABLE;
    }
    return STREAM_QUERY_OK;
}

void
stream_query_clear(stream_query_t *self)
{
    filter_destroy(&self->filter);
}
