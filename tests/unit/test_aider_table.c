// test_aider_table - docs/AIDER.md has all that is recognised, as the table has it
// SPDX-License-Identifier: MPL-2.0
//
// test_aider_table --write puts the table into the page.
#include "unit_test.h"

#include "aider_table.h"

#include <czmq.h>
#include <stdio.h>
#include <string.h>

#define PAGE TEST_FIXTURES "/../../docs/AIDER.md"
#define BEGIN "<!-- recognised: from stdio-bridge/aider_table.c -->\n"
#define END "<!-- end of recognised -->\n"

enum { PAGE_BYTES = 512 * 1024 };

// A cell: code, or empty.
static void
put_cell(FILE *out, const char *text)
{
    if (text)
        fputs(" `", out);
    for (; text && *text; text++)
        fprintf(out, "%s%c", *text == '|' ? "\\" : "", *text);
    fprintf(out, "%s |", text ? "`" : "");
}

static void
put_errors(FILE *out)
{
    static const char *const RETRIES[] = {
        [AIDER_RETRY_AS_CLASS] = "", [AIDER_RETRY_YES] = " yes", [AIDER_RETRY_NO] = " no"};
    fprintf(out, "\n| text | class | provider | `error_type` | repeated | meaning |\n"
                 "| --- | --- | --- | --- | --- | --- |\n");
    for (const aider_error_t *row = AIDER_ERRORS; row->meaning; row++) {
        fputs("|", out);
        put_cell(out, row->text);
        put_cell(out, row->classes);
        put_cell(out, row->provider);
        put_cell(out, row->error_type);
        fprintf(out, "%s | %s |\n", RETRIES[row->retry], row->meaning);
    }
}

static void
put_lines(FILE *out)
{
    fprintf(out, "\n| line begins | and has | `error_type` | meaning |\n"
                 "| --- | --- | --- | --- |\n");
    for (const aider_line_t *row = AIDER_LINES; row->prefix; row++) {
        bool inside = row->suffix && row->suffix[0] == '*';
        fputs("|", out);
        put_cell(out, row->prefix);
        put_cell(out, inside ? row->suffix + 1 : row->suffix);
        put_cell(out, row->error_type);
        fprintf(out, " %s |\n", row->meaning);
    }
}

static void
put_limits(FILE *out)
{
    fprintf(out, "\n| text | `limit_type` |\n| --- | --- |\n");
    for (const aider_limit_t *row = AIDER_LIMITS; row->text; row++) {
        fputs("|", out);
        put_cell(out, row->text);
        put_cell(out, row->limit_type);
        fputs("\n", out);
    }
    fprintf(out, "\nBehind these words stands what becomes `retry_after`:");
    for (const char *const *hint = AIDER_HINTS; *hint; hint++)
        fprintf(out, "%s `%s`", hint == AIDER_HINTS ? "" : ",", *hint);
    fprintf(out, ".\n\n");
}

// What stands between the marks; the caller frees.
static char *
wanted(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    put_errors(out);
    put_lines(out);
    put_limits(out);
    fclose(out);
    return text;
}

static char *
read_page(void)
{
    FILE *file = fopen(PAGE, "r");
    assert_non_null(file);
    char *text = zmalloc(PAGE_BYTES);
    assert_true(fread(text, 1, PAGE_BYTES - 1, file) > 0);
    fclose(file);
    return text;
}

static void
the_page_has_the_table(void **state)
{
    (void) state;
    char *page = read_page();
    char *begin = strstr(page, BEGIN);
    char *end = strstr(page, END);
    assert_non_null(begin);
    assert_non_null(end);
    *end = '\0';
    char *text = wanted();
    if (strcmp(begin + strlen(BEGIN), text) != 0)
        fail_msg("docs/AIDER.md differs from stdio-bridge/aider_table.c; run test_aider_table "
                 "--write");
    free(text);
    free(page);
}

static void
every_row_has_a_known_error_type_or_none(void **state)
{
    (void) state;
    for (const aider_error_t *row = AIDER_ERRORS; row->meaning; row++) {
        assert_true(!row->error_type || aider_table_is_error_type(row->error_type));
        assert_true(row->text || (row->classes && row->error_type && row->retry));
    }
    for (const aider_line_t *row = AIDER_LINES; row->prefix; row++)
        assert_true(!row->error_type || aider_table_is_error_type(row->error_type));
    assert_true(aider_table_is_error_type(AIDER_ERROR_UNKNOWN.error_type));
    assert_false(aider_table_is_error_type("other"));
}

static void
a_row_fits_the_classes_it_names(void **state)
{
    (void) state;
    const aider_error_t row = {.classes = "One|Two"};
    const aider_error_t any = {.classes = NULL};
    assert_true(aider_table_is_for(&row, "One"));
    assert_true(aider_table_is_for(&row, "Two"));
    assert_false(aider_table_is_for(&row, "Tw"));
    assert_false(aider_table_is_for(&row, ""));
    assert_true(aider_table_is_for(&any, "Two"));
}

static int
write_page(void)
{
    char *page = read_page();
    char *text = wanted();
    char *begin = strstr(page, BEGIN);
    char *end = strstr(page, END);
    FILE *file = begin && end ? fopen(PAGE, "w") : NULL;
    if (!file)
        return 1;
    fprintf(file, "%.*s%s%s", (int) (begin - page + (ptrdiff_t) strlen(BEGIN)), page, text,
            end);
    free(text);
    free(page);
    return fclose(file) == 0 ? 0 : 1;
}

int
main(int argc, char *argv[])
{
    if (argc == 2 && streq(argv[1], "--write"))
        return write_page();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_has_the_table),
        cmocka_unit_test(every_row_has_a_known_error_type_or_none),
        cmocka_unit_test(a_row_fits_the_classes_it_names),
    };
    return cmocka_run_group_tests_name("aider_table", tests, NULL, NULL);
}
