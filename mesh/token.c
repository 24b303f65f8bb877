// token - the secret that HTTP clients show; made at first start, kept in <state dir>/token
// SPDX-License-Identifier: MPL-2.0
#include "mesh/token.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mesh/paths.h"
#include "text.h"

enum {
    LEAST_BYTES = 16,
    MOST_BYTES = 256,
    HEX_BYTES = 2 * MESH_TOKEN_RANDOM_BYTES,
};

// Returns NULL, or what is wrong with length bytes as a token.
static char *
refuse_words(const char *token, size_t length)
{
    bool printable = true;
    for (size_t i = 0; i < length; i++)
        printable = printable && token[i] > ' ' && token[i] < 0x7f;
    if (printable && length >= LEAST_BYTES && length <= MOST_BYTES)
        return NULL;
    return mesh_text_printf("allowed is one line of %d to %d printable characters without "
                            "spaces",
                            LEAST_BYTES, MOST_BYTES);
}

// Read the token from an open file. Returns it, or NULL with *wrong_p what is wrong.
static char *
read_token(int fd, char **wrong_p)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        *wrong_p = mesh_text_printf("cannot look at it: %s", strerror(errno));
    else if (!S_ISREG(status.st_mode))
        *wrong_p = mesh_text_printf("it is not a regular file");
    else if (status.st_uid != geteuid())
        *wrong_p = mesh_text_printf("it belongs to user %lu, not to %lu",
                                    (unsigned long) status.st_uid, (unsigned long) geteuid());
    else if (status.st_mode & 077)
        *wrong_p = mesh_text_printf("others may use it (mode %04o); allowed is 0600",
                                    (unsigned) status.st_mode & 07777U);
    if (*wrong_p)
        return NULL;

    char text[MOST_BYTES + 2];    // a newline, and one byte too many
    ssize_t got = 0;
    do
        got = read(fd, text, sizeof text);
    while (got < 0 && errno == EINTR);
    if (got < 0) {
        *wrong_p = mesh_text_printf("cannot read it: %s", strerror(errno));
        return NULL;
    }
    size_t length = (size_t) got;
    if (length && text[length - 1] == '\n')
        length--;
    *wrong_p = refuse_words(text, length);
    return *wrong_p ? NULL : strndup(text, length);
}

// Read the token file. Returns the token, or NULL: *missing_p says that there is no such file,
// else *error_p is set.
static char *
load_file(const char *path, bool *missing_p, char **error_p)
{
    // Not blocking, because the open of a FIFO would wait for a writer.
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    *missing_p = fd < 0 && errno == ENOENT;
    if (*missing_p)
        return NULL;
    char *wrong = NULL;
    char *token = NULL;
    if (fd < 0 && errno == ELOOP)
        wrong = mesh_text_printf("it is a link");
    else if (fd < 0)
        wrong = mesh_text_printf("cannot open it: %s", strerror(errno));
    else {
        token = read_token(fd, &wrong);
        (void) close(fd);
    }
    if (wrong) {
        char *quoted = mesh_text_quoted(path);
        *error_p = mesh_text_printf("the token file %s cannot be used: %s", quoted, wrong);
        free(quoted);
        free(wrong);
    }
    return token;
}

// Write a new token to a file of its own and link it to path, so that path never holds half a
// token and the first of two makers wins. Returns 0 also when the other won, or -1 with errno.
static int
make_file(const char *path)
{
    unsigned char random[MESH_TOKEN_RANDOM_BYTES];
    char line[HEX_BYTES + 2];
    if (getrandom(random, sizeof random, 0) != (ssize_t) sizeof random)
        return -1;
    for (size_t i = 0; i < sizeof random; i++)
        (void) snprintf(line + 2 * i, 3, "%02x", random[i]);
    memcpy(line + HEX_BYTES, "\n", 2);

    char *fresh = mesh_text_printf("%s.XXXXXX", path);
    int rc = -1;
    int kept_errno = 0;
    int fd = mkostemp(fresh, O_CLOEXEC);    // mode 0600
    if (fd >= 0) {
        errno = ENOSPC;    // what a short write means
        if (write(fd, line, HEX_BYTES + 1) == HEX_BYTES + 1 && fsync(fd) == 0 &&
            (link(fresh, path) == 0 || errno == EEXIST))
            rc = 0;
        kept_errno = errno;
        (void) close(fd);
        (void) unlink(fresh);
        errno = kept_errno;
    }
    free(fresh);
    return rc;
}

int
mesh_token_check(const mesh_settings_t *settings, char **error_p)
{
    assert(settings && error_p);
    const char *configured = mesh_settings_string(settings, "http/token_value");
    char *wrong = *configured ? refuse_words(configured, strlen(configured)) : NULL;
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
    char *token = load_file(path, &missing, error_p);
    if (missing && make && make_file(path) == 0)
        token = load_file(path, &missing, error_p);
    else if (missing && make)
        *error_p =
            mesh_text_printf("cannot make the token file \"%s\": %s", path, strerror(errno));
    if (!token && !*error_p)
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
    assert(settings && error_p);
    *error_p = NULL;
    return load(settings, true, error_p);
}

char *
mesh_token_load(const mesh_settings_t *settings, char **error_p)
{
    assert(settings && error_p);
    *error_p = NULL;
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
