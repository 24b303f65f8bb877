// doctor_files - what of the mesh is on this host's disk: directories, discovery file, keys
// SPDX-License-Identifier: MPL-2.0
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <czmq.h>

#include "doctor_parts.h"
#include "mesh/discovery.h"
#include "mesh/key_store.h"
#include "mesh/lock_file.h"
#include "mesh/paths.h"
#include "mesh/spool.h"
#include "mesh/token.h"

// Put a sentence, which is freed, in place.
static void
set_problem(json_t *object, char *problem)
{
    if (problem)
        json_object_set_new(object, "problem", json_string(problem));
    free(problem);
}

static void
add_directory(json_t *directories, const char *what, char *path, char *problem)
{
    json_t *directory = json_pack("{s:s}", "what", what);
    struct stat status;
    if (path)
        json_object_set_new(directory, "path", json_string(path));
    if (path && stat(path, &status) == 0) {
        char mode[8];
        snprintf(mode, sizeof mode, "%04o", (unsigned) status.st_mode & 07777U);
        json_object_set_new(directory, "mode", json_string(mode));
    } else if (path && !problem) {
        problem = strdup(strerror(errno));
    }
    set_problem(directory, problem);
    json_array_append_new(directories, directory);
    free(path);
}

static json_t *
describe_entry(const json_t *entry)
{
    double now_s = (double) zclock_time() / 1000;
    double age_s = now_s - json_number_value(json_object_get(entry, "last_heartbeat"));
    json_t *described = json_pack(
        "{s:O, s:O, s:O, s:s, s:f}", "id", json_object_get(entry, "coordinator_id"), "type",
        json_object_get(entry, "transport_type"), "host", json_object_get(entry, "host"),
        "life", mesh_discovery_life_name(mesh_discovery_life(entry, now_s)), "heartbeat_age",
        age_s);
    char *endpoint = mesh_discovery_control_endpoint(entry);
    if (endpoint)
        json_object_set_new(described, "endpoint", json_string(endpoint));
    else
        json_object_set(described, "port", json_object_get(entry, "port"));
    free(endpoint);
    return described;
}

static json_t *
look_at_discovery(const mesh_settings_t *settings)
{
    json_t *discovery = json_object();
    char *problem = NULL;
    char *path = mesh_paths_discovery_file(settings, &problem);
    bool used = mesh_settings_flag(settings, "features/discovery");
    json_object_set_new(discovery, "used", json_boolean(used));
    json_t *described = json_array();
    if (path) {
        json_object_set_new(discovery, "file", json_string(path));
        json_t *entries = mesh_discovery_read(path, &problem);
        size_t index;
        const json_t *entry;
        json_array_foreach(entries, index, entry)
            json_array_append_new(described, describe_entry(entry));
        json_decref(entries);
    }
    set_problem(discovery, problem);
    json_object_set_new(discovery, "entries", described);
    free(path);
    return discovery;
}

// The spools: where, and of those that nobody holds how large and how old they are.
static json_t *
look_at_spools(const mesh_settings_t *settings)
{
    json_t *spools = json_object(), *dead = json_array();
    char *problem = NULL;
    mesh_spool_t *spool = mesh_spool_new(settings, &problem);
    json_int_t held = 0;
    if (spool) {
        json_object_set_new(spools, "path", json_string(mesh_spool_dir(spool)));
        size_t count;
        mesh_spool_entry_t *entries = mesh_spool_list(spool, &count);
        for (size_t i = 0; i < count; i++) {
            held += entries[i].held;
            if (!entries[i].held)
                json_array_append_new(
                    dead, json_pack("{s:s, s:I, s:f}", "name", entries[i].name, "bytes",
                                    (json_int_t) entries[i].bytes, "age", entries[i].age_s));
        }
        mesh_spool_list_free(&entries, count);
    }
    json_object_set_new(spools, "held", json_integer(held));
    json_object_set_new(spools, "dead", dead);
    set_problem(spools, problem);
    mesh_spool_destroy(&spool);
    return spools;
}

void
doctor_look_at_files(const mesh_settings_t *settings, json_t *report)
{
    json_t *directories = json_array();
    char *problem = NULL;
    char *runtime = mesh_paths_runtime_dir(settings, &problem);
    char lock[PATH_MAX], holder[64] = "";
    if (runtime) {
        snprintf(lock, sizeof lock, "%s/broker.lock", runtime);
        (void) mesh_lock_file_is_held(lock, holder, sizeof holder);
        holder[strcspn(holder, "\n")] = '\0';
    }
    add_directory(directories, "runtime", runtime, problem);
    problem = NULL;
    char *state = mesh_paths_state_dir(settings, &problem);
    add_directory(directories, "state", state, problem);
    json_object_set_new(report, "directories", directories);
    // "broker <pid>" or "fallback <pid>": who holds the lock of the runtime directory.
    if (*holder)
        json_object_set_new(report, "lock_held_by", json_string(holder));
    json_object_set_new(report, "discovery", look_at_discovery(settings));
    json_object_set_new(report, "spools", look_at_spools(settings));
}

void
doctor_look_at_secrets(const mesh_settings_t *settings, json_t *report, mesh_key_t **key_p)
{
    json_t *keys = json_object();
    char *problem = NULL;
    char *dir = mesh_key_store_dir(settings, &problem);
    if (dir)
        json_object_set_new(keys, "dir", json_string(dir));
    if (dir)
        (void) mesh_key_load(settings, key_p, &problem);
    json_object_set_new(keys, "key", json_boolean(*key_p != NULL));
    json_object_set_new(keys, "mesh_secret",
                        json_boolean(mesh_key_mesh_secret(*key_p) != NULL));
    set_problem(keys, problem);
    free(dir);
    json_object_set_new(report, "keys", keys);

    json_t *token = json_object();
    problem = NULL;
    char *text = mesh_token_load(settings, &problem);
    json_object_set_new(token, "there", json_boolean(text != NULL));
    set_problem(token, problem);
    free(text);
    json_object_set_new(report, "token", token);
}
