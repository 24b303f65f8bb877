// test_tls_credentials - which certificates and keys are taken, and what a reload shows
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/x509.h>
#include <sys/stat.h>

#include "temp_dir.h"
#include "tls_credentials.h"

enum { DAY_S = 24 * 3600, LASTS_S = 10 * DAY_S, NOW_S = 1800000000, PATH_BYTES = 512 };

typedef struct world {
    char *dir;
    mesh_settings_t *settings;
    char certificate[PATH_BYTES];
    char key[PATH_BYTES];
} world_t;

static void
assign(world_t *world, const char *key, const char *value)
{
    char text[PATH_BYTES + 64];
    char *error = NULL;
    assert_true(snprintf(text, sizeof text, "%s=%s", key, value) < (int) sizeof text);
    assert_int_equal(mesh_settings_assign(world->settings, text, "--set", &error), 0);
}

static int
setup(void **state)
{
    world_t *world = calloc(1, sizeof *world);
    assert(world);
    world->dir = temp_dir_new();
    world->settings = mesh_settings_new();
    (void) snprintf(world->certificate, sizeof world->certificate, "%s/a.pem", world->dir);
    (void) snprintf(world->key, sizeof world->key, "%s/a.key", world->dir);
    assign(world, "http/tls_certificate", world->certificate);
    assign(world, "http/tls_key", world->key);
    *state = world;
    return 0;
}

static int
teardown(void **state)
{
    world_t *world = *state;
    mesh_settings_destroy(&world->settings);
    temp_dir_destroy(&world->dir);
    free(world);
    return 0;
}

static void
write_file(const char *path, const void *bytes, size_t count)
{
    FILE *file = fopen(path, "we");
    assert(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    fclose(file);
    assert_int_equal(chmod(path, 0600), 0);
}

// Make a key, and a certificate for it that is good for ten days from from_s on.
static void
make(const char *certificate_path, const char *key_path, int64_t from_s)
{
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t certificate;
    gnutls_datum_t text = {0};
    unsigned char number = (unsigned char) (from_s / DAY_S % 100 + 1);
    assert_int_equal(gnutls_x509_privkey_init(&key), 0);
    assert_int_equal(
        gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                     GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
        0);
    assert_int_equal(gnutls_x509_crt_init(&certificate), 0);
    gnutls_x509_crt_set_version(certificate, 3);
    gnutls_x509_crt_set_serial(certificate, &number, 1);
    gnutls_x509_crt_set_key(certificate, key);
    gnutls_x509_crt_set_dn(certificate, "CN=test", NULL);
    gnutls_x509_crt_set_activation_time(certificate, (time_t) from_s);
    gnutls_x509_crt_set_expiration_time(certificate, (time_t) (from_s + LASTS_S));
    assert_int_equal(gnutls_x509_crt_sign2(certificate, certificate, key, GNUTLS_DIG_SHA256, 0),
                     0);
    assert_int_equal(gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_PEM, &text), 0);
    write_file(certificate_path, text.data, text.size);
    gnutls_free(text.data);
    assert_int_equal(gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &text), 0);
    write_file(key_path, text.data, text.size);
    gnutls_free(text.data);
    gnutls_x509_crt_deinit(certificate);
    gnutls_x509_privkey_deinit(key);
}

static void
assert_refused(const world_t *world, int64_t now_s, const char *setting, const char *words)
{
    char *error = NULL;
    assert_int_equal(tls_credentials_check(world->settings, now_s, &error), -1);
    assert(error);
    if (strncmp(error, setting, strlen(setting)) != 0 || !strstr(error, words))
        fail_msg("\"%s\" says nothing of %s and \"%s\"", error, setting, words);
    free(error);
}

static void
nothing_is_wanted_where_nothing_is_set(void **state)
{
    world_t *world = *state;
    char *error = NULL;
    assign(world, "http/tls_certificate", "");
    assign(world, "http/tls_key", "");
    assert_false(tls_credentials_wanted(world->settings));
    assert_int_equal(tls_credentials_check(world->settings, NOW_S, &error), 0);
    assign(world, "http/tls_key", world->key);
    assert_true(tls_credentials_wanted(world->settings));
    assert_refused(world, NOW_S, "http/tls_key is set", "http/tls_certificate is not");
}

static void
a_certificate_is_good_from_its_first_second_to_its_last(void **state)
{
    world_t *world = *state;
    char *error = NULL;
    make(world->certificate, world->key, NOW_S);
    assert_refused(world, NOW_S - 1,
                   "http/tls_certificate: ", "not good before 2027-01-15T08:00");
    assert_int_equal(tls_credentials_check(world->settings, NOW_S, &error), 0);
    assert_int_equal(tls_credentials_check(world->settings, NOW_S + LASTS_S, &error), 0);
    assert_refused(world, NOW_S + LASTS_S + 1,
                   "http/tls_certificate: ", "expired on 2027-01-25T08:00");
}

static void
what_cannot_be_used_is_refused_by_name(void **state)
{
    world_t *world = *state;
    assert_refused(world, NOW_S, "http/tls_certificate: ", "No such file");
    make(world->certificate, world->key, NOW_S);
    assert_int_equal(chmod(world->key, 0604), 0);
    assert_refused(world, NOW_S, "http/tls_key: ", "may be used by everybody (mode 0604)");
    write_file(world->key, "", 0);
    assert_refused(world, NOW_S, "http/tls_key: ", "no private key in PEM");
    write_file(world->certificate, "x", 1);
    assert_refused(world, NOW_S, "http/tls_certificate: ", "no certificate in PEM");
    static char large[TLS_CREDENTIALS_FILE_BYTES + 1];
    write_file(world->certificate, large, sizeof large);
    assert_refused(world, NOW_S, "http/tls_certificate: ", "more than 1048576 bytes");
    assign(world, "http/tls_certificate", world->dir);
    assert_refused(world, NOW_S, "http/tls_certificate: ", "not a regular file");
}

static void
a_key_of_another_certificate_is_refused(void **state)
{
    world_t *world = *state;
    char other[PATH_BYTES + 8];
    (void) snprintf(other, sizeof other, "%s.other", world->certificate);
    make(other, world->key, NOW_S);
    char other_key[PATH_BYTES + 8];
    (void) snprintf(other_key, sizeof other_key, "%s.other", world->key);
    make(world->certificate, other_key, NOW_S);
    assert_refused(world, NOW_S, "http/tls_key: ", "is not the key of the certificate in");
}

typedef struct view {
    gnutls_pcert_st *certificates;
    unsigned int count;
    gnutls_privkey_t key;
} view_t;

static int
look(view_t *view)
{
    return tls_credentials_show(NULL, NULL, 0, NULL, 0, &view->certificates, &view->count,
                                &view->key);
}

static void
a_reload_shows_the_new_ones_and_keeps_the_old_while_a_handshake_may_last(void **state)
{
    world_t *world = *state;
    char *error = NULL;
    make(world->certificate, world->key, NOW_S);
    tls_credentials_t *self = tls_credentials_new(world->settings, NOW_S, &error);
    assert_non_null(self);
    assert_int_equal(tls_credentials_expire_s(self), NOW_S + LASTS_S);
    view_t before, now;
    assert_int_equal(look(&before), 0);
    assert_int_equal(before.count, 1);

    make(world->certificate, world->key, NOW_S - DAY_S);
    assert_int_equal(tls_credentials_reload(self, world->settings, NOW_S, 1000, &error), 0);
    assert_int_equal(look(&now), 0);
    assert_ptr_not_equal(now.certificates, before.certificates);
    assert_int_equal(tls_credentials_expire_s(self), NOW_S + 9 * DAY_S);
    // Still to be read; a sanitizer would say so if it were not.
    tls_credentials_tick(self, 1000 + TLS_CREDENTIALS_SHAKE_MS - 1);
    assert_true(before.certificates[0].cert.size > 0);
    tls_credentials_tick(self, 1000 + TLS_CREDENTIALS_SHAKE_MS);

    // One that cannot be used changes nothing.
    write_file(world->key, "x", 1);
    view_t after;
    assert_int_equal(tls_credentials_reload(self, world->settings, NOW_S, 2000, &error), -1);
    assert_non_null(strstr(error, "http/tls_key"));
    free(error);
    assert_int_equal(look(&after), 0);
    assert_ptr_equal(after.certificates, now.certificates);
    tls_credentials_destroy(&self);
    assert_int_equal(look(&after), -1);
}

#define tls_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        tls_test(nothing_is_wanted_where_nothing_is_set),
        tls_test(a_certificate_is_good_from_its_first_second_to_its_last),
        tls_test(what_cannot_be_used_is_refused_by_name),
        tls_test(a_key_of_another_certificate_is_refused),
        tls_test(a_reload_shows_the_new_ones_and_keeps_the_old_while_a_handshake_may_last),
    };
    return cmocka_run_group_tests_name("tls_credentials", tests, NULL, NULL);
}
