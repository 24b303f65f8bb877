// http_lists - GET of what the sse-bridge knows: sessions, one of them, and transports
// SPDX-License-Identifier: MPL-2.0
#include "http_lists.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

enum { ID_SIZE = 3 * 128 + 1 };    // of a session, percent-encoded, and the NUL

static const api_parameter_t of_sessions[] = {
    {"state", "running|ended"}, {"host", NULL}, {"cursor", NULL}};
static const api_parameter_t of_transports[] = {
    {"type", NULL}, {"host", NULL}, {"cursor", NULL}};

static enum MHD_Result
refuse(const http_peer_t *peer, unsigned status, const char *detail)
{
    struct MHD_Response *response = http_answer_problem(status, detail);
    if (status == MHD_HTTP_SERVICE_UNAVAILABLE)
        http_answer_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "1");
    return http_answer_send(peer, status, response);
}

typedef struct reading {
    api_query_t query;
    char *error;    // owned; NULL while all is well
} reading_t;

// MHD_KeyValueIteratorN
static enum MHD_Result
on_parameter(void *arg, enum MHD_ValueKind kind, const char *name, size_t name_bytes,
             const char *value, size_t value_bytes)
{
    (void) kind;
    reading_t *reading = arg;
    bool has_nul = strlen(name) != name_bytes || (value && strlen(value) != value_bytes);
    if (api_query_take(&reading->query, name, has_nul ? NULL : value, &reading->error) != 0)
        return MHD_NO;
    return MHD_YES;
}

// Read the query of the request. Returns 0, or -1 when *answer is the refusal's.
static int
read_query(reading_t *reading, const http_peer_t *peer, const access_grant_t *grant,
           const api_parameter_t *known, size_t known_count, enum MHD_Result *answer)
{
    reading->error = NULL;
    api_query_begin(&reading->query, known, known_count, grant);
    (void) MHD_get_connection_values_n(peer->connection, MHD_GET_ARGUMENT_KIND, on_parameter,
                                       reading);
    if (!reading->error)
        return 0;
    *answer = refuse(peer, MHD_HTTP_BAD_REQUEST, reading->error);
    free(reading->error);
    return -1;
}

enum MHD_Result
http_lists_sessions(const http_lists_t *self, const http_peer_t *peer,
                    const access_grant_t *grant)
{
    reading_t reading;
    enum MHD_Result answer;
    if (read_query(&reading, peer, grant, of_sessions, COUNT_OF(of_sessions), &answer) != 0)
        return answer;
    const char *cursor = api_query_value(&reading.query, "cursor");
    if (cursor && (strlen(cursor) > 16 || cursor[strspn(cursor, "0123456789abcdef")] != '\0'))
        return refuse(peer, MHD_HTTP_BAD_REQUEST,
                      "cursor is not one that a page of sessions gave as next_cursor");
    return http_answer_json(peer, MHD_HTTP_OK,
                            session_list_page(self->sessions, &reading.query));
}

enum MHD_Result
http_lists_transports(const http_lists_t *self, const http_peer_t *peer,
                      const access_grant_t *grant)
{
    reading_t reading;
    enum MHD_Result answer;
    if (read_query(&reading, peer, grant, of_transports, COUNT_OF(of_transports), &answer) != 0)
        return answer;
    json_t *page = transport_list_page(self->transports, &reading.query);
    return page ? http_answer_json(peer, MHD_HTTP_OK, page)
                : refuse(peer, MHD_HTTP_SERVICE_UNAVAILABLE,
                         "the broker has not told yet who is there");
}

enum MHD_Result
http_lists_session(const http_lists_t *self, const http_peer_t *peer,
                   const access_grant_t *grant, const char *id, size_t id_bytes)
{
    reading_t reading;
    enum MHD_Result answer;
    if (read_query(&reading, peer, grant, NULL, 0, &answer) != 0)
        return answer;
    char text[ID_SIZE];
    json_t *session = NULL;
    if (id_bytes < sizeof text) {
        memcpy(text, id, id_bytes);
        text[id_bytes] = '\0';
        // With a NUL in it, it is none of ours.
        if (MHD_http_unescape(text) == strlen(text))
            session = session_list_one(self->sessions, text, &reading.query);
    }
    // What a scope does not include is not told apart from what is not there.
    return session ? http_answer_json(peer, MHD_HTTP_OK, session)
                   : refuse(peer, MHD_HTTP_NOT_FOUND, "no session of this id is known");
}
