// content_coding - which of the codings that a client takes a stream is sent in
// SPDX-License-Identifier: MPL-2.0
#ifndef SSE_CONTENT_CODING_H
#define SSE_CONTENT_CODING_H

typedef enum {
    CONTENT_CODING_IDENTITY,
    CONTENT_CODING_GZIP,
    CONTENT_CODING_NONE,    // the client takes neither: 406
} content_coding_t;

// Read the value of Accept-Encoding (RFC 9110, 12.5.3), NULL for none: the coding the client
// prefers, gzip where it does not say. A member that cannot be read is as if it were not there.
content_coding_t content_coding_choose(const char *accept_encoding);

#endif
