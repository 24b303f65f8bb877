// type_counts - how many events of each known type came; all others are counted together
// SPDX-License-Identifier: MPL-2.0
#include "type_counts.h"

#include <assert.h>
#include <string.h>

#include "event_types.h"

void
type_counts_add(type_counts_t *self, const char *topic, size_t topic_bytes)
{
    const char *slash = memchr(topic, '/', topic_bytes);
    size_t type_bytes = slash ? (size_t) (slash - topic) : topic_bytes;
    size_t at = 0;
    for (const char *known; (known = event_type_known(at)); at++) {
        assert(at < TYPE_COUNTS_MOST - 1);
        if (strlen(known) == type_bytes && memcmp(known, topic, type_bytes) == 0) {
            self->counts[at]++;
            return;
        }
    }
    self->counts[TYPE_COUNTS_MOST - 1]++;
}
