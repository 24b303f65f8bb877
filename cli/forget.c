// forget - the verb that has the mesh forget a session
// SPDX-License-Identifier: MPL-2.0
#include "forget.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include <czmq.h>

#include "event_line.h"
#include "mesh/exit_status.h"
#include "mesh/link.h"
#include "mesh/log.h"
#include "mesh/paths.h"
#include "mesh/program.h"
#include "mesh/spool.h"
#include "mesh/topic.h"

enum {
    LOOK_MS = 5000,            // for a broker
    ANSWER_MS = 10 * 60000,    // a large journal is looked through
    CHECK_MS = 20,
    WORD_LIMIT = 255,
};

typedef struct forget {
    const mesh_settings_t *settings;    // borrowed
    mesh_link_t *link;                  // owned
    int64_t until_ms;                   // for a broker to be found
    uint64_t request;                   // under way; 0 when there is none
    char *asked;       // owned; the incarnation of the broker that was asked; NULL for none
    json_t *report;    // owned; what came of it: the broker's, or one with "error"
} forget_t;

// The report of a failure. Takes any that is there.
static void
fail(forget_t *self, const char *code, const char *message)
{
    json_decref(self->report);
    self->report = json_pack("{s:s, s:{s:s, s:s}}", "session_id",
                             mesh_settings_string(self->settings, "forget/session"), "error",
                             "code", code, "message", message);
    assert(self->report);
}

// mesh_link_reply_fn
static void
on_reply(void *arg, const char *verb, const json_t *body, zmsg_t *frames)
{
    (void) frames;
    forget_t *self = arg;
    const char *code = json_string_value(json_object_get(body, "code"));
    const char *message = json_string_value(json_object_get(body, "message"));
    if (streq(verb, "forgotten")) {
        self->report = json_deep_copy(body);
        json_object_del(self->report, "id");
    } else {
        fail(self, code ? code : "malformed",
             message ? message : "the broker's answer is not as the protocol says");
    }
}

// mesh_link_listener_t
static void
on_welcome(void *arg, const mesh_welcome_t *welcome)
{
    forget_t *self = arg;
    // One that was started anew meanwhile knows nothing of the request; to ask twice does no
    // harm.
    if (self->asked && streq(self->asked, welcome->incarnation))
        return;
    mesh_link_cancel(self->link, self->request);
    free(self->asked);
    self->asked = strdup(welcome->incarnation);
    json_t *body = json_pack("{s:s, s:b}", "session_id",
                             mesh_settings_string(self->settings, "forget/session"), "force",
                             mesh_settings_flag(self->settings, "forget/force"));
    assert(body);
    self->request = mesh_link_request(self->link, "forget", body, ANSWER_MS, on_reply, self);
    if (self->request == 0)
        fail(self, "away", "the broker cannot be asked");
}

// zloop_timer_fn: is it over?
static int
on_check(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    forget_t *self = arg;
    if (!self->report && !self->asked && zclock_mono() >= self->until_ms)
        fail(self, "no_broker",
             "no broker is found, and nothing was removed; aidermesh doctor says where was "
             "looked");
    return self->report ? -1 : 0;
}

// Ask the broker. The caller owns the report.
static json_t *
ask(const mesh_settings_t *settings, const char *host)
{
    static const mesh_link_listener_t LISTENER = {.on_welcome = on_welcome};
    forget_t self = {.settings = settings, .until_ms = zclock_mono() + LOOK_MS};
    mesh_link_identity_t identity = {.transport_type = "cli", .host = host};
    zloop_t *loop = zloop_new();
    zloop_set_nonstop(loop, true);
    char *error = NULL;
    self.link = mesh_link_new(loop, settings, &identity, &error);
    if (self.link) {
        mesh_link_listen(self.link, &LISTENER, &self);
        (void) zloop_timer(loop, CHECK_MS, 0, on_check, &self);
        (void) zloop_start(loop);
        mesh_link_unlisten(self.link, &LISTENER, &self);
        mesh_link_destroy(&self.link);
    } else {
        fail(&self, "link", error);
    }
    free(error);
    free(self.asked);
    zloop_destroy(&loop);
    return self.report;
}

static const char *
text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "?";
}

static void
print_word(FILE *out, const char *word)
{
    event_line_write_text(out, word, WORD_LIMIT);
}

// Whether one of the publishers in a list is on the host.
static bool
is_among(const json_t *publishers, const char *host)
{
    size_t index;
    const json_t *row;
    json_array_foreach(publishers, index,
                       row) if (strcmp(text_of(row, "host"), host) == 0) return true;
    return false;
}

static void
print_publishers(const json_t *report, FILE *out)
{
    size_t index;
    const json_t *row;
    json_array_foreach(json_object_get(report, "reached"), index, row)
    {
        fputs("  spool of ", out);
        print_word(out, text_of(row, "transport_id"));
        fputs(" on ", out);
        print_word(out, text_of(row, "host"));
        fprintf(out, ": %lld removed\n",
                (long long) json_integer_value(json_object_get(row, "removed")));
    }
    json_array_foreach(json_object_get(report, "unreached"), index, row)
    {
        fputs("  not reached: ", out);
        print_word(out, text_of(row, "transport_id"));
        fputs(" on ", out);
        print_word(out, text_of(row, "host"));
        fputs("; what its spool still has is let go when it arrives\n", out);
    }
}

void
forget_print(const json_t *report, const char *local_host, FILE *out)
{
    fputs("forgotten: ", out);
    print_word(out, text_of(report, "session_id"));
    fprintf(out, ", %lld events%s\n",
            (long long) json_integer_value(json_object_get(report, "removed")),
            json_is_true(json_object_get(report, "again")) ? ", as before" : "");
    print_publishers(report, out);
    json_int_t dead = json_integer_value(json_object_get(report, "removed_from_dead_spools"));
    if (dead > 0)
        fprintf(out, "  spools of the dead on this host: %lld removed\n", (long long) dead);
    size_t index;
    const json_t *item;
    json_array_foreach(json_object_get(report, "hosts"), index, item)
    {
        const char *host = json_string_value(item);
        if (!host || strcmp(host, local_host) == 0 ||
            is_among(json_object_get(report, "reached"), host) ||
            is_among(json_object_get(report, "unreached"), host))
            continue;
        fputs("  not reached: ", out);
        print_word(out, host);
        fputs(", where no publisher is now; what a spool there still has is let go when it "
              "arrives\n",
              out);
    }
    json_array_foreach(json_object_get(report, "set_aside"), index, item)
    {
        fputs("  not touched: ", out);
        print_word(out, json_string_value(item) ? json_string_value(item) : "?");
        fputs(", a journal that was set aside and may hold it; remove it\n", out);
    }
}

// The spools of programs of this user that died on this host: nobody else looks after them.
static void
forget_here(const mesh_settings_t *settings, const char *session, json_t *report)
{
    char *problem = NULL;
    size_t held = 0;
    mesh_spool_t *spool = mesh_spool_new(settings, &problem);
    if (spool) {
        json_int_t removed = (json_int_t) mesh_spool_forget(spool, session, &held);
        json_object_set_new(report, "removed_from_dead_spools", json_integer(removed));
        mesh_spool_destroy(&spool);
    }
    free(problem);
}

static int
run(const mesh_settings_t *settings, int argc, char *argv[])
{
    (void) argc;
    (void) argv;
    const char *session = mesh_settings_string(settings, "forget/session");
    if (!*session || strlen(session) >= MESH_SESSION_SIZE) {
        fprintf(stderr,
                "aidermesh forget: say which session, with at most %d bytes: aidermesh "
                "forget --session ID\n",
                MESH_SESSION_SIZE - 1);
        return MESH_EXIT_USAGE;
    }
    // What the report says need not be said by the log too.
    if (strcmp(mesh_settings_origin(settings, "log/level"), "default") == 0)
        mesh_log_setup("aidermesh forget", MESH_LOG_ERROR, MESH_LOG_TEXT);
    char *host = mesh_paths_host(settings);
    json_t *report = ask(settings, host);
    const json_t *error = json_object_get(report, "error");
    if (!error)
        forget_here(settings, session, report);
    if (mesh_settings_flag(settings, "forget/json")) {
        (void) json_dumpf(report, stdout, JSON_INDENT(2));
        putchar('\n');
    } else if (!error) {
        forget_print(report, host, stdout);
    } else {
        fprintf(stderr, "aidermesh forget: %s\n", text_of(error, "message"));
    }
    int status = error ? MESH_EXIT_FAILED : MESH_EXIT_STOPPED;
    json_decref(report);
    free(host);
    if (fflush(stdout) != 0) {
        fprintf(stderr, "aidermesh forget: cannot write: %s\n", strerror(errno));
        return MESH_EXIT_FAILED;
    }
    return status;
}

int
forget_main(int argc, char *argv[])
{
    static const mesh_program_flag_t FLAGS[] = {
        {"--session", "ID", "forget/session", NULL, "the session, by its whole id"},
        {"--force", NULL, "forget/force", "true",
         "also while the session goes on, or when the broker does not know it"},
        {"--broker", "ENDPOINT", "mesh/seeds", NULL, "where the broker is; may be repeated"},
        {"--json", NULL, "forget/json", "true", "print what was done as JSON"},
        {NULL, NULL, NULL, NULL, NULL},
    };
    static const mesh_program_t PROGRAM = {
        .name = "aidermesh forget",
        .summary =
            "Have the mesh forget a session: its events go from the journal, from spools, from "
            "the\nmemory of every program, and whoever resumes over them is told how many they "
            "were. What\ncomes of it later is let go. Its id, and how many events there were, "
            "are kept.\nEnds with 0 when it is forgotten, also when it was before; else with "
            "1.",
        .usage = "",
        .flags = FLAGS,
        .run = run,
    };
    return mesh_program_main(&PROGRAM, argc, argv);
}
