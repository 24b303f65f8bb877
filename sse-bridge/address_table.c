// address_table - how many streams each address has open
// SPDX-License-Identifier: MPL-2.0
#include "address_table.h"

#include <assert.h>
#include <stdlib.h>

#include <arpa/inet.h>
#include <czmq.h>

struct address_table {
    zhashx_t *counts;    // size_t by address; owned
    size_t limit;
};

static void
count_destroy(void **item_p)
{
    free(*item_p);
    *item_p = NULL;
}

address_table_t *
address_table_new(size_t limit_per_address)
{
    address_table_t *self = calloc(1, sizeof *self);
    assert(self);
    self->counts = zhashx_new();
    zhashx_set_destructor(self->counts, count_destroy);
    self->limit = limit_per_address;
    return self;
}

void
address_table_destroy(address_table_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        zhashx_destroy(&(*self_p)->counts);
        free(*self_p);
        *self_p = NULL;
    }
}

bool
address_text(const struct sockaddr *address, char text[static ADDRESS_TEXT_SIZE])
{
    text[0] = '\0';
    if (!address)
        return false;
    if (address->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, address, sizeof v4);
        inet_ntop(AF_INET, &v4.sin_addr, text, ADDRESS_TEXT_SIZE);
        return ntohl(v4.sin_addr.s_addr) >> 24 != 127;
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, address, sizeof v6);
        inet_ntop(AF_INET6, &v6.sin6_addr, text, ADDRESS_TEXT_SIZE);
        bool mapped_loopback =
            IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr) && v6.sin6_addr.s6_addr[12] == 127;
        return !IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr) && !mapped_loopback;
    }
    return false;
}

int
address_table_take(address_table_t *self, const char *text)
{
    size_t *count = zhashx_lookup(self->counts, text);
    if (!count) {
        count = calloc(1, sizeof *count);
        assert(count);
        zhashx_insert(self->counts, text, count);
    }
    if (*count >= self->limit)
        return -1;
    ++*count;
    return 0;
}

void
address_table_give_back(address_table_t *self, const char *text)
{
    size_t *count = zhashx_lookup(self->counts, text);
    assert(count && *count > 0);
    if (--*count == 0)
        zhashx_delete(self->counts, text);
}
