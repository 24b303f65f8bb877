// request_head - what the head of a request says of its body, and of itself
// SPDX-License-Identifier: MPL-2.0
#include "request_head.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "head_rules.h"

bool
request_head_has_body(struct MHD_Connection *connection)
{
    const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
                                                     MHD_HTTP_HEADER_CONTENT_LENGTH);
    return (length && strcmp(length, "0") != 0) ||
           MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
                                       MHD_HTTP_HEADER_TRANSFER_ENCODING);
}

// MHD_KeyValueIteratorN
static enum MHD_Result
on_header(void *arg, enum MHD_ValueKind kind, const char *name, size_t name_bytes,
          const char *value, size_t value_bytes)
{
    (void) kind;
    head_rules_take(arg, name, name_bytes, value, value_bytes);
    return MHD_YES;
}

const char *
request_head_problem(struct MHD_Connection *connection)
{
    head_rules_t rules = {0};
    (void) MHD_get_connection_values_n(connection, MHD_HEADER_KIND, on_header, &rules);
    return head_rules_problem(&rules);
}

size_t
request_head_bytes(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    return info ? info->header_size : 0;
}

size_t
request_head_body_bytes(struct MHD_Connection *connection)
{
    const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
                                                     MHD_HTTP_HEADER_CONTENT_LENGTH);
    if (!length || strspn(length, "0123456789") != strlen(length) || strlen(length) > 18)
        return SIZE_MAX;
    return (size_t) strtoull(length, NULL, 10);
}
