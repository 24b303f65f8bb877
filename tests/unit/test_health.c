// test_health - when the sse-bridge says that it is ready, and what it shows
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdlib.h>
#include <string.h>

#include "head_watch.h"
#include "health.h"
#include "metrics.h"
#include "rate_meter.h"

static health_facts_t
good_facts(const event_ring_t *ring)
{
    return (health_facts_t){.timestamp = 1.5,
                            .feed = HEALTH_FEED_LIVE,
                            .heard_age_ms = HEALTH_HEAD_FRESH_MS,
                            .head = {0xe9, 7},
                            .ring = ring};
}

static void
ready_is_live_and_fresh_and_not_stopping(void **state)
{
    (void) state;
    event_ring_t *ring = event_ring_new(EVENT_RING_LEAST_BYTES);
    const char *reason;
    health_facts_t facts = good_facts(ring);
    assert_true(health_is_ready(&facts, &reason));
    assert_null(reason);
    facts.heard_age_ms++;
    assert_false(health_is_ready(&facts, &reason));
    assert_non_null(strstr(reason, "broker"));
    facts.heard_age_ms = -1;
    assert_false(health_is_ready(&facts, &reason));
    facts = good_facts(ring);
    facts.feed = HEALTH_FEED_AWAY;
    assert_false(health_is_ready(&facts, &reason));
    facts.feed = HEALTH_FEED_CATCHING_UP;
    assert_false(health_is_ready(&facts, &reason));
    facts = good_facts(ring);
    facts.stopping = true;
    assert_false(health_is_ready(&facts, &reason));
    event_ring_destroy(&ring);
}

static void
a_journal_that_is_down_is_not_ready_and_a_monitor_that_is_gone_is(void **state)
{
    (void) state;
    event_ring_t *ring = event_ring_new(EVENT_RING_LEAST_BYTES);
    const char *reason;
    health_facts_t facts = good_facts(ring);
    facts.monitor.state = MONITOR_WATCH_GONE;
    assert_true(health_is_ready(&facts, &reason));
    json_t *report = health_report(&facts);
    assert_string_equal(json_string_value(json_object_get(report, "status")), "degraded");
    assert_string_equal(json_string_value(json_object_get(report, "monitor_status")), "gone");
    const json_t *problem = json_array_get(json_object_get(report, "problems"), 0);
    assert_string_equal(json_string_value(json_object_get(problem, "part")), "monitor");
    json_decref(report);

    facts.journal = json_pack("{s:s, s:s}", "state", "down", "reason", "disk_full");
    assert_false(health_is_ready(&facts, &reason));
    assert_non_null(strstr(reason, "full"));
    report = health_report(&facts);
    assert_string_equal(json_string_value(json_object_get(report, "status")), "unhealthy");
    assert_int_equal(json_array_size(json_object_get(report, "problems")), 2);
    json_decref(report);
    // An unknown reason is as bad.
    json_object_set_new(facts.journal, "reason", json_string("moths"));
    assert_false(health_is_ready(&facts, &reason));
    json_object_set_new(facts.journal, "state", json_string("memory"));
    assert_true(health_is_ready(&facts, &reason));

    // What a broker that is away has said of others says nothing any more.
    facts.feed = HEALTH_FEED_AWAY;
    report = health_report(&facts);
    assert_int_equal(json_array_size(json_object_get(report, "problems")), 1);
    assert_null(json_object_get(report, "monitor_status"));
    json_decref(report);
    json_decref(facts.journal);
    event_ring_destroy(&ring);
}

static void
a_monitor_is_missed_within_three_seconds_and_only_where_there_was_one(void **state)
{
    (void) state;
    monitor_watch_t watch = {0};
    monitor_watch_told(&watch, 0, 0, 1000, 100000);
    assert_int_equal(watch.state, MONITOR_WATCH_ABSENT);
    monitor_watch_told(&watch, 1, 900, 1000, 101000);
    assert_int_equal(watch.state, MONITOR_WATCH_ACTIVE);
    // We ask once a second: whenever it stops, one answer before three seconds are over has a
    // silence that is too long.
    monitor_watch_told(&watch, 1, MONITOR_WATCH_SILENT_MS, 1000, 102000);
    assert_int_equal(watch.state, MONITOR_WATCH_ACTIVE);
    monitor_watch_told(&watch, 1, MONITOR_WATCH_SILENT_MS + 1, 1000, 103000);
    assert_int_equal(watch.state, MONITOR_WATCH_SILENT);
    assert_in_range(MONITOR_WATCH_SILENT_MS + 1000, 1500, 2999);
    monitor_watch_told(&watch, 1, 0, 1000, 104000);
    assert_int_equal(watch.state, MONITOR_WATCH_ACTIVE);
    monitor_watch_told(&watch, 0, 0, 1000, 105000);
    assert_int_equal(watch.state, MONITOR_WATCH_GONE);
    monitor_watch_told(&watch, 1, 4000, 5000, 106000);
    assert_int_equal(watch.state, MONITOR_WATCH_ACTIVE);
    // Another broker's programs need a moment to find it.
    monitor_watch_welcomed(&watch, 107000);
    monitor_watch_told(&watch, 0, 0, 1000, 107000 + MONITOR_WATCH_PATIENCE_MS - 1);
    assert_int_equal(watch.state, MONITOR_WATCH_ACTIVE);
    monitor_watch_told(&watch, 0, 0, 1000, 107000 + MONITOR_WATCH_PATIENCE_MS);
    assert_int_equal(watch.state, MONITOR_WATCH_GONE);
}

static void
the_report_has_the_members_that_the_predecessors_clients_read(void **state)
{
    (void) state;
    event_ring_t *ring = event_ring_new(EVENT_RING_LEAST_BYTES);
    health_facts_t facts = good_facts(ring);
    facts.streams.clients[ENDPOINT_AIDER] = 3;
    facts.streams.clients[ENDPOINT_ALL] = 1;
    json_t *json = health_report(&facts);
    assert_string_equal(json_string_value(json_object_get(json, "status")), "healthy");
    assert_true(json_is_real(json_object_get(json, "timestamp")));
    assert_string_equal(json_string_value(json_object_get(json, "coordinator_status")),
                        "active");
    const json_t *clients = json_object_get(json, "active_sse_connections");
    assert_int_equal(json_integer_value(json_object_get(clients, "total")), 4);
    assert_int_equal(json_integer_value(json_object_get(clients, "aider_events")), 3);
    assert_int_equal(json_integer_value(json_object_get(clients, "error_events")), 0);
    assert_true(json_is_integer(json_object_get(clients, "progress_events")));
    json_decref(json);
    facts.feed = HEALTH_FEED_AWAY;
    json = health_report(&facts);
    assert_string_equal(json_string_value(json_object_get(json, "status")), "unhealthy");
    assert_string_equal(json_string_value(json_object_get(json, "coordinator_status")),
                        "unavailable");
    assert_true(json_is_string(json_object_get(json, "reason")));
    json_decref(json);
    event_ring_destroy(&ring);
}

static void
every_metric_has_its_help_and_type_once(void **state)
{
    (void) state;
    event_ring_t *ring = event_ring_new(EVENT_RING_LEAST_BYTES);
    health_facts_t facts = good_facts(ring);
    const uint64_t refused[ACCESS_VERDICTS] = {[ACCESS_NO_TOKEN] = 2, [ACCESS_GUESSING] = 3};
    type_counts_t types = {0};
    static const char *const topics[] = {"mesh.health/h/", "acme.deployed/h/", "mesh.health"};
    for (size_t at = 0; at < sizeof topics / sizeof topics[0]; at++)
        type_counts_add(&types, topics[at], strlen(topics[at]));
    facts.refused_access = refused;
    facts.types = &types;
    size_t bytes;
    char *text = metrics_write(&facts, &bytes);
    assert_int_equal(strlen(text), bytes);
    assert_int_equal(text[bytes - 1], '\n');
    static const char *const lines[] = {
        "\naider_events_total{type=\"mesh.health\"} 2\n",
        "\naider_events_total{type=\"other\"} 1\n",
        "\naider_http_auth_failures_total{reason=\"guessing\"} 3\n",
        "\naider_http_refused_total{reason=\"access\"} 5\n",
        "\naider_mesh_fault{part=\"broker\"} 0\n",
    };
    for (size_t at = 0; at < sizeof lines / sizeof lines[0]; at++)
        assert_non_null(strstr(text, lines[at]));
    char seen[64][96];
    size_t count = 0;
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n")) && *line;) {
        if (strncmp(line, "# TYPE ", 7) == 0) {
            size_t name_bytes = strcspn(line + 7, " ");
            assert_in_range(name_bytes, 1, 90);
            assert_in_range(count, 0, 63);
            memcpy(seen[count], line + 7, name_bytes);
            seen[count][name_bytes] = '\0';
            for (size_t at = 0; at < count; at++)
                assert_string_not_equal(seen[at], seen[count]);
            count++;
        } else if (line[0] != '#') {
            // Samples follow their own type, without another between them.
            assert_true(strncmp(line, "aider_", 6) == 0 || strncmp(line, "process_", 8) == 0);
            assert_true(count > 0);
            assert_int_equal(strncmp(line, seen[count - 1], strlen(seen[count - 1])), 0);
        }
    }
    assert_true(count > 20);
    free(text);
    event_ring_destroy(&ring);
}

static void
a_rate_is_the_growth_over_the_last_ten_seconds(void **state)
{
    (void) state;
    rate_meter_t meter = {0};
    assert_true(rate_meter_per_second(&meter) == 0);
    rate_meter_sample(&meter, 100, 0);
    assert_true(rate_meter_per_second(&meter) == 0);
    rate_meter_sample(&meter, 150, 500);
    assert_true(rate_meter_per_second(&meter) == 100);
    for (int second = 1; second <= 20; second++)
        rate_meter_sample(&meter, 150 + 10 * (uint64_t) second, 500 + 1000 * second);
    assert_true(rate_meter_per_second(&meter) == 10);
}

static void
heads_expire_in_the_order_they_came(void **state)
{
    (void) state;
    head_watch_t watch = {0};
    head_wait_t one = {.fd = 1};
    head_wait_t two = {.fd = 2};
    head_wait_t three = {.fd = 3};
    head_watch_add(&watch, &one, 0);
    head_watch_add(&watch, &two, 10);
    head_watch_add(&watch, &three, 20);
    assert_null(head_watch_expired(&watch, 100, 99));
    head_watch_remove(&watch, &two);
    head_watch_remove(&watch, &two);
    assert_ptr_equal(head_watch_expired(&watch, 100, 200), &one);
    assert_ptr_equal(head_watch_expired(&watch, 100, 200), &three);
    assert_null(head_watch_expired(&watch, 100, 200));
    // The next request of a connection has its own time.
    head_watch_add(&watch, &one, 200);
    assert_null(head_watch_expired(&watch, 100, 299));
    head_watch_add(&watch, &one, 250);
    assert_null(head_watch_expired(&watch, 100, 300));
    assert_ptr_equal(head_watch_expired(&watch, 100, 350), &one);
}

static void
how_the_brokers_journal_is_stands_in_the_report(void **state)
{
    (void) state;
    event_ring_t *ring = event_ring_new(EVENT_RING_LEAST_BYTES);
    health_facts_t facts = good_facts(ring);
    json_t *report = health_report(&facts);
    assert_null(json_object_get(report, "journal"));
    json_decref(report);
    facts.journal = json_pack("{s:s, s:s}", "state", "down", "reason", "disk_full");
    report = health_report(&facts);
    assert_true(json_equal(json_object_get(report, "journal"), facts.journal));
    json_decref(report);
    json_decref(facts.journal);
    event_ring_destroy(&ring);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ready_is_live_and_fresh_and_not_stopping),
        cmocka_unit_test(a_journal_that_is_down_is_not_ready_and_a_monitor_that_is_gone_is),
        cmocka_unit_test(a_monitor_is_missed_within_three_seconds_and_only_where_there_was_one),
        cmocka_unit_test(the_report_has_the_members_that_the_predecessors_clients_read),
        cmocka_unit_test(every_metric_has_its_help_and_type_once),
        cmocka_unit_test(a_rate_is_the_growth_over_the_last_ten_seconds),
        cmocka_unit_test(heads_expire_in_the_order_they_came),
        cmocka_unit_test(how_the_brokers_journal_is_stands_in_the_report),
    };
    return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
