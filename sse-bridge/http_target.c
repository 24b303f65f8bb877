// http_target - the path and query of a request, and the ticket in it
// SPDX-License-Identifier: MPL-2.0
#include "http_target.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
is_named(const char *pair, size_t bytes, const char *name)
{
    size_t name_bytes = strlen(name);
    return bytes > name_bytes && memcmp(pair, name, name_bytes) == 0 && pair[name_bytes] == '=';
}

// Copy a query to out but for the two parameters that come and go between the connections of
// one client: the ticket, and where it was.
static void
read_query(http_target_t *self, FILE *out)
{
    static const char ticket[] = "ticket";
    char separator = '?';
    for (const char *pair = self->query; pair && *pair;) {
        size_t bytes = strcspn(pair, "&");
        if (is_named(pair, bytes, ticket))
            // Our own alphabet needs no decoding. A second one is as good as a wrong one.
            (void) snprintf(self->ticket, sizeof self->ticket, "%.*s",
                            (int) (bytes - sizeof ticket), pair + sizeof ticket);
        else if (bytes > 0 && !is_named(pair, bytes, "last_event_id")) {
            fprintf(out, "%c%.*s", separator, (int) bytes, pair);
            separator = '&';
        }
        pair += bytes + (pair[bytes] == '&');
    }
}

void
http_target_parse(http_target_t *self, const char *target, const char *base_path)
{
    *self = (http_target_t){.ticket = ""};
    size_t base_bytes = strlen(base_path);
    bool below = strncmp(target, base_path, base_bytes) == 0 && target[base_bytes] == '/';
    self->path = below ? target + base_bytes : target;
    self->path_bytes = strcspn(self->path, "?");
    if (self->path[self->path_bytes] == '?')
        self->query = self->path + self->path_bytes + 1;
    size_t bytes;
    FILE *out = open_memstream(&self->plain, &bytes);
    assert(out);
    fprintf(out, "%.*s", (int) self->path_bytes, self->path);
    read_query(self, out);
    fclose(out);
    assert(self->plain);
}

void
http_target_clear(http_target_t *self)
{
    free(self->plain);
    self->plain = NULL;
}
