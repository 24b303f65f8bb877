// address_table - how many streams each address has open
// SPDX-License-Identifier: MPL-2.0
#ifndef SSE_ADDRESS_TABLE_H
#define SSE_ADDRESS_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include <netinet/in.h>
#include <sys/socket.h>

enum { ADDRESS_TEXT_SIZE = INET6_ADDRSTRLEN };

typedef struct address_table address_table_t;

// Loopback addresses are not counted: all of one host's clients, and every proxy's, share them.
address_table_t *address_table_new(size_t limit_per_address);
void address_table_destroy(address_table_t **self_p);

// Write the address as text. Returns whether it is one that is counted.
bool address_text(const struct sockaddr *address, char text[static ADDRESS_TEXT_SIZE]);

// Count one more. Returns 0, or -1 when the address has its limit.
int address_table_take(address_table_t *self, const char *text);
void address_table_give_back(address_table_t *self, const char *text);

#endif
