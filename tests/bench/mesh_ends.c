// mesh_ends - the mesh's own publishers, each with its link: hello, window, acknowledgements
// SPDX-License-Identifier: MPL-2.0
#include <assert.h>

#include "ends.h"
#include "mesh/publisher.h"

enum {
    STORE_BYTES = 64 * 1024 * 1024,
    NAME_SIZE = 24,
    COMMON_BYTES = 170,    // what the publisher adds to a payload, about
};

typedef struct publisher {
    mesh_link_t *link;              // owned
    mesh_publisher_t *publisher;    // owned
    char name[NAME_SIZE];
} publisher_t;

struct mesh_ends {
    const load_options_t *options;    // borrowed
    mesh_settings_t *settings;        // owned
    publisher_t *publishers;          // owned
    subscribers_t *subscribers;       // owned
    char *message;                    // owned; what makes an event as long as is wanted
};

static mesh_link_t *
connect_link(zloop_t *loop, mesh_ends_t *self)
{
    const mesh_link_identity_t identity = {.transport_type = "bench", .host = "bench"};
    char *error = NULL;
    mesh_link_t *link = mesh_link_new(loop, self->settings, &identity, &error);
    if (!link)
        fprintf(stderr, "mesh_load: %s\n", error);
    free(error);
    return link;
}

mesh_ends_t *
mesh_ends_new(zloop_t *loop, load_t *load, const load_options_t *options)
{
    mesh_ends_t *self = zmalloc(sizeof *self);
    self->options = options;
    self->publishers = zmalloc(options->publishers * sizeof *self->publishers);
    size_t common_bytes = MESH_WIRE_HEADER_BYTES + COMMON_BYTES;
    size_t message_bytes =
        options->body_bytes > common_bytes ? options->body_bytes - common_bytes : 0;
    self->message = zmalloc(message_bytes + 1);
    memset(self->message, 'x', message_bytes);
    self->settings = mesh_settings_new();
    char *seed = zsys_sprintf("mesh/seeds=%s", options->control);
    char *error = NULL;
    int rc = mesh_settings_assign(self->settings, seed, "--control", &error);
    free(seed);
    if (rc != 0)
        fprintf(stderr, "mesh_load: %s\n", error);
    free(error);
    for (size_t i = 0; rc == 0 && i < options->publishers; i++) {
        publisher_t *publisher = &self->publishers[i];
        snprintf(publisher->name, NAME_SIZE, "%zu", i);
        publisher->link = connect_link(loop, self);
        if (!publisher->link)
            rc = -1;
        else
            publisher->publisher = mesh_publisher_new(loop, publisher->link, STORE_BYTES);
    }
    if (rc == 0)
        self->subscribers = subscribers_new(loop, load, options);
    if (!self->subscribers)
        mesh_ends_destroy(&self);
    return self;
}

void
mesh_ends_destroy(mesh_ends_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        mesh_ends_t *self = *self_p;
        for (size_t i = 0; i < self->options->publishers; i++) {
            mesh_publisher_destroy(&self->publishers[i].publisher);
            mesh_link_destroy(&self->publishers[i].link);
        }
        subscribers_destroy(&self->subscribers);
        mesh_settings_destroy(&self->settings);
        free(self->publishers);
        free(self->message);
        free(self);
        *self_p = NULL;
    }
}

static bool
ready(void *arg)
{
    const mesh_ends_t *self = arg;
    for (size_t i = 0; i < self->options->publishers; i++)
        if (!mesh_link_is_up(self->publishers[i].link))
            return false;
    return true;
}

static void
send_event(void *arg, size_t index, uint64_t number, int64_t timestamp_us)
{
    mesh_ends_t *self = arg;
    publisher_t *publisher = &self->publishers[index];
    json_t *payload = json_pack("{s:s}", "message", self->message);
    uint64_t seq =
        mesh_publisher_publish(publisher->publisher, "aider.session_progress", publisher->name,
                               NULL, (double) timestamp_us / 1e6, payload);
    assert(seq == number);
}

const load_ends_t mesh_ends = {.ready = ready, .send = send_event};
