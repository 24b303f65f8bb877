// beacon_interface - on which of this host's networks beacons are sent and heard
// SPDX-License-Identifier: MPL-2.0
#ifndef MESH_BEACON_INTERFACE_H
#define MESH_BEACON_INTERFACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BEACON_INTERFACES_LIMIT = 256, BEACON_ADDRESS_SIZE = 16 };

// An IPv4 address of an interface that is up, can broadcast, and is no loopback.
typedef struct beacon_interface {
    uint32_t address, netmask;    // host byte order
    bool has_default_route;
} beacon_interface_t;

// Read A.B.C.D/N, or A.B.C.D, which is /32. Returns 0, or -1 when text is neither.
int beacon_interface_parse(const char *text, uint32_t *network, uint32_t *netmask);

// The one to use: the first whose address is in network/netmask; where netmask is 0, the first
// with a default route, else the first. NULL when there is none.
const beacon_interface_t *beacon_interface_choose(const beacon_interface_t interfaces[],
                                                  size_t count, uint32_t network,
                                                  uint32_t netmask);

// This host's, in the kernel's order. Returns how many, at most BEACON_INTERFACES_LIMIT.
size_t beacon_interface_list(beacon_interface_t interfaces[static BEACON_INTERFACES_LIMIT]);

void beacon_interface_format(uint32_t address, char text[static BEACON_ADDRESS_SIZE]);

#endif
