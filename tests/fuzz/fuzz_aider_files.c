// fuzz_aider_files - any .env and .aider.conf.yml can be read
// SPDX-License-Identifier: MPL-2.0
#include "aider_files.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct content {
    const uint8_t *data;
    size_t size;
} content_t;

static const char *
no_env(void *arg, const char *name)
{
    (void) arg;
    return !strcmp(name, "HOME") ? "/home/u" : NULL;
}

static char *
read_content(void *arg, const char *path, size_t limit_bytes)
{
    const content_t *content = arg;
    (void) path;
    size_t size = content->size < limit_bytes ? content->size : limit_bytes;
    char *text = malloc(size + 1);
    assert(text);
    if (size > 0)
        memcpy(text, content->data, size);
    text[size] = '\0';
    return text;
}

static bool
exists(void *arg, const char *path)
{
    (void) arg;
    return !strcmp(path, "/repo/.git");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const ARGV[] = {"aider", NULL};
    content_t content = {.data = data, .size = size};
    aider_files_t *files = aider_files_find(&(aider_files_source_t){.argv = ARGV,
                                                                    .working_dir = "/repo/sub",
                                                                    .env = no_env,
                                                                    .read = read_content,
                                                                    .exists = exists,
                                                                    .arg = &content});
    assert(files->chat_history[0] == '/');
    assert(!files->analytics_log || files->analytics_log[0] == '/');
    aider_files_destroy(&files);
    return 0;
}
