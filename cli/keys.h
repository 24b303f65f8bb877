// keys - aidermesh keys: makes, shows and revokes the keys of the mesh
// SPDX-License-Identifier: MPL-2.0
#ifndef CLI_KEYS_H
#define CLI_KEYS_H

// argv[0] is the verb. Returns the exit status.
int keys_main(int argc, char *argv[]);

#endif
