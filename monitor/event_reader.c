// event_reader - the few members of an event's payload that the monitor needs
// SPDX-License-Identifier: MPL-2.0
#include "event_reader.h"

#include <assert.h>
#include <jansson.h>
#include <string.h>

// Finishes what the type alone does not tell. Returns 0, or -1 to refuse the event.
typedef int refine_fn(observation_t *observation, const json_t *payload);

typedef struct reading {
    const char *type;
    observed_t what;
    refine_fn *refine;    // may be NULL
} reading_t;

// Copy the string member name, where there is one, as far as it fits, without half a character.
// Returns 0, or -1 when the member is no string.
static int
read_text(char *text, size_t size, const json_t *payload, const char *name)
{
    const json_t *member = json_object_get(payload, name);
    if (!member)
        return 0;
    if (!json_is_string(member))
        return -1;
    size_t length = json_string_length(member);
    const char *value = json_string_value(member);
    if (length >= size) {
        length = size - 1;
        // Jansson gives valid UTF-8 only: step back over the bytes that continue a character.
        while (length > 0 && ((unsigned char) value[length] & 0xC0) == 0x80)
            length--;
    }
    memcpy(text, value, length);
    text[length] = '\0';
    return 0;
}

// As read_text, for what must be whole: an id.
static int
read_id(char text[static OBSERVATION_ID_SIZE], const json_t *payload, const char *name)
{
    const json_t *member = json_object_get(payload, name);
    if (!member)
        return 0;
    if (!json_is_string(member) || json_string_length(member) >= OBSERVATION_ID_SIZE)
        return -1;
    const char *value = json_string_value(member);
    for (const char *c = value; *c; c++)
        if ((unsigned char) *c < 0x20 || *c == 0x7F)
            return -1;
    memcpy(text, value, json_string_length(member) + 1);
    return 0;
}

// Whether the member is there and true.
static int
read_flag(bool *flag, const json_t *payload, const char *name)
{
    const json_t *member = json_object_get(payload, name);
    if (member && !json_is_boolean(member))
        return -1;
    *flag = json_is_true(member);
    return 0;
}

static int
read_progress(observation_t *observation, const json_t *payload)
{
    (void) payload;
    if (strcmp(observation->stage, "waiting") == 0)
        observation->what = OBSERVED_STILL_WAITING;
    observation->streaming = strcmp(observation->stage, "streaming") == 0;
    return 0;
}

// What rate limits and other errors share: whether AIDER goes on by itself.
static int
read_retry(observation_t *observation, const json_t *payload)
{
    bool will_retry = false;
    char error_type[OBSERVATION_WORD_SIZE] = "";
    if (read_flag(&will_retry, payload, "will_retry") ||
        read_text(error_type, sizeof error_type, payload, "error_type"))
        return -1;
    const json_t *attempt = json_object_get(payload, "attempt");
    if (attempt && (!json_is_integer(attempt) || json_integer_value(attempt) < 0))
        return -1;
    observation->attempt = json_integer_value(attempt);
    observation->what = will_retry ? OBSERVED_RETRY : OBSERVED_FAILURE;
    observation->overloaded = will_retry && strcmp(error_type, "overloaded") == 0;
    return 0;
}

static int
read_throttling(observation_t *observation, const json_t *payload)
{
    char status[OBSERVATION_WORD_SIZE] = "";
    char severity[OBSERVATION_WORD_SIZE] = "";
    char diagnosis[OBSERVATION_WORD_SIZE] = "";
    if (read_text(status, sizeof status, payload, "status") ||
        read_text(severity, sizeof severity, payload, "severity") ||
        read_text(diagnosis, sizeof diagnosis, payload, "diagnosis"))
        return -1;
    observation->step = throttling_step_named(status, severity);
    if (observation->step == THROTTLING_NONE ||
        diagnosis_named(&observation->diagnosis, diagnosis) != 0)
        return -1;
    return 0;
}

static int
read_transport(observation_t *observation, const json_t *payload)
{
    if (read_id(observation->transport_id, payload, "transport_id") ||
        read_text(observation->transport_type, sizeof observation->transport_type, payload,
                  "transport_type"))
        return -1;
    return observation->transport_id[0] != '\0' ? 0 : -1;
}

static const reading_t READINGS[] = {
    {"aider.request_started", OBSERVED_REQUEST_STARTED, NULL},
    {"aider.request_completed", OBSERVED_REQUEST_COMPLETED, NULL},
    {"aider.session_completed", OBSERVED_SESSION_COMPLETED, NULL},
    {"aider.session_progress", OBSERVED_PROGRESS, read_progress},
    {"aider.rate_limit_detected", OBSERVED_RETRY, read_retry},
    {"aider.error_occurred", OBSERVED_FAILURE, read_retry},
    {"aider.waiting_for_input", OBSERVED_WAITING_FOR_INPUT, NULL},
    {"aider.throttling_detected", OBSERVED_THROTTLING_DETECTED, read_throttling},
    {"aider.throttling_cleared", OBSERVED_THROTTLING_CLEARED, NULL},
    {"mesh.session_forgotten", OBSERVED_SESSION_FORGOTTEN, NULL},
    {"mesh.transport_joined", OBSERVED_TRANSPORT_JOINED, read_transport},
    {"mesh.transport_left", OBSERVED_TRANSPORT_LEFT, read_transport},
    {"mesh.transport_lost", OBSERVED_TRANSPORT_LOST, read_transport},
};

static const reading_t *
reading_of(const char *type)
{
    for (size_t i = 0; i < sizeof READINGS / sizeof *READINGS; i++)
        if (strcmp(READINGS[i].type, type) == 0)
            return &READINGS[i];
    return NULL;
}

static int
read_members(observation_t *observation, const reading_t *reading, const json_t *payload)
{
    if (!json_is_object(payload))
        return -1;
    if (read_id(observation->session, payload, "session_id") ||
        read_id(observation->request, payload, "request_id") ||
        read_id(observation->correlation, payload, "correlation_id") ||
        read_text(observation->host, sizeof observation->host, payload, "host") ||
        read_text(observation->provider, sizeof observation->provider, payload, "provider") ||
        read_text(observation->model, sizeof observation->model, payload, "model") ||
        read_text(observation->model, sizeof observation->model, payload, "current_model") ||
        read_text(observation->stage, sizeof observation->stage, payload, "stage"))
        return -1;
    bool of_session = reading->refine != read_transport;
    if (of_session && observation->session[0] == '\0')
        return -1;
    return reading->refine ? reading->refine(observation, payload) : 0;
}

event_reader_outcome_t
event_reader_read(observation_t *observation, const char *type, const char *payload,
                  size_t payload_bytes)
{
    assert(observation && type && payload);
    const reading_t *reading = reading_of(type);
    if (!reading)
        return EVENT_READER_IGNORED;

    memset(observation, 0, sizeof *observation);
    observation->what = reading->what;
    json_t *object = json_loadb(payload, payload_bytes, JSON_REJECT_DUPLICATES, NULL);
    int rc = read_members(observation, reading, object);
    json_decref(object);
    return rc == 0 ? EVENT_READER_READ : EVENT_READER_REFUSED;
}
