// mcp_call - what a tools/call asks for, and what its answer claims
// SPDX-License-Identifier: MPL-2.0
#include "mcp_call.h"

#include <assert.h>
#include <czmq.h>

enum {
    WORDS_MOST = 2 * 256 + 8,    // as many files of each kind as aider_options remembers
    TRACE_PARENT_BYTES = 2 + 1 + 32 + 1 + 16 + 1 + 2,
};

static const char *const known_tools[] = {"aider_ai_code", "aider_ai_ask", NULL};

// As the servers that are known name the arguments that mean the same.
static const char *const prompt_names[] = {"ai_coding_prompt", "prompt", "message", NULL};
static const char *const editable_names[] = {"relative_editable_files", "editable_files",
                                             "files", NULL};
static const char *const readonly_names[] = {"relative_readonly_files", "readonly_files", NULL};

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
mcp_call_is_aider(const char *tool, const char *const *names)
{
    for (names = names ? names : known_tools; *names; names++) {
        size_t size = strlen(*names);
        if (size && (*names)[size - 1] == '*' ? strncmp(tool, *names, size - 1) == 0
                                              : streq(tool, *names))
            return true;
    }
    return false;
}

// The first argument that has one of these names.
static const json_t *
argument(const json_t *message, const char *const *names)
{
    const json_t *found = NULL;
    for (; *names && !found; names++)
        found = json_object_get(arguments_of(message), *names);
    return found;
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
    const char *prompt = json_string_value(argument(message, prompt_names));
    add_word(words, &count, "aider", "");
    // There is always one: a call without a prompt is a call, not a dialogue.
    add_word(words, &count, "--message=", prompt ? prompt : "");
    add_word(words, &count, "--model=", named && *named ? named : model);
    if (json_is_true(json_object_get(arguments, "architect_mode")))
        add_word(words, &count, "--architect", "");
    add_files(words, &count, "--file=", argument(message, editable_names));
    add_files(words, &count, "--read=", argument(message, readonly_names));
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

bool
mcp_call_wants_more(const json_t *message)
{
    const json_t *result = json_object_get(message, "result");
    const char *type = json_string_value(json_object_get(result, "resultType"));
    return type && streq(type, "input_required");
}

// What a request asks of a person.
static const char *
question_of(const json_t *request)
{
    const char *method = json_string_value(json_object_get(request, "method"));
    if (!method || !streq(method, "elicitation/create"))
        return NULL;
    return json_string_value(json_object_get(json_object_get(request, "params"), "message"));
}

const char *
mcp_call_question(const json_t *message)
{
    if (!mcp_call_wants_more(message))
        return question_of(message);
    const char *key = NULL;
    json_t *request = NULL;
    const char *question = NULL;
    json_t *requests = json_object_get(json_object_get(message, "result"), "inputRequests");
    json_object_foreach(requests, key, request)
    {
        if (!question)
            question = question_of(request);
    }
    return question;
}

// What the tool answered, where that is an object: as such, or, as these servers do, as JSON
// in the text of the result's first content. NULL for none; the caller's to decref.
static json_t *
answered_object(const json_t *result)
{
    const json_t *content = json_array_get(json_object_get(result, "content"), 0);
    const char *text = json_string_value(json_object_get(content, "text"));
    json_t *object = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (json_is_object(object))
        return object;
    json_decref(object);
    json_t *structured = json_object_get(result, "structuredContent");
    return json_is_object(structured) ? json_incref(structured) : NULL;
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
    json_t *object = answered_object(result);
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
