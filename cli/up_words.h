// up_words - the words of `up`'s command line, and those of the programs it starts
// SPDX-License-Identifier: MPL-2.0
//
// Every program knows every setting, so what `up` is told, the programs are told: the common
// options as they stand, the flags of `up` as the settings they stand for.
#ifndef CLI_UP_WORDS_H
#define CLI_UP_WORDS_H

#include "mesh/program.h"

typedef struct up_words up_words_t;

// The flags of `up`, ended by a row without a name.
extern const mesh_program_flag_t up_words_flags[];

// Keep the words of `up`'s command line. argv is borrowed and must outlive the result.
up_words_t *up_words_new(int argc, char *argv[]);
void up_words_destroy(up_words_t **self_p);

// The arguments for a program of that name, ended by NULL, for the caller to end with
// up_words_free. port_file, where not NULL, is where it shall write its HTTP port.
char **up_words_for(const up_words_t *self, const char *name, const char *port_file);
void up_words_free(char ***arguments_p);

// What follows the path of aidermesh, for a shell, so that it prints the token of these
// settings in any terminal: "token show", with the directory named where it is not every
// terminal's. The caller frees it.
char *up_words_token(const mesh_settings_t *settings);

#endif
