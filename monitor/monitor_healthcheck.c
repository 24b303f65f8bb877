// monitor_healthcheck - asks the mesh whether a monitor answers
// SPDX-License-Identifier: MPL-2.0
#include <assert.h>
#include <czmq.h>
#include <jansson.h>

#include "mesh/link.h"
#include "mesh/log.h"
#include "mesh/paths.h"
#include "monitor.h"

enum { LIMIT_MS = 4500, CALL_DEADLINE_MS = 2000 };

typedef struct question {
    mesh_link_t *link;
    bool asked;
    bool answered;
} question_t;

// mesh_link_reply_fn
static void
on_answer(void *arg, const char *verb, const json_t *body, zmsg_t *frames)
{
    (void) frames;
    question_t *self = arg;
    self->answered = streq(verb, "result");
    if (!self->answered) {
        const char *message = json_string_value(json_object_get(body, "message"));
        (void) fprintf(stderr, "no monitor answers: %s\n", message ? message : verb);
    }
    self->link = NULL;
}

// zloop_timer_fn: ask once the broker has welcomed us, end once there is an answer.
static int
on_look(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    question_t *self = arg;
    if (!self->link)
        return -1;
    if (!self->asked && mesh_link_is_up(self->link)) {
        self->asked = true;
        json_t *query = json_pack("{s:i}", "limit", 1);
        assert(query);
        mesh_link_call(self->link, "requests", query, CALL_DEADLINE_MS, on_answer, self);
    }
    return 0;
}

// zloop_timer_fn
static int
on_limit(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    const question_t *self = arg;
    (void) fprintf(stderr, "%s within %d ms\n",
                   self->asked ? "no monitor answers" : "no broker answers", LIMIT_MS);
    return -1;
}

int
monitor_healthcheck(const mesh_settings_t *settings)
{
    char *host = mesh_paths_host(settings);
    mesh_link_identity_t identity = {.transport_type = "cli", .host = host, .passing = true};
    zloop_t *loop = zloop_new();
    char *error = NULL;
    mesh_link_t *link = mesh_link_new(loop, settings, &identity, &error);
    question_t question = {.link = link};
    if (link) {
        zloop_timer(loop, 20, 0, on_look, &question);
        zloop_timer(loop, LIMIT_MS, 1, on_limit, &question);
        zloop_start(loop);
    } else {
        (void) fprintf(stderr, "%s\n", error);
        free(error);
    }
    bool healthy = question.answered;
    mesh_link_destroy(&link);
    zloop_destroy(&loop);
    free(host);
    return healthy ? 0 : 1;
}
