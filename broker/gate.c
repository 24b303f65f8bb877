// gate - who may come in, by which door
// SPDX-License-Identifier: MPL-2.0
#include "gate.h"

#include <assert.h>

#include <czmq.h>

typedef struct known {
    mesh_key_entry_t entry;
    bool let_in;    // since connections were last closed
} known_t;

struct gate {
    zhashx_t *keys;    // public key as text -> known_t; owned, with its items
    uint64_t refused;
};

static const char *const domains[GATE_DOORS] = {"publish", "subscribe", "control"};

static void
known_destroy(void **item_p)
{
    free(*item_p);
    *item_p = NULL;
}

static zhashx_t *
new_keys(void)
{
    zhashx_t *keys = zhashx_new();
    zhashx_set_destructor(keys, known_destroy);
    return keys;
}

gate_t *
gate_new(void)
{
    gate_t *self = zmalloc(sizeof *self);
    self->keys = new_keys();
    return self;
}

void
gate_destroy(gate_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        zhashx_destroy(&(*self_p)->keys);
        free(*self_p);
        *self_p = NULL;
    }
}

const char *
gate_domain(gate_door_t door)
{
    return domains[door];
}

// The key of this name; NULL when there is none.
static known_t *
by_name(zhashx_t *keys, const char *name)
{
    known_t *known = zhashx_first(keys);
    while (known && !streq(known->entry.name, name))
        known = zhashx_next(keys);
    return known;
}

// Add what an entry says. let_in goes on from the same key before.
static void
add(zhashx_t *keys, zhashx_t *before, const mesh_key_entry_t *entry)
{
    if (entry->role == MESH_ROLE_NONE) {
        const known_t *kept = by_name(before, entry->name);
        if (!kept)
            return;
        entry = &kept->entry;
    }
    known_t *known = zmalloc(sizeof *known);
    known->entry = *entry;
    const known_t *was = zhashx_lookup(before, entry->public_key);
    known->let_in = was && was->let_in;
    if (zhashx_insert(keys, entry->public_key, known) != 0)
        free(known);
}

static gate_change_t
compare(zhashx_t *before, zhashx_t *keys)
{
    bool same = zhashx_size(before) == zhashx_size(keys);
    for (known_t *was = zhashx_first(before); was; was = zhashx_next(before)) {
        const known_t *now = zhashx_lookup(keys, was->entry.public_key);
        bool differs = !now || now->entry.role != was->entry.role;
        if (differs && was->let_in)
            return GATE_MUST_GO;
        same = same && !differs && streq(now->entry.name, was->entry.name);
    }
    return same ? GATE_SAME : GATE_CHANGED;
}

gate_change_t
gate_replace(gate_t *self, const mesh_key_entry_t entries[], size_t count)
{
    assert(self && (entries || count == 0));
    zhashx_t *keys = new_keys();
    for (size_t i = 0; i < count; i++)
        if (!entries[i].revoked)
            add(keys, self->keys, &entries[i]);
    gate_change_t change = compare(self->keys, keys);
    // All connections are closed then: nobody is in until the next handshake.
    for (known_t *now = zhashx_first(keys); change == GATE_MUST_GO && now;
         now = zhashx_next(keys))
        now->let_in = false;
    zhashx_destroy(&self->keys);
    self->keys = keys;
    return change;
}

static bool
equals(const char *bytes, size_t count, const char *text)
{
    return count == strlen(text) && memcmp(bytes, text, count) == 0;
}

static bool
may_pass(mesh_role_t role, const char *domain, size_t domain_bytes)
{
    if (equals(domain, domain_bytes, domains[GATE_PUBLISH]))
        return role == MESH_ROLE_PUBLISH || role == MESH_ROLE_OPERATE;
    if (equals(domain, domain_bytes, domains[GATE_SUBSCRIBE]))
        return role == MESH_ROLE_SUBSCRIBE || role == MESH_ROLE_OPERATE;
    return equals(domain, domain_bytes, domains[GATE_CONTROL]);
}

bool
gate_admit(gate_t *self, const char *domain, size_t domain_bytes, const char *mechanism,
           size_t mechanism_bytes, const uint8_t *key, size_t key_bytes,
           char user[static GATE_USER_SIZE])
{
    assert(self && domain && mechanism && user);
    known_t *known = NULL;
    if (equals(mechanism, mechanism_bytes, "CURVE") && key_bytes == GATE_PUBLIC_KEY_BYTES) {
        char text[MESH_KEY_TEXT_SIZE];
        if (zmq_z85_encode(text, key, key_bytes))
            known = zhashx_lookup(self->keys, text);
    }
    if (!known || !may_pass(known->entry.role, domain, domain_bytes)) {
        self->refused++;
        return false;
    }
    known->let_in = true;
    snprintf(user, GATE_USER_SIZE, "%s/%s", mesh_role_name(known->entry.role),
             known->entry.name);
    return true;
}

bool
gate_knows(const gate_t *self, const char *name)
{
    return by_name(self->keys, name) != NULL;
}

mesh_role_t
gate_role(const char *user)
{
    char word[GATE_USER_SIZE];
    const char *slash = user ? strchr(user, '/') : NULL;
    if (!slash || (size_t) (slash - user) >= sizeof word)
        return MESH_ROLE_NONE;
    memcpy(word, user, (size_t) (slash - user));
    word[slash - user] = '\0';
    return mesh_role_parse(word);
}

const char *
gate_name(const char *user)
{
    return gate_role(user) == MESH_ROLE_NONE ? "" : strchr(user, '/') + 1;
}

bool
gate_allows(mesh_role_t role, const char *verb)
{
    static const struct {
        const char *verb;
        bool publish, subscribe;    // operate may do all
    } verbs[] = {
        {"hello", true, true},   {"heartbeat", true, true}, {"bye", true, true},
        {"replay", false, true}, {"snapshot", false, true}, {"call", false, true},
        {"read", false, true},   {"answer", false, false},  {"forget", false, false},
        {"forgot", true, true},
    };
    if (role == MESH_ROLE_OPERATE)
        return true;
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (streq(verbs[i].verb, verb))
            return (role == MESH_ROLE_PUBLISH && verbs[i].publish) ||
                   (role == MESH_ROLE_SUBSCRIBE && verbs[i].subscribe);
    return false;
}

uint64_t
gate_refused(const gate_t *self)
{
    return self->refused;
}
