// programs - where the mesh's other programs are
// SPDX-License-Identifier: MPL-2.0
#include "mesh/programs.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *
mesh_programs_self(void)
{
    char path[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);
    if (size <= 0)
        return strdup("aidermesh");
    path[size] = '\0';
    return strdup(path);
}

char *
mesh_programs_find(const char *name)
{
    assert(name);
    char *self = mesh_programs_self();
    char *slash = strrchr(self, '/');
    char *beside = NULL;
    if (slash) {
        slash[1] = '\0';
        if (asprintf(&beside, "%s%s", self, name) < 0)
            abort();
    }
    free(self);
    if (beside && access(beside, X_OK) == 0)
        return beside;
    free(beside);
    return strdup(name);
}

char *
mesh_programs_shell_word(const char *text)
{
    assert(text);
    static const char PLAIN[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "0123456789/._-+=:,@%";
    if (*text && strspn(text, PLAIN) == strlen(text))
        return strdup(text);
    char *word = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&word, &size);
    assert(out);
    fputc('\'', out);
    for (const char *at = text; *at; at++) {
        if (*at == '\'')
            fputs("'\\''", out);
        else
            fputc(*at, out);
    }
    fputc('\'', out);
    fclose(out);
    return word;
}
