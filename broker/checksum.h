// checksum - tells a kept event from one that the disk has changed
// SPDX-License-Identifier: MPL-2.0
#ifndef BROKER_CHECKSUM_H
#define BROKER_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

// Go on with a checksum (at first any number that must not change either) over further bytes.
// Any one changed word of 8 bytes changes the result; it is no defence against an attacker.
uint64_t checksum_add(uint64_t sum, const void *data, size_t bytes);

#endif
