// test_ticket - a ticket is good for one stream at a time, for what it was made for, for a
// while SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdio.h>
#include <string.h>

#include "ticket.h"

static const int64_t start_ms = 1800000000000;
static const int64_t good_ms = TICKET_GOOD_MS;
static const ticket_claim_t claim = {
    .path_query = "/events?types=aider.*", .origin = "", .address = "192.0.2.1"};

typedef struct world {
    signer_t *signer;
    ticket_table_t *table;
    char ticket[TICKET_SIZE];
    char token_id[MESH_TOKEN_ID_SIZE];
} world_t;

static int
setup(void **state)
{
    static world_t world;
    world = (world_t){.signer = signer_new("key", 3)};
    world.table = ticket_table_new(world.signer, 3, start_ms);
    ticket_make(world.table, &claim, "0123456789ab", start_ms + 1000, world.ticket);
    *state = &world;
    return 0;
}

static int
teardown(void **state)
{
    world_t *world = *state;
    ticket_table_destroy(&world->table);
    signer_destroy(&world->signer);
    return 0;
}

static ticket_verdict_t
check(world_t *world, int64_t after_ms)
{
    return ticket_check(world->table, world->ticket, &claim, start_ms + 1000 + after_ms,
                        world->token_id);
}

static void
it_is_good_for_a_minute_and_says_in_whose_name(void **state)
{
    world_t *world = *state;
    assert_int_equal(check(world, 0), TICKET_GOOD);
    assert_string_equal(world->token_id, "0123456789ab");
    assert_int_equal(check(world, TICKET_GOOD_MS), TICKET_GOOD);
    assert_int_equal(check(world, TICKET_GOOD_MS + 1), TICKET_TOO_OLD);
}

static void
it_is_good_for_nothing_else(void **state)
{
    world_t *world = *state;
    const ticket_claim_t others[] = {
        {.path_query = "/events", .origin = "", .address = "192.0.2.1"},
        {.path_query = "/events?types=aider.*", .origin = "http://a", .address = "192.0.2.1"},
        {.path_query = "/events?types=aider.*", .origin = "", .address = "192.0.2.2"},
    };
    for (size_t at = 0; at < sizeof others / sizeof *others; at++)
        assert_int_equal(ticket_check(world->table, world->ticket, &others[at], start_ms + 1000,
                                      world->token_id),
                         TICKET_FORGED);
    char *whose = strchr(world->ticket, '.') + 1;
    *whose = *whose == '1' ? '2' : '1';
    assert_int_equal(check(world, 0), TICKET_FORGED);
    static const char *const garbage[] = {"", ".", "...", "a.b.c.d", "a"};
    for (size_t at = 0; at < sizeof garbage / sizeof *garbage; at++)
        assert_int_equal(
            ticket_check(world->table, garbage[at], &claim, start_ms, world->token_id),
            TICKET_FORGED);
    assert_string_equal(world->token_id, "");
}

static void
it_stays_good_while_its_stream_lives_and_a_minute_longer(void **state)
{
    world_t *world = *state;
    int holder = 0;
    assert_null(ticket_begin(world->table, world->ticket, &holder, start_ms + 2000));
    assert_int_equal(check(world, 60 * good_ms), TICKET_GOOD);
    assert_int_equal(check(world, TICKET_LONGEST_MS + 1), TICKET_TOO_OLD);
    int64_t end_ms = start_ms + 1000 + 60 * good_ms;
    ticket_end(world->table, world->ticket, &holder, end_ms);
    assert_int_equal(check(world, 61 * good_ms), TICKET_GOOD);
    assert_int_equal(check(world, 61 * good_ms + 1), TICKET_TOO_OLD);
    assert_int_equal(ticket_table_size(world->table), 1);
    ticket_table_tick(world->table, end_ms + TICKET_GOOD_MS + 1);
    assert_int_equal(ticket_table_size(world->table), 0);
}

static void
a_second_stream_takes_it_from_the_first(void **state)
{
    world_t *world = *state;
    int first = 0;
    int second = 0;
    assert_null(ticket_begin(world->table, world->ticket, &first, start_ms));
    assert_ptr_equal(ticket_begin(world->table, world->ticket, &second, start_ms), &first);
    // The end of the first is not the end of what the second has.
    ticket_end(world->table, world->ticket, &first, start_ms);
    assert_int_equal(check(world, 5 * good_ms), TICKET_GOOD);
}

static void
after_a_restart_it_is_good_for_a_minute(void **state)
{
    world_t *world = *state;
    ticket_table_destroy(&world->table);
    int64_t again_ms = start_ms + 10 * good_ms;
    world->table = ticket_table_new(world->signer, 3, again_ms);
    assert_int_equal(check(world, again_ms - start_ms), TICKET_GOOD);
    assert_int_equal(check(world, again_ms - start_ms + TICKET_GOOD_MS), TICKET_TOO_OLD);
}

static void
as_many_as_may_be_are_in_use_at_once(void **state)
{
    world_t *world = *state;
    int holder = 0;
    for (int at = 0; at < 3; at++) {
        char other[TICKET_SIZE];
        ticket_make(world->table, &claim, "", start_ms, other);
        assert_null(ticket_begin(world->table, other, &holder, start_ms));
    }
    assert_int_equal(check(world, 0), TICKET_NO_ROOM);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_is_good_for_a_minute_and_says_in_whose_name, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(it_is_good_for_nothing_else, setup, teardown),
        cmocka_unit_test_setup_teardown(
            it_stays_good_while_its_stream_lives_and_a_minute_longer, setup, teardown),
        cmocka_unit_test_setup_teardown(a_second_stream_takes_it_from_the_first, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(after_a_restart_it_is_good_for_a_minute, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(as_many_as_may_be_are_in_use_at_once, setup, teardown),
    };
    return cmocka_run_group_tests_name("ticket", tests, NULL, NULL);
}
