// port_file - says in a file which port is listened on, where the kernel chose it
// SPDX-License-Identifier: MPL-2.0
#ifndef SSE_PORT_FILE_H
#define SSE_PORT_FILE_H

#include <stdint.h>

// Put "<port>\n" into the file at path, whole or not at all. Returns 0, or -1 with *error_p a
// sentence that the caller frees.
int port_file_write(const char *path, uint16_t port, char **error_p);

// The port in the file, or 0 when there is none.
uint16_t port_file_read(const char *path);

#endif
