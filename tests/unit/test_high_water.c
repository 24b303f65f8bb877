// test_high_water - of each source the last number, once
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "high_water.h"

enum { SOURCES = 1000 };

// Sources as programs make them, or all but alike.
static void
note_and_check(bool alike)
{
    static mesh_uuid_t sources[SOURCES];
    high_water_t self = {0};
    for (size_t i = 0; i < SOURCES; i++) {
        sources[i] = alike ? (mesh_uuid_t){{0}} : mesh_uuid_new();
        if (alike) {
            sources[i].bytes[0] = (uint8_t) (i >> 8);
            sources[i].bytes[MESH_UUID_BYTES - 1] = (uint8_t) i;
        }
    }
    for (int turn = 0; turn < 2; turn++) {
        for (uint64_t seq = 1; seq <= 3; seq++)
            for (size_t i = 0; i < SOURCES; i++)
                high_water_note(&self, &sources[i], 10 * i + seq, (int64_t) seq);
        assert_int_equal(self.count, SOURCES);
        for (size_t i = 0; i < SOURCES; i++) {
            assert_true(mesh_uuid_equal(&self.marks[i].source, &sources[i]));
            assert_int_equal(self.marks[i].seq, 10 * i + 3);
            assert_int_equal(self.marks[i].recorded_us, 3);
        }
        high_water_clear(&self);
        assert_int_equal(self.count, 0);
    }
    high_water_free(&self);
}

static void
each_source_is_there_once_with_its_last_number(void **state)
{
    (void) state;
    note_and_check(false);
}

static void
sources_that_are_nearly_alike_are_told_apart(void **state)
{
    (void) state;
    note_and_check(true);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_source_is_there_once_with_its_last_number),
        cmocka_unit_test(sources_that_are_nearly_alike_are_told_apart),
    };
    return cmocka_run_group_tests_name("high_water", tests, NULL, NULL);
}
