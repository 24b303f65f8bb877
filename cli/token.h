// token - aidermesh token: shows the mesh's own token, makes, lists and revokes further ones
// SPDX-License-Identifier: MPL-2.0
#ifndef CLI_TOKEN_H
#define CLI_TOKEN_H

// argv[0] is the verb. Returns the exit status.
int token_main(int argc, char *argv[]);

#endif
