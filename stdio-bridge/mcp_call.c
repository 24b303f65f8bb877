// mcp_call - what a tools/call asks for, and what its answer claims
// SPDX-License-Identifier: MPL-2.0
#include "mcp_call.h"

#include <assert.h>
#include <czmq.h>

enum {
    WORDS_MOST = 2 * 256 + 8,    // as many files of each kind as aider_options remembers
    TRACE_PARENT_BYTES = 2 + 1 + 32 + 1 + 16 + 1 + 2,
};

static const char *const aider_tools[] = {"aider_ai_code", "aider_ai_ask"};

static const json_t *
arguments_of(const json_t *message)
{
    return json_object_get(json_object_get(message, "params"), "arguments");
}

const char *
mcp_call_tool(const json_t *message)
{
    const char *method = json_string_value(json_object_get(message, "method"));
    const json_t *id = json_object_get(message, "id");
    if (!method || !streq(method, "tools/call") || !(json_is_string(id) || json_is_integer(id)))
        return NULL;
    return json_string_value(json_object_get(json_object_get(message, "params"), "name"));
}

bool
mcp_call_is_aider(const char *tool)
{
    for (size_t i = 0; i < sizeof aider_tools / sizeof *aider_tools; i++)
        if (streq(tool, aider_tools[i]))
            return true;
    return false;
}

static void
add_word(char **words, size_t *count_p, const char *option, const char *value)
{
    if (!value || *count_p + 1 >= WORDS_MOST)
        return;
    words[(*count_p)++] = zsys_sprintf("%s%s", option, value);
}

static void
add_files(char **words, size_t *count_p, const char *option, const json_t *files)
{
    size_t i = 0;
    const json_t *file = NULL;
    for (; i < json_array_size(files); i++) {
        file = json_array_get(files, i);
        add_word(words, count_p, option, json_string_value(file));
    }
}

char **
mcp_call_words(const json_t *message, const char *model)
{
    const json_t *arguments = arguments_of(message);
    char **words = zmalloc(WORDS_MOST * sizeof *words);
    size_t count = 0;
    const char *named = json_string_value(json_object_get(arguments, "model"));
    const char *prompt = json_string_value(json_object_get(arguments, "ai_coding_prompt"));
    add_word(words, &count, "aider", "");
    // There is always one: a call without a prompt is a call, not a dialogue.
    add_word(words, &count, "--message=", prompt ? prompt : "");
    add_word(words, &count, "--model=", named && *named ? named : model);
    if (json_is_true(json_object_get(arguments, "architect_mode")))
        add_word(words, &count, "--architect", "");
    add_files(words, &count, "--file=", json_object_get(arguments, "relative_editable_files"));
    add_files(words, &count, "--read=", json_object_get(arguments, "relative_readonly_files"));
    return words;
}

void
mcp_call_free_words(char ***words_p)
{
    assert(words_p);
    if (*words_p) {
        for (char **word = *words_p; *word; word++)
            freen(*word);
        free(*words_p);
        *words_p = NULL;
    }
}

bool
mcp_call_trace_id(const json_t *message, char trace_id[static MCP_TRACE_ID_SIZE])
{
    const json_t *meta = json_object_get(json_object_get(message, "params"), "_meta");
    const char *parent = json_string_value(json_object_get(meta, "traceparent"));
    if (!parent || strlen(parent) < TRACE_PARENT_BYTES || parent[2] != '-' ||
        parent[2 + 1 + 32] != '-')
        return false;
    const char *id = parent + 3;
    if (strspn(id, "0123456789abcdef") != 32 || strspn(id, "0") >= 32)
        return false;
    memcpy(trace_id, id, 32);
    trace_id[32] = '\0';
    return true;
}

// The object in the text of a result's first content, as these servers answer; or NULL.
static json_t *
text_object(const json_t *result)
{
    const json_t *content = json_array_get(json_object_get(result, "content"), 0);
    const char *text = json_string_value(json_object_get(content, "text"));
    json_t *object = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (object && !json_is_object(object)) {
        json_decref(object);
        object = NULL;
    }
    return object;
}

mcp_answer_t
mcp_call_answer(const json_t *message, const char **error_p, json_t **keep_p)
{
    const json_t *error = json_object_get(message, "error");
    const json_t *result = json_object_get(message, "result");
    *error_p = NULL;
    *keep_p = NULL;
    if (error) {
        *error_p = json_string_value(json_object_get(error, "message"));
        return MCP_ANSWER_FAILURE;
    }
    json_t *object = text_object(result);
    *keep_p = object;
    *error_p = json_string_value(json_object_get(object, "error"));
    if (json_is_true(json_object_get(result, "isError"))) {
        const json_t *content = json_array_get(json_object_get(result, "content"), 0);
        if (!*error_p)
            *error_p = json_string_value(json_object_get(content, "text"));
        return MCP_ANSWER_FAILURE;
    }
    if (*error_p && **error_p)
        return MCP_ANSWER_FAILURE;
    if (!json_is_false(json_object_get(object, "success")))
        return MCP_ANSWER_SUCCESS;
    const char *diff = json_string_value(json_object_get(object, "diff"));
    bool has_diff = diff && strncmp(diff, "diff ", strlen("diff ")) == 0;
    return has_diff ? MCP_ANSWER_UNCLEAR : MCP_ANSWER_FAILURE;
}
