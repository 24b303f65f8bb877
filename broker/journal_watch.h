// journal_watch - decides when the state of the journal is an alert, and when no longer
// SPDX-License-Identifier: MPL-2.0
//
// Knows no sockets and is told the time (CLOCK_MONOTONIC ms).
#ifndef BROKER_JOURNAL_WATCH_H
#define BROKER_JOURNAL_WATCH_H

#include "journal_file.h"

enum {
    JOURNAL_WATCH_CALM_MS = 5000,      // up for so long, it is no longer down
    JOURNAL_WATCH_SHOWN_MS = 60000,    // for so long a journal that was begun anew is shown
};

typedef struct journal_watch {
    bool raised;    // and not cleared
    bool down;
    int64_t clear_ms;    // when it is to be cleared, while it is not down
} journal_watch_t;

typedef enum {
    JOURNAL_WATCH_NOTHING,
    JOURNAL_WATCH_RAISE,    // with the severity and the message
    JOURNAL_WATCH_CLEAR,
} journal_watch_action_t;

typedef struct journal_alert {
    journal_watch_action_t action;
    const char *severity;    // static
    char message[768];
} journal_alert_t;

// What to say now that the journal is down, was opened, or nothing happened.
journal_alert_t journal_watch_down(journal_watch_t *self, mesh_db_fault_t fault,
                                   const char *why);
journal_alert_t journal_watch_opened(journal_watch_t *self, journal_origin_t origin,
                                     const char *why, int64_t now_ms);
journal_alert_t journal_watch_tick(journal_watch_t *self, int64_t now_ms);

#endif
