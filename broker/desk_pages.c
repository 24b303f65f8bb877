// desk_pages - replay and snapshot: what was before
// SPDX-License-Identifier: MPL-2.0
#include <errno.h>

#include "descriptor.h"
#include "desk_private.h"
#include "mesh/control.h"
#include "mesh/log.h"
#include "pages.h"

enum {
    PROBE_EVERY_MS = 500,
    READ_WITHIN_MS =
        10000,    // where others wait for a page, one unread for longer is given up
};

// End a connection of which libzmq still has the descriptor.
static void
cut_off(desk_t *self, zframe_t *route, int connection)
{
    const peer_t *peer = registry_by_route(self->registry, route);
    mesh_log_warning("reader-cut-off", "%s asked for the past and did not read it for %d s",
                     peer ? peer->transport_id : "a program that is lost",
                     READ_WITHIN_MS / 1000);
    descriptor_end(connection);
}

// replays_is_gone_fn: a word that changes nothing cannot be sent to a connection that is
// closed.
static bool
is_gone(void *arg, zframe_t *route, int connection, int64_t given_ms)
{
    desk_t *self = arg;
    json_t *body =
        json_pack("{s:s, s:[]}", "incarnation", self->identity->incarnation, "sources");
    zmsg_t *message = mesh_control_pack("ack", body, NULL);
    json_decref(body);
    zframe_t *address = zframe_dup(route);
    zmsg_prepend(message, &address);
    bool gone = zmsg_send(&message, self->socket) != 0 && zmq_errno() == EHOSTUNREACH;
    zmsg_destroy(&message);
    // It is there: the descriptor is still its own.
    if (!gone && zclock_mono() - given_ms >= READ_WITHIN_MS)
        cut_off(self, route, connection);
    return gone;
}

// Whether the asker may be given a page now; else it is told why not.
static bool
may_have_page(desk_t *self, const desk_request_t *request)
{
    replays_outcome_t outcome = replays_ask(self->replays, request->route);
    int64_t now_ms = zclock_mono();
    if (outcome == REPLAYS_FULL && now_ms - self->probed_ms >= PROBE_EVERY_MS) {
        self->probed_ms = now_ms;
        replays_forget(self->replays, is_gone, self);
        outcome = replays_ask(self->replays, request->route);
    }
    if (outcome == REPLAYS_UNREAD)
        desk_send_error(self, request->route, request->id, "replay_unread",
                        "the receipt of the last page has not come back");
    else if (outcome == REPLAYS_FULL)
        desk_send_error(self, request->route, request->id, "replays_full",
                        "as many pages are unread as broker/replays allows; ask again");
    return outcome == REPLAYS_FREE;
}

static void
send_page(desk_t *self, const desk_request_t *request, const char *verb, json_t *body,
          zmsg_t **frames_p)
{
    json_object_set_new(body, "id", json_integer((json_int_t) request->id));
    json_object_set_new(
        body, "receipt",
        json_integer((json_int_t) replays_give(self->replays, request->route,
                                               request->connection, zclock_mono())));
    desk_send(self, request->route, verb, body, frames_p);
}

void
desk_on_read(desk_t *self, const desk_request_t *request)
{
    uint64_t receipt;
    if (mesh_control_get_number(request->body, "receipt", &receipt) != 0)
        desk_send_malformed(self, request, "receipt");
    else
        (void) replays_read(self->replays, request->route, receipt);
}

void
desk_on_replay(desk_t *self, const desk_request_t *request)
{
    journal_t *journal = relay_journal(self->relay);
    uint64_t epoch, after;
    page_filter_t filter;
    const char *wrong = page_filter_read(&filter, request->body);
    if (mesh_control_get_epoch(request->body, "epoch", &epoch) != 0)
        wrong = "epoch";
    else if (mesh_control_get_number(request->body, "after", &after) != 0)
        wrong = "after";
    if (wrong) {
        desk_send_malformed(self, request, wrong);
        return;
    }
    if (!journal_is_readable(journal)) {
        desk_send_error(self, request->route, request->id, "journal_down",
                        "the journal cannot be read now");
        return;
    }
    bool other_epoch = epoch != journal_epoch(journal);
    if (other_epoch || after > journal_head(journal)) {
        json_t *body = json_pack(
            "{s:I, s:s, s:s, s:o, s:I, s:I}", "id", (json_int_t) request->id, "code",
            other_epoch ? "epoch" : "ahead", "message",
            other_epoch ? "the journal is of another epoch" : "nothing has this offset yet",
            "epoch", mesh_control_epoch(journal_epoch(journal)), "first",
            (json_int_t) journal_first(journal), "head", (json_int_t) journal_head(journal));
        desk_send(self, request->route, "error", body, NULL);
        return;
    }
    if (!may_have_page(self, request))
        return;
    self->gave_page = true;
    zmsg_t *frames = zmsg_new();
    json_t *body = page_replay(journal, after, &filter, frames);
    if (!body) {
        zmsg_destroy(&frames);
        desk_send_error(self, request->route, request->id, "journal_down",
                        "the journal cannot be read now");
        return;
    }
    send_page(self, request, "events", body, &frames);
}

void
desk_on_snapshot(desk_t *self, const desk_request_t *request)
{
    const char *after = NULL;
    if (json_object_get(request->body, "after_session") &&
        mesh_control_get_text(request->body, "after_session", MESH_SESSION_SIZE, &after) != 0) {
        desk_send_malformed(self, request, "after_session");
        return;
    }
    if (!may_have_page(self, request))
        return;
    journal_t *journal = relay_journal(self->relay);
    self->gave_page = true;
    zmsg_t *frames = zmsg_new();
    size_t limit_bytes = PAGE_BYTES_LIMIT;
    json_t *transports = NULL;
    size_t left_out = 0;
    if (!after) {
        // Who is there comes first, with as many sessions as there is room for.
        transports = page_transports(self->registry, zclock_mono(), &left_out);
        size_t bytes = json_dumpb(transports, NULL, 0, JSON_COMPACT);
        limit_bytes = bytes < PAGE_BYTES_LIMIT ? PAGE_BYTES_LIMIT - bytes : 0;
    }
    json_t *body =
        page_snapshot(relay_sessions(self->relay), after ? after : "", limit_bytes, frames);
    if (transports)
        json_object_set_new(body, "transports", transports);
    if (left_out)
        json_object_set_new(body, "transports_left_out", json_integer((json_int_t) left_out));
    json_object_set_new(body, "epoch", mesh_control_epoch(journal_epoch(journal)));
    json_object_set_new(body, "offset", json_integer((json_int_t) journal_head(journal)));
    send_page(self, request, "snapshot", body, &frames);
}
