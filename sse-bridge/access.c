// access - who may read: the token, and the origins of web pages
// SPDX-License-Identifier: MPL-2.0
#include "access.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "listener.h"
#include "mesh/token.h"

struct access {
    char *token;                        // owned; NULL when none is asked for
    const mesh_settings_t *settings;    // borrowed
};

static int __attribute__((format(printf, 2, 3))) fail(char **error_p, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int rc = vasprintf(error_p, format, arguments);
    va_end(arguments);
    assert(rc >= 0);
    return -1;
}

static bool
is_origin(const char *text)
{
    const char *host = strstr(text, "://");
    return host && host != text && host[3] != '\0' && !strpbrk(host + 3, "/*?# ") &&
           !strchr(text, '*');
}

int
access_check_settings(const mesh_settings_t *settings, char **error_p)
{
    const char *address = mesh_settings_string(settings, "http/address");
    int loopback = listener_is_loopback(address);
    if (loopback < 0)
        return fail(error_p, "http/address is %s; allowed is a numeric address or localhost",
                    address);
    if (loopback == 0 && !mesh_settings_flag(settings, "http/insecure"))
        return fail(error_p,
                    "http/address is %s, which other hosts reach, and nothing there is "
                    "encrypted: set http/insecure (--insecure) if that is meant, or put a TLS "
                    "proxy in front of a loopback address",
                    address);
    for (size_t at = 0; at < mesh_settings_list_size(settings, "http/allow_origins"); at++) {
        const char *origin = mesh_settings_list_item(settings, "http/allow_origins", at);
        if (!is_origin(origin))
            return fail(error_p,
                        "http/allow_origins has %s; allowed are origins by name, such as "
                        "https://example.org:8443",
                        origin);
    }
    return 0;
}

access_t *
access_new(const mesh_settings_t *settings, char **error_p)
{
    if (access_check_settings(settings, error_p) != 0)
        return NULL;
    access_t *self = calloc(1, sizeof *self);
    assert(self);
    self->settings = settings;
    if (mesh_settings_flag(settings, "http/token")) {
        self->token = mesh_token_load_or_make(settings, error_p);
        if (!self->token)
            access_destroy(&self);
    }
    return self;
}

void
access_destroy(access_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        free((*self_p)->token);
        free(*self_p);
        *self_p = NULL;
    }
}

access_verdict_t
access_decide(const access_t *self, const char *authorization)
{
    static const char scheme[] = "Bearer ";
    if (!self->token)
        return ACCESS_GRANTED;
    if (!authorization || *authorization == '\0')
        return ACCESS_NO_TOKEN;
    if (strncasecmp(authorization, scheme, sizeof scheme - 1) != 0)
        return ACCESS_NOT_BEARER;
    const char *given = authorization + sizeof scheme - 1;
    given += strspn(given, " ");
    return mesh_token_equal(self->token, given) ? ACCESS_GRANTED : ACCESS_WRONG_TOKEN;
}

const char *
access_refusal(access_verdict_t verdict)
{
    switch (verdict) {
    case ACCESS_NO_TOKEN:
        return "this needs a token: send the header \"Authorization: Bearer TOKEN\"; "
               "\"aidermesh token show\" prints it";
    case ACCESS_NOT_BEARER:
        return "the Authorization header is not of the scheme Bearer";
    case ACCESS_WRONG_TOKEN:
        return "the token is not the one of this mesh";
    default:
        return "";
    }
}

bool
access_answers_host(const access_t *self, const char *host)
{
    if (self->token ||
        listener_is_loopback(mesh_settings_string(self->settings, "http/address")) != 1)
        return true;
    // A browser always names the host; who does not is none.
    if (!host)
        return true;
    // NAME, NAME:PORT, [ADDRESS] or [ADDRESS]:PORT.
    bool bracketed = host[0] == '[';
    const char *name = bracketed ? host + 1 : host;
    size_t length = strcspn(name, bracketed ? "]" : ":");
    char text[64];
    if (length == 0 || length >= sizeof text)
        return false;
    memcpy(text, name, length);
    text[length] = '\0';
    return strcasecmp(text, "localhost") == 0 || listener_is_loopback(text) == 1;
}

const char *
access_allowed_origin(const access_t *self, const char *origin)
{
    if (!origin)
        return NULL;
    for (size_t at = 0; at < mesh_settings_list_size(self->settings, "http/allow_origins");
         at++) {
        const char *allowed = mesh_settings_list_item(self->settings, "http/allow_origins", at);
        if (strcmp(allowed, origin) == 0)
            return allowed;
    }
    return NULL;
}
