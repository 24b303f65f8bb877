// signer - seals short texts so that we, also after a restart, know that we made them
// SPDX-License-Identifier: MPL-2.0
//
// The key stands in <state dir>/http-key (0600), made at the first start: a cookie or ticket
// made by one sse-bridge is good at every other of the same state directory.
#ifndef SSE_SIGNER_H
#define SSE_SIGNER_H

#include <stdbool.h>
#include <stddef.h>

enum { SIGNER_SEAL_SIZE = 65 };    // 64 hex digits and NUL

typedef struct signer signer_t;

// From a key of any length.
signer_t *signer_new(const char *key, size_t key_bytes);
// Go by another key: what was sealed before is no longer known.
void signer_set_key(signer_t *self, const char *key, size_t key_bytes);
void signer_destroy(signer_t **self_p);

// The seal of text for a purpose ("cookie"): a seal for one purpose is none for another.
void signer_seal(const signer_t *self, const char *purpose, const char *text,
                 char seal[static SIGNER_SEAL_SIZE]);

// Whether it is the seal; takes a time that does not tell how much of it was right.
bool signer_knows(const signer_t *self, const char *purpose, const char *text,
                  const char *seal);

#endif
