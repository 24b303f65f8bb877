// openapi - the description of what the sse-bridge answers, as OpenAPI 3.1
// SPDX-License-Identifier: MPL-2.0
#ifndef SSE_OPENAPI_H
#define SSE_OPENAPI_H

#include <jansson.h>

// The body of /openapi.json, which the caller owns. base_path is "" or "/mesh".
json_t *openapi_document(const char *base_path);

#endif
