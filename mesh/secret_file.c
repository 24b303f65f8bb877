// secret_file - a file with one secret line, which only its owner may read
// SPDX-License-Identifier: MPL-2.0
#include "mesh/secret_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text.h"

enum { HEX_BYTES = 2 * MESH_SECRET_RANDOM_BYTES };

char *
mesh_secret_refusal(const char *text, size_t bytes)
{
    bool printable = true;
    for (size_t i = 0; i < bytes; i++)
        printable = printable && text[i] > ' ' && text[i] < 0x7f;
    if (printable && bytes >= MESH_SECRET_LEAST_BYTES && bytes <= MESH_SECRET_MOST_BYTES)
        return NULL;
    return mesh_text_printf("allowed is one line of %d to %d printable characters without "
                            "spaces",
                            MESH_SECRET_LEAST_BYTES, MESH_SECRET_MOST_BYTES);
}

// Read the secret from an open file. Returns it, or NULL with *wrong_p what is wrong.
static char *
read_secret(int fd, char **wrong_p)
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

    char text[MESH_SECRET_MOST_BYTES + 2];    // a newline, and one byte too many
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
    *wrong_p = mesh_secret_refusal(text, length);
    return *wrong_p ? NULL : strndup(text, length);
}

char *
mesh_secret_file_load(const char *path, const char *what, bool *missing_p, char **error_p)
{
    assert(path && what && missing_p && error_p);
    // Not blocking, because the open of a FIFO would wait for a writer.
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    *missing_p = fd < 0 && errno == ENOENT;
    if (*missing_p)
        return NULL;
    char *wrong = NULL;
    char *secret = NULL;
    if (fd < 0 && errno == ELOOP)
        wrong = mesh_text_printf("it is a link");
    else if (fd < 0)
        wrong = mesh_text_printf("cannot open it: %s", strerror(errno));
    else {
        secret = read_secret(fd, &wrong);
        (void) close(fd);
    }
    if (wrong) {
        char *quoted = mesh_text_quoted(path);
        *error_p = mesh_text_printf("%s %s cannot be used: %s", what, quoted, wrong);
        free(quoted);
        free(wrong);
    }
    return secret;
}

// Write a new secret to a file of its own and link it to path, so that path never holds half a
// secret and the first of two makers wins. Returns 0 also when the other won, or -1 with errno.
static int
make_file(const char *path)
{
    unsigned char random[MESH_SECRET_RANDOM_BYTES];
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

char *
mesh_secret_file_load_or_make(const char *path, const char *what, char **error_p)
{
    bool missing = false;
    char *secret = mesh_secret_file_load(path, what, &missing, error_p);
    if (missing && make_file(path) == 0)
        secret = mesh_secret_file_load(path, what, &missing, error_p);
    else if (missing)
        *error_p = mesh_text_printf("cannot make %s \"%s\": %s", what, path, strerror(errno));
    return secret;
}
