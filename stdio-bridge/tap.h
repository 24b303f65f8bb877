// tap - carries the relay's copy to the observer: a ring in shared memory and a door bell
// SPDX-License-Identifier: MPL-2.0
//
// The relay writes, the observer reads; each is one process. Writing never blocks, allocates
// or waits for the reader: what does not fit is counted and left out, and the next record of
// the same stream tells how much. Whatever becomes of the reader, the writer goes on.
#ifndef TAP_H
#define TAP_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "session_marks.h"
#include "tap_record.h"

enum { TAP_RING_BYTES = 1024 * 1024 };    // of streams; sixteen whole reads of the relay

typedef struct tap tap_t;

// What the relay knows of the session and the observer must.
typedef struct tap_note {
    uint64_t started_ns;              // CLOCK_MONOTONIC, when the command was about to start
    int32_t relay;                    // its process id
    unsigned columns;                 // of the terminal that the command writes to; 0 for none
    bool reads_files;                 // the command is AIDER: its own files tell more
    session_marks_t marks;            // where these stood then
    char analytics_path[PATH_MAX];    // the log that the bridge asked AIDER for; "" for none
} tap_note_t;

// Create ring and bell, for the writer. Returns NULL with errno when the kernel has no memory
// or descriptors left.
tap_t *tap_new(const tap_note_t *note);

// The descriptors that the reader needs: handed on to it, and closed here by tap_let_go.
int tap_reader_bell(const tap_t *self);
int tap_reader_ring(const tap_t *self);

// The reader runs, or never will: close its ends, so that it learns when the writer is gone.
void tap_let_go(tap_t *self);

// Whether a reader still has its end of the bell.
bool tap_is_heard(const tap_t *self);

// Read what another process writes, by the descriptors of its tap, which are then this tap's.
// Returns NULL with errno when they are no such thing.
tap_t *tap_new_reader(int bell, int ring);

// End this process's view of it. Does nothing when *self_p is NULL.
void tap_destroy(tap_t **self_p);

// The reader's: what the writer noted.
const tap_note_t *tap_note(const tap_t *self);

// Copy bytes of a stream (TAP_STDIN, TAP_STDOUT, TAP_STDERR), or count them as lost.
void tap_write(tap_t *self, tap_kind_t stream, const uint8_t *bytes, size_t size,
               uint64_t time_ns);

// Tell that a stream has ended: a record without bytes, if there is room.
void tap_end_stream(tap_t *self, tap_kind_t stream, uint64_t time_ns);

// Tell that the command ended, and what was lost last. Room for this is kept: it always fits.
// Called once, as the last word.
void tap_end(tap_t *self, int status, uint64_t time_ns);

// The reader's descriptor: readable when there may be records, or the writer is gone. The
// writer's: readable when there is a word, or the reader is gone.
int tap_fd(const tap_t *self);

// The other way: the reader's short word to the writer, who hears it when it likes.
enum { TAP_WORD_BYTES = 8 * 1024 };

// Returns false when it was not taken: there is no room, or nobody to hear it.
bool tap_say(tap_t *self, const void *word, size_t size);

// Take the next word, of at most capacity bytes (a longer one is cut). Returns its size, 0 when
// there is none now, or -1 when the reader is gone and none will come.
ssize_t tap_hear(tap_t *self, void *word, size_t capacity);

typedef enum {
    TAP_RECORD,    // *record is the next one, valid until the next call
    TAP_EMPTY,     // none now; tap_fd becomes readable when there is one
    TAP_CLOSED,    // none, and there will be none: the writer is gone
    TAP_BROKEN,    // what lies in the ring is no record; there is no way on
} tap_outcome_t;

tap_outcome_t tap_next(tap_t *self, tap_record_t *record);

#endif
