/* See reason.h. */
#include "proxy/reason.h"

#include <errno.h>

#define NAME(constant, text) [constant] = text,
static const char *const names[PX_REASONS] = {[PX_REASON_NONE] = "-", PX_REASON_LIST(NAME)};
#undef NAME

px_slice px_reason_name(px_reason reason)
{
    return px_slice_from(names[reason], strlen(names[reason]));
}

px_reason px_reason_of_head(const px_parse_error *error)
{
    switch (error->status) {
    case 408:
        return PX_REASON_CLIENT_TIMEOUT;
    case 414:
        return PX_REASON_URI_TOO_LONG;
    case 494:
        return PX_REASON_REQUEST_HEAD_TOO_LARGE;
    case 501:
        return PX_REASON_UNSUPPORTED_ENCODING;
    case 505:
        return PX_REASON_UNSUPPORTED_VERSION;
    default:
        break;
    }
    if (error->text != NULL && strstr(error->text, "without \"Host\"") != NULL)
        return PX_REASON_NO_HOST;
    if (error->text != NULL && strstr(error->text, "invalid host") != NULL)
        return PX_REASON_INVALID_HOST;
    return PX_REASON_MALFORMED_REQUEST;
}

px_reason px_reason_of_body(int status, bool gone)
{
    if (status == 413)
        return PX_REASON_BODY_TOO_LARGE;
    if (status == 408)
        return PX_REASON_CLIENT_TIMEOUT;
    return gone ? PX_REASON_CLIENT_CLOSED : PX_REASON_MALFORMED_BODY;
}

px_reason px_reason_of_abort(px_abort_reason reason)
{
    switch (reason) {
    case PX_ABORT_TIMEOUT:
        return PX_REASON_CLIENT_TIMEOUT;
    case PX_ABORT_DRAIN:
        return PX_REASON_SHUTTING_DOWN;
    case PX_ABORT_FILE:
        return PX_REASON_FILE_FAILED;
    case PX_ABORT_CLOSED:
    case PX_ABORT_RESET:
        break;
    }
    return PX_REASON_CLIENT_CLOSED;
}

px_reason px_reason_of_name(int status)
{
    return status == 404 ? PX_REASON_NOT_FOUND : PX_REASON_INTERNAL_ERROR;
}

px_reason px_reason_of_connect(int error)
{
    return error == ECONNREFUSED ? PX_REASON_CONNECT_REFUSED : PX_REASON_CONNECT_FAILED;
}

px_reason px_reason_of_failure(const px_h1_failure *failure)
{
    switch (failure->kind) {
    case PX_FAIL_CONNECT:
        return px_reason_of_connect(failure->error_number);
    case PX_FAIL_CONNECT_TIMEOUT:
        return PX_REASON_CONNECT_TIMEOUT;
    case PX_FAIL_SEND:
        return PX_REASON_SEND_FAILED;
    case PX_FAIL_SEND_TIMEOUT:
        return PX_REASON_SEND_TIMEOUT;
    case PX_FAIL_READ:
        return PX_REASON_READ_FAILED;
    case PX_FAIL_READ_TIMEOUT:
        return PX_REASON_READ_TIMEOUT;
    case PX_FAIL_CLOSED:
    case PX_FAIL_CLOSED_IN_BODY:
        return PX_REASON_PREMATURE_CLOSE;
    case PX_FAIL_HEAD_TOO_LARGE:
        return PX_REASON_HEAD_TOO_LARGE;
    case PX_FAIL_INVALID:
        break;
    }
    return PX_REASON_INVALID_RESPONSE;
}
