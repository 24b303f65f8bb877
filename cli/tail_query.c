// tail_query - what `tail` asks for, and how long it waits before it asks again
// SPDX-License-Identifier: MPL-2.0
#include "tail_query.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIRST_WAIT_MS = 1000,    // before a server has said what it wants
    LEAST_WAIT_MS = 100,     // whatever it says: a connection costs both sides
};

// Write text as a value of a query: all but the unreserved characters of RFC 3986 as %XX, with
// '*' and '!', which have a meaning of their own in our values, left readable.
static void
write_value(FILE *out, const char *text)
{
    static const char PLAIN[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "0123456789-._~*!";
    for (const char *at = text; *at; at++) {
        if (strchr(PLAIN, *at))
            fputc(*at, out);
        else
            fprintf(out, "%%%02X", (unsigned char) *at);
    }
}

// Write "&name=value,value" for what the list holds. separator becomes '&' once something is
// written.
static void
write_list(FILE *out, char *separator, const mesh_settings_t *settings, const char *key,
           const char *name)
{
    size_t size = mesh_settings_list_size(settings, key);
    for (size_t i = 0; i < size; i++) {
        if (i == 0)
            fprintf(out, "%c%s=", *separator, name);
        else
            fputc(',', out);
        write_value(out, mesh_settings_list_item(settings, key, i));
        *separator = '&';
    }
}

char *
tail_query_path(const mesh_settings_t *settings)
{
    assert(settings);
    char *path = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&path, &size);
    assert(out);
    char separator = '?';
    fputs("/events", out);
    write_list(out, &separator, settings, "tail/types", "types");
    write_list(out, &separator, settings, "tail/sessions", "session");
    write_list(out, &separator, settings, "tail/hosts", "host");
    write_list(out, &separator, settings, "tail/providers", "provider");
    write_list(out, &separator, settings, "tail/models", "model");
    write_list(out, &separator, settings, "tail/severities", "severity");
    const char *since = mesh_settings_string(settings, "tail/since");
    if (*since) {
        fprintf(out, "%csince=", separator);
        write_value(out, since);
        separator = '&';
    }
    int64_t last = mesh_settings_number(settings, "tail/last");
    if (last > 0) {
        fprintf(out, "%clast=%" PRId64, separator, last);
        separator = '&';
    }
    if (mesh_settings_flag(settings, "tail/snapshot"))
        fprintf(out, "%csnapshot=1", separator);
    fclose(out);
    return path;
}

int64_t
tail_query_wait_ms(int64_t retry_ms, unsigned failures)
{
    int64_t wait_ms = retry_ms >= 0 ? retry_ms : FIRST_WAIT_MS;
    if (wait_ms < LEAST_WAIT_MS)
        wait_ms = LEAST_WAIT_MS;
    int64_t limit_ms = wait_ms > TAIL_QUERY_WAIT_LIMIT_MS ? wait_ms : TAIL_QUERY_WAIT_LIMIT_MS;
    for (unsigned i = 1; i < failures && wait_ms < limit_ms; i++)
        wait_ms = wait_ms * 2 < limit_ms ? wait_ms * 2 : limit_ms;
    return wait_ms;
}
