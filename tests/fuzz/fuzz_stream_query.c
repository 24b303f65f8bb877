// fuzz_stream_query - any query is read or refused with a sentence fit to be shown
// SPDX-License-Identifier: MPL-2.0
//
// The input: a byte for the endpoint, the query, NUL, the Last-Event-ID.
#include "stream_query.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void
check_filter(const filter_t *filter)
{
    static const char payload[] = "{\"provider\":\"openai\",\"labels\":{\"a\":\"b\"}}";
    filter_event_t event = {.type = "aider.error_occurred",
                            .host = "h",
                            .session = "s",
                            .payload = payload,
                            .payload_bytes = sizeof payload - 1};
    bool matches = filter_matches(filter, &event);
    // What matches must be of a type that may match.
    assert(!matches || filter_may_match_type(filter, event.type));
    // What a stream is told of a session, it is told that the session is there.
    json_t *labels = json_pack("{s:s}", "a", "b");
    assert(!matches || filter_takes_session(filter, event.host, event.session, labels));
    json_decref(labels);
    const char *session = filter_only_session(filter);
    assert(!matches || !session || strcmp(session, "s") == 0);
    filter_event_clear(&event);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    char *text = calloc(1, size + 2);
    memcpy(text, data + 1, size - 1);
    const char *id = text + strlen(text) + 1;
    if (id >= text + size - 1)
        id = NULL;
    stream_query_t query;
    char problem[STREAM_QUERY_PROBLEM_BYTES] = "";
    endpoint_t endpoint = (endpoint_t) (data[0] % (ENDPOINTS + 1));
    const int64_t now_us = 1800000000LL * 1000000;
    if (stream_query_parse(&query, endpoint, text, id, NULL, now_us, problem) ==
        STREAM_QUERY_OK) {
        check_filter(query.filter);
        assert(query.ask.last <= STREAM_QUERY_LAST_MOST);
        assert(query.once.limit >= 1 && query.once.limit <= STREAM_QUERY_LIMIT_MOST);
        assert(query.once.max_bytes <= STREAM_QUERY_BYTES_MOST);
        assert(query.once.wait_ms >= 0 && query.once.wait_ms <= STREAM_QUERY_WAIT_S * 1000);
        assert(!query.ask.snapshot || endpoint != ENDPOINT_ONCE);
        assert((query.ask.since == RESUME_SINCE_LAST) == (query.ask.last > 0));
        stream_query_t again;
        stream_query_outcome_t rc =
            stream_query_parse(&again, endpoint, text, id, NULL, now_us, problem);
        assert(rc == STREAM_QUERY_OK);
        assert(strcmp(filter_key(query.filter), filter_key(again.filter)) == 0);
        stream_query_clear(&again);
        stream_query_clear(&query);
    } else {
        assert(problem[0] != '\0');
        for (const char *at = problem; *at; at++)
            assert(*at >= 0x20 && *at < 0x7F);
    }
    free(text);
    return 0;
}
