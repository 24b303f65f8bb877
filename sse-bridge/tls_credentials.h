// tls_credentials - the certificate and key that HTTPS shows: checked, served, reloaded
// SPDX-License-Identifier: MPL-2.0
//
// Which files is said by http/tls_certificate (PEM: the server's certificate, then those
// between it and its authority) and http/tls_key (PEM). Times are CLOCK_MONOTONIC milliseconds
// but where they are Unix seconds.
#ifndef SSE_TLS_CREDENTIALS_H
#define SSE_TLS_CREDENTIALS_H

#include <stdbool.h>
#include <stdint.h>

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>

#include "mesh/settings.h"

enum {
    TLS_CREDENTIALS_CHAIN = 10,               // certificates in one file, at most
    TLS_CREDENTIALS_FILE_BYTES = 1 << 20,     // of each file
    TLS_CREDENTIALS_SHAKE_MS = 10 * 60000,    // no handshake goes on for longer
};

typedef struct tls_credentials tls_credentials_t;

// Whether HTTPS is asked for.
bool tls_credentials_wanted(const mesh_settings_t *settings);

// Whether the files are there, may be read, belong together and are good at unix_s. 0 also when
// none are wanted; or -1, *error_p a sentence that names the setting and the file, which the
// caller frees.
int tls_credentials_check(const mesh_settings_t *settings, int64_t unix_s, char **error_p);

// Load them. NULL with *error_p as above; settings must want them.
tls_credentials_t *tls_credentials_new(const mesh_settings_t *settings, int64_t unix_s,
                                       char **error_p);
void tls_credentials_destroy(tls_credentials_t **self_p);

// Load them anew: what connects from now on is shown the new ones, what is connected goes on.
// Returns 0, or -1 with *error_p, and the old ones stay.
int tls_credentials_reload(tls_credentials_t *self, const mesh_settings_t *settings,
                           int64_t unix_s, int64_t now_ms, char **error_p);

// Let go of old ones whose handshakes are over. Called now and then.
void tls_credentials_tick(tls_credentials_t *self, int64_t now_ms);

// When the certificate ends, Unix seconds.
int64_t tls_credentials_expire_s(const tls_credentials_t *self);

// gnutls_certificate_retrieve_function2 for libmicrohttpd, which passes no argument of ours: it
// shows what the last one made has.
int tls_credentials_show(gnutls_session_t session, const gnutls_datum_t *authorities,
                         int authority_count, const gnutls_pk_algorithm_t *algorithms,
                         int algorithm_count, gnutls_pcert_st **certificates_p,
                         unsigned int *count_p, gnutls_privkey_t *key_p);

#endif
