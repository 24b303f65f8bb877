// test_gate - who may come in by which door, and who has to go
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdio.h>
#include <string.h>

#include <czmq.h>

#include "gate.h"
#include "owners.h"

typedef struct fixture {
    gate_t *gate;
    mesh_key_entry_t entries[3];    // p, s, o: one of each role
} fixture_t;

static void
make_entry(mesh_key_entry_t *entry, const char *name, mesh_role_t role)
{
    char secret[MESH_KEY_TEXT_SIZE];
    *entry = (mesh_key_entry_t){.role = role};
    snprintf(entry->name, sizeof entry->name, "%s", name);
    assert_int_equal(zmq_curve_keypair(entry->public_key, secret), 0);
}

static int
set_up(void **state)
{
    fixture_t *fixture = calloc(1, sizeof *fixture);
    fixture->gate = gate_new();
    make_entry(&fixture->entries[0], "p", MESH_ROLE_PUBLISH);
    make_entry(&fixture->entries[1], "s", MESH_ROLE_SUBSCRIBE);
    make_entry(&fixture->entries[2], "o", MESH_ROLE_OPERATE);
    assert_int_equal(gate_replace(fixture->gate, fixture->entries, 3), GATE_CHANGED);
    *state = fixture;
    return 0;
}

static int
tear_down(void **state)
{
    fixture_t *fixture = *state;
    gate_destroy(&fixture->gate);
    free(fixture);
    return 0;
}

static bool
admits(fixture_t *fixture, const char *domain, const char *mechanism, const char *key,
       char user[static GATE_USER_SIZE])
{
    uint8_t bytes[GATE_PUBLIC_KEY_BYTES];
    assert_non_null(zmq_z85_decode(bytes, key));
    return gate_admit(fixture->gate, domain, strlen(domain), mechanism, strlen(mechanism),
                      bytes, sizeof bytes, user);
}

static bool
enters(fixture_t *fixture, int who, gate_door_t door)
{
    char user[GATE_USER_SIZE];
    return admits(fixture, gate_domain(door), "CURVE", fixture->entries[who].public_key, user);
}

static void
each_role_has_its_doors(void **state)
{
    static const bool expected[3][GATE_DOORS] = {
        {[GATE_PUBLISH] = true, [GATE_SUBSCRIBE] = false, [GATE_CONTROL] = true},
        {[GATE_PUBLISH] = false, [GATE_SUBSCRIBE] = true, [GATE_CONTROL] = true},
        {[GATE_PUBLISH] = true, [GATE_SUBSCRIBE] = true, [GATE_CONTROL] = true},
    };
    for (int who = 0; who < 3; who++)
        for (gate_door_t door = 0; door < GATE_DOORS; door++)
            assert_int_equal(enters(*state, who, door), expected[who][door]);
}

static void
nobody_else_comes_in(void **state)
{
    fixture_t *fixture = *state;
    char user[GATE_USER_SIZE];
    mesh_key_entry_t stranger;
    make_entry(&stranger, "x", MESH_ROLE_OPERATE);
    const char *key = fixture->entries[2].public_key;
    uint8_t bytes[GATE_PUBLIC_KEY_BYTES];
    assert_non_null(zmq_z85_decode(bytes, key));
    assert_false(admits(fixture, "control", "CURVE", stranger.public_key, user));
    assert_false(admits(fixture, "control", "NULL", key, user));
    assert_false(admits(fixture, "control", "PLAIN", key, user));
    assert_false(admits(fixture, "", "CURVE", key, user));
    assert_false(admits(fixture, "controls", "CURVE", key, user));
    assert_false(admits(fixture, "contro", "CURVE", key, user));
    assert_false(gate_admit(fixture->gate, "control", 7, "CURVE", 5, bytes, 31, user));
    assert_false(gate_admit(fixture->gate, "control", 7, "CURVE", 5, bytes, 0, user));
    assert_int_equal(gate_refused(fixture->gate), 8);
}

static void
the_user_id_tells_role_and_name_and_nothing_else_does(void **state)
{
    fixture_t *fixture = *state;
    char user[GATE_USER_SIZE];
    assert_true(admits(fixture, "control", "CURVE", fixture->entries[0].public_key, user));
    assert_string_equal(user, "publish/p");
    assert_int_equal(gate_role(user), MESH_ROLE_PUBLISH);
    assert_string_equal(gate_name(user), "p");
    static const char *const wrong[] = {"", "publish", "/p", "root/p", "none/p", "Publish/p"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(gate_role(wrong[i]), MESH_ROLE_NONE);
        assert_string_equal(gate_name(wrong[i]), "");
    }
    assert_int_equal(gate_role(NULL), MESH_ROLE_NONE);
    assert_string_equal(gate_name(NULL), "");
}

static void
verbs_go_by_role(void **state)
{
    (void) state;
    static const struct {
        const char *verb;
        bool publish, subscribe;
    } verbs[] = {{"hello", true, true},   {"heartbeat", true, true}, {"bye", true, true},
                 {"replay", false, true}, {"snapshot", false, true}, {"call", false, true},
                 {"read", false, true},   {"answer", false, false},  {"forget", false, false}};
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        assert_int_equal(gate_allows(MESH_ROLE_PUBLISH, verbs[i].verb), verbs[i].publish);
        assert_int_equal(gate_allows(MESH_ROLE_SUBSCRIBE, verbs[i].verb), verbs[i].subscribe);
        assert_true(gate_allows(MESH_ROLE_OPERATE, verbs[i].verb));
        assert_false(gate_allows(MESH_ROLE_NONE, verbs[i].verb));
    }
}

static void
only_one_who_was_let_in_has_to_go(void **state)
{
    fixture_t *fixture = *state;
    assert_int_equal(gate_replace(fixture->gate, fixture->entries, 3), GATE_SAME);
    fixture->entries[0].revoked = true;
    assert_int_equal(gate_replace(fixture->gate, fixture->entries, 3), GATE_CHANGED);
    assert_false(enters(fixture, 0, GATE_PUBLISH));
    assert_false(gate_knows(fixture->gate, "p"));
    assert_true(enters(fixture, 1, GATE_SUBSCRIBE));
    fixture->entries[1].revoked = true;
    assert_int_equal(gate_replace(fixture->gate, fixture->entries, 3), GATE_MUST_GO);
    assert_int_equal(gate_replace(fixture->gate, fixture->entries, 3), GATE_SAME);
    assert_false(enters(fixture, 1, GATE_SUBSCRIBE));
}

static void
one_with_another_role_has_to_go_once(void **state)
{
    fixture_t *fixture = *state;
    assert_true(enters(fixture, 2, GATE_PUBLISH));
    fixture->entries[2].role = MESH_ROLE_SUBSCRIBE;
    assert_int_equal(gate_replace(fixture->gate, fixture->entries, 3), GATE_MUST_GO);
    assert_int_equal(gate_replace(fixture->gate, fixture->entries, 3), GATE_SAME);
    assert_false(enters(fixture, 2, GATE_PUBLISH));
    assert_true(enters(fixture, 2, GATE_SUBSCRIBE));
}

static void
a_key_that_cannot_be_read_stays_as_it_was(void **state)
{
    fixture_t *fixture = *state;
    mesh_key_entry_t entries[3] = {fixture->entries[0],
                                   fixture->entries[1],
                                   {.name = "unheard-of", .role = MESH_ROLE_NONE}};
    assert_true(enters(fixture, 0, GATE_PUBLISH));
    entries[0].role = MESH_ROLE_NONE;
    memset(entries[0].public_key, 0, sizeof entries[0].public_key);
    assert_int_equal(gate_replace(fixture->gate, entries, 3), GATE_CHANGED);
    assert_true(enters(fixture, 0, GATE_PUBLISH));
    assert_false(enters(fixture, 2, GATE_CONTROL));
    assert_false(gate_knows(fixture->gate, "unheard-of"));
}

static void
of_two_names_for_one_key_the_first_stands(void **state)
{
    fixture_t *fixture = *state;
    char user[GATE_USER_SIZE];
    mesh_key_entry_t entries[2] = {fixture->entries[0], fixture->entries[0]};
    snprintf(entries[1].name, sizeof entries[1].name, "twin");
    entries[1].role = MESH_ROLE_OPERATE;
    (void) gate_replace(fixture->gate, entries, 2);
    assert_true(admits(fixture, "control", "CURVE", entries[0].public_key, user));
    assert_string_equal(user, "publish/p");
}

static void
a_source_is_of_the_key_that_spoke_for_it_first(void **state)
{
    (void) state;
    owners_t *owners = owners_new(2);
    mesh_uuid_t sources[5];
    for (size_t i = 0; i < 5; i++)
        sources[i] = mesh_uuid_new();
    assert_true(owners_admit(owners, &sources[0], "one"));
    assert_false(owners_admit(owners, &sources[0], "two"));
    assert_true(owners_admit(owners, &sources[0], "one"));
    assert_true(owners_admit(owners, &sources[1], "two"));
    assert_true(owners_admit(owners, &sources[2], "one"));
    assert_false(owners_admit(owners, &sources[0], "two"));
    // Spoken for again, it is among the last ones; the one that was not is forgotten.
    assert_true(owners_admit(owners, &sources[0], "one"));
    assert_true(owners_admit(owners, &sources[3], "one"));
    assert_false(owners_admit(owners, &sources[0], "two"));
    assert_true(owners_admit(owners, &sources[1], "one"));
    owners_destroy(&owners);
    assert_null(owners);
}

// What a broker that leaves gave to this one goes on under the key it always had.
static void
a_source_that_was_lent_is_of_the_next_key_that_speaks_for_it(void **state)
{
    (void) state;
    owners_t *owners = owners_new(4);
    mesh_uuid_t lent = mesh_uuid_new(), owned = mesh_uuid_new();
    assert_true(owners_admit(owners, &owned, "one"));
    owners_lend(owners, &owned, "broker");
    assert_false(owners_admit(owners, &owned, "broker"));
    owners_lend(owners, &lent, "broker");
    assert_true(owners_admit(owners, &lent, "broker"));
    assert_true(owners_admit(owners, &lent, "one"));
    assert_false(owners_admit(owners, &lent, "broker"));
    assert_false(owners_admit(owners, &lent, "two"));
    owners_destroy(&owners);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(each_role_has_its_doors),
        TEST(nobody_else_comes_in),
        TEST(the_user_id_tells_role_and_name_and_nothing_else_does),
        TEST(verbs_go_by_role),
        TEST(only_one_who_was_let_in_has_to_go),
        TEST(one_with_another_role_has_to_go_once),
        TEST(a_key_that_cannot_be_read_stays_as_it_was),
        TEST(of_two_names_for_one_key_the_first_stands),
        cmocka_unit_test(a_source_is_of_the_key_that_spoke_for_it_first),
        cmocka_unit_test(a_source_that_was_lent_is_of_the_next_key_that_speaks_for_it),
    };
    return cmocka_run_group_tests_name("gate", tests, NULL, NULL);
}
