// flush - aidermesh flush: delivers what bridges that died have left
// SPDX-License-Identifier: MPL-2.0
#ifndef CLI_FLUSH_H
#define CLI_FLUSH_H

// argv[0] is the verb. Returns the exit status.
int flush_main(int argc, char *argv[]);

#endif
