// lookup - where a broker may be, in the order in which to try
// SPDX-License-Identifier: MPL-2.0
#include "mesh/lookup.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mesh/discovery.h"
#include "mesh/lock_file.h"
#include "mesh/log.h"
#include "mesh/paths.h"
#include "text.h"

enum { CANDIDATES_LIMIT = 64, DISCOVERED_LIMIT = 16 };

typedef struct heard {
    char endpoint[MESH_ENDPOINT_LIMIT + 1];    // "" is none
    int64_t heard_ms;
} heard_t;

struct mesh_lookup {
    const mesh_settings_t *settings;    // borrowed
    char *own_endpoint;                 // owned; in the runtime directory; NULL with seeds
    char *fixed_endpoint;               // owned; the only place; NULL
    char *own_lock;                     // owned; that of the broker there; NULL with seeds
    char *discovery_path;               // owned; NULL when it is not read
    mesh_candidate_t candidates[CANDIDATES_LIMIT];
    size_t count, next;
    uint64_t rounds;
    heard_t beacons[MESH_LOOKUP_BEACONS_LIMIT];
    heard_t redirect;
    bool complained;    // about the discovery file, since it was last readable
};

const char *
mesh_found_by_name(mesh_found_by_t by)
{
    static const char *const names[] = {"seed",   "discovery", "default",
                                        "beacon", "fallback",  "redirect"};
    return names[by];
}

static void
add(mesh_lookup_t *self, const char *endpoint, mesh_found_by_t by)
{
    if (strlen(endpoint) > MESH_ENDPOINT_LIMIT)
        return;
    for (size_t i = 0; i < self->count; i++)
        if (strcmp(self->candidates[i].endpoint, endpoint) == 0)
            return;
    if (self->count == CANDIDATES_LIMIT)
        return;
    mesh_candidate_t *fresh = &self->candidates[self->count++];
    memcpy(fresh->endpoint, endpoint, strlen(endpoint) + 1);
    fresh->by = by;
}

static int
add_seeds(mesh_lookup_t *self, char **error_p)
{
    size_t count = mesh_settings_list_size(self->settings, "mesh/seeds");
    for (size_t i = 0; i < count; i++) {
        const char *seed = mesh_settings_list_item(self->settings, "mesh/seeds", i);
        char *endpoint = mesh_endpoints_of_seed(seed);
        if (!endpoint) {
            *error_p = mesh_text_printf("mesh/seeds: \"%s\" is not a seed; a seed is "
                                        "tcp://HOST[:PORT] or ipc://PATH",
                                        seed);
            return -1;
        }
        add(self, endpoint, MESH_FOUND_BY_SEED);
        free(endpoint);
    }
    return 0;
}

// An entry that names another mesh is of no interest; one that names none may be ours.
static bool
is_of_our_mesh(const mesh_lookup_t *self, const json_t *metadata)
{
    const char *theirs = json_string_value(json_object_get(metadata, "mesh_id"));
    return !theirs || strcmp(theirs, mesh_settings_string(self->settings, "mesh/mesh_id")) == 0;
}

typedef struct discovered {
    char *endpoint;    // owned
    double heartbeat_s;
} discovered_t;

static int
heard_last_first(const void *left, const void *right)
{
    double a = ((const discovered_t *) left)->heartbeat_s;
    double b = ((const discovered_t *) right)->heartbeat_s;
    return (a < b) - (a > b);
}

// Add the brokers of the file that live: where only heartbeats tell, one that was killed lives
// on for a while, and the one heard last is the better guess.
static void
add_discovered(mesh_lookup_t *self)
{
    char *problem = NULL;
    json_t *entries = mesh_discovery_read(self->discovery_path, &problem);
    if (problem && !self->complained)
        mesh_log_warning("discovery-unreadable", "%s", problem);
    self->complained = problem != NULL;
    discovered_t found[DISCOVERED_LIMIT];
    size_t index, count = 0;
    json_t *entry;
    json_array_foreach(entries, index, entry)
    {
        char *endpoint = mesh_discovery_control_endpoint(entry);
        if (endpoint && count < DISCOVERED_LIMIT &&
            is_of_our_mesh(self, json_object_get(entry, "metadata")) &&
            mesh_discovery_life(entry, (double) time(NULL)) == MESH_DISCOVERY_LIVE)
            found[count++] = (discovered_t){
                endpoint, json_number_value(json_object_get(entry, "last_heartbeat"))};
        else
            free(endpoint);
    }
    if (count > 0)
        qsort(found, count, sizeof found[0], heard_last_first);
    for (size_t i = 0; i < count; i++) {
        add(self, found[i].endpoint, MESH_FOUND_BY_DISCOVERY);
        free(found[i].endpoint);
    }
    json_decref(entries);
    free(problem);
}

// Gather what there is now. Returns -1 only where a seed is none.
static int
gather(mesh_lookup_t *self, int64_t now_ms, char **error_p)
{
    self->count = self->next = 0;
    if (*self->redirect.endpoint && now_ms - self->redirect.heard_ms <= MESH_LOOKUP_REDIRECT_MS)
        add(self, self->redirect.endpoint, MESH_FOUND_BY_REDIRECT);
    if (self->fixed_endpoint) {
        add(self, self->fixed_endpoint, MESH_FOUND_BY_SEED);
        return 0;
    }
    if (add_seeds(self, error_p) != 0)
        return -1;
    if (!self->own_endpoint)
        return 0;
    if (self->discovery_path)
        add_discovered(self);
    add(self, self->own_endpoint, MESH_FOUND_BY_DEFAULT);
    for (size_t i = 0; i < MESH_LOOKUP_BEACONS_LIMIT; i++) {
        const heard_t *heard = &self->beacons[i];
        if (*heard->endpoint && now_ms - heard->heard_ms <= MESH_LOOKUP_BEACON_MS)
            add(self, heard->endpoint, MESH_FOUND_BY_BEACON);
    }
    return 0;
}

mesh_lookup_t *
mesh_lookup_new(const mesh_settings_t *settings, char **error_p)
{
    assert(settings && error_p);
    mesh_lookup_t *self = calloc(1, sizeof *self);
    if (!self)
        abort();
    self->settings = settings;
    if (add_seeds(self, error_p) != 0)
        goto failed;
    if (self->count > 0)
        return self;
    char *dir = mesh_paths_runtime_dir(settings, error_p);
    if (!dir)
        goto failed;
    self->own_endpoint = mesh_text_printf("ipc://%s/control", dir);
    self->own_lock = mesh_text_printf("%s/broker.lock", dir);
    free(dir);
    if (mesh_settings_flag(settings, "features/discovery"))
        self->discovery_path = mesh_paths_discovery_file(settings, error_p);
    if (self->discovery_path || !mesh_settings_flag(settings, "features/discovery"))
        return self;

failed:
    mesh_lookup_destroy(&self);
    return NULL;
}

mesh_lookup_t *
mesh_lookup_new_at(const mesh_settings_t *settings, const char *endpoint)
{
    assert(settings && endpoint && strlen(endpoint) <= MESH_ENDPOINT_LIMIT);
    mesh_lookup_t *self = calloc(1, sizeof *self);
    if (!self)
        abort();
    self->settings = settings;
    self->fixed_endpoint = mesh_text_printf("%s", endpoint);
    return self;
}

void
mesh_lookup_destroy(mesh_lookup_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        free((*self_p)->own_endpoint);
        free((*self_p)->own_lock);
        free((*self_p)->fixed_endpoint);
        free((*self_p)->discovery_path);
        free(*self_p);
        *self_p = NULL;
    }
}

const mesh_candidate_t *
mesh_lookup_next(mesh_lookup_t *self, int64_t now_ms)
{
    assert(self);
    if (self->rounds == 0 || self->next == self->count) {
        self->rounds++;
        char *error = NULL;
        // The seeds were read before.
        int rc = gather(self, now_ms, &error);
        assert(rc == 0 && self->count > 0);
    }
    return &self->candidates[self->next++];
}

size_t
mesh_lookup_count(const mesh_lookup_t *self)
{
    return self->count;
}

uint64_t
mesh_lookup_rounds(const mesh_lookup_t *self)
{
    return self->rounds;
}

void
mesh_lookup_restart(mesh_lookup_t *self)
{
    self->next = self->count;
}

static void
remember(heard_t *row, const char *endpoint, int64_t now_ms)
{
    snprintf(row->endpoint, sizeof row->endpoint, "%s", endpoint);
    row->heard_ms = now_ms;
}

bool
mesh_lookup_heard(mesh_lookup_t *self, const char *endpoint, int64_t now_ms)
{
    assert(self && endpoint && strlen(endpoint) <= MESH_ENDPOINT_LIMIT);
    heard_t *oldest = &self->beacons[0];
    for (size_t i = 0; i < MESH_LOOKUP_BEACONS_LIMIT; i++) {
        heard_t *row = &self->beacons[i];
        if (strcmp(row->endpoint, endpoint) == 0) {
            bool known = now_ms - row->heard_ms <= MESH_LOOKUP_BEACON_MS;
            row->heard_ms = now_ms;
            if (!known)
                add(self, endpoint, MESH_FOUND_BY_BEACON);
            return !known;
        }
        if (!*row->endpoint || (*oldest->endpoint && row->heard_ms < oldest->heard_ms))
            oldest = row;
    }
    remember(oldest, endpoint, now_ms);
    add(self, endpoint, MESH_FOUND_BY_BEACON);
    return true;
}

void
mesh_lookup_redirect(mesh_lookup_t *self, const char *endpoint, int64_t now_ms)
{
    assert(self && endpoint);
    if (strlen(endpoint) <= MESH_ENDPOINT_LIMIT)
        remember(&self->redirect, endpoint, now_ms);
}

mesh_found_by_t
mesh_lookup_found_by(const mesh_lookup_t *self, const char *endpoint, mesh_found_by_t by)
{
    char text[16];
    bool own = self->own_endpoint && strcmp(endpoint, self->own_endpoint) == 0;
    return own && mesh_lock_file_is_held(self->own_lock, text, sizeof text) &&
                   strncmp(text, "fallback", strlen("fallback")) == 0
               ? MESH_FOUND_BY_FALLBACK
               : by;
}

bool
mesh_lookup_names_a_mesh(const mesh_settings_t *settings)
{
    const char *file = getenv("AIDER_MCP_COORDINATOR_DISCOVERY_FILE");
    return mesh_settings_list_size(settings, "mesh/seeds") > 0 || (file && *file) ||
           *mesh_settings_string(settings, "mesh/discovery_file") != '\0' ||
           strcmp(mesh_settings_origin(settings, "mesh/mesh_id"), "default") != 0;
}
