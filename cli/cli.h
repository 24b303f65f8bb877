// cli - the verbs of aidermesh
// SPDX-License-Identifier: MPL-2.0
#ifndef CLI_CLI_H
#define CLI_CLI_H

// `aidermesh VERB ...`, argv as main's. Returns the exit status; does not return when the verb
// is carried out by another program (`run`).
int cli_main(int argc, char *argv[]);

// The verb that a mistyped one most likely meant; never NULL. Borrowed.
const char *cli_nearest_verb(const char *word);

#endif
