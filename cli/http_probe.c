// http_probe - asks an address again and again until it answers 200
// SPDX-License-Identifier: MPL-2.0
#include "http_probe.h"

#include <curl/curl.h>

#include "http_trust.h"

enum {
    STEP_MS = 20,     // how often a try is moved on, and the pause between two
    TRY_MS = 2000,    // how long one try may take
    LAST_SIZE = 128,
};

struct http_probe {
    zloop_t *loop;    // borrowed
    http_probe_fn *answered;
    void *arg;       // borrowed
    CURLM *multi;    // owned
    CURL *easy;      // owned
    int timer;
    bool trying;
    char last[LAST_SIZE];
};

static size_t
on_bytes(char *bytes, size_t one, size_t size, void *arg)
{
    (void) bytes;
    (void) one;
    (void) arg;
    return size;    // only the status matters
}

// Take the result of the try, if it is over. Returns whether the answer was 200.
static bool
take_result(http_probe_t *self)
{
    int left = 0;
    CURLMsg *message = curl_multi_info_read(self->multi, &left);
    if (!message || message->msg != CURLMSG_DONE)
        return false;
    CURLcode result = message->data.result;
    long status = 0;
    curl_easy_getinfo(self->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_multi_remove_handle(self->multi, self->easy);
    self->trying = false;
    if (result == CURLE_OK)
        snprintf(self->last, sizeof self->last, "HTTP status %ld", status);
    else
        snprintf(self->last, sizeof self->last, "%s", curl_easy_strerror(result));
    return result == CURLE_OK && status == 200;
}

static int
on_step(zloop_t *loop, int timer, void *arg)
{
    http_probe_t *self = arg;
    if (!self->trying) {
        curl_multi_add_handle(self->multi, self->easy);
        self->trying = true;
    }
    int running = 0;
    curl_multi_perform(self->multi, &running);
    if (take_result(self)) {
        zloop_timer_end(loop, timer);
        self->timer = -1;
        self->answered(self->arg);
    }
    return 0;
}

http_probe_t *
http_probe_new(zloop_t *loop, const mesh_settings_t *settings, const char *url,
               http_probe_fn *answered, void *arg)
{
    assert(loop && settings && url && answered);
    http_probe_t *self = zmalloc(sizeof *self);
    self->loop = loop;
    self->answered = answered;
    self->arg = arg;
    snprintf(self->last, sizeof self->last, "no answer yet");
    curl_global_init(CURL_GLOBAL_DEFAULT);
    self->multi = curl_multi_init();
    self->easy = curl_easy_init();
    assert(self->multi && self->easy);
    curl_easy_setopt(self->easy, CURLOPT_URL, url);
    curl_easy_setopt(self->easy, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(self->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(self->easy, CURLOPT_TIMEOUT_MS, (long) TRY_MS);
    curl_easy_setopt(self->easy, CURLOPT_PROXY, "");
    http_trust_apply(settings, self->easy);
    self->timer = zloop_timer(loop, STEP_MS, 0, on_step, self);
    return self;
}

void
http_probe_destroy(http_probe_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        http_probe_t *self = *self_p;
        if (self->timer != -1)
            zloop_timer_end(self->loop, self->timer);
        if (self->trying)
            curl_multi_remove_handle(self->multi, self->easy);
        curl_easy_cleanup(self->easy);
        curl_multi_cleanup(self->multi);
        curl_global_cleanup();
        free(self);
        *self_p = NULL;
    }
}

const char *
http_probe_last(const http_probe_t *self)
{
    assert(self);
    return self->last;
}
