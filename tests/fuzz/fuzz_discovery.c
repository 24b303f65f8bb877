// fuzz_discovery - any file is read, and what is written of it can be read again
// SPDX-License-Identifier: MPL-2.0
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "discovery_entries.h"
#include "mesh/discovery.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd = memfd_create("discovery", MFD_CLOEXEC);
    assert(fd >= 0);
    ssize_t written = write(fd, data, size);
    assert(written == (ssize_t) size);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);

    char *complaint = NULL;
    json_t *entries = mesh_discovery_read(path, &complaint);
    assert(json_is_array(entries));
    assert(!complaint || json_array_size(entries) == 0);
    size_t index;
    const json_t *entry;
    json_array_foreach(entries, index, entry)
    {
        (void) mesh_discovery_life(entry, 1000);
        free(mesh_discovery_control_endpoint(entry));
    }

    registry_t *registry = registry_new(1);
    json_t *endpoints = json_pack("{s:s}", "control", "ipc:///control");
    json_t *lock = json_object();
    discovery_self_t about = {"broker-1", "host", "default", endpoints, lock, 1000, false};
    json_t *ours = discovery_entries(entries, &about, registry, 1000);
    assert(discovery_entries_have(ours, &about, registry));
    json_t *left = discovery_entries_without(ours, "broker-1", 1000);
    assert(json_array_size(left) + 1 == json_array_size(ours));
    json_decref(left);
    json_decref(ours);
    json_decref(lock);
    json_decref(endpoints);
    registry_destroy(&registry);
    json_decref(entries);
    free(complaint);
    close(fd);
    return 0;
}
