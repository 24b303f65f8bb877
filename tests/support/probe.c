// probe - what a test program of the C library begins and ends with: settings, loop, links
// SPDX-License-Identifier: MPL-2.0
#include "probe.h"

// mesh_signals_fn: any of them ends the loop.
static int
on_signal(int number, void *arg)
{
    (void) number;
    (void) arg;
    return -1;
}

int
probe_begin(probe_t *self, const char *place)
{
    zsys_init();
    zsys_handler_set(NULL);
    char *error = NULL;
    const char *key = strstr(place, "://") ? "mesh/seeds" : "mesh/runtime_dir";
    char *assignment = zsys_sprintf("%s=%s", key, place);
    self->settings = mesh_settings_new();
    self->loop = zloop_new();
    zloop_set_nonstop(self->loop, true);
    self->signals = mesh_signals_new(self->loop, on_signal, NULL);
    int rc = mesh_settings_assign(self->settings, assignment, "probe", &error);
    if (rc != 0)
        fprintf(stderr, "probe: %s\n", error);
    zstr_free(&assignment);
    free(error);
    return rc;
}

void
probe_end(probe_t *self)
{
    mesh_signals_destroy(&self->signals);
    zloop_destroy(&self->loop);
    mesh_settings_destroy(&self->settings);
}

mesh_link_t *
probe_link(probe_t *self)
{
    char *error = NULL;
    const mesh_link_identity_t identity = {.transport_type = "cli", .host = "probe-host"};
    mesh_link_t *link = mesh_link_new(self->loop, self->settings, &identity, &error);
    if (!link)
        fprintf(stderr, "probe: %s\n", error);
    free(error);
    return link;
}
