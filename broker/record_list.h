// record_list - records held together, in their order: the events of one answer
// SPDX-License-Identifier: MPL-2.0
#ifndef BROKER_RECORD_LIST_H
#define BROKER_RECORD_LIST_H

#include "record.h"

typedef struct record_list record_list_t;

record_list_t *record_list_new(void);
void record_list_destroy(record_list_t **self_p);

// Hold one more, behind the others. The caller, who knows how much an answer has room for,
// bounds how many.
void record_list_add(record_list_t *self, record_t *record);

// Let go of all but the first count; there are no fewer.
void record_list_cut(record_list_t *self, size_t count);

size_t record_list_count(const record_list_t *self);

// One of them, from 0 on; borrowed.
const record_t *record_list_at(const record_list_t *self, size_t index);

#endif
