// past_journal - a broker's journal that serves pages of the past, for tests of the sse-bridge
// SPDX-License-Identifier: MPL-2.0
#ifndef TESTS_PAST_JOURNAL_H
#define TESTS_PAST_JOURNAL_H

#include "past.h"
#include "past_answer.h"
#include "ring_event.h"

// Has an error at each offset up to head, but for what was removed.
typedef struct past_journal {
    past_t *past;    // owned; NULL: no journal is asked
    uint64_t head;
    uint64_t removed;        // up to here
    uint64_t page_events;    // that one answer has at most
    mesh_cursor_t asked;     // what is to be answered; epoch 0 for nothing
    int asked_count;
    int news;
} past_journal_t;

static inline void
past_journal_on_ask(void *arg, const mesh_cursor_t *after)
{
    past_journal_t *self = arg;
    self->asked = *after;
    self->asked_count++;
}

static inline void
past_journal_on_news(void *arg)
{
    ((past_journal_t *) arg)->news++;
}

static const past_owner_t past_journal_owner = {.ask = past_journal_on_ask,
                                                .news = past_journal_on_news};

static inline void
past_journal_open(past_journal_t *self, uint64_t page_events)
{
    self->past = past_new(&past_journal_owner, self);
    self->page_events = page_events;
}

// Answer what is asked. Returns whether something was.
static inline bool
past_journal_serve(past_journal_t *self, int64_t now_ms)
{
    if (self->asked.epoch == 0)
        return false;
    uint64_t after = self->asked.offset;
    uint64_t from = after > self->removed ? after : self->removed;
    uint64_t to = from + self->page_events < self->head ? from + self->page_events : self->head;
    self->asked.epoch = 0;
    past_answer_t page = past_answer(after, to, self->removed, to < self->head);
    int rc = past_take(self->past, page.body, page.frames, now_ms);
    assert_int_equal(rc, 0);
    past_answer_clear(&page);
    return true;
}

#endif
