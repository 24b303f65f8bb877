// network - lists of networks, and which address a request comes from when proxies are trusted
// SPDX-License-Identifier: MPL-2.0
#include "network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

enum { MAPPED_BITS = 96, ALL_BITS = 128 };

static int
read_address(const char *text, uint8_t address[static 16], bool *is_v4)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    *is_v4 = inet_pton(AF_INET, text, address + 12) == 1;
    if (*is_v4) {
        memcpy(address, mapped, sizeof mapped);
        return 0;
    }
    return inet_pton(AF_INET6, text, address) == 1 ? 0 : -1;
}

static void
write_address(const uint8_t address[static 16], char text[static INET6_ADDRSTRLEN])
{
    struct in6_addr v6;
    memcpy(&v6, address, sizeof v6);
    if (IN6_IS_ADDR_V4MAPPED(&v6))
        (void) inet_ntop(AF_INET, address + 12, text, INET6_ADDRSTRLEN);
    else
        (void) inet_ntop(AF_INET6, address, text, INET6_ADDRSTRLEN);
}

int
network_parse(network_t *self, const char *text)
{
    char address[INET6_ADDRSTRLEN];
    size_t bytes = strcspn(text, "/");
    bool is_v4;
    if (bytes == 0 || bytes >= sizeof address)
        return -1;
    memcpy(address, text, bytes);
    address[bytes] = '\0';
    if (read_address(address, self->address, &is_v4) != 0)
        return -1;
    unsigned long most = is_v4 ? ALL_BITS - MAPPED_BITS : ALL_BITS;
    unsigned long bits = most;
    if (text[bytes] == '/') {
        const char *digits = text + bytes + 1;
        size_t count = strspn(digits, "0123456789");
        if (count == 0 || count > 3 || digits[count] != '\0')
            return -1;
        bits = strtoul(digits, NULL, 10);
    }
    if (bits > most)
        return -1;
    self->bits = (uint8_t) (is_v4 ? bits + MAPPED_BITS : bits);
    return 0;
}

static bool
has(const network_t *self, const uint8_t address[static 16])
{
    size_t whole = self->bits / 8U;
    unsigned rest = self->bits % 8U;
    if (memcmp(self->address, address, whole) != 0)
        return false;
    return rest == 0 || (self->address[whole] ^ address[whole]) >> (8 - rest) == 0;
}

static bool
any_has(const network_t networks[], size_t count, const uint8_t address[static 16])
{
    for (size_t at = 0; at < count; at++)
        if (has(&networks[at], address))
            return true;
    return false;
}

bool
network_has(const network_t networks[], size_t count, const char *text)
{
    uint8_t address[16];
    bool is_v4;
    return read_address(text, address, &is_v4) == 0 && any_has(networks, count, address);
}

void
network_client(const network_t trusted[], size_t count, const char *peer, const char *forwarded,
               char client[static INET6_ADDRSTRLEN])
{
    uint8_t address[16];
    bool is_v4;
    if (read_address(peer, address, &is_v4) != 0) {
        (void) snprintf(client, INET6_ADDRSTRLEN, "%s", peer);
        return;
    }
    // From the end, where what we were told by those we trust stands.
    size_t end = forwarded ? strlen(forwarded) : 0;
    while (end > 0 && any_has(trusted, count, address)) {
        size_t start = end;
        while (start > 0 && forwarded[start - 1] != ',')
            start--;
        const char *from = forwarded + start;
        size_t blanks = strspn(from, " \t");
        size_t bytes = end - start > blanks ? end - start - blanks : 0;
        while (bytes > 0 && strchr(" \t", from[blanks + bytes - 1]))
            bytes--;
        char text[INET6_ADDRSTRLEN];
        uint8_t before[16];
        if (bytes == 0 || bytes >= sizeof text)
            break;
        memcpy(text, from + blanks, bytes);
        text[bytes] = '\0';
        if (read_address(text, before, &is_v4) != 0)
            break;
        memcpy(address, before, sizeof address);
        end = start > 0 ? start - 1 : 0;
    }
    write_address(address, client);
}
