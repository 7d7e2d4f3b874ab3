/* Answers that proxyd makes itself: error pages, the small page of a redirect, and how an answer ends that
 * cannot be completed. The pages look like nginx's, whose users know them. */
#include "proxy/debug.h"

typedef struct page {
    int status; /* what is asked for; nginx has numbers of its own from 494 */
    int shown;  /* what the client is told */
    const char *title;
    const char *heading; /* NULL: as the title */
    const char *detail;  /* a second line, or NULL */
} page;

static const page pages[] = {
    {301, 301, "301 Moved Permanently", NULL, NULL},
    {302, 302, "302 Found", NULL, NULL},
    {303, 303, "303 See Other", NULL, NULL},
    {307, 307, "307 Temporary Redirect", NULL, NULL},
    {308, 308, "308 Permanent Redirect", NULL, NULL},
    {400, 400, "400 Bad Request", NULL, NULL},
    {401, 401, "401 Authorization Required", NULL, NULL},
    {402, 402, "402 Payment Required", NULL, NULL},
    {403, 403, "403 Forbidden", NULL, NULL},
    {404, 404, "404 Not Found", NULL, NULL},
    {405, 405, "405 Not Allowed", NULL, NULL},
    {406, 406, "406 Not Acceptable", NULL, NULL},
    {409, 409, "409 Conflict", NULL, NULL},
    {410, 410, "410 Gone", NULL, NULL},
    {411, 411, "411 Length Required", NULL, NULL},
    {412, 412, "412 Precondition Failed", NULL, NULL},
    {413, 413, "413 Request Entity Too Large", NULL, NULL},
    {414, 414, "414 Request-URI Too Large", NULL, NULL},
    {415, 415, "415 Unsupported Media Type", NULL, NULL},
    {416, 416, "416 Requested Range Not Satisfiable", NULL, NULL},
    {421, 421, "421 Misdirected Request", NULL, NULL},
    {429, 429, "429 Too Many Requests", NULL, NULL},
    {494, 400, "400 Request Header Or Cookie Too Large", "400 Bad Request",
     "Request Header Or Cookie Too Large"},
    {495, 400, "400 The SSL certificate error", "400 Bad Request", "The SSL certificate error"},
    {496, 400, "400 No required SSL certificate was sent", "400 Bad Request",
     "No required SSL certificate was sent"},
    {497, 400, "400 The plain HTTP request was sent to HTTPS port", "400 Bad Request",
     "The plain HTTP request was sent to HTTPS port"},
    {500, 500, "500 Internal Server Error", NULL, NULL},
    {501, 501, "501 Not Implemented", NULL, NULL},
    {502, 502, "502 Bad Gateway", NULL, NULL},
    {503, 503, "503 Service Temporarily Unavailable", NULL, NULL},
    {504, 504, "504 Gateway Time-out", NULL, NULL},
    {505, 505, "505 HTTP Version Not Supported", NULL, NULL},
    {507, 507, "507 Insufficient Storage", NULL, NULL},
};

static const page *find_page(int status)
{
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++)
        if (pages[i].status == status)
            return &pages[i];
    return NULL;
}

/* The client's side is not in order: what else it sends is not to be understood. */
static bool ends_connection(int status)
{
    return status == 400 || status == 413 || status == 414 || (status >= 494 && status <= 497) ||
           status == 500 || status == 501;
}

static void put_text(px_buffer *buffer, const char *text)
{
    px_buffer_append(buffer, text, strlen(text));
}

/* A client may have written what variables put there. */
static void put_html(px_buffer *buffer, px_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '<')
            px_buffer_literal(buffer, "&lt;");
        else if (text.data[i] == '&')
            px_buffer_literal(buffer, "&amp;");
        else
            px_buffer_byte(buffer, text.data[i]);
    }
}

static void put_signature(px_buffer *body, px_slice name)
{
    if (name.len == 0)
        return;
    px_buffer_literal(body, "<hr><center>");
    put_html(body, name);
    px_buffer_literal(body, "</center>\r\n");
}

static px_slice make_body(px_request *r, const page *shown)
{
    px_buffer body;
    px_buffer_init(&body, &r->arena, 320);
    px_buffer_literal(&body, "<html>\r\n<head><title>");
    put_text(&body, shown->title);
    px_buffer_literal(&body, "</title></head>\r\n<body>\r\n<center><h1>");
    put_text(&body, shown->heading != NULL ? shown->heading : shown->title);
    px_buffer_literal(&body, "</h1></center>\r\n");
    if (shown->detail != NULL) {
        px_buffer_literal(&body, "<center>");
        put_text(&body, shown->detail);
        px_buffer_literal(&body, "</center>\r\n");
    }
    put_signature(&body, px_request_server_tokens(r));
    px_buffer_literal(&body, "</body>\r\n</html>\r\n");
    return px_buffer_view(&body);
}

px_step px_request_send_page(px_request *r, int status, px_slice location)
{
    const page *shown = find_page(status);
    px_slice body = {NULL, 0};
    r->error_status = (uint16_t)(shown != NULL ? shown->shown : status);
    px_answer_begin(r, r->error_status, 2);
    if (shown != NULL) {
        body = make_body(r, shown);
        px_answer_content_type(r, PX_SLICE("text/html"));
    }
    if (location.data != NULL && r->carried_count > 0)
        px_answer_remove(&r->answer, PX_HEADER_LOCATION);
    if (location.data != NULL)
        px_answer_add(r, PX_HEADER_LOCATION, PX_SLICE("Location"), location);
    return px_request_send_whole(r, body);
}

void px_request_end_handler(px_request *r)
{
    const px_handler *handler = r->handler;
    r->handler = NULL;
    if (r->waiting != NULL)
        px_timer_stop(r->worker->loop, r->waiting);
    r->waiting = NULL;
    if (handler != NULL && handler->end != NULL)
        handler->end(r);
}

px_step px_request_send_error(px_request *r, int status)
{
    px_request_debug(r, "error page: %d%s", status, r->head_sent ? ", but the head was sent already" : "");
    px_request_end_handler(r);
    if (r->head_sent) {
        px_request_truncate(r); /* for the reason that the caller has put there */
        return PX_STEP_ANSWERED;
    }
    if (status == 408 || status == 444 || status == 499) /* nobody to answer, as nginx sees it */
        return px_request_close(r, status);
    if (ends_connection(status))
        r->answer.close = true;
    if (px_error_page_run(r, status))
        return PX_STEP_WAIT;
    return px_request_send_page(r, status, px_slice_from(NULL, 0));
}

void px_request_put_origin(px_request *r, px_buffer *buffer)
{
    const px_plan_settings *settings = r->settings->plan;
    if (!settings->absolute_redirect)
        return;
    px_slice host = r->host.len > 0 ? r->host : px_request_server_addr(r);
    if (settings->server_name_in_redirect)
        host = r->server->plan->name;
    px_buffer_literal(buffer, "http://");
    px_buffer_slice(buffer, host);
    if (settings->port_in_redirect && r->port != 80 && r->port != 0) {
        px_buffer_byte(buffer, ':');
        px_buffer_uint(buffer, r->port);
    }
}

px_step px_request_send_location(px_request *r, int status, px_slice location)
{
    if (location.len > 0 && location.data[0] == '/') {
        px_buffer text;
        px_buffer_init(&text, &r->arena, location.len + r->host.len + 24);
        px_request_put_origin(r, &text);
        px_buffer_slice(&text, location);
        location = px_buffer_view(&text);
    }
    if (location.data == NULL)
        location = PX_SLICE("");
    location = px_request_one_line(r, location);
    if (px_error_page_is_there(r, status) && !r->in_error_page)
        px_request_carry(r, PX_HEADER_LOCATION, PX_SLICE("Location"), location);
    if (px_error_page_run(r, status))
        return PX_STEP_WAIT;
    return px_request_send_page(r, status, location);
}
