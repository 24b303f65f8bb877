// journal_watch - decides when the state of the journal is an alert, and when no longer
// SPDX-License-Identifier: MPL-2.0
#include "journal_watch.h"

#include <assert.h>
#include <stdio.h>

journal_alert_t
journal_watch_down(journal_watch_t *self, mesh_db_fault_t fault, const char *why)
{
    journal_alert_t alert = {.action = JOURNAL_WATCH_RAISE, .severity = "critical"};
    snprintf(alert.message, sizeof alert.message,
             "%s: events are passed on without a place, and kept by their publishers, until the"
             " journal can be written: %s",
             mesh_db_fault_name(fault), why);
    self->raised = true;
    self->down = true;
    return alert;
}

journal_alert_t
journal_watch_opened(journal_watch_t *self, journal_origin_t origin, const char *why,
                     int64_t now_ms)
{
    journal_alert_t alert = {.action = JOURNAL_WATCH_NOTHING};
    self->down = false;
    if (origin >= JOURNAL_ORIGIN_LOST) {
        alert.action = JOURNAL_WATCH_RAISE;
        alert.severity = "high";
        snprintf(alert.message, sizeof alert.message,
                 "%s: the journal was begun anew, and what it held is not served: %s",
                 journal_origin_name(origin), why);
        self->raised = true;
        self->clear_ms = now_ms + JOURNAL_WATCH_SHOWN_MS;
    } else {
        self->clear_ms = now_ms + JOURNAL_WATCH_CALM_MS;
    }
    return alert;
}

journal_alert_t
journal_watch_tick(journal_watch_t *self, int64_t now_ms)
{
    journal_alert_t alert = {.action = JOURNAL_WATCH_NOTHING};
    if (self->raised && !self->down && now_ms >= self->clear_ms) {
        alert.action = JOURNAL_WATCH_CLEAR;
        self->raised = false;
    }
    return alert;
}
