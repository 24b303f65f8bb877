// http_trust - by what the HTTPS of this user's own mesh is known
// SPDX-License-Identifier: MPL-2.0
#include "http_trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/x509.h>

enum { HASH_BYTES = 32, FILE_BYTES = 1 << 20 };

static const char prefix[] = "sha256//";

bool
http_trust_is_https(const mesh_settings_t *settings)
{
    return *mesh_settings_string(settings, "http/tls_certificate") != '\0';
}

// The hash of the public key of the first certificate in PEM. Returns 0, or -1.
static int
hash_key(const gnutls_datum_t *pem, unsigned char hash[static HASH_BYTES])
{
    gnutls_x509_crt_t certificate;
    size_t bytes = HASH_BYTES;
    if (gnutls_x509_crt_init(&certificate) < 0)
        return -1;
    // The id of a key by SHA-256 is the hash of its SubjectPublicKeyInfo, which curl pins.
    int rc = gnutls_x509_crt_import(certificate, pem, GNUTLS_X509_FMT_PEM);
    if (rc >= 0)
        rc = gnutls_x509_crt_get_key_id(certificate, GNUTLS_KEYID_USE_SHA256, hash, &bytes);
    gnutls_x509_crt_deinit(certificate);
    return rc >= 0 && bytes == HASH_BYTES ? 0 : -1;
}

char *
http_trust_pin(const mesh_settings_t *settings)
{
    if (!http_trust_is_https(settings))
        return NULL;
    FILE *file = fopen(mesh_settings_string(settings, "http/tls_certificate"), "re");
    if (!file)
        return NULL;
    unsigned char *text = malloc(FILE_BYTES);
    size_t bytes = text ? fread(text, 1, FILE_BYTES, file) : 0;
    fclose(file);
    gnutls_datum_t pem = {.data = text, .size = (unsigned int) bytes};
    unsigned char hash[HASH_BYTES];
    char *pin = NULL;
    gnutls_datum_t plain = {.data = hash, .size = sizeof hash};
    gnutls_datum_t encoded = {0};
    if (hash_key(&pem, hash) == 0 && gnutls_base64_encode2(&plain, &encoded) >= 0 &&
        asprintf(&pin, "%s%.*s", prefix, (int) encoded.size, (const char *) encoded.data) < 0)
        abort();
    gnutls_free(encoded.data);
    free(text);
    return pin;
}

void
http_trust_apply(const mesh_settings_t *settings, CURL *easy)
{
    char *pin = http_trust_pin(settings);
    if (pin) {
        // The pin holds also where nothing else is checked.
        curl_easy_setopt(easy, CURLOPT_PINNEDPUBLICKEY, pin);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    free(pin);
}
