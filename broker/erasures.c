// erasures - sessions that are being forgotten for somebody, until all who can be have answered
// SPDX-License-Identifier: MPL-2.0
#include "erasures.h"

#include <assert.h>

struct erasures {
    zlistx_t *open;    // erasure_t, owned
    size_t limit;
};

void
erasure_destroy(erasure_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        zframe_destroy(&(*self_p)->caller);
        json_decref((*self_p)->report);
        json_decref((*self_p)->waiting);
        free(*self_p);
        *self_p = NULL;
    }
}

static void
item_destroy(void **item_p)
{
    erasure_t *erasure = *item_p;
    erasure_destroy(&erasure);
    *item_p = NULL;
}

erasures_t *
erasures_new(size_t limit)
{
    assert(limit > 0);
    erasures_t *self = zmalloc(sizeof *self);
    self->limit = limit;
    self->open = zlistx_new();
    zlistx_set_destructor(self->open, item_destroy);
    return self;
}

void
erasures_destroy(erasures_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        zlistx_destroy(&(*self_p)->open);
        free(*self_p);
        *self_p = NULL;
    }
}

erasure_t *
erasures_begin(erasures_t *self, const char *session, uint64_t id, zframe_t *caller,
               json_t *report, int64_t deadline_ms)
{
    assert(self && session && caller && json_is_object(report));
    if (zlistx_size(self->open) >= self->limit) {
        json_decref(report);
        return NULL;
    }
    erasure_t *erasure = zmalloc(sizeof *erasure);
    snprintf(erasure->session, sizeof erasure->session, "%s", session);
    erasure->id = id;
    erasure->caller = zframe_dup(caller);
    erasure->report = report;
    erasure->waiting = json_object();
    erasure->deadline_ms = deadline_ms;
    json_object_set_new(report, "session_id", json_string(session));
    json_object_set_new(report, "reached", json_array());
    json_object_set_new(report, "unreached", json_array());
    (void) zlistx_add_end(self->open, erasure);
    return erasure;
}

void
erasure_expect(erasure_t *self, const char *transport_id, const char *host)
{
    json_object_set_new(self->waiting, transport_id, json_string(host));
}

static void
add_publisher(json_t *list, const char *transport_id, json_t *host, const json_int_t *removed)
{
    json_t *row = json_pack("{s:s, s:O}", "transport_id", transport_id, "host", host);
    assert(row);
    if (removed)
        json_object_set_new(row, "removed", json_integer(*removed));
    json_array_append_new(list, row);
}

bool
erasures_answered(erasures_t *self, const char *session, const char *transport_id,
                  uint64_t removed)
{
    bool expected = false;
    for (erasure_t *erasure = zlistx_first(self->open); erasure;
         erasure = zlistx_next(self->open)) {
        json_t *host = json_object_get(erasure->waiting, transport_id);
        if (!host || !streq(erasure->session, session))
            continue;
        json_int_t count = (json_int_t) removed;
        add_publisher(json_object_get(erasure->report, "reached"), transport_id, host, &count);
        json_object_del(erasure->waiting, transport_id);
        expected = true;
    }
    return expected;
}

void
erasures_gone(erasures_t *self, const char *transport_id)
{
    for (erasure_t *erasure = zlistx_first(self->open); erasure;
         erasure = zlistx_next(self->open)) {
        json_t *host = json_object_get(erasure->waiting, transport_id);
        if (!host)
            continue;
        add_publisher(json_object_get(erasure->report, "unreached"), transport_id, host, NULL);
        json_object_del(erasure->waiting, transport_id);
    }
}

void
erasures_removed(erasures_t *self, const journal_forgotten_t *what, json_t *cursors)
{
    for (erasure_t *erasure = zlistx_first(self->open); erasure;
         erasure = zlistx_next(self->open)) {
        if (!streq(erasure->session, what->session))
            continue;
        json_object_set_new(erasure->report, "removed",
                            json_integer((json_int_t) what->removed));
        json_object_set(erasure->report, "types", what->types);
        json_object_update(erasure->report, cursors);
        erasure->removed = true;
    }
}

void
erasures_failed(erasures_t *self, const char *session)
{
    for (erasure_t *erasure = zlistx_first(self->open); erasure;
         erasure = zlistx_next(self->open))
        erasure->failed = erasure->failed || streq(erasure->session, session);
}

static bool
is_over(const erasure_t *erasure, int64_t now_ms)
{
    return erasure->failed || (erasure->removed && (json_object_size(erasure->waiting) == 0 ||
                                                    now_ms >= erasure->deadline_ms));
}

erasure_t *
erasures_take_over(erasures_t *self, int64_t now_ms)
{
    for (erasure_t *erasure = zlistx_first(self->open); erasure;
         erasure = zlistx_next(self->open)) {
        if (!is_over(erasure, now_ms))
            continue;
        const char *transport_id;
        json_t *host;
        json_object_foreach(erasure->waiting, transport_id, host) add_publisher(
            json_object_get(erasure->report, "unreached"), transport_id, host, NULL);
        (void) zlistx_detach_cur(self->open);
        return erasure;
    }
    return NULL;
}
