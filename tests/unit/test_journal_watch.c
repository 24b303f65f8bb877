// test_journal_watch - when the journal's state is an alert
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <string.h>

#include "journal_watch.h"

static void
a_journal_that_goes_on_is_no_alert(void **state)
{
    (void) state;
    journal_watch_t watch = {0};
    assert_int_equal(journal_watch_opened(&watch, JOURNAL_ORIGIN_CONTINUED, "", 0).action,
                     JOURNAL_WATCH_NOTHING);
    assert_int_equal(journal_watch_tick(&watch, INT64_MAX).action, JOURNAL_WATCH_NOTHING);
}

static void
one_that_is_down_is_and_until_it_was_up_for_a_while(void **state)
{
    (void) state;
    journal_watch_t watch = {0};
    journal_alert_t alert = journal_watch_down(&watch, MESH_DB_FULL, "no room");
    assert_int_equal(alert.action, JOURNAL_WATCH_RAISE);
    assert_string_equal(alert.severity, "critical");
    assert_non_null(strstr(alert.message, "disk_full"));
    assert_non_null(strstr(alert.message, "no room"));
    assert_int_equal(journal_watch_tick(&watch, INT64_MAX).action, JOURNAL_WATCH_NOTHING);
    assert_int_equal(journal_watch_opened(&watch, JOURNAL_ORIGIN_RECOVERED, "", 1000).action,
                     JOURNAL_WATCH_NOTHING);
    int64_t calm_ms = 1000 + JOURNAL_WATCH_CALM_MS;
    assert_int_equal(journal_watch_tick(&watch, calm_ms - 1).action, JOURNAL_WATCH_NOTHING);
    assert_int_equal(journal_watch_tick(&watch, calm_ms).action, JOURNAL_WATCH_CLEAR);
    assert_int_equal(journal_watch_tick(&watch, calm_ms).action, JOURNAL_WATCH_NOTHING);
}

static void
one_that_was_begun_anew_is_shown_for_a_minute(void **state)
{
    (void) state;
    static const journal_origin_t origins[] = {JOURNAL_ORIGIN_LOST, JOURNAL_ORIGIN_UNPROVEN,
                                               JOURNAL_ORIGIN_CORRUPT};
    for (size_t i = 0; i < sizeof origins / sizeof origins[0]; i++) {
        journal_watch_t watch = {0};
        journal_alert_t alert = journal_watch_opened(&watch, origins[i], "why", 0);
        assert_int_equal(alert.action, JOURNAL_WATCH_RAISE);
        assert_non_null(strstr(alert.message, journal_origin_name(origins[i])));
        assert_int_equal(journal_watch_tick(&watch, JOURNAL_WATCH_SHOWN_MS - 1).action,
                         JOURNAL_WATCH_NOTHING);
        assert_int_equal(journal_watch_tick(&watch, JOURNAL_WATCH_SHOWN_MS).action,
                         JOURNAL_WATCH_CLEAR);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_journal_that_goes_on_is_no_alert),
        cmocka_unit_test(one_that_is_down_is_and_until_it_was_up_for_a_while),
        cmocka_unit_test(one_that_was_begun_anew_is_shown_for_a_minute),
    };
    return cmocka_run_group_tests_name("journal_watch", tests, NULL, NULL);
}
