// mesh_health - how the mesh itself is, as far as one member of it can tell
// SPDX-License-Identifier: MPL-2.0
#include "mesh_health.h"

#include <assert.h>
#include <czmq.h>

enum { LONG_AGO_MS = -2 * MESH_HEALTH_MEMORY_MS, TYPES_LIMIT = 16 };

struct mesh_health {
    zhashx_t *transports;    // transport_id to type; owned, as are the strings
    int64_t started_ms;
    int64_t catching_up_since_ms;    // meaningful while catching_up
    int64_t last_lost_ms;            // when a member was lost
    int64_t last_gap_ms;
    uint64_t transports_lost;
    uint64_t transports_unknown;    // joined beyond the table's limit
    uint64_t gaps;
    uint64_t events;
    uint64_t events_late;
    bool broker_up;
    bool catching_up;
    bool journal_down;
    mesh_db_fault_t state_fault;
};

static void *
text_copy(const void *text)
{
    return strdup(text);
}

static void
text_free(void **text_p)
{
    free(*text_p);
    *text_p = NULL;
}

mesh_health_t *
mesh_health_new(int64_t now_ms)
{
    mesh_health_t *self = zmalloc(sizeof *self);
    self->transports = zhashx_new();
    zhashx_set_duplicator(self->transports, text_copy);
    zhashx_set_destructor(self->transports, text_free);
    self->started_ms = now_ms;
    self->last_lost_ms = now_ms + LONG_AGO_MS;
    self->last_gap_ms = now_ms + LONG_AGO_MS;
    return self;
}

void
mesh_health_destroy(mesh_health_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        zhashx_destroy(&(*self_p)->transports);
        free(*self_p);
        *self_p = NULL;
    }
}

static void
join(mesh_health_t *self, const char *id, const char *type)
{
    char unnamed[] = "unknown";
    char name[OBSERVATION_WORD_SIZE];
    (void) snprintf(name, sizeof name, "%s", type[0] ? type : unnamed);
    if (zhashx_lookup(self->transports, id) ||
        zhashx_size(self->transports) < MESH_HEALTH_TRANSPORTS)
        zhashx_update(self->transports, id, name);
    else
        self->transports_unknown++;
}

void
mesh_health_observe(mesh_health_t *self, const observation_t *observation, int64_t at_ms)
{
    switch (observation->what) {
    case OBSERVED_TRANSPORT_JOINED:
        join(self, observation->transport_id, observation->transport_type);
        break;
    case OBSERVED_TRANSPORT_LEFT:
        zhashx_delete(self->transports, observation->transport_id);
        break;
    case OBSERVED_TRANSPORT_LOST:
        zhashx_delete(self->transports, observation->transport_id);
        self->transports_lost++;
        // Command line tools come and go; one that is killed is no loss to the mesh.
        if (strcmp(observation->transport_type, "cli") != 0 && at_ms > self->last_lost_ms)
            self->last_lost_ms = at_ms;
        break;
    default:
        break;
    }
}

void
mesh_health_replace(mesh_health_t *self, const json_t *transports)
{
    zhashx_purge(self->transports);
    self->transports_unknown = 0;
    size_t index = 0;
    json_t *each = NULL;
    json_array_foreach(transports, index, each)
    {
        const char *id = json_string_value(json_object_get(each, "transport_id"));
        const char *type = json_string_value(json_object_get(each, "transport_type"));
        if (id && strlen(id) < OBSERVATION_ID_SIZE)
            join(self, id, type ? type : "");
    }
}

void
mesh_health_broker(mesh_health_t *self, bool up)
{
    self->broker_up = up;
}

void
mesh_health_catching_up(mesh_health_t *self, bool catching_up, int64_t now_ms)
{
    if (catching_up && !self->catching_up)
        self->catching_up_since_ms = now_ms;
    self->catching_up = catching_up;
}

void
mesh_health_journal(mesh_health_t *self, bool up)
{
    self->journal_down = !up;
}

void
mesh_health_state(mesh_health_t *self, mesh_db_fault_t fault)
{
    self->state_fault = fault;
}

void
mesh_health_gap(mesh_health_t *self, int64_t now_ms)
{
    self->gaps++;
    self->last_gap_ms = now_ms;
}

void
mesh_health_event(mesh_health_t *self, bool late)
{
    self->events++;
    if (late)
        self->events_late++;
}

typedef struct reason {
    const char *name;
    mesh_health_status_t status;    // what it makes of the mesh
    bool holds;
} reason_t;

enum { REASONS = 6 };

static void
find_reasons(const mesh_health_t *self, int64_t now_ms, reason_t reasons[static REASONS])
{
    reasons[0] = (reason_t){"broker_away", MESH_HEALTH_UNHEALTHY, !self->broker_up};
    reasons[1] = (reason_t){"journal_down", MESH_HEALTH_DEGRADED, self->journal_down};
    reasons[2] = (reason_t){"catching_up", MESH_HEALTH_DEGRADED,
                            self->catching_up &&
                                now_ms - self->catching_up_since_ms >= MESH_HEALTH_CATCH_UP_MS};
    reasons[3] = (reason_t){"events_lost", MESH_HEALTH_DEGRADED,
                            now_ms - self->last_gap_ms < MESH_HEALTH_MEMORY_MS};
    reasons[4] = (reason_t){"transport_lost", MESH_HEALTH_DEGRADED,
                            now_ms - self->last_lost_ms < MESH_HEALTH_MEMORY_MS};
    reasons[5] =
        (reason_t){"state_not_kept", MESH_HEALTH_DEGRADED, self->state_fault != MESH_DB_SOUND};
}

mesh_health_status_t
mesh_health_status(const mesh_health_t *self, int64_t now_ms)
{
    reason_t reasons[REASONS];
    find_reasons(self, now_ms, reasons);
    mesh_health_status_t worst = MESH_HEALTH_HEALTHY;
    for (size_t i = 0; i < REASONS; i++)
        if (reasons[i].holds && reasons[i].status > worst)
            worst = reasons[i].status;
    return worst;
}

static json_t *
list_reasons(const mesh_health_t *self, int64_t now_ms)
{
    reason_t reasons[REASONS];
    find_reasons(self, now_ms, reasons);
    json_t *list = json_array();
    for (size_t i = 0; i < REASONS; i++)
        if (reasons[i].holds)
            json_array_append_new(list, json_string(reasons[i].name));
    return list;
}

// How many of each type; beyond TYPES_LIMIT types, which only a stranger can name, "other".
static json_t *
count_transports(const mesh_health_t *self)
{
    json_t *counts = json_object();
    const char *type = zhashx_first(self->transports);
    for (; type; type = zhashx_next(self->transports)) {
        if (!json_object_get(counts, type) && json_object_size(counts) >= TYPES_LIMIT)
            type = "other";
        json_int_t count = json_integer_value(json_object_get(counts, type));
        json_object_set_new(counts, type, json_integer(count + 1));
    }
    return counts;
}

static const char *
status_name(mesh_health_status_t status)
{
    static const char *const names[] = {
        [MESH_HEALTH_HEALTHY] = "healthy",
        [MESH_HEALTH_DEGRADED] = "degraded",
        [MESH_HEALTH_UNHEALTHY] = "unhealthy",
    };
    return names[status];
}

static void
set_count(json_t *payload, const char *name, uint64_t count)
{
    json_object_set_new(payload, name, json_integer((json_int_t) count));
}

json_t *
mesh_health_payload(const mesh_health_t *self, const mesh_health_counts_t *counts,
                    int64_t now_ms)
{
    json_t *payload = json_object();
    json_object_set_new(payload, "status",
                        json_string(status_name(mesh_health_status(self, now_ms))));
    json_object_set_new(payload, "reasons", list_reasons(self, now_ms));
    json_object_set_new(payload, "transports", count_transports(self));
    set_count(payload, "transports_lost", self->transports_lost);
    if (self->transports_unknown > 0)
        set_count(payload, "transports_unknown", self->transports_unknown);
    set_count(payload, "active_requests", counts->requests.open - counts->requests.silent);
    set_count(payload, "silent_requests", counts->requests.silent);
    set_count(payload, "throttled_requests", counts->requests.throttled);
    set_count(payload, "waiting_requests", counts->requests.waiting_for_input);
    set_count(payload, "events_seen", self->events);
    set_count(payload, "events_late", self->events_late);
    set_count(payload, "events_refused", counts->events_refused);
    set_count(payload, "events_dropped", counts->events_dropped);
    set_count(payload, "gaps", self->gaps);
    set_count(payload, "lag", counts->lag);
    if (self->state_fault != MESH_DB_SOUND)
        json_object_set_new(payload, "state_fault",
                            json_string(mesh_db_fault_name(self->state_fault)));
    json_object_set_new(payload, "uptime",
                        json_real((double) (now_ms - self->started_ms) / 1000.0));
    return payload;
}
