// tls_credentials - the certificate and key that HTTPS shows: checked, served, reloaded
// SPDX-License-Identifier: MPL-2.0
#include "tls_credentials.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <gnutls/x509.h>
#include <sys/stat.h>

#define CERTIFICATE "http/tls_certificate"
#define KEY "http/tls_key"

// One loading of the files.
typedef struct loaded {
    gnutls_pcert_st certificates[TLS_CREDENTIALS_CHAIN];
    unsigned int count;
    gnutls_privkey_t key;    // NULL before it is loaded
    int64_t expire_s;
    int64_t retired_ms;
    struct loaded *next;    // retired before this one
} loaded_t;

struct tls_credentials {
    loaded_t *current;    // owned
    loaded_t *retired;    // owned, the latest first
};

// See tls_credentials_show.
static const tls_credentials_t *shown;

static char *__attribute__((format(printf, 1, 2))) say(const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int rc = vasprintf(&text, format, arguments);
    va_end(arguments);
    assert(rc >= 0);
    return text;
}

static void
loaded_destroy(loaded_t *self)
{
    if (!self)
        return;
    for (unsigned int at = 0; at < self->count; at++)
        gnutls_pcert_deinit(&self->certificates[at]);
    gnutls_privkey_deinit(self->key);
    free(self);
}

// Read a file whole. Returns NULL, or what is wrong with it, for the caller to free.
static char *
read_whole(const char *path, bool secret, gnutls_datum_t *data)
{
    *data = (gnutls_datum_t){0};
    // Not blocking, because the open of a FIFO would wait for a writer.
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return say("cannot be opened: %s", strerror(errno));
    struct stat status;
    char *wrong = NULL;
    size_t used = 0;
    if (fstat(fd, &status) != 0)
        wrong = say("cannot be looked at: %s", strerror(errno));
    else if (!S_ISREG(status.st_mode))
        wrong = say("is not a regular file");
    else if (secret && (status.st_mode & 07) != 0)
        wrong = say("may be used by everybody (mode %04o); allowed is 0600, or 0640",
                    (unsigned) status.st_mode & 07777U);
    else if (status.st_size > TLS_CREDENTIALS_FILE_BYTES)
        wrong = say("has more than %d bytes", TLS_CREDENTIALS_FILE_BYTES);
    if (!wrong) {
        size_t size = (size_t) status.st_size;
        data->data = malloc(size + 1);
        assert(data->data);
        ssize_t got;
        while (used < size && ((got = read(fd, data->data + used, size - used)) > 0 ||
                               (got < 0 && errno == EINTR)))
            used += got > 0 ? (size_t) got : 0;
        if (used < size)
            wrong = say("cannot be read: %s", strerror(errno));
        data->data[used] = '\0';
        data->size = (unsigned int) used;
    }
    (void) close(fd);
    return wrong;
}

static char *
day_of(int64_t unix_s)
{
    char text[32] = "?";
    time_t time = (time_t) unix_s;
    struct tm parts;
    if (gmtime_r(&time, &parts))
        (void) strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return say("%s", text);
}

// What is wrong with the time of a certificate at unix_s, or NULL.
static char *
check_time(gnutls_x509_crt_t certificate, int64_t unix_s)
{
    int64_t from_s = gnutls_x509_crt_get_activation_time(certificate);
    int64_t to_s = gnutls_x509_crt_get_expiration_time(certificate);
    if (unix_s >= from_s && unix_s <= to_s)
        return NULL;
    char *day = day_of(unix_s < from_s ? from_s : to_s);
    char *wrong = say(unix_s < from_s ? "is not good before %s" : "has expired on %s", day);
    free(day);
    return wrong;
}

static char *
take_certificates(loaded_t *self, const gnutls_datum_t *pem, int64_t unix_s)
{
    gnutls_x509_crt_t *list = NULL;
    unsigned int count = 0;
    int rc = gnutls_x509_crt_list_import2(&list, &count, pem, GNUTLS_X509_FMT_PEM,
                                          GNUTLS_X509_CRT_LIST_FAIL_IF_UNSORTED);
    if (rc == GNUTLS_E_CERTIFICATE_LIST_UNSORTED)
        return say("has certificates of which one is not signed by the next");
    if (rc < 0)
        return say("has no certificate in PEM: %s", gnutls_strerror(rc));
    char *wrong = count > TLS_CREDENTIALS_CHAIN
                      ? say("has %u certificates; allowed are %d", count, TLS_CREDENTIALS_CHAIN)
                      : check_time(list[0], unix_s);
    for (unsigned int at = 0; at < count && !wrong; at++) {
        rc = gnutls_pcert_import_x509(&self->certificates[at], list[at], 0);
        if (rc < 0)
            wrong = say("cannot be used: %s", gnutls_strerror(rc));
        else
            self->count++;
    }
    self->expire_s = gnutls_x509_crt_get_expiration_time(list[0]);
    for (unsigned int at = 0; at < count; at++)
        gnutls_x509_crt_deinit(list[at]);
    gnutls_free(list);
    return wrong;
}

static char *
take_key(loaded_t *self, const gnutls_datum_t *pem)
{
    int rc = gnutls_privkey_init(&self->key);
    assert(rc >= 0);
    rc = gnutls_privkey_import_x509_raw(self->key, pem, GNUTLS_X509_FMT_PEM, NULL, 0);
    if (rc == GNUTLS_E_DECRYPTION_FAILED)
        return say("is encrypted; allowed is a key without a passphrase");
    if (rc < 0)
        return say("has no private key in PEM: %s", gnutls_strerror(rc));
    return NULL;
}

// Whether the key is that of the first certificate.
static bool
belong_together(const loaded_t *self)
{
    gnutls_pubkey_t public;
    unsigned char of_key[64];
    unsigned char of_certificate[64];
    size_t key_bytes = sizeof of_key;
    size_t certificate_bytes = sizeof of_certificate;
    int rc = gnutls_pubkey_init(&public);
    assert(rc >= 0);
    bool same =
        gnutls_pubkey_import_privkey(public, self->key, 0, 0) >= 0 &&
        gnutls_pubkey_get_key_id(public, GNUTLS_KEYID_USE_SHA256, of_key, &key_bytes) >= 0 &&
        gnutls_pubkey_get_key_id(self->certificates[0].pubkey, GNUTLS_KEYID_USE_SHA256,
                                 of_certificate, &certificate_bytes) >= 0 &&
        key_bytes == certificate_bytes && memcmp(of_key, of_certificate, key_bytes) == 0;
    gnutls_pubkey_deinit(public);
    return same;
}

static loaded_t *
load(const mesh_settings_t *settings, int64_t unix_s, char **error_p)
{
    const char *certificate = mesh_settings_string(settings, CERTIFICATE);
    const char *key = mesh_settings_string(settings, KEY);
    loaded_t *self = calloc(1, sizeof *self);
    assert(self);
    gnutls_datum_t pem;
    char *wrong = read_whole(certificate, false, &pem);
    if (!wrong)
        wrong = take_certificates(self, &pem, unix_s);
    free(pem.data);
    if (wrong) {
        *error_p = say(CERTIFICATE ": %s %s", certificate, wrong);
    } else {
        wrong = read_whole(key, true, &pem);
        if (!wrong)
            wrong = take_key(self, &pem);
        gnutls_memset(pem.data, 0, pem.data ? pem.size : 0);
        free(pem.data);
        if (wrong)
            *error_p = say(KEY ": %s %s", key, wrong);
        else if (!belong_together(self))
            *error_p = wrong =
                say(KEY ": %s is not the key of the certificate in %s", key, certificate);
    }
    if (!wrong)
        return self;
    if (wrong != *error_p)
        free(wrong);
    loaded_destroy(self);
    return NULL;
}

bool
tls_credentials_wanted(const mesh_settings_t *settings)
{
    return *mesh_settings_string(settings, CERTIFICATE) || *mesh_settings_string(settings, KEY);
}

int
tls_credentials_check(const mesh_settings_t *settings, int64_t unix_s, char **error_p)
{
    if (!tls_credentials_wanted(settings))
        return 0;
    bool no_key = !*mesh_settings_string(settings, KEY);
    if (no_key || !*mesh_settings_string(settings, CERTIFICATE)) {
        *error_p = say("%s is set and %s is not; one needs the other",
                       no_key ? CERTIFICATE : KEY, no_key ? KEY : CERTIFICATE);
        return -1;
    }
    loaded_t *loaded = load(settings, unix_s, error_p);
    loaded_destroy(loaded);
    return loaded ? 0 : -1;
}

tls_credentials_t *
tls_credentials_new(const mesh_settings_t *settings, int64_t unix_s, char **error_p)
{
    loaded_t *loaded = load(settings, unix_s, error_p);
    if (!loaded)
        return NULL;
    tls_credentials_t *self = calloc(1, sizeof *self);
    assert(self);
    self->current = loaded;
    shown = self;
    return self;
}

void
tls_credentials_destroy(tls_credentials_t **self_p)
{
    assert(self_p);
    tls_credentials_t *self = *self_p;
    if (self) {
        if (shown == self)
            shown = NULL;
        tls_credentials_tick(self, INT64_MAX);
        loaded_destroy(self->current);
        free(self);
        *self_p = NULL;
    }
}

int
tls_credentials_reload(tls_credentials_t *self, const mesh_settings_t *settings, int64_t unix_s,
                       int64_t now_ms, char **error_p)
{
    loaded_t *loaded = NULL;
    if (tls_credentials_check(settings, unix_s, error_p) == 0) {
        if (tls_credentials_wanted(settings))
            loaded = load(settings, unix_s, error_p);
        else
            *error_p = say(CERTIFICATE " is not set any more, which needs a restart");
    }
    if (!loaded)
        return -1;
    // A handshake that has begun may still look at the old ones.
    self->current->retired_ms = now_ms;
    self->current->next = self->retired;
    self->retired = self->current;
    self->current = loaded;
    tls_credentials_tick(self, now_ms);
    return 0;
}

void
tls_credentials_tick(tls_credentials_t *self, int64_t now_ms)
{
    loaded_t **at = &self->retired;
    while (*at && now_ms - (*at)->retired_ms < TLS_CREDENTIALS_SHAKE_MS)
        at = &(*at)->next;
    for (loaded_t *old = *at, *next; old; old = next) {
        next = old->next;
        loaded_destroy(old);
    }
    *at = NULL;
}

int64_t
tls_credentials_expire_s(const tls_credentials_t *self)
{
    return self->current->expire_s;
}

int
tls_credentials_show(gnutls_session_t session, const gnutls_datum_t *authorities,
                     int authority_count, const gnutls_pk_algorithm_t *algorithms,
                     int algorithm_count, gnutls_pcert_st **certificates_p,
                     unsigned int *count_p, gnutls_privkey_t *key_p)
{
    (void) session;
    (void) authorities;
    (void) authority_count;
    (void) algorithms;
    (void) algorithm_count;
    if (!shown)
        return -1;
    *certificates_p = shown->current->certificates;
    *count_p = shown->current->count;
    *key_p = shown->current->key;
    return 0;
}
