// test_event_ring - what is kept, what goes, and what is known of what went
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdlib.h>
#include <string.h>

#include "byte_ring.h"
#include "event_ring.h"
#include "ring_event.h"

static const mesh_cursor_t beginning = {RING_EVENT_EPOCH, 0};

static bool
all_types_families(const void *arg, mesh_family_t family)
{
    (void) arg;
    (void) family;
    return true;
}

static bool
only_errors_families(const void *arg, mesh_family_t family)
{
    (void) arg;
    return family == MESH_FAMILY_ERRORS;
}

static event_ring_t *
ring_new(void)
{
    event_ring_t *ring = event_ring_new(EVENT_RING_LEAST_BYTES);
    event_ring_begin_epoch(ring, &beginning, NULL);
    return ring;
}

static int
append(event_ring_t *ring, const char *type, uint64_t offset)
{
    ring_event_t event;
    return event_ring_append(ring, ring_event(&event, type, "s-1", "{\"n\":1}", offset));
}

static bool
only_errors(const void *arg, const char *type)
{
    (void) arg;
    return strcmp(type, "aider.error_occurred") == 0;
}

static bool
all_types(const void *arg, const char *type)
{
    (void) arg;
    (void) type;
    return true;
}

static void
an_event_is_kept_as_a_finished_frame_with_its_parts(void **state)
{
    (void) state;
    event_ring_t *ring = ring_new();
    assert_int_equal(append(ring, "aider.session_progress", 7), 0);
    const event_ring_entry_t *entry = event_ring_entry(ring, 0);
    static const char frame[] =
        "id: 00000000000000e9-7\nevent: aider.session_progress\ndata: {\"n\":1}\n\n";
    assert_int_equal(entry->frame_bytes, sizeof frame - 1);
    assert_memory_equal(event_ring_frame(ring, entry), frame, sizeof frame - 1);
    assert_string_equal(event_ring_type(ring, entry), "aider.session_progress");
    assert_string_equal(event_ring_host(ring, entry), "here");
    assert_string_equal(event_ring_session(ring, entry), "s-1");
    size_t bytes;
    assert_memory_equal(event_ring_payload(ring, entry, &bytes), "{\"n\":1}", 7);
    assert_int_equal(bytes, 7);
    event_ring_destroy(&ring);
}

static void
frames_that_follow_each_other_lie_in_one_piece(void **state)
{
    (void) state;
    event_ring_t *ring = ring_new();
    append(ring, "aider.session_progress", 1);
    append(ring, "aider.error_occurred", 2);
    const event_ring_entry_t *first = event_ring_entry(ring, 0);
    const event_ring_entry_t *second = event_ring_entry(ring, 1);
    assert_ptr_equal(event_ring_frame(ring, first) + first->frame_bytes,
                     event_ring_frame(ring, second));
    event_ring_destroy(&ring);
}

static void
what_is_out_of_order_or_of_another_epoch_is_refused(void **state)
{
    (void) state;
    event_ring_t *ring = ring_new();
    assert_int_equal(append(ring, "aider.error_occurred", 5), 0);
    assert_int_equal(append(ring, "aider.error_occurred", 5), -1);
    assert_int_equal(append(ring, "aider.error_occurred", 4), -1);
    ring_event_t event;
    ring_event(&event, "aider.error_occurred", "s", "{}", 6);
    event.event.header.epoch = 1;
    assert_int_equal(event_ring_append(ring, &event.event), -1);
    ring_event(&event, "aider.error_occurred", "s", "{}", 6);
    event.event.topic_bytes = 3;
    assert_int_equal(event_ring_append(ring, &event.event), -1);
    assert_int_equal(event_ring_next(ring), 1);
    event_ring_destroy(&ring);
}

static void
an_event_without_a_cursor_has_no_id_and_does_not_move_the_place(void **state)
{
    (void) state;
    event_ring_t *ring = ring_new();
    append(ring, "aider.error_occurred", 5);
    ring_event_t event;
    ring_event(&event, "aider.error_occurred", "s", "{}", 0);
    event.event.header.flags = MESH_WIRE_UNCOMMITTED;
    assert_int_equal(event_ring_append(ring, &event.event), 0);
    const event_ring_entry_t *entry = event_ring_entry(ring, 1);
    assert_memory_equal(event_ring_frame(ring, entry), "event: ", 7);
    assert_int_equal(event_ring_position(ring).offset, 5);
    assert_int_equal(event_ring_after(ring, 5), 2);
    event_ring_destroy(&ring);
}

static void
an_event_that_is_late_says_so_in_its_payload(void **state)
{
    (void) state;
    event_ring_t *ring = ring_new();
    ring_event_t event;
    ring_event(&event, "aider.error_occurred", "s", "{\"n\":1}", 1);
    event.event.header.flags = MESH_WIRE_LATE;
    assert_int_equal(event_ring_append(ring, &event.event), 0);
    // So does one that has no place yet; what is not late says nothing.
    event.event.header.flags = MESH_WIRE_LATE | MESH_WIRE_UNCOMMITTED;
    assert_int_equal(event_ring_append(ring, &event.event), 0);
    append(ring, "aider.error_occurred", 2);
    static const char *const payloads[] = {"{\"n\":1,\"late\":true}", "{\"n\":1,\"late\":true}",
                                           "{\"n\":1}"};
    for (uint64_t serial = 0; serial < 3; serial++) {
        size_t bytes;
        const char *payload = event_ring_payload(ring, event_ring_entry(ring, serial), &bytes);
        assert_int_equal(bytes, strlen(payloads[serial]));
        assert_memory_equal(payload, payloads[serial], bytes);
    }
    event_ring_destroy(&ring);
}

static void
the_largest_payload_may_be_late_and_a_larger_one_is_refused(void **state)
{
    (void) state;
    event_ring_t *ring = ring_new();
    ring_event_t event;
    char *payload = malloc(MESH_WIRE_PAYLOAD_LIMIT + 2);
    assert_non_null(payload);
    memset(payload, ' ', MESH_WIRE_PAYLOAD_LIMIT + 1);
    payload[0] = '{';
    payload[MESH_WIRE_PAYLOAD_LIMIT - 1] = '}';
    payload[MESH_WIRE_PAYLOAD_LIMIT] = '\0';
    ring_event(&event, "aider.error_occurred", "s", payload, 1);
    event.event.header.flags = MESH_WIRE_LATE;
    assert_int_equal(event_ring_append(ring, &event.event), 0);
    size_t bytes;
    (void) event_ring_payload(ring, event_ring_entry(ring, 0), &bytes);
    assert_int_equal(bytes, MESH_WIRE_PAYLOAD_LIMIT + strlen("\"late\":true"));
    event.event.payload_bytes++;
    event.event.header.offset++;
    assert_int_equal(event_ring_append(ring, &event.event), -1);
    free(payload);
    event_ring_destroy(&ring);
}

static void
offsets_and_times_are_found_among_holes(void **state)
{
    (void) state;
    event_ring_t *ring = ring_new();
    static const uint64_t offsets[] = {3, 4, 10, 11, 50};
    for (size_t at = 0; at < 5; at++)
        append(ring, "aider.error_occurred", offsets[at]);
    assert_int_equal(event_ring_after(ring, 0), 0);
    assert_int_equal(event_ring_after(ring, 3), 1);
    assert_int_equal(event_ring_after(ring, 7), 2);
    assert_int_equal(event_ring_after(ring, 49), 4);
    assert_int_equal(event_ring_after(ring, 50), 5);
    assert_int_equal(event_ring_since(ring, 10000000), 2);
    assert_int_equal(event_ring_since(ring, 10000001), 3);
    assert_int_equal(event_ring_since(ring, INT64_MAX), 5);
    event_ring_destroy(&ring);
}

static void
the_oldest_go_when_room_is_needed_and_are_remembered_by_type(void **state)
{
    (void) state;
    event_ring_t *ring = ring_new();
    uint64_t offset = 0;
    append(ring, "aider.error_occurred", ++offset);
    while (event_ring_first(ring) == 0)
        append(ring, "aider.session_progress", ++offset);
    type_removal_t errors =
        type_ledger_removed(event_ring_ledger(ring), only_errors, only_errors_families, NULL);
    assert_int_equal(errors.count, 1);
    assert_int_equal(errors.offset, 1);
    while (event_ring_first(ring) < 100)
        append(ring, "aider.session_progress", ++offset);
    errors =
        type_ledger_removed(event_ring_ledger(ring), only_errors, only_errors_families, NULL);
    assert_int_equal(errors.count, 1);
    type_removal_t all =
        type_ledger_removed(event_ring_ledger(ring), all_types, all_types_families, NULL);
    assert_int_equal(all.count, event_ring_first(ring));
    assert_int_equal(all.offset, event_ring_first(ring));
    assert_int_equal(all.recorded_us, (int64_t) all.offset * 1000000);
    // A lookup before the oldest finds the oldest.
    assert_int_equal(event_ring_after(ring, 1), event_ring_first(ring));
    assert_true(event_ring_bytes(ring) <= EVENT_RING_LEAST_BYTES);
    event_ring_destroy(&ring);
}

// What a client may still be reading when it is told that entries go.
static void
read_all(void *arg, uint64_t first)
{
    event_ring_t *ring = arg;
    for (uint64_t serial = event_ring_first(ring); serial < first; serial++) {
        const event_ring_entry_t *entry = event_ring_entry(ring, serial);
        assert_memory_equal(event_ring_frame(ring, entry), "id: ", 4);
        assert_memory_equal(event_ring_frame(ring, entry) + entry->frame_bytes - 2, "\n\n", 2);
    }
}

static void
what_goes_can_be_read_until_the_call_returns_and_what_stays_is_whole(void **state)
{
    (void) state;
    event_ring_t *ring = ring_new();
    event_ring_on_evict(ring, read_all, ring);
    static char payload[60000];
    memset(payload, 'x', sizeof payload);
    for (uint64_t offset = 1; offset < 400; offset++) {
        payload[(offset * 7919) % 50000] = '\0';    // all lengths
        ring_event_t event;
        assert_int_equal(
            event_ring_append(ring, ring_event(&event, "aider.x", "s", payload, offset)), 0);
        payload[(offset * 7919) % 50000] = 'x';
        for (uint64_t at = event_ring_first(ring); at < event_ring_next(ring); at++) {
            const event_ring_entry_t *entry = event_ring_entry(ring, at);
            char id[64];
            int bytes =
                snprintf(id, sizeof id, "id: 00000000000000e9-%d\n", (int) entry->offset);
            assert_memory_equal(event_ring_frame(ring, entry), id, (size_t) bytes);
            assert_memory_equal(event_ring_frame(ring, entry) + entry->frame_bytes - 2, "\n\n",
                                2);
        }
    }
    event_ring_destroy(&ring);
}

static void
another_epoch_forgets_removals_and_hides_the_old_events_from_lookups(void **state)
{
    (void) state;
    event_ring_t *ring = ring_new();
    append(ring, "aider.error_occurred", 1);
    event_ring_append_control(ring, "event: g\ndata: {}\n\n", 19, 1, 0);
    event_ring_begin_epoch(ring, &(mesh_cursor_t){0xf00, 0}, NULL);
    assert_int_equal(event_ring_epoch_first(ring), 2);
    assert_int_equal(event_ring_after(ring, 0), 2);
    assert_int_equal(event_ring_first(ring), 0);
    assert_int_equal(
        type_ledger_removed(event_ring_ledger(ring), all_types, all_types_families, NULL).count,
        0);
    event_ring_destroy(&ring);
}

static void
an_epoch_that_begins_late_has_lost_what_was_before(void **state)
{
    (void) state;
    event_ring_t *ring = event_ring_new(EVENT_RING_LEAST_BYTES);
    event_ring_begin_epoch(ring, &(mesh_cursor_t){RING_EVENT_EPOCH, 99}, NULL);
    type_removal_t errors =
        type_ledger_removed(event_ring_ledger(ring), only_errors, only_errors_families, NULL);
    assert_int_equal(errors.count, 99);
    assert_int_equal(errors.offset, 99);
    assert_int_equal(errors.recorded_us, TYPE_LEDGER_TIME_UNKNOWN);
    // They are not younger than the first that came.
    append(ring, "aider.session_progress", 100);
    errors =
        type_ledger_removed(event_ring_ledger(ring), only_errors, only_errors_families, NULL);
    assert_int_equal(errors.recorded_us, 100 * 1000000);
    event_ring_destroy(&ring);
}

static type_removal_t
removed_errors(const event_ring_t *ring)
{
    return type_ledger_removed(event_ring_ledger(ring), only_errors, only_errors_families,
                               NULL);
}

static void
what_was_removed_before_is_known_by_family(void **state)
{
    (void) state;
    event_ring_t *ring = event_ring_new(EVENT_RING_LEAST_BYTES);
    const uint64_t removed[MESH_FAMILIES] = {[MESH_FAMILY_PROGRESS] = 120};
    event_ring_begin_epoch(ring, &(mesh_cursor_t){RING_EVENT_EPOCH, 99}, removed);
    assert_int_equal(removed_errors(ring).count, 0);
    type_removal_t all =
        type_ledger_removed(event_ring_ledger(ring), all_types, all_types_families, NULL);
    assert_int_equal(all.count, 120);
    assert_int_equal(all.offset, 120);
    // Those up to 120 are dated by what comes after all of them only.
    append(ring, "aider.error_occurred", 110);
    all = type_ledger_removed(event_ring_ledger(ring), all_types, all_types_families, NULL);
    assert_int_equal(all.recorded_us, TYPE_LEDGER_TIME_UNKNOWN);
    append(ring, "aider.error_occurred", 130);
    all = type_ledger_removed(event_ring_ledger(ring), all_types, all_types_families, NULL);
    assert_int_equal(all.recorded_us, 130 * 1000000);
    event_ring_destroy(&ring);
}

static void
what_is_removed_while_the_ring_was_away_counts_from_where_it_is(void **state)
{
    (void) state;
    event_ring_t *ring = ring_new();
    append(ring, "aider.error_occurred", 10);
    uint64_t removed[MESH_FAMILIES] = {[MESH_FAMILY_ERRORS] = 9};
    event_ring_note_removed(ring, removed);
    assert_int_equal(removed_errors(ring).count, 0);    // the ring has had them
    removed[MESH_FAMILY_ERRORS] = 14;
    event_ring_note_removed(ring, removed);
    event_ring_note_removed(ring, removed);
    assert_int_equal(removed_errors(ring).count, 4);
    removed[MESH_FAMILY_ERRORS] = 16;
    event_ring_note_removed(ring, removed);
    assert_int_equal(removed_errors(ring).count, 6);
    assert_int_equal(removed_errors(ring).offset, 16);
    event_ring_destroy(&ring);
}

static void
note_gone(void *arg, uint64_t serial)
{
    uint64_t *sum = arg;
    *sum = *sum * 10 + serial;
}

static void
a_session_is_forgotten_byte_by_byte_and_the_others_stay(void **state)
{
    (void) state;
    event_ring_t *ring = ring_new();
    static const char *const sessions[] = {"other", "secret", "other", "secret"};
    ring_event_t event;
    for (uint64_t at = 0; at < 4; at++)
        assert_int_equal(
            event_ring_append(ring, ring_event(&event, "aider.session_progress", sessions[at],
                                               "{\"m\":\"whisper\"}", at + 1)),
            0);
    frame_cache_hold_t hold = FRAME_CACHE_NONE;
    size_t shown_bytes;
    const char *shown = event_ring_shown(ring, event_ring_entry(ring, 1), ENVELOPE_CLOUDEVENTS,
                                         &shown_bytes, &hold);
    assert_non_null(memmem(shown, shown_bytes, "whisper", 7));
    uint64_t gone = 0;
    assert_int_equal(event_ring_forget(ring, "secret", note_gone, &gone), 2);
    assert_null(memmem(shown, shown_bytes, "whisper", 7));
    assert_int_equal(event_ring_shown_bytes(ring), 0);
    assert_int_equal(gone, 13);
    for (uint64_t serial = 0; serial < 4; serial++) {
        const event_ring_entry_t *entry = event_ring_entry(ring, serial);
        const char *frame = event_ring_frame(ring, entry);
        bool secret = serial % 2 == 1;
        assert_int_equal(event_ring_is_gone(entry), secret);
        assert_int_equal(memmem(frame, entry->frame_bytes, "whisper", 7) == NULL, secret);
        assert_string_equal(event_ring_session(ring, entry), secret ? "" : "other");
        assert_int_equal(entry->offset, serial + 1);
    }
    assert_int_equal(event_ring_forget(ring, "secret", note_gone, &gone), 0);
    // Once the ring lets go of them they are not counted a second time.
    uint64_t offset = 4;
    while (event_ring_first(ring) < 4)
        append(ring, "aider.error_occurred", ++offset);
    type_removal_t all =
        type_ledger_removed(event_ring_ledger(ring), all_types, all_types_families, NULL);
    assert_int_equal(all.count, event_ring_first(ring) - 2);
    event_ring_destroy(&ring);
}

static void
a_hole_counts_as_removed_only_once_the_ring_lets_go_of_the_frame_that_says_it(void **state)
{
    (void) state;
    event_ring_t *ring = ring_new();
    uint64_t offset = 1;
    append(ring, "aider.session_progress", offset);
    event_ring_append_control(ring, "event: g\ndata: {}\n\n", 19, 11, 10);
    assert_int_equal(event_ring_position(ring).offset, 11);
    assert_int_equal(
        type_ledger_removed(event_ring_ledger(ring), only_errors, only_errors_families, NULL)
            .count,
        0);
    offset = 11;
    while (event_ring_first(ring) < 2)
        append(ring, "aider.session_progress", ++offset);
    type_removal_t errors =
        type_ledger_removed(event_ring_ledger(ring), only_errors, only_errors_families, NULL);
    assert_int_equal(errors.count, 10);
    assert_int_equal(errors.offset, 11);
    event_ring_destroy(&ring);
}

static void
types_beyond_the_ledger_count_for_every_filter(void **state)
{
    (void) state;
    static type_ledger_t ledger;
    memset(&ledger, 0, sizeof ledger);
    char name[MESH_TYPE_SIZE];
    for (int at = 0; at < TYPE_LEDGER_TYPES + 50; at++) {
        snprintf(name, sizeof name, "acme.t%d", at);
        type_ledger_number(&ledger, name);
    }
    uint16_t last = type_ledger_number(&ledger, name);
    assert_int_equal(last, TYPE_LEDGER_OTHER);
    type_ledger_remove(&ledger, last, 7, 7);
    assert_int_equal(
        type_ledger_removed(&ledger, only_errors, only_errors_families, NULL).count, 1);
}

static void
a_reservation_never_wraps_around_the_end(void **state)
{
    (void) state;
    byte_ring_t ring;
    byte_ring_init(&ring, 10);
    assert_int_equal(byte_ring_reserve(&ring, 6), 0);
    assert_int_equal(byte_ring_next(&ring, 4), 6);
    assert_int_equal(byte_ring_reserve(&ring, 5), 10);
    assert_true(byte_ring_holds(&ring, 10, 20));
    assert_false(byte_ring_holds(&ring, 0, 15));
    assert_ptr_equal(byte_ring_at(&ring, 10), ring.memory);
    byte_ring_clear(&ring);
}

// The frame of an entry as a CloudEvent, for the caller to free.
static char *
cloud_frame(const event_ring_t *ring, uint64_t serial)
{
    frame_cache_hold_t hold = FRAME_CACHE_NONE;
    size_t bytes;
    const char *frame = event_ring_shown(ring, event_ring_entry(ring, serial),
                                         ENVELOPE_CLOUDEVENTS, &bytes, &hold);
    assert_non_null(frame);
    char *text = malloc(bytes + 1);
    assert_non_null(text);
    memcpy(text, frame, bytes);
    text[bytes] = '\0';
    return text;
}

static void
an_event_in_another_envelope_is_made_when_it_is_wanted_and_once(void **state)
{
    (void) state;
    event_ring_t *ring = ring_new();
    for (uint64_t offset = 1; offset <= 50; offset++)
        append(ring, "aider.session_progress", offset);
    size_t before = event_ring_bytes(ring);
    assert_int_equal(event_ring_shown_made(ring), 0);
    char *frame = cloud_frame(ring, 6);
    static const char expected[] =
        "id: 00000000000000e9-7\nevent: aider.session_progress\ndata: "
        "{\"specversion\":\"1.0\",\"id\":\"7\","
        "\"source\":\"//here/01900000-0000-0000-0000-00000000000f\","
        "\"type\":\"aider.session_progress\",\"subject\":\"s-1\","
        "\"time\":\"1970-01-01T00:00:07.000007Z\",\"datacontenttype\":\"application/json\","
        "\"sequence\":\"00000000000000000007\","
        "\"recordedtime\":\"1970-01-01T00:00:07.000000Z\","
        "\"cursor\":\"00000000000000e9-7\",\"data\":{\"n\":1}}\n\n";
    assert_string_equal(frame, expected);
    assert_int_equal(event_ring_bytes(ring), before + sizeof expected - 1);
    char *again = cloud_frame(ring, 6);
    assert_string_equal(again, frame);
    assert_int_equal(event_ring_shown_made(ring), 1);
    size_t bytes;
    const char *text =
        event_ring_text(ring, event_ring_entry(ring, 6), ENVELOPE_CLOUDEVENTS, &bytes);
    assert_memory_equal(text, strchr(frame, '{'), bytes);
    assert_int_equal(text[bytes], '\n');
    text = event_ring_text(ring, event_ring_entry(ring, 6), ENVELOPE_DATA, &bytes);
    assert_int_equal(bytes, 7);
    assert_memory_equal(text, "{\"n\":1}\n", 8);
    free(again);
    free(frame);
    event_ring_destroy(&ring);
}

static void
what_the_ring_itself_says_is_the_same_event_for_all_who_read_it(void **state)
{
    (void) state;
    event_ring_t *ring = ring_new();
    static const char gap[] = "id: 00000000000000e9-4\nevent: stream.gap\ndata: {\"n\":1}\n\n";
    event_ring_append_control(ring, gap, sizeof gap - 1, 4, 4);
    event_ring_append_control(ring, gap, sizeof gap - 1, 4, 0);
    char *frame = cloud_frame(ring, 0);
    assert_non_null(strstr(frame, "\"type\":\"stream.gap\",\"datacontenttype\":\"application/"
                                  "json\",\"cursor\":\"00000000000000e9-4\","
                                  "\"data\":{\"n\":1}}\n\n"));
    // What was made is written over meanwhile.
    for (uint64_t offset = 5; offset < 1000; offset++) {
        append(ring, "aider.session_progress", offset);
        free(cloud_frame(ring, event_ring_next(ring) - 1));
    }
    char *again = cloud_frame(ring, 0);
    assert_string_equal(again, frame);
    assert_int_equal(event_ring_shown_made(ring), 1 + 995 + 1);
    char *other = cloud_frame(ring, 1);
    assert_string_not_equal(other, frame);
    free(other);
    free(again);
    free(frame);
    event_ring_destroy(&ring);
}

static void
the_longest_payload_has_room_in_every_envelope_of_the_least_ring(void **state)
{
    (void) state;
    event_ring_t *ring = ring_new();
    char *payload = malloc(MESH_WIRE_PAYLOAD_LIMIT + 1);
    assert_non_null(payload);
    memset(payload, '"', MESH_WIRE_PAYLOAD_LIMIT);
    payload[MESH_WIRE_PAYLOAD_LIMIT] = '\0';
    for (uint64_t offset = 1; offset <= 20; offset++) {
        ring_event_t event;
        assert_int_equal(
            event_ring_append(ring, ring_event(&event, "aider.x", "s", payload, offset)), 0);
        char *frame = cloud_frame(ring, event_ring_next(ring) - 1);
        assert_true(strlen(frame) > (size_t) 2 * MESH_WIRE_PAYLOAD_LIMIT);
        assert_true(event_ring_bytes(ring) <= EVENT_RING_LEAST_BYTES);
        free(frame);
    }
    free(payload);
    event_ring_destroy(&ring);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_kept_as_a_finished_frame_with_its_parts),
        cmocka_unit_test(frames_that_follow_each_other_lie_in_one_piece),
        cmocka_unit_test(what_is_out_of_order_or_of_another_epoch_is_refused),
        cmocka_unit_test(an_event_without_a_cursor_has_no_id_and_does_not_move_the_place),
        cmocka_unit_test(an_event_that_is_late_says_so_in_its_payload),
        cmocka_unit_test(the_largest_payload_may_be_late_and_a_larger_one_is_refused),
        cmocka_unit_test(offsets_and_times_are_found_among_holes),
        cmocka_unit_test(the_oldest_go_when_room_is_needed_and_are_remembered_by_type),
        cmocka_unit_test(what_goes_can_be_read_until_the_call_returns_and_what_stays_is_whole),
        cmocka_unit_test(another_epoch_forgets_removals_and_hides_the_old_events_from_lookups),
        cmocka_unit_test(an_epoch_that_begins_late_has_lost_what_was_before),
        cmocka_unit_test(what_was_removed_before_is_known_by_family),
        cmocka_unit_test(what_is_removed_while_the_ring_was_away_counts_from_where_it_is),
        cmocka_unit_test(a_session_is_forgotten_byte_by_byte_and_the_others_stay),
        cmocka_unit_test(
            a_hole_counts_as_removed_only_once_the_ring_lets_go_of_the_frame_that_says_it),
        cmocka_unit_test(types_beyond_the_ledger_count_for_every_filter),
        cmocka_unit_test(a_reservation_never_wraps_around_the_end),
        cmocka_unit_test(an_event_in_another_envelope_is_made_when_it_is_wanted_and_once),
        cmocka_unit_test(what_the_ring_itself_says_is_the_same_event_for_all_who_read_it),
        cmocka_unit_test(the_longest_payload_has_room_in_every_envelope_of_the_least_ring),
    };
    return cmocka_run_group_tests_name("event_ring", tests, NULL, NULL);
}
