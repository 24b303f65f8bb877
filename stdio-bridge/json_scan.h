// json_scan - looks at JSON byte by byte, only for whether it is a message
// SPDX-License-Identifier: MPL-2.0
//
// It knows strings, nesting and commas; it does not check the rest of the grammar. Memory is
// what the struct holds, however long or deep the JSON is.
#ifndef JSON_SCAN_H
#define JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Members are json_scan.c's own.
typedef struct json_scan {
    size_t depth;
    size_t member_depth;    // at which a message's members stand: 1, or 2 in a batch
    size_t key_bytes;       // of the key at hand, and whether it is still one of those wanted
    bool maybe_jsonrpc;
    bool maybe_event;
    bool in_string;
    bool escaped;
    bool wants_colon;    // behind a key that is wanted
    uint8_t previous;    // the last byte that is neither blank nor within a string
} json_scan_t;

typedef enum {
    JSON_SCAN_GO_ON,      // not known yet
    JSON_SCAN_MESSAGE,    // a top-level member "jsonrpc" was seen, of an object or of a batch
    JSON_SCAN_EVENT,      // one "event" was seen, as in {"event": "...", "data": {...}}
    JSON_SCAN_NO_MESSAGE,    // there can be none any more
} json_scan_verdict_t;

// Begin before the first byte, which must be { or [.
void json_scan_begin(json_scan_t *self);

// Look at the next byte. After MESSAGE and NO_MESSAGE nothing more may be looked at.
json_scan_verdict_t json_scan_byte(json_scan_t *self, uint8_t byte);

// Whether these bytes are one object and nothing but blanks behind it, as far as nesting tells.
bool json_scan_is_object(const uint8_t *bytes, size_t size);

#endif
