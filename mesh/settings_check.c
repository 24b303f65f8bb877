// settings_check - what the table cannot say: the form of values, and how they go together
// SPDX-License-Identifier: MPL-2.0
#include <assert.h>
#include <stdlib.h>

#include "mesh/endpoints.h"
#include "mesh/paths.h"
#include "mesh/settings.h"
#include "mesh/token.h"
#include "text.h"

static int
check_times(const mesh_settings_t *self, char **error_p)
{
    int64_t heartbeat_ms = mesh_settings_ms(self, "mesh/heartbeat");
    int64_t lost_after_ms = mesh_settings_ms(self, "mesh/lost_after");
    if (lost_after_ms > heartbeat_ms)
        return 0;
    *error_p = mesh_text_printf("mesh/lost_after is %lld ms, but must be more than "
                                "mesh/heartbeat, which is %lld ms",
                                (long long) lost_after_ms, (long long) heartbeat_ms);
    return -1;
}

static int
check_seeds(const mesh_settings_t *self, char **error_p)
{
    for (size_t i = 0; i < mesh_settings_list_size(self, "mesh/seeds"); i++) {
        const char *seed = mesh_settings_list_item(self, "mesh/seeds", i);
        char *endpoint = mesh_endpoints_of_seed(seed);
        if (!endpoint) {
            char *quoted = mesh_text_quoted(seed);
            *error_p = mesh_text_printf("mesh/seeds: %s is not a seed; a seed is "
                                        "tcp://HOST[:PORT] or ipc://PATH",
                                        quoted);
            free(quoted);
            return -1;
        }
        free(endpoint);
    }
    return 0;
}

int
mesh_settings_check(const mesh_settings_t *self, char **error_p)
{
    assert(self && error_p);
    return check_times(self, error_p) == 0 && check_seeds(self, error_p) == 0 &&
                   mesh_paths_check(self, error_p) == 0 && mesh_token_check(self, error_p) == 0
               ? 0
               : -1;
}
