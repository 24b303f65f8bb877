// test_link_requests - each request is answered exactly once
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "link_requests.h"

enum { OPEN_MOST = 1000 };

typedef struct asker {
    link_requests_t *requests;
    int replies;
    char verb[32], code[32];
    bool asks_again;
    uint64_t again_id;
} asker_t;

static void
on_reply(void *arg, const char *verb, const json_t *body, zmsg_t *frames)
{
    (void) frames;
    asker_t *self = arg;
    const char *code = json_string_value(json_object_get(body, "code"));
    self->replies++;
    snprintf(self->verb, sizeof self->verb, "%s", verb);
    snprintf(self->code, sizeof self->code, "%s", code ? code : "");
    if (self->asks_again)
        self->again_id = link_requests_add(self->requests, LINK_REQUEST_AWAY, on_reply, self);
}

static void
assert_told(asker_t *self, int replies, const char *verb, const char *code)
{
    assert_int_equal(self->replies, replies);
    assert_string_equal(self->verb, verb);
    assert_string_equal(self->code, code);
}

static void
an_answer_goes_to_the_request_of_its_id_and_only_once(void **state)
{
    (void) state;
    asker_t one = {0}, two = {0};
    link_requests_t *requests = link_requests_new();
    uint64_t first = link_requests_add(requests, 100, on_reply, &one);
    uint64_t second = link_requests_add(requests, 100, on_reply, &two);
    assert_int_equal(first, 1);
    assert_int_equal(second, 2);
    json_t *body = json_object();
    link_requests_answer(requests, second, "events", body, NULL);
    link_requests_answer(requests, second, "events", body, NULL);
    link_requests_answer(requests, 99, "events", body, NULL);
    assert_int_equal(one.replies, 0);
    assert_told(&two, 1, "events", "");
    json_decref(body);
    link_requests_destroy(&requests);
    assert_told(&one, 1, "error", "away");
    assert_int_equal(two.replies, 1);
}

static void
one_that_is_cancelled_is_never_answered(void **state)
{
    (void) state;
    asker_t one = {0};
    link_requests_t *requests = link_requests_new();
    uint64_t id = link_requests_add(requests, 100, on_reply, &one);
    link_requests_cancel(requests, id);
    link_requests_cancel(requests, id);
    link_requests_cancel(requests, 0);
    link_requests_expire(requests, 1000);
    link_requests_destroy(&requests);
    assert_int_equal(one.replies, 0);
}

static void
a_deadline_that_has_come_is_told(void **state)
{
    (void) state;
    asker_t one = {0}, two = {0};
    link_requests_t *requests = link_requests_new();
    link_requests_add(requests, 200, on_reply, &two);
    link_requests_add(requests, 100, on_reply, &one);
    link_requests_expire(requests, 99);
    assert_int_equal(one.replies, 0);
    link_requests_expire(requests, 100);
    assert_told(&one, 1, "error", "deadline");
    assert_int_equal(two.replies, 0);
    link_requests_destroy(&requests);
}

static void
one_asked_while_the_broker_is_away_is_told_so_at_the_next_expiry(void **state)
{
    (void) state;
    asker_t one = {0};
    link_requests_t *requests = link_requests_new();
    link_requests_add(requests, LINK_REQUEST_AWAY, on_reply, &one);
    link_requests_expire(requests, 0);
    assert_told(&one, 1, "error", "away");
    link_requests_destroy(&requests);
}

static void
what_is_asked_from_within_an_answer_waits_for_the_next_time(void **state)
{
    (void) state;
    link_requests_t *requests = link_requests_new();
    asker_t one = {.requests = requests, .asks_again = true};
    link_requests_add(requests, LINK_REQUEST_AWAY, on_reply, &one);
    link_requests_expire(requests, 0);
    assert_int_equal(one.replies, 1);
    link_requests_expire(requests, 0);
    assert_int_equal(one.replies, 2);
    link_requests_fail_all(requests, "away", "the broker is away");
    assert_int_equal(one.replies, 3);
    one.asks_again = false;
    link_requests_destroy(&requests);
    assert_int_equal(one.replies, 4);
}

static void
a_thousand_may_be_open_and_no_more(void **state)
{
    (void) state;
    asker_t one = {0};
    link_requests_t *requests = link_requests_new();
    for (int i = 0; i < OPEN_MOST; i++)
        assert_int_not_equal(link_requests_add(requests, 100, on_reply, &one), 0);
    assert_int_equal(link_requests_add(requests, 100, on_reply, &one), 0);
    link_requests_cancel(requests, 1);
    assert_int_not_equal(link_requests_add(requests, 100, on_reply, &one), 0);
    link_requests_destroy(&requests);
    assert_int_equal(one.replies, OPEN_MOST);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_goes_to_the_request_of_its_id_and_only_once),
        cmocka_unit_test(one_that_is_cancelled_is_never_answered),
        cmocka_unit_test(a_deadline_that_has_come_is_told),
        cmocka_unit_test(one_asked_while_the_broker_is_away_is_told_so_at_the_next_expiry),
        cmocka_unit_test(what_is_asked_from_within_an_answer_waits_for_the_next_time),
        cmocka_unit_test(a_thousand_may_be_open_and_no_more),
    };
    return cmocka_run_group_tests_name("link_requests", tests, NULL, NULL);
}
