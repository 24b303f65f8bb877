// doctor_http - whether the sse-bridge of this mesh answers
// SPDX-License-Identifier: MPL-2.0
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "doctor_parts.h"
#include "http_base.h"
#include "http_trust.h"

enum { ANSWER_MS = 2000 };

// curl_write_callback: the body is of no interest.
static size_t
on_bytes(char *bytes, size_t size, size_t count, void *arg)
{
    (void) bytes;
    (void) arg;
    return size * count;
}

static void
ask(const mesh_settings_t *settings, const char *url, json_t *http)
{
    CURL *easy = curl_easy_init();
    assert(easy);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long) ANSWER_MS);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    if (!*mesh_settings_string(settings, "tail/url"))
        http_trust_apply(settings, easy);
    CURLcode result = curl_easy_perform(easy);
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (result == CURLE_OK)
        json_object_set_new(http, "status", json_integer(status));
    else
        json_object_set_new(http, "problem", json_string(curl_easy_strerror(result)));
    curl_easy_cleanup(easy);
}

void
doctor_ask_http(const mesh_settings_t *settings, json_t *report)
{
    json_t *http = json_object();
    char *problem = NULL;
    char *base = http_base_find(settings, &problem);
    if (base) {
        char *url = NULL;
        if (asprintf(&url, "%s/readyz", base) < 0)
            abort();
        json_object_set_new(http, "url", json_string(url));
        ask(settings, url, http);
        free(url);
    } else {
        json_object_set_new(http, "problem", json_string(problem));
    }
    free(problem);
    free(base);
    json_object_set_new(report, "http", http);
}
