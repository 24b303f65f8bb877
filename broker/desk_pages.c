// desk_pages - replay and snapshot: what was before
// SPDX-License-Identifier: MPL-2.0
#include "desk_private.h"
#include "mesh/control.h"
#include "pages.h"

// Whether the asker may be given a page now; else it is told why not.
static bool
may_have_page(desk_t *self, const desk_request_t *request)
{
    receipts_outcome_t outcome = desk_ask_receipts(self, self->pages, request->route, 1);
    if (outcome == RECEIPTS_UNREAD)
        desk_send_error(self, request->route, request->id, "replay_unread",
                        "the receipt of the last page has not come back");
    else if (outcome == RECEIPTS_FULL)
        desk_send_error(self, request->route, request->id, "replays_full",
                        "as many pages are unread as broker/replays allows; ask again");
    return outcome == RECEIPTS_FREE;
}

static void
send_page(desk_t *self, const desk_request_t *request, const char *verb, json_t *body)
{
    json_object_set_new(body, "id", json_integer((json_int_t) request->id));
    desk_give(self, self->pages, request->route, request->connection, 1, verb, body,
              self->page);
    record_list_cut(self->page, 0);
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
        desk_send(self, request->route, "error", body);
        return;
    }
    if (!may_have_page(self, request))
        return;
    self->gave_page = true;
    json_t *body = page_replay(journal, after, &filter, self->page);
    if (!body) {
        record_list_cut(self->page, 0);
        desk_send_error(self, request->route, request->id, "journal_down",
                        "the journal cannot be read now");
        return;
    }
    send_page(self, request, "events", body);
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
        page_snapshot(relay_sessions(self->relay), after ? after : "", limit_bytes, self->page);
    if (transports)
        json_object_set_new(body, "transports", transports);
    if (left_out)
        json_object_set_new(body, "transports_left_out", json_integer((json_int_t) left_out));
    json_object_set_new(body, "epoch", mesh_control_epoch(journal_epoch(journal)));
    json_object_set_new(body, "offset", json_integer((json_int_t) journal_head(journal)));
    send_page(self, request, "snapshot", body);
}
