// rate_meter - how fast a counter grows, over the last ten seconds
// SPDX-License-Identifier: MPL-2.0
#include "rate_meter.h"

void
rate_meter_sample(rate_meter_t *self, uint64_t total, int64_t now_ms)
{
    size_t at = self->count++ % RATE_METER_SAMPLES;
    self->at_ms[at] = now_ms;
    self->totals[at] = total;
}

double
rate_meter_per_second(const rate_meter_t *self)
{
    if (self->count < 2)
        return 0;
    size_t newest = (self->count - 1) % RATE_METER_SAMPLES;
    size_t oldest = self->count > RATE_METER_SAMPLES ? self->count % RATE_METER_SAMPLES : 0;
    int64_t passed_ms = self->at_ms[newest] - self->at_ms[oldest];
    if (passed_ms <= 0)
        return 0;
    return (double) (self->totals[newest] - self->totals[oldest]) * 1000.0 / (double) passed_ms;
}
