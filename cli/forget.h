// forget - the verb that has the mesh forget a session
// SPDX-License-Identifier: MPL-2.0
#ifndef CLI_FORGET_H
#define CLI_FORGET_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

// argv[0] is the verb. Returns the exit status: 0 forgotten, 1 not, 2 wrongly called.
int forget_main(int argc, char *argv[]);

// What the broker's answer says, for people. local_host is where this runs. Borrows report.
void forget_print(const json_t *report, const char *local_host, FILE *out);

#endif
