// doctor - the verb that says what this host sees of the mesh, and what it tried
// SPDX-License-Identifier: MPL-2.0
#include "doctor.h"

#include <errno.h>
#include <string.h>

#include "doctor_parts.h"
#include "mesh/exit_status.h"
#include "mesh/log.h"
#include "mesh/program.h"

static int
run(const mesh_settings_t *settings, int argc, char *argv[])
{
    (void) argc;
    (void) argv;
    // What the report says need not be said by the log too.
    if (strcmp(mesh_settings_origin(settings, "log/level"), "default") == 0)
        mesh_log_setup("aidermesh doctor", MESH_LOG_ERROR, MESH_LOG_TEXT);
    json_t *report = json_object();
    mesh_key_t *key = NULL;
    doctor_look_at_files(settings, report);
    doctor_look_at_secrets(settings, report, &key);
    doctor_ask_http(settings, report);
    bool found = doctor_ask_mesh(settings, key, report);
    mesh_key_destroy(&key);
    json_object_set_new(report, "found", json_boolean(found));
    if (mesh_settings_flag(settings, "doctor/json")) {
        (void) json_dumpf(report, stdout, JSON_INDENT(2));
        putchar('\n');
    } else {
        doctor_print(report, stdout);
    }
    json_decref(report);
    if (fflush(stdout) != 0) {
        fprintf(stderr, "aidermesh doctor: cannot write: %s\n", strerror(errno));
        return MESH_EXIT_FAILED;
    }
    return found ? MESH_EXIT_STOPPED : MESH_EXIT_FAILED;
}

int
doctor_main(int argc, char *argv[])
{
    static const mesh_program_flag_t FLAGS[] = {
        {"--broker", "ENDPOINT", "mesh/seeds", NULL, "where the broker is; may be repeated"},
        {"--json", NULL, "doctor/json", "true", "print the report as JSON"},
        {NULL, NULL, NULL, NULL, NULL},
    };
    static const mesh_program_t PROGRAM = {
        .name = "aidermesh doctor",
        .summary =
            "Say what of the mesh is found from here, where was looked, what failed and why.\n"
            "Ends with 0 when a broker was found and answers, else with 1.",
        .usage = "",
        .flags = FLAGS,
        .run = run,
        .start_zmq = mesh_program_start_zmq,
    };
    return mesh_program_main(&PROGRAM, argc, argv);
}
