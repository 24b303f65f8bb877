// flush - the verb that delivers what bridges that died have left in their spools
// SPDX-License-Identifier: MPL-2.0
#include "flush.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mesh/exit_status.h"
#include "mesh/flusher.h"
#include "mesh/paths.h"
#include "mesh/program.h"
#include "mesh/signals.h"

typedef struct flush {
    zloop_t *loop;              // owned
    mesh_signals_t *signals;    // owned
    mesh_link_t *link;          // owned
    mesh_spool_t *spool;        // owned
    mesh_flusher_t *flusher;    // owned
    bool broker_seen;
} flush_t;

static int
fail(char *problem)
{
    fprintf(stderr, "aidermesh flush: %s\n", problem);
    free(problem);
    return MESH_EXIT_FAILED;
}

// zloop_timer_fn
static int
on_late(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    (void) arg;
    return -1;
}

// mesh_signals_fn
static int
on_signal(int number, void *arg)
{
    (void) number;
    (void) arg;
    return -1;
}

// mesh_flusher_idle_fn: ends the loop at its next turn.
static void
on_idle(void *arg)
{
    flush_t *self = arg;
    (void) zloop_timer(self->loop, 0, 1, on_late, self);
}

// of mesh_link_listener_t
static void
on_welcome(void *arg, const mesh_welcome_t *welcome)
{
    (void) welcome;
    flush_t *self = arg;
    self->broker_seen = true;
}

static const mesh_link_listener_t link_listener = {.on_welcome = on_welcome};

// How many files of the dead there are, and their bytes.
static size_t
count_dead(const mesh_spool_t *spool, uint64_t *bytes_p)
{
    size_t count, dead = 0;
    *bytes_p = 0;
    mesh_spool_entry_t *entries = mesh_spool_list(spool, &count);
    for (size_t i = 0; i < count; i++)
        if (!entries[i].held) {
            dead++;
            *bytes_p += entries[i].bytes;
        }
    mesh_spool_list_free(&entries, count);
    return dead;
}

static int
report(const flush_t *self)
{
    uint64_t bytes;
    size_t left = count_dead(self->spool, &bytes);
    printf("delivered %llu events of %llu spools\n",
           (unsigned long long) mesh_flusher_events(self->flusher),
           (unsigned long long) mesh_flusher_spools(self->flusher));
    if (left > 0)
        printf("%zu spools (%llu bytes) wait still: %s\n", left, (unsigned long long) bytes,
               self->broker_seen ? "the broker did not take them in time"
                                 : "no broker was found");
    if (fflush(stdout) != 0)
        return fail(strdup("cannot write to stdout"));
    return left > 0 ? MESH_EXIT_FAILED : MESH_EXIT_STOPPED;
}

static int
deliver(flush_t *self, const mesh_settings_t *settings)
{
    char *host = mesh_paths_host(settings), *problem = NULL;
    json_t *metadata = json_pack("{s:s}", "verb", "flush");
    mesh_link_identity_t identity = {
        .transport_type = "cli",
        .host = host,
        .metadata = metadata,
    };
    self->loop = zloop_new();
    self->signals = mesh_signals_new(self->loop, on_signal, self);
    self->link = mesh_link_new(self->loop, settings, &identity, &problem);
    free(host);
    json_decref(metadata);
    int status;
    if (self->link) {
        mesh_link_listen(self->link, &link_listener, self);
        self->flusher = mesh_flusher_new(self->loop, self->link, self->spool);
        mesh_flusher_on_idle(self->flusher, on_idle, self);
        (void) zloop_timer(self->loop, (size_t) mesh_settings_ms(settings, "flush/wait"), 1,
                           on_late, self);
        (void) zloop_start(self->loop);
        status = report(self);
    } else {
        status = fail(problem);
    }
    mesh_flusher_destroy(&self->flusher);
    mesh_link_destroy(&self->link);
    mesh_signals_destroy(&self->signals);
    zloop_destroy(&self->loop);
    return status;
}

static int
run(const mesh_settings_t *settings, int argc, char *argv[])
{
    (void) argc;
    (void) argv;
    flush_t self = {0};
    char *problem = NULL;
    uint64_t bytes;
    self.spool = mesh_spool_new(settings, &problem);
    if (!self.spool)
        return fail(problem);
    int status = MESH_EXIT_STOPPED;
    if (count_dead(self.spool, &bytes) > 0)
        status = deliver(&self, settings);
    else
        puts("nothing waits: every spool was delivered, or belongs to a bridge that runs");
    mesh_spool_destroy(&self.spool);
    return status;
}

int
flush_main(int argc, char *argv[])
{
    static const mesh_program_flag_t FLAGS[] = {
        {"--broker", "ENDPOINT", "mesh/seeds", NULL, "where the broker is; may be repeated"},
        {"--wait", "DURATION", "flush/wait", NULL, "how long to try; 30s unless given"},
        {NULL, NULL, NULL, NULL, NULL},
    };
    static const mesh_program_t PROGRAM = {
        .name = "aidermesh flush",
        .summary =
            "Deliver the events that bridges left in their spools when they died or gave up "
            "waiting\nfor a broker. Each arrives once, also when a bridge or another flush "
            "does "
            "the same:\nwhoever holds a spool's lock delivers it. Spools of bridges that run "
            "are "
            "left alone.\nEnds with 0 when nothing is left, else with 1.",
        .usage = "",
        .flags = FLAGS,
        .run = run,
        .start_zmq = mesh_program_start_zmq,
    };
    return mesh_program_main(&PROGRAM, argc, argv);
}
