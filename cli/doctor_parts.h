// doctor_parts - what the files of the doctor share: each part fills members of one report
// SPDX-License-Identifier: MPL-2.0
//
// The report is a JSON object, which is also what --json prints; docs/OPERATIONS.md lists its
// members.
#ifndef CLI_DOCTOR_PARTS_H
#define CLI_DOCTOR_PARTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "mesh/key.h"
#include "mesh/settings.h"

// "directories", "lock_held_by", "discovery", "spools": what is on this host's disk.
void doctor_look_at_files(const mesh_settings_t *settings, json_t *report);

// "keys", "token". *key_p is the key that programs of this host show, or NULL; the caller
// destroys it.
void doctor_look_at_secrets(const mesh_settings_t *settings, json_t *report,
                            mesh_key_t **key_p);

// "http": whether the sse-bridge answers.
void doctor_ask_http(const mesh_settings_t *settings, json_t *report);

// "beacons", "places", "broker", "peers". Listens and asks for some seconds; CZMQ has been
// started. key may be NULL. Returns whether a broker answers.
bool doctor_ask_mesh(const mesh_settings_t *settings, const mesh_key_t *key, json_t *report);

// The report for people.
void doctor_print(const json_t *report, FILE *out);

#endif
