// network - lists of networks, and which address a request comes from when proxies are trusted
// SPDX-License-Identifier: MPL-2.0
#ifndef SSE_NETWORK_H
#define SSE_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <netinet/in.h>

// A.B.C.D/N or an IPv6 network; a bare address is itself only. IPv4 is kept as mapped into
// IPv6.
typedef struct network {
    uint8_t address[16];
    uint8_t bits;
} network_t;

// Read a network. Returns 0, or -1 when text is none.
int network_parse(network_t *self, const char *text);

// Whether one of them has this address, as text; false when it is no address.
bool network_has(const network_t networks[], size_t count, const char *address);

// Who asks: the peer itself, or, where it is one of the trusted proxies, the last address in
// forwarded (X-Forwarded-For, or NULL) that is none of them. What a proxy passes on and is no
// address ends the search there: the peer it came through is the client. The address is written
// as inet_ntop does, IPv4 as IPv4.
void network_client(const network_t trusted[], size_t count, const char *peer,
                    const char *forwarded, char client[static INET6_ADDRSTRLEN]);

#endif
