// bridge_flags - the bridge's own options, the same for the relay and for its observer
// SPDX-License-Identifier: MPL-2.0
#ifndef BRIDGE_FLAGS_H
#define BRIDGE_FLAGS_H

#include "mesh/program.h"

extern const mesh_program_flag_t bridge_flags[];

#endif
