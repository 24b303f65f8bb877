// healthcheck - whether a broker answers where programs would look for it
// SPDX-License-Identifier: MPL-2.0
#include <assert.h>

#include <czmq.h>

#include "broker.h"
#include "mesh/control.h"
#include "mesh/exit_status.h"
#include "mesh/key.h"
#include "mesh/lookup.h"

enum { HEALTHCHECK_MS = 2000 };

// A heartbeat from a stranger is answered "hello_again": a sign of life that registers nobody.
static bool
answers(const char *endpoint, const mesh_key_t *key, int64_t deadline_ms)
{
    zsock_t *dealer = zsock_new(ZMQ_DEALER);
    assert(dealer);
    mesh_key_arm(key, dealer);
    zsock_set_linger(dealer, 0);
    zsock_set_rcvtimeo(dealer, (int) (deadline_ms - zclock_mono()));
    bool alive = false;
    if (zsock_connect(dealer, "%s", endpoint) == 0) {
        json_t *body = json_pack("{s:s, s:[]}", "transport_id", "healthcheck", "sources");
        zmsg_t *message = mesh_control_pack("heartbeat", body, NULL);
        json_decref(body);
        (void) zmsg_send(&message, dealer);
        zmsg_destroy(&message);
        message = zmsg_recv(dealer);
        alive = message != NULL;
        zmsg_destroy(&message);
    }
    zsock_destroy(&dealer);
    return alive;
}

int
broker_healthcheck(const mesh_settings_t *settings)
{
    char *error = NULL;
    mesh_key_t *key = NULL;
    mesh_lookup_t *lookup = mesh_lookup_new(settings, &error);
    if (!lookup || mesh_key_load(settings, &key, &error) != 0) {
        mesh_lookup_destroy(&lookup);
        fprintf(stderr, "aidermesh-broker: %s\n", error);
        free(error);
        return MESH_EXIT_FAILED;
    }
    int64_t deadline_ms = zclock_mono() + HEALTHCHECK_MS;
    bool alive = false;
    do {
        const mesh_candidate_t *candidate = mesh_lookup_next(lookup, zclock_mono());
        if (mesh_lookup_rounds(lookup) > 1)
            break;
        alive = answers(candidate->endpoint, key, deadline_ms);
        if (!alive)
            fprintf(stderr, "aidermesh-broker: no broker answers at %s within %d ms%s\n",
                    candidate->endpoint, HEALTHCHECK_MS, key ? "" : ", asked without a key");
    } while (!alive && zclock_mono() < deadline_ms);
    mesh_lookup_destroy(&lookup);
    mesh_key_destroy(&key);
    return alive ? MESH_EXIT_STOPPED : MESH_EXIT_FAILED;
}
