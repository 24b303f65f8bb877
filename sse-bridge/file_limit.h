// file_limit - how many streams the kernel lets us have: each is an open file
// SPDX-License-Identifier: MPL-2.0
#ifndef SSE_FILE_LIMIT_H
#define SSE_FILE_LIMIT_H

#include <stddef.h>

// Raise the limit of open files to that many clients and spare more, as far as the hard limit
// allows. Returns how many clients there can be; fewer than asked for is logged.
size_t file_limit_for(size_t clients, size_t spare);

#endif
