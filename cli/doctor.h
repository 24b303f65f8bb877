// doctor - the verb that says what this host sees of the mesh, and what it tried
// SPDX-License-Identifier: MPL-2.0
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

// argv[0] is the verb. Returns 0 when a broker was found and answers, else 1.
int doctor_main(int argc, char *argv[]);

#endif
