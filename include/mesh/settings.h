// settings - the effective configuration, each value with its origin
// SPDX-License-Identifier: MPL-2.0
//
// All keys of all programs stand in one table (mesh/settings_table.c): key, kind, default,
// range, meaning. A key is "section/name". Later sources win: defaults, file, environment,
// flags.
#ifndef MESH_SETTINGS_H
#define MESH_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef enum {
    MESH_SETTING_STRING,
    MESH_SETTING_LIST,        // comma-separated strings; a later source replaces the whole list
    MESH_SETTING_CHOICE,      // one of the words in `allowed`, separated by '|'
    MESH_SETTING_FLAG,        // true|false
    MESH_SETTING_NUMBER,      // an integer without a unit
    MESH_SETTING_DURATION,    // 250ms, 30s, 5m, 2h, 7d; a unit is required, except for 0
    MESH_SETTING_SIZE,        // 512B, 64KiB, 64MiB, 1GiB; a unit is required, except for 0
} mesh_setting_kind_t;

typedef struct mesh_setting {
    const char *key;        // "broker/window_events"
    const char *initial;    // the default, in the form a user writes; "" is "not set"
    const char *allowed;    // CHOICE: the words; else NULL
    const char *meaning;    // one sentence for --help, docs and --print-config
    int64_t least, most;    // inclusive range of NUMBER, DURATION (ms) and SIZE (bytes)
    mesh_setting_kind_t kind;
    bool secret;    // never printed; may come by environment ..._FILE
} mesh_setting_t;

// The table, ended by a row whose key is NULL.
extern const mesh_setting_t mesh_settings_table[];

typedef struct mesh_settings mesh_settings_t;

// All defaults. The caller owns the result and ends it with mesh_settings_destroy.
mesh_settings_t *mesh_settings_new(void);
void mesh_settings_destroy(mesh_settings_t **self_p);

// Each of these returns 0, or -1 with *error_p a sentence that names the key or value, what is
// allowed and, for an unknown key, the nearest known one; the caller frees it. On failure
// nothing has been changed.

// Read a ZPL file (zconfig). When environment_name is not NULL, the overlay beside it is read
// after it where it exists: aidermesh.cfg, then aidermesh.<environment_name>.cfg.
int mesh_settings_read_file(mesh_settings_t *self, const char *path,
                            const char *environment_name, char **error_p);

// Read ZPL text, size_bytes long, of a file called name.
int mesh_settings_read_zpl(mesh_settings_t *self, const char *text, size_t size_bytes,
                           const char *name, char **error_p);

// Take AIDERMESH_<SECTION>_<NAME> (upper case) from environment, a NULL-ended array of
// NAME=value as environ; for a secret also AIDERMESH_<SECTION>_<NAME>_FILE, whose first line is
// the value (64 KiB at most). AIDERMESH_SEEDS stands for mesh/seeds, AIDERMESH_HOST for
// mesh/host. Known variables of another meaning (AIDERMESH=off, AIDERMESH_CONFIG,
// AIDERMESH_ENV) are passed over; any other AIDERMESH_... name is an error, and so are two
// that set the same setting.
int mesh_settings_read_environment(mesh_settings_t *self, char *const environment[],
                                   char **error_p);

// The same, but what is wrong (a name nobody knows, a value that is not allowed) is told to
// wrong, which borrows the sentence, and passed over: for who has to go on in any case.
typedef void mesh_settings_wrong_fn(void *arg, const char *sentence);
void mesh_settings_read_what_is_right(mesh_settings_t *self, char *const environment[],
                                      mesh_settings_wrong_fn *wrong, void *arg);

// Whether values are as they must be beyond what the table says: seeds, directories, the token,
// times that go with each other. Looks at no file. Returns 0, or -1 with *error_p.
int mesh_settings_check(const mesh_settings_t *self, char **error_p);

// Set one value, from "section/key=value". origin is copied, e.g. "--set" or "--broker".
int mesh_settings_assign(mesh_settings_t *self, const char *assignment, const char *origin,
                         char **error_p);

// Values. Asking for a key that is not in the table, or of another kind, is our own mistake and
// asserted. Strings are borrowed, valid until the setting changes.
const char *mesh_settings_string(const mesh_settings_t *self,
                                 const char *key);    // STRING, CHOICE
size_t mesh_settings_list_size(const mesh_settings_t *self, const char *key);
const char *mesh_settings_list_item(const mesh_settings_t *self, const char *key, size_t index);
bool mesh_settings_flag(const mesh_settings_t *self, const char *key);
int64_t mesh_settings_number(const mesh_settings_t *self, const char *key);    // NUMBER
int64_t mesh_settings_ms(const mesh_settings_t *self, const char *key);        // DURATION
size_t mesh_settings_bytes(const mesh_settings_t *self, const char *key);      // SIZE

// Where the value comes from: "default", "file aidermesh.cfg", "environment
// AIDERMESH_HTTP_PORT", "--set".
const char *mesh_settings_origin(const mesh_settings_t *self, const char *key);

// Print the effective configuration as ZPL, each value with its meaning and origin as a
// comment. The form is a file that can be read again; a secret is a comment with "***".
void mesh_settings_print(const mesh_settings_t *self, FILE *out);

#endif
