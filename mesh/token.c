// token - the secret that HTTP clients show; made at first start, kept in <state dir>/token
// SPDX-License-Identifier: MPL-2.0
#include "mesh/token.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "mesh/paths.h"
#include "mesh/secret_file.h"
#include "text.h"

static const char what[] = "the token file";

int
mesh_token_check(const mesh_settings_t *settings, char **error_p)
{
    assert(settings && error_p);
    const char *configured = mesh_settings_string(settings, "http/token_value");
    char *wrong = *configured ? mesh_secret_refusal(configured, strlen(configured)) : NULL;
    if (!wrong)
        return 0;
    *error_p = mesh_text_printf("http/token_value (%s) cannot be used: %s",
                                mesh_settings_origin(settings, "http/token_value"), wrong);
    free(wrong);
    return -1;
}

static char *
load(const mesh_settings_t *settings, bool make, char **error_p)
{
    assert(settings && error_p);
    *error_p = NULL;
    const char *configured = mesh_settings_string(settings, "http/token_value");
    if (mesh_token_check(settings, error_p) != 0)
        return NULL;
    if (*configured)
        return strdup(configured);
    char *directory = mesh_paths_state_dir(settings, error_p);
    if (!directory)
        return NULL;
    char *path = mesh_text_printf("%s/token", directory);
    free(directory);
    bool missing = false;
    char *token = make ? mesh_secret_file_load_or_make(path, what, error_p)
                       : mesh_secret_file_load(path, what, &missing, error_p);
    if (missing)
        *error_p =
            mesh_text_printf("there is no token yet (\"%s\"): the sse-bridge makes it at "
                             "its first start",
                             path);
    free(path);
    return token;
}

char *
mesh_token_load_or_make(const mesh_settings_t *settings, char **error_p)
{
    return load(settings, true, error_p);
}

char *
mesh_token_load(const mesh_settings_t *settings, char **error_p)
{
    return load(settings, false, error_p);
}

bool
mesh_token_equal(const char *token, const char *given)
{
    assert(token && given);
    size_t token_bytes = strlen(token);
    size_t given_bytes = strlen(given);
    volatile unsigned char differs = token_bytes != given_bytes || token_bytes == 0;
    for (size_t i = 0; i < given_bytes && token_bytes; i++)
        differs = (unsigned char) (differs | (token[i % token_bytes] ^ given[i]));
    return !differs;
}
