// aider_options - what a command line tells AIDER
// SPDX-License-Identifier: MPL-2.0
//
// Reads an argv as AIDER's own parser does: "--name value", "--name=value", unambiguous
// beginnings of a name, "-m text", and everything else is a file to edit. The command may stand
// behind others ("env X=1 python -m aider …"); what stands before the word aider is not read.
#ifndef AIDER_OPTIONS_H
#define AIDER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct aider_options aider_options_t;

enum { AIDER_OPTIONS_FILE_LIMIT = 256 };    // files remembered of each kind

// Read argv, which ends with NULL and must outlive the options. Never returns NULL.
aider_options_t *aider_options_new(const char *const *argv);

// End the options and set *self_p to NULL.
void aider_options_destroy(aider_options_t **self_p);

// The value given last for an option by its full name, such as "--model"; NULL when not given.
// The short forms and --msg count for their long names.
const char *aider_options_value(const aider_options_t *self, const char *name);

// Whether a switch was given, such as "--architect".
bool aider_options_switch(const aider_options_t *self, const char *name);

// The i-th file to edit (also from --file) or, read_only, to read (--read); NULL behind the
// last.
const char *aider_options_file(const aider_options_t *self, bool read_only, size_t i);

#endif
