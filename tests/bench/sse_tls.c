// sse_tls - the TLS of one connection of a load client, over a socket that does not wait
// SPDX-License-Identifier: MPL-2.0
#include "sse_tls.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include <gnutls/gnutls.h>

struct sse_tls {
    gnutls_session_t session;                        // owned
    gnutls_certificate_credentials_t credentials;    // owned
};

sse_tls_t *
sse_tls_new(int fd)
{
    sse_tls_t *self = calloc(1, sizeof *self);
    assert(self);
    int rc = gnutls_certificate_allocate_credentials(&self->credentials);
    assert(rc == GNUTLS_E_SUCCESS);
    rc = gnutls_init(&self->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);
    assert(rc == GNUTLS_E_SUCCESS);
    rc = gnutls_set_default_priority(self->session);
    assert(rc == GNUTLS_E_SUCCESS);
    rc = gnutls_credentials_set(self->session, GNUTLS_CRD_CERTIFICATE, self->credentials);
    assert(rc == GNUTLS_E_SUCCESS);
    gnutls_transport_set_int(self->session, fd);
    return self;
}

void
sse_tls_destroy(sse_tls_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        gnutls_deinit((*self_p)->session);
        gnutls_certificate_free_credentials((*self_p)->credentials);
        free(*self_p);
        *self_p = NULL;
    }
}

sse_tls_step_t
sse_tls_shake_hands(sse_tls_t *self)
{
    int rc = gnutls_handshake(self->session);
    if (rc == GNUTLS_E_SUCCESS)
        return SSE_TLS_DONE;
    if (gnutls_error_is_fatal(rc))
        return SSE_TLS_FAILED;
    return gnutls_record_get_direction(self->session) == 0 ? SSE_TLS_WANTS_READ
                                                           : SSE_TLS_WANTS_WRITE;
}

// What GnuTLS returned, as the kernel would have.
static ssize_t
as_kernel(ssize_t result)
{
    if (result >= 0)
        return result;
    errno = gnutls_error_is_fatal((int) result) ? EPROTO : EAGAIN;
    return -1;
}

ssize_t
sse_tls_send(sse_tls_t *self, const char *bytes, size_t count)
{
    return as_kernel(gnutls_record_send(self->session, bytes, count));
}

ssize_t
sse_tls_recv(sse_tls_t *self, char *bytes, size_t count)
{
    assert(count >= SSE_TLS_RECORD_BYTES);
    return as_kernel(gnutls_record_recv(self->session, bytes, count));
}
