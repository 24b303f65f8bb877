// signer - seals short texts so that we, also after a restart, know that we made them
// SPDX-License-Identifier: MPL-2.0
#include "signer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

enum { MAC_BYTES = 32 };
_Static_assert(SIGNER_SEAL_SIZE == 2 * MAC_BYTES + 1, "a seal is the code in hex");

struct signer {
    unsigned char key[MAC_BYTES];
};

signer_t *
signer_new(const char *key, size_t key_bytes)
{
    assert(key && key_bytes > 0);
    signer_t *self = calloc(1, sizeof *self);
    assert(self);
    signer_set_key(self, key, key_bytes);
    return self;
}

void
signer_set_key(signer_t *self, const char *key, size_t key_bytes)
{
    (void) crypto_generichash(self->key, sizeof self->key, (const unsigned char *) key,
                              key_bytes, NULL, 0);
}

void
signer_destroy(signer_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        sodium_memzero(*self_p, sizeof **self_p);
        free(*self_p);
        *self_p = NULL;
    }
}

void
signer_seal(const signer_t *self, const char *purpose, const char *text,
            char seal[static SIGNER_SEAL_SIZE])
{
    unsigned char mac[MAC_BYTES];
    crypto_generichash_state state;
    (void) crypto_generichash_init(&state, self->key, sizeof self->key, sizeof mac);
    // With its NUL, so that purpose and text cannot be divided in another way.
    (void) crypto_generichash_update(&state, (const unsigned char *) purpose,
                                     strlen(purpose) + 1);
    (void) crypto_generichash_update(&state, (const unsigned char *) text, strlen(text));
    (void) crypto_generichash_final(&state, mac, sizeof mac);
    sodium_bin2hex(seal, SIGNER_SEAL_SIZE, mac, sizeof mac);
}

bool
signer_knows(const signer_t *self, const char *purpose, const char *text, const char *seal)
{
    char right[SIGNER_SEAL_SIZE];
    signer_seal(self, purpose, text, right);
    return strlen(seal) == sizeof right - 1 &&
           sodium_memcmp(right, seal, sizeof right - 1) == 0;
}
