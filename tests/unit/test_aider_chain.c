// test_aider_chain - which model a person would fall back to
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "aider_chain.h"

static aider_chain_t *
chain(void)
{
    static const char *const MODELS[] = {
        "gpt-4o", "anthropic=claude-opus", "gpt-4o-mini", "anthropic=claude-haiku", "o3", NULL,
    };
    return aider_chain_new(MODELS);
}

static void
the_model_behind_the_one_at_hand_is_next(void **state)
{
    (void) state;
    aider_chain_t *self = chain();
    assert_string_equal(aider_chain_next(self, "gpt-4o", NULL), "gpt-4o-mini");
    assert_string_equal(aider_chain_next(self, "gpt-4o-mini", NULL), "o3");
    assert_null(aider_chain_next(self, "o3", NULL));
    aider_chain_destroy(&self);
    assert_null(self);
}

static void
a_model_that_is_not_in_the_chain_falls_back_to_its_first(void **state)
{
    (void) state;
    aider_chain_t *self = chain();
    assert_string_equal(aider_chain_next(self, "gpt-3", NULL), "gpt-4o");
    assert_string_equal(aider_chain_next(self, "claude-sonnet", "anthropic"), "claude-opus");
    aider_chain_destroy(&self);
}

static void
a_provider_with_a_chain_of_its_own_uses_no_other(void **state)
{
    (void) state;
    aider_chain_t *self = chain();
    assert_string_equal(aider_chain_next(self, "claude-opus", "anthropic"), "claude-haiku");
    assert_null(aider_chain_next(self, "claude-haiku", "anthropic"));
    assert_string_equal(aider_chain_next(self, "gpt-4o", "openai"), "gpt-4o-mini");
    assert_string_equal(aider_chain_next(self, "gpt-4o", "anthro"), "gpt-4o-mini");
    aider_chain_destroy(&self);
}

static void
without_a_chain_nothing_is_next(void **state)
{
    (void) state;
    aider_chain_t *self = aider_chain_new(NULL);
    assert_null(aider_chain_next(self, "gpt-4o", "openai"));
    aider_chain_destroy(&self);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_model_behind_the_one_at_hand_is_next),
        cmocka_unit_test(a_model_that_is_not_in_the_chain_falls_back_to_its_first),
        cmocka_unit_test(a_provider_with_a_chain_of_its_own_uses_no_other),
        cmocka_unit_test(without_a_chain_nothing_is_next),
    };
    return cmocka_run_group_tests_name("aider_chain", tests, NULL, NULL);
}
