// beacon_interface - on which of this host's networks beacons are sent and heard
// SPDX-License-Identifier: MPL-2.0
#include "beacon_interface.h"

#include <arpa/inet.h>
#include <assert.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUTE_LINE_BYTES = 512 };

int
beacon_interface_parse(const char *text, uint32_t *network, uint32_t *netmask)
{
    assert(text && network && netmask);
    char address[BEACON_ADDRESS_SIZE];
    const char *slash = strchr(text, '/');
    size_t length = slash ? (size_t) (slash - text) : strlen(text);
    if (length == 0 || length >= sizeof address)
        return -1;
    memcpy(address, text, length);
    address[length] = '\0';
    long bits = 32;
    if (slash) {
        char *end;
        bits = strtol(slash + 1, &end, 10);
        if (slash[1] < '0' || slash[1] > '9' || *end || bits < 1 || bits > 32)
            return -1;
    }
    struct in_addr parsed;
    if (inet_pton(AF_INET, address, &parsed) != 1)
        return -1;
    *netmask = UINT32_MAX << (32 - bits);
    *network = ntohl(parsed.s_addr) & *netmask;
    return 0;
}

const beacon_interface_t *
beacon_interface_choose(const beacon_interface_t interfaces[], size_t count, uint32_t network,
                        uint32_t netmask)
{
    const beacon_interface_t *first = NULL;
    for (size_t i = 0; i < count; i++) {
        const beacon_interface_t *one = &interfaces[i];
        if ((one->address & netmask) != network)
            continue;
        if (netmask != 0 || one->has_default_route)
            return one;
        if (!first)
            first = one;
    }
    return first;
}

// The name of the interface of the first default route, or "".
static void
default_route(char name[static IF_NAMESIZE])
{
    name[0] = '\0';
    FILE *file = fopen("/proc/net/route", "re");
    char line[ROUTE_LINE_BYTES];
    while (file && fgets(line, sizeof line, file)) {
        // Iface, destination and gateway in hexadecimal digits, ...
        const char *tab = strchr(line, '\t');
        size_t length = tab ? (size_t) (tab - line) : 0;
        if (length == 0 || length >= IF_NAMESIZE || strncmp(tab + 1, "00000000\t", 9) != 0)
            continue;
        memcpy(name, line, length);
        name[length] = '\0';
        break;
    }
    if (file)
        (void) fclose(file);
}

static uint32_t
ipv4_of(const struct sockaddr *address)
{
    struct sockaddr_in ipv4;
    memcpy(&ipv4, address, sizeof ipv4);
    return ntohl(ipv4.sin_addr.s_addr);
}

size_t
beacon_interface_list(beacon_interface_t interfaces[static BEACON_INTERFACES_LIMIT])
{
    struct ifaddrs *all = NULL;
    if (getifaddrs(&all) != 0)
        return 0;
    char route[IF_NAMESIZE];
    default_route(route);
    size_t count = 0;
    for (const struct ifaddrs *one = all; one && count < BEACON_INTERFACES_LIMIT;
         one = one->ifa_next) {
        const unsigned wanted = IFF_UP | IFF_BROADCAST;
        if (!one->ifa_addr || !one->ifa_netmask || one->ifa_addr->sa_family != AF_INET ||
            (one->ifa_flags & (wanted | IFF_LOOPBACK | IFF_POINTOPOINT)) != wanted)
            continue;
        interfaces[count++] = (beacon_interface_t){
            .address = ipv4_of(one->ifa_addr),
            .netmask = ipv4_of(one->ifa_netmask),
            .has_default_route = strcmp(one->ifa_name, route) == 0,
        };
    }
    freeifaddrs(all);
    return count;
}

void
beacon_interface_format(uint32_t address, char text[static BEACON_ADDRESS_SIZE])
{
    snprintf(text, BEACON_ADDRESS_SIZE, "%u.%u.%u.%u", address >> 24, address >> 16 & 255U,
             address >> 8 & 255U, address & 255U);
}
