// sight - whether what is known of the mesh is fresh enough to say that something is missing
// SPDX-License-Identifier: MPL-2.0
#include "sight.h"

#include <string.h>

void
sight_begin(sight_t *self, int64_t now_ms)
{
    memset(self, 0, sizeof *self);
    self->was_away = true;
    self->last_tick_ms = now_ms;
}

void
sight_lost(sight_t *self)
{
    self->live = false;
    self->was_away = true;
}

void
sight_behind(sight_t *self)
{
    self->live = false;
}

void
sight_live(sight_t *self, int64_t now_ms)
{
    // A gap that was filled at once needs no grace: nobody was cut off.
    if (!self->live && self->was_away)
        self->clear_from_ms = now_ms + SIGHT_GRACE_MS;
    self->live = true;
    self->was_away = false;
}

void
sight_tick(sight_t *self, int64_t now_ms)
{
    if (now_ms - self->last_tick_ms >= SIGHT_STALL_MS)
        self->clear_from_ms = now_ms + SIGHT_GRACE_MS;
    self->last_tick_ms = now_ms;
}

bool
sight_is_live(const sight_t *self)
{
    return self->live;
}

bool
sight_is_clear(const sight_t *self, int64_t now_ms)
{
    return self->live && now_ms >= self->clear_from_ms;
}

int64_t
sight_age_ms(int64_t recorded_us, int64_t wall_us)
{
    // recorded comes from outside: a difference of the two could wrap.
    if (recorded_us >= wall_us)
        return 0;
    if (recorded_us < 0 || (wall_us - recorded_us) / 1000 > SIGHT_AGE_LIMIT_MS)
        return SIGHT_AGE_LIMIT_MS;
    return (wall_us - recorded_us) / 1000;
}
