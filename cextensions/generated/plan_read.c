/* Made by cextensions/generate.py from proxyd/config/plan/ and the directive table. Do not edit. */
#include "generated/plan_read.h"

#include "generated/plan_kinds.h"

static bool read_access_log_list(px_plan_reader *in, px_plan_access_log_list *out)
{
    if (!px_plan_enter_list(in, 7, &out->count)) {
        return false;
    }
    out->items = px_plan_items(in, out->count, sizeof *out->items);
    for (uint32_t i = 0; i < out->count; i++) {
        px_plan_index(in, i);
        if (!(px_plan_read_access_log(in, &out->items[i]))) {
            return false;
        }
    }
    return px_plan_leave(in);
}

static bool read_access_rule_list(px_plan_reader *in, px_plan_access_rule_list *out)
{
    if (!px_plan_enter_list(in, 6, &out->count)) {
        return false;
    }
    out->items = px_plan_items(in, out->count, sizeof *out->items);
    for (uint32_t i = 0; i < out->count; i++) {
        px_plan_index(in, i);
        if (!(px_plan_read_access_rule(in, &out->items[i]))) {
            return false;
        }
    }
    return px_plan_leave(in);
}

static bool read_add_header_list(px_plan_reader *in, px_plan_add_header_list *out)
{
    if (!px_plan_enter_list(in, 5, &out->count)) {
        return false;
    }
    out->items = px_plan_items(in, out->count, sizeof *out->items);
    for (uint32_t i = 0; i < out->count; i++) {
        px_plan_index(in, i);
        if (!(px_plan_read_add_header(in, &out->items[i]))) {
            return false;
        }
    }
    return px_plan_leave(in);
}

static bool read_bytes_list(px_plan_reader *in, px_plan_bytes_list *out)
{
    if (!px_plan_enter_list(in, 2, &out->count)) {
        return false;
    }
    out->items = px_plan_items(in, out->count, sizeof *out->items);
    for (uint32_t i = 0; i < out->count; i++) {
        px_plan_index(in, i);
        if (!(px_plan_bytes(in, &out->items[i]))) {
            return false;
        }
    }
    return px_plan_leave(in);
}

static bool read_cookie_rule_list(px_plan_reader *in, px_plan_cookie_rule_list *out)
{
    if (!px_plan_enter_list(in, 4, &out->count)) {
        return false;
    }
    out->items = px_plan_items(in, out->count, sizeof *out->items);
    for (uint32_t i = 0; i < out->count; i++) {
        px_plan_index(in, i);
        if (!(px_plan_read_cookie_rule(in, &out->items[i]))) {
            return false;
        }
    }
    return px_plan_leave(in);
}

static bool read_error_log_list(px_plan_reader *in, px_plan_error_log_list *out)
{
    if (!px_plan_enter_list(in, 20, &out->count)) {
        return false;
    }
    out->items = px_plan_items(in, out->count, sizeof *out->items);
    for (uint32_t i = 0; i < out->count; i++) {
        px_plan_index(in, i);
        if (!(px_plan_read_error_log(in, &out->items[i]))) {
            return false;
        }
    }
    return px_plan_leave(in);
}

static bool read_error_page_list(px_plan_reader *in, px_plan_error_page_list *out)
{
    if (!px_plan_enter_list(in, 4, &out->count)) {
        return false;
    }
    out->items = px_plan_items(in, out->count, sizeof *out->items);
    for (uint32_t i = 0; i < out->count; i++) {
        px_plan_index(in, i);
        if (!(px_plan_read_error_page(in, &out->items[i]))) {
            return false;
        }
    }
    return px_plan_leave(in);
}

static bool read_index_file_list(px_plan_reader *in, px_plan_index_file_list *out)
{
    if (!px_plan_enter_list(in, 2, &out->count)) {
        return false;
    }
    out->items = px_plan_items(in, out->count, sizeof *out->items);
    for (uint32_t i = 0; i < out->count; i++) {
        px_plan_index(in, i);
        if (!(px_plan_read_index_file(in, &out->items[i]))) {
            return false;
        }
    }
    return px_plan_leave(in);
}

static bool read_int_list(px_plan_reader *in, px_plan_int_list *out)
{
    if (!px_plan_enter_list(in, 1, &out->count)) {
        return false;
    }
    out->items = px_plan_items(in, out->count, sizeof *out->items);
    for (uint32_t i = 0; i < out->count; i++) {
        px_plan_index(in, i);
        if (!(px_plan_int(in, &out->items[i]))) {
            return false;
        }
    }
    return px_plan_leave(in);
}

static bool read_limit_conn_list(px_plan_reader *in, px_plan_limit_conn_list *out)
{
    if (!px_plan_enter_list(in, 20, &out->count)) {
        return false;
    }
    out->items = px_plan_items(in, out->count, sizeof *out->items);
    for (uint32_t i = 0; i < out->count; i++) {
        px_plan_index(in, i);
        if (!(px_plan_read_limit_conn(in, &out->items[i]))) {
            return false;
        }
    }
    return px_plan_leave(in);
}

static bool read_limit_req_list(px_plan_reader *in, px_plan_limit_req_list *out)
{
    if (!px_plan_enter_list(in, 21, &out->count)) {
        return false;
    }
    out->items = px_plan_items(in, out->count, sizeof *out->items);
    for (uint32_t i = 0; i < out->count; i++) {
        px_plan_index(in, i);
        if (!(px_plan_read_limit_req(in, &out->items[i]))) {
            return false;
        }
    }
    return px_plan_leave(in);
}

static bool read_listen_address_list(px_plan_reader *in, px_plan_listen_address_list *out)
{
    if (!px_plan_enter_list(in, 25, &out->count)) {
        return false;
    }
    out->items = px_plan_items(in, out->count, sizeof *out->items);
    for (uint32_t i = 0; i < out->count; i++) {
        px_plan_index(in, i);
        if (!(px_plan_read_listen_address(in, &out->items[i]))) {
            return false;
        }
    }
    return px_plan_leave(in);
}

static bool read_listen_ref_list(px_plan_reader *in, px_plan_listen_ref_list *out)
{
    if (!px_plan_enter_list(in, 18, &out->count)) {
        return false;
    }
    out->items = px_plan_items(in, out->count, sizeof *out->items);
    for (uint32_t i = 0; i < out->count; i++) {
        px_plan_index(in, i);
        if (!((out->items[i] = px_plan_ref(in, PX_PLAN_LISTEN)) != NULL)) {
            return false;
        }
    }
    return px_plan_leave(in);
}

static bool read_location_list(px_plan_reader *in, px_plan_location_list *out)
{
    if (!px_plan_enter_list(in, 31, &out->count)) {
        return false;
    }
    out->items = px_plan_items(in, out->count, sizeof *out->items);
    for (uint32_t i = 0; i < out->count; i++) {
        px_plan_index(in, i);
        if (!(px_plan_read_location(in, &out->items[i]))) {
            return false;
        }
    }
    return px_plan_leave(in);
}

static bool read_map_entry_list(px_plan_reader *in, px_plan_map_entry_list *out)
{
    if (!px_plan_enter_list(in, 4, &out->count)) {
        return false;
    }
    out->items = px_plan_items(in, out->count, sizeof *out->items);
    for (uint32_t i = 0; i < out->count; i++) {
        px_plan_index(in, i);
        if (!(px_plan_read_map_entry(in, &out->items[i]))) {
            return false;
        }
    }
    return px_plan_leave(in);
}

static bool read_map_regex_list(px_plan_reader *in, px_plan_map_regex_list *out)
{
    if (!px_plan_enter_list(in, 7, &out->count)) {
        return false;
    }
    out->items = px_plan_items(in, out->count, sizeof *out->items);
    for (uint32_t i = 0; i < out->count; i++) {
        px_plan_index(in, i);
        if (!(px_plan_read_map_regex(in, &out->items[i]))) {
            return false;
        }
    }
    return px_plan_leave(in);
}

static bool read_network_list(px_plan_reader *in, px_plan_network_list *out)
{
    if (!px_plan_enter_list(in, 4, &out->count)) {
        return false;
    }
    out->items = px_plan_items(in, out->count, sizeof *out->items);
    for (uint32_t i = 0; i < out->count; i++) {
        px_plan_index(in, i);
        if (!(px_plan_read_network(in, &out->items[i]))) {
            return false;
        }
    }
    return px_plan_leave(in);
}

static bool read_peer_list(px_plan_reader *in, px_plan_peer_list *out)
{
    if (!px_plan_enter_list(in, 15, &out->count)) {
        return false;
    }
    out->items = px_plan_items(in, out->count, sizeof *out->items);
    for (uint32_t i = 0; i < out->count; i++) {
        px_plan_index(in, i);
        if (!(px_plan_read_peer(in, &out->items[i]))) {
            return false;
        }
    }
    return px_plan_leave(in);
}

static bool read_piece_list(px_plan_reader *in, px_plan_piece_list *out)
{
    if (!px_plan_enter_list(in, 7, &out->count)) {
        return false;
    }
    out->items = px_plan_items(in, out->count, sizeof *out->items);
    for (uint32_t i = 0; i < out->count; i++) {
        px_plan_index(in, i);
        if (!(px_plan_read_piece(in, &out->items[i]))) {
            return false;
        }
    }
    return px_plan_leave(in);
}

static bool read_plan_object_list(px_plan_reader *in, px_plan_plan_object_list *out)
{
    if (!px_plan_enter_list(in, 6, &out->count)) {
        return false;
    }
    out->items = px_plan_items(in, out->count, sizeof *out->items);
    for (uint32_t i = 0; i < out->count; i++) {
        px_plan_index(in, i);
        if (!(px_plan_read_plan_object(in, &out->items[i]))) {
            return false;
        }
    }
    return px_plan_leave(in);
}

static bool read_regex_group_list(px_plan_reader *in, px_plan_regex_group_list *out)
{
    if (!px_plan_enter_list(in, 3, &out->count)) {
        return false;
    }
    out->items = px_plan_items(in, out->count, sizeof *out->items);
    for (uint32_t i = 0; i < out->count; i++) {
        px_plan_index(in, i);
        if (!(px_plan_read_regex_group(in, &out->items[i]))) {
            return false;
        }
    }
    return px_plan_leave(in);
}

static bool read_rewrite_rule_list(px_plan_reader *in, px_plan_rewrite_rule_list *out)
{
    if (!px_plan_enter_list(in, 5, &out->count)) {
        return false;
    }
    out->items = px_plan_items(in, out->count, sizeof *out->items);
    for (uint32_t i = 0; i < out->count; i++) {
        px_plan_index(in, i);
        if (!(px_plan_read_rewrite_rule(in, &out->items[i]))) {
            return false;
        }
    }
    return px_plan_leave(in);
}

static bool read_server_name_list(px_plan_reader *in, px_plan_server_name_list *out)
{
    if (!px_plan_enter_list(in, 21, &out->count)) {
        return false;
    }
    out->items = px_plan_items(in, out->count, sizeof *out->items);
    for (uint32_t i = 0; i < out->count; i++) {
        px_plan_index(in, i);
        if (!(px_plan_read_server_name(in, &out->items[i]))) {
            return false;
        }
    }
    return px_plan_leave(in);
}

static bool read_server_ref_list(px_plan_reader *in, px_plan_server_ref_list *out)
{
    if (!px_plan_enter_list(in, 18, &out->count)) {
        return false;
    }
    out->items = px_plan_items(in, out->count, sizeof *out->items);
    for (uint32_t i = 0; i < out->count; i++) {
        px_plan_index(in, i);
        if (!((out->items[i] = px_plan_ref(in, PX_PLAN_SERVER)) != NULL)) {
            return false;
        }
    }
    return px_plan_leave(in);
}

static bool read_server_regex_list(px_plan_reader *in, px_plan_server_regex_list *out)
{
    if (!px_plan_enter_list(in, 24, &out->count)) {
        return false;
    }
    out->items = px_plan_items(in, out->count, sizeof *out->items);
    for (uint32_t i = 0; i < out->count; i++) {
        px_plan_index(in, i);
        if (!(px_plan_read_server_regex(in, &out->items[i]))) {
            return false;
        }
    }
    return px_plan_leave(in);
}

static bool read_set_header_list(px_plan_reader *in, px_plan_set_header_list *out)
{
    if (!px_plan_enter_list(in, 4, &out->count)) {
        return false;
    }
    out->items = px_plan_items(in, out->count, sizeof *out->items);
    for (uint32_t i = 0; i < out->count; i++) {
        px_plan_index(in, i);
        if (!(px_plan_read_set_header(in, &out->items[i]))) {
            return false;
        }
    }
    return px_plan_leave(in);
}

static bool read_set_variable_list(px_plan_reader *in, px_plan_set_variable_list *out)
{
    if (!px_plan_enter_list(in, 4, &out->count)) {
        return false;
    }
    out->items = px_plan_items(in, out->count, sizeof *out->items);
    for (uint32_t i = 0; i < out->count; i++) {
        px_plan_index(in, i);
        if (!(px_plan_read_set_variable(in, &out->items[i]))) {
            return false;
        }
    }
    return px_plan_leave(in);
}

static bool read_try_file_list(px_plan_reader *in, px_plan_try_file_list *out)
{
    if (!px_plan_enter_list(in, 3, &out->count)) {
        return false;
    }
    out->items = px_plan_items(in, out->count, sizeof *out->items);
    for (uint32_t i = 0; i < out->count; i++) {
        px_plan_index(in, i);
        if (!(px_plan_read_try_file(in, &out->items[i]))) {
            return false;
        }
    }
    return px_plan_leave(in);
}

static bool read_type_entry_list(px_plan_reader *in, px_plan_type_entry_list *out)
{
    if (!px_plan_enter_list(in, 5, &out->count)) {
        return false;
    }
    out->items = px_plan_items(in, out->count, sizeof *out->items);
    for (uint32_t i = 0; i < out->count; i++) {
        px_plan_index(in, i);
        if (!(px_plan_read_type_entry(in, &out->items[i]))) {
            return false;
        }
    }
    return px_plan_leave(in);
}

static bool read_upstream_ref_list(px_plan_reader *in, px_plan_upstream_ref_list *out)
{
    if (!px_plan_enter_list(in, 18, &out->count)) {
        return false;
    }
    out->items = px_plan_items(in, out->count, sizeof *out->items);
    for (uint32_t i = 0; i < out->count; i++) {
        px_plan_index(in, i);
        if (!((out->items[i] = px_plan_ref(in, PX_PLAN_UPSTREAM)) != NULL)) {
            return false;
        }
    }
    return px_plan_leave(in);
}

static bool read_words_list(px_plan_reader *in, px_plan_words_list *out)
{
    if (!px_plan_enter_list(in, 2, &out->count)) {
        return false;
    }
    out->items = px_plan_items(in, out->count, sizeof *out->items);
    for (uint32_t i = 0; i < out->count; i++) {
        px_plan_index(in, i);
        if (!(px_plan_read_words(in, &out->items[i]))) {
            return false;
        }
    }
    return px_plan_leave(in);
}

bool px_plan_read_piece(px_plan_reader *in, px_plan_piece *out)
{
    return px_plan_enter_struct(in, "Piece", 5)
           && px_plan_field(in, "text")
           && px_plan_bytes(in, &out->text)
           && px_plan_field(in, "variable")
           && px_plan_int(in, &out->variable)
           && px_plan_field(in, "map")
           && (px_plan_none(in) || (out->map = px_plan_ref(in, PX_PLAN_MAP)) != NULL)
           && px_plan_field(in, "slot")
           && px_plan_int(in, &out->slot)
           && px_plan_field(in, "capture")
           && px_plan_int(in, &out->capture)
           && px_plan_leave(in);
}

bool px_plan_read_words(px_plan_reader *in, px_plan_words *out)
{
    return px_plan_enter_struct(in, "Words", 1)
           && px_plan_field(in, "value")
           && read_piece_list(in, &out->value)
           && px_plan_leave(in);
}

bool px_plan_read_regex(px_plan_reader *in, px_plan_regex *out)
{
    return px_plan_enter_struct(in, "Regex", 3)
           && px_plan_field(in, "pattern")
           && px_plan_bytes(in, &out->pattern)
           && px_plan_field(in, "caseless")
           && px_plan_bool(in, &out->caseless)
           && px_plan_field(in, "groups")
           && read_regex_group_list(in, &out->groups)
           && px_plan_leave(in);
}

bool px_plan_read_regex_group(px_plan_reader *in, px_plan_regex_group *out)
{
    return px_plan_enter_struct(in, "RegexGroup", 2)
           && px_plan_field(in, "number")
           && px_plan_int(in, &out->number)
           && px_plan_field(in, "slot")
           && px_plan_int(in, &out->slot)
           && px_plan_leave(in);
}

bool px_plan_read_buffers(px_plan_reader *in, px_plan_buffers *out)
{
    return px_plan_enter_struct(in, "Buffers", 2)
           && px_plan_field(in, "number")
           && px_plan_int(in, &out->number)
           && px_plan_field(in, "size")
           && px_plan_int(in, &out->size)
           && px_plan_leave(in);
}

bool px_plan_read_type_entry(px_plan_reader *in, px_plan_type_entry *out)
{
    return px_plan_enter_struct(in, "TypeEntry", 2)
           && px_plan_field(in, "extension")
           && px_plan_bytes(in, &out->extension)
           && px_plan_field(in, "type")
           && px_plan_bytes(in, &out->type)
           && px_plan_leave(in);
}

bool px_plan_read_types(px_plan_reader *in, px_plan_types *out)
{
    return px_plan_enter_struct(in, "Types", 1)
           && px_plan_field(in, "entries")
           && read_type_entry_list(in, &out->entries)
           && px_plan_leave(in);
}

bool px_plan_read_document_root(px_plan_reader *in, px_plan_document_root *out)
{
    return px_plan_enter_struct(in, "DocumentRoot", 3)
           && px_plan_field(in, "path")
           && read_piece_list(in, &out->path)
           && px_plan_field(in, "prefix")
           && px_plan_bytes(in, &out->prefix)
           && px_plan_field(in, "alias")
           && px_plan_int(in, &out->alias)
           && px_plan_leave(in);
}

bool px_plan_read_disable_symlinks(px_plan_reader *in, px_plan_disable_symlinks *out)
{
    return px_plan_enter_struct(in, "DisableSymlinks", 2)
           && px_plan_field(in, "rule")
           && px_plan_int(in, &out->rule)
           && px_plan_field(in, "start")
           && read_piece_list(in, &out->start)
           && px_plan_leave(in);
}

bool px_plan_read_index_file(px_plan_reader *in, px_plan_index_file *out)
{
    return px_plan_enter_struct(in, "IndexFile", 1)
           && px_plan_field(in, "name")
           && read_piece_list(in, &out->name)
           && px_plan_leave(in);
}

bool px_plan_read_try_file(px_plan_reader *in, px_plan_try_file *out)
{
    return px_plan_enter_struct(in, "TryFile", 2)
           && px_plan_field(in, "name")
           && read_piece_list(in, &out->name)
           && px_plan_field(in, "directory")
           && px_plan_bool(in, &out->directory)
           && px_plan_leave(in);
}

bool px_plan_read_try_files(px_plan_reader *in, px_plan_try_files *out)
{
    return px_plan_enter_struct(in, "TryFiles", 3)
           && px_plan_field(in, "files")
           && read_try_file_list(in, &out->files)
           && px_plan_field(in, "fallback")
           && read_piece_list(in, &out->fallback)
           && px_plan_field(in, "code")
           && px_plan_int(in, &out->code)
           && px_plan_leave(in);
}

bool px_plan_read_expires(px_plan_reader *in, px_plan_expires *out)
{
    return px_plan_enter_struct(in, "Expires", 4)
           && px_plan_field(in, "kind")
           && px_plan_int(in, &out->kind)
           && px_plan_field(in, "seconds")
           && px_plan_int(in, &out->seconds)
           && px_plan_field(in, "modified")
           && px_plan_bool(in, &out->modified)
           && px_plan_field(in, "value")
           && read_piece_list(in, &out->value)
           && px_plan_leave(in);
}

bool px_plan_read_error_page(px_plan_reader *in, px_plan_error_page *out)
{
    return px_plan_enter_struct(in, "ErrorPage", 3)
           && px_plan_field(in, "statuses")
           && read_int_list(in, &out->statuses)
           && px_plan_field(in, "overwrite")
           && px_plan_int(in, &out->overwrite)
           && px_plan_field(in, "uri")
           && read_piece_list(in, &out->uri)
           && px_plan_leave(in);
}

bool px_plan_read_limit_zone(px_plan_reader *in, px_plan_limit_zone *out)
{
    return px_plan_enter_struct(in, "LimitZone", 5)
           && px_plan_field(in, "key")
           && px_plan_bytes(in, &out->key)
           && px_plan_field(in, "name")
           && px_plan_bytes(in, &out->name)
           && px_plan_field(in, "source")
           && read_piece_list(in, &out->source)
           && px_plan_field(in, "source_text")
           && px_plan_bytes(in, &out->source_text)
           && px_plan_field(in, "rate")
           && px_plan_int(in, &out->rate)
           && px_plan_leave(in);
}

bool px_plan_read_limit_req(px_plan_reader *in, px_plan_limit_req *out)
{
    return px_plan_enter_struct(in, "LimitReq", 3)
           && px_plan_field(in, "zone")
           && (out->zone = px_plan_ref(in, PX_PLAN_LIMIT_ZONE)) != NULL
           && px_plan_field(in, "burst")
           && px_plan_int(in, &out->burst)
           && px_plan_field(in, "delay")
           && px_plan_int(in, &out->delay)
           && px_plan_leave(in);
}

bool px_plan_read_limit_conn(px_plan_reader *in, px_plan_limit_conn *out)
{
    return px_plan_enter_struct(in, "LimitConn", 2)
           && px_plan_field(in, "zone")
           && (out->zone = px_plan_ref(in, PX_PLAN_LIMIT_ZONE)) != NULL
           && px_plan_field(in, "connections")
           && px_plan_int(in, &out->connections)
           && px_plan_leave(in);
}

bool px_plan_read_access_rule(px_plan_reader *in, px_plan_access_rule *out)
{
    return px_plan_enter_struct(in, "AccessRule", 4)
           && px_plan_field(in, "deny")
           && px_plan_bool(in, &out->deny)
           && px_plan_field(in, "family")
           && px_plan_int(in, &out->family)
           && px_plan_field(in, "network")
           && px_plan_bytes(in, &out->network)
           && px_plan_field(in, "prefix")
           && px_plan_int(in, &out->prefix)
           && px_plan_leave(in);
}

bool px_plan_read_syslog(px_plan_reader *in, px_plan_syslog *out)
{
    return px_plan_enter_struct(in, "Syslog", 7)
           && px_plan_field(in, "address")
           && px_plan_bytes(in, &out->address)
           && px_plan_field(in, "family")
           && px_plan_int(in, &out->family)
           && px_plan_field(in, "port")
           && px_plan_int(in, &out->port)
           && px_plan_field(in, "facility")
           && px_plan_int(in, &out->facility)
           && px_plan_field(in, "severity")
           && px_plan_int(in, &out->severity)
           && px_plan_field(in, "tag")
           && px_plan_bytes(in, &out->tag)
           && px_plan_field(in, "hostname")
           && px_plan_bool(in, &out->hostname)
           && px_plan_leave(in);
}

static bool read_log_file_syslog(px_plan_reader *in, px_plan_syslog **out)
{
    if (px_plan_none(in)) {
        return true;
    }
    *out = px_plan_items(in, 1, sizeof **out);
    return px_plan_read_syslog(in, *out);
}

bool px_plan_read_log_file(px_plan_reader *in, px_plan_log_file *out)
{
    return px_plan_enter_struct(in, "LogFile", 5)
           && px_plan_field(in, "path")
           && px_plan_bytes(in, &out->path)
           && px_plan_field(in, "buffer")
           && px_plan_int(in, &out->buffer)
           && px_plan_field(in, "flush")
           && px_plan_int(in, &out->flush)
           && px_plan_field(in, "gzip")
           && px_plan_int(in, &out->gzip)
           && px_plan_field(in, "syslog")
           && read_log_file_syslog(in, &out->syslog)
           && px_plan_leave(in);
}

bool px_plan_read_log_cache(px_plan_reader *in, px_plan_log_cache *out)
{
    return px_plan_enter_struct(in, "LogCache", 4)
           && px_plan_field(in, "most")
           && px_plan_int(in, &out->most)
           && px_plan_field(in, "inactive")
           && px_plan_int(in, &out->inactive)
           && px_plan_field(in, "valid")
           && px_plan_int(in, &out->valid)
           && px_plan_field(in, "min_uses")
           && px_plan_int(in, &out->min_uses)
           && px_plan_leave(in);
}

static bool read_access_log_condition(px_plan_reader *in, px_plan_piece_list **out)
{
    if (px_plan_none(in)) {
        return true;
    }
    *out = px_plan_items(in, 1, sizeof **out);
    return read_piece_list(in, *out);
}

bool px_plan_read_access_log(px_plan_reader *in, px_plan_access_log *out)
{
    return px_plan_enter_struct(in, "AccessLog", 6)
           && px_plan_field(in, "file")
           && (px_plan_none(in) || (out->file = px_plan_ref(in, PX_PLAN_LOG_FILE)) != NULL)
           && px_plan_field(in, "path")
           && read_piece_list(in, &out->path)
           && px_plan_field(in, "tests_root")
           && px_plan_bool(in, &out->tests_root)
           && px_plan_field(in, "format")
           && read_piece_list(in, &out->format)
           && px_plan_field(in, "escape")
           && px_plan_int(in, &out->escape)
           && px_plan_field(in, "condition")
           && read_access_log_condition(in, &out->condition)
           && px_plan_leave(in);
}

bool px_plan_read_error_log(px_plan_reader *in, px_plan_error_log *out)
{
    return px_plan_enter_struct(in, "ErrorLog", 2)
           && px_plan_field(in, "file")
           && (out->file = px_plan_ref(in, PX_PLAN_LOG_FILE)) != NULL
           && px_plan_field(in, "level")
           && px_plan_int(in, &out->level)
           && px_plan_leave(in);
}

bool px_plan_read_map_entry(px_plan_reader *in, px_plan_map_entry *out)
{
    return px_plan_enter_struct(in, "MapEntry", 2)
           && px_plan_field(in, "key")
           && px_plan_bytes(in, &out->key)
           && px_plan_field(in, "value")
           && read_piece_list(in, &out->value)
           && px_plan_leave(in);
}

static bool read_map_regex_regex(px_plan_reader *in, px_plan_regex **out)
{
    *out = px_plan_items(in, 1, sizeof **out);
    return px_plan_read_regex(in, *out);
}

bool px_plan_read_map_regex(px_plan_reader *in, px_plan_map_regex *out)
{
    return px_plan_enter_struct(in, "MapRegex", 2)
           && px_plan_field(in, "regex")
           && read_map_regex_regex(in, &out->regex)
           && px_plan_field(in, "value")
           && read_piece_list(in, &out->value)
           && px_plan_leave(in);
}

bool px_plan_read_map(px_plan_reader *in, px_plan_map *out)
{
    return px_plan_enter_struct(in, "Map", 10)
           && px_plan_field(in, "name")
           && px_plan_bytes(in, &out->name)
           && px_plan_field(in, "source")
           && read_piece_list(in, &out->source)
           && px_plan_field(in, "default")
           && read_piece_list(in, &out->default_)
           && px_plan_field(in, "hostnames")
           && px_plan_bool(in, &out->hostnames)
           && px_plan_field(in, "exact")
           && read_map_entry_list(in, &out->exact)
           && px_plan_field(in, "heads")
           && read_map_entry_list(in, &out->heads)
           && px_plan_field(in, "tails")
           && read_map_entry_list(in, &out->tails)
           && px_plan_field(in, "regexes")
           && read_map_regex_list(in, &out->regexes)
           && px_plan_field(in, "volatile")
           && px_plan_bool(in, &out->volatile_)
           && px_plan_field(in, "slot")
           && px_plan_int(in, &out->slot)
           && px_plan_leave(in);
}

bool px_plan_read_set_variable(px_plan_reader *in, px_plan_set_variable *out)
{
    return px_plan_enter_struct(in, "SetVariable", 3)
           && px_plan_field(in, "slot")
           && px_plan_int(in, &out->slot)
           && px_plan_field(in, "variable")
           && px_plan_int(in, &out->variable)
           && px_plan_field(in, "value")
           && read_piece_list(in, &out->value)
           && px_plan_leave(in);
}

bool px_plan_read_temp_path(px_plan_reader *in, px_plan_temp_path *out)
{
    return px_plan_enter_struct(in, "TempPath", 2)
           && px_plan_field(in, "path")
           && px_plan_bytes(in, &out->path)
           && px_plan_field(in, "levels")
           && px_plan_bytes(in, &out->levels)
           && px_plan_leave(in);
}

bool px_plan_read_set_header(px_plan_reader *in, px_plan_set_header *out)
{
    return px_plan_enter_struct(in, "SetHeader", 2)
           && px_plan_field(in, "name")
           && px_plan_bytes(in, &out->name)
           && px_plan_field(in, "value")
           && read_piece_list(in, &out->value)
           && px_plan_leave(in);
}

static bool read_rewrite_rule_regex(px_plan_reader *in, px_plan_regex **out)
{
    if (px_plan_none(in)) {
        return true;
    }
    *out = px_plan_items(in, 1, sizeof **out);
    return px_plan_read_regex(in, *out);
}

bool px_plan_read_rewrite_rule(px_plan_reader *in, px_plan_rewrite_rule *out)
{
    return px_plan_enter_struct(in, "RewriteRule", 4)
           && px_plan_field(in, "by_default")
           && px_plan_bool(in, &out->by_default)
           && px_plan_field(in, "pattern")
           && read_piece_list(in, &out->pattern)
           && px_plan_field(in, "regex")
           && read_rewrite_rule_regex(in, &out->regex)
           && px_plan_field(in, "replacement")
           && read_piece_list(in, &out->replacement)
           && px_plan_leave(in);
}

static bool read_cookie_rule_regex(px_plan_reader *in, px_plan_regex **out)
{
    if (px_plan_none(in)) {
        return true;
    }
    *out = px_plan_items(in, 1, sizeof **out);
    return px_plan_read_regex(in, *out);
}

bool px_plan_read_cookie_rule(px_plan_reader *in, px_plan_cookie_rule *out)
{
    return px_plan_enter_struct(in, "CookieRule", 3)
           && px_plan_field(in, "name")
           && read_piece_list(in, &out->name)
           && px_plan_field(in, "regex")
           && read_cookie_rule_regex(in, &out->regex)
           && px_plan_field(in, "flags")
           && read_words_list(in, &out->flags)
           && px_plan_leave(in);
}

bool px_plan_read_proxy_bind(px_plan_reader *in, px_plan_proxy_bind *out)
{
    return px_plan_enter_struct(in, "ProxyBind", 2)
           && px_plan_field(in, "address")
           && read_piece_list(in, &out->address)
           && px_plan_field(in, "transparent")
           && px_plan_bool(in, &out->transparent)
           && px_plan_leave(in);
}

static bool read_proxy_pass_url(px_plan_reader *in, px_plan_piece_list **out)
{
    if (px_plan_none(in)) {
        return true;
    }
    *out = px_plan_items(in, 1, sizeof **out);
    return read_piece_list(in, *out);
}

bool px_plan_read_proxy_pass(px_plan_reader *in, px_plan_proxy_pass *out)
{
    return px_plan_enter_struct(in, "ProxyPass", 7)
           && px_plan_field(in, "url")
           && read_proxy_pass_url(in, &out->url)
           && px_plan_field(in, "upstream")
           && (px_plan_none(in) || (out->upstream = px_plan_ref(in, PX_PLAN_UPSTREAM)) != NULL)
           && px_plan_field(in, "tls")
           && px_plan_bool(in, &out->tls)
           && px_plan_field(in, "host")
           && px_plan_bytes(in, &out->host)
           && px_plan_field(in, "port")
           && px_plan_bytes(in, &out->port)
           && px_plan_field(in, "uri")
           && (px_plan_none(in) || px_plan_bytes(in, &out->uri))
           && px_plan_field(in, "prefix_bytes")
           && px_plan_int(in, &out->prefix_bytes)
           && px_plan_leave(in);
}

bool px_plan_read_add_header(px_plan_reader *in, px_plan_add_header *out)
{
    return px_plan_enter_struct(in, "AddHeader", 3)
           && px_plan_field(in, "name")
           && px_plan_bytes(in, &out->name)
           && px_plan_field(in, "value")
           && read_piece_list(in, &out->value)
           && px_plan_field(in, "always")
           && px_plan_bool(in, &out->always)
           && px_plan_leave(in);
}

static bool read_return_text(px_plan_reader *in, px_plan_piece_list **out)
{
    if (px_plan_none(in)) {
        return true;
    }
    *out = px_plan_items(in, 1, sizeof **out);
    return read_piece_list(in, *out);
}

bool px_plan_read_return(px_plan_reader *in, px_plan_return *out)
{
    return px_plan_enter_struct(in, "Return", 2)
           && px_plan_field(in, "status")
           && px_plan_int(in, &out->status)
           && px_plan_field(in, "text")
           && read_return_text(in, &out->text)
           && px_plan_leave(in);
}

bool px_plan_read_limit_except(px_plan_reader *in, px_plan_limit_except *out)
{
    return px_plan_enter_struct(in, "LimitExcept", 2)
           && px_plan_field(in, "methods")
           && read_bytes_list(in, &out->methods)
           && px_plan_field(in, "settings")
           && (out->settings = px_plan_ref(in, PX_PLAN_SETTINGS)) != NULL
           && px_plan_leave(in);
}

static bool read_location_regex(px_plan_reader *in, px_plan_regex **out)
{
    if (px_plan_none(in)) {
        return true;
    }
    *out = px_plan_items(in, 1, sizeof **out);
    return px_plan_read_regex(in, *out);
}

static bool read_location_ret(px_plan_reader *in, px_plan_return **out)
{
    if (px_plan_none(in)) {
        return true;
    }
    *out = px_plan_items(in, 1, sizeof **out);
    return px_plan_read_return(in, *out);
}

static bool read_location_proxy(px_plan_reader *in, px_plan_proxy_pass **out)
{
    if (px_plan_none(in)) {
        return true;
    }
    *out = px_plan_items(in, 1, sizeof **out);
    return px_plan_read_proxy_pass(in, *out);
}

static bool read_location_limit_except(px_plan_reader *in, px_plan_limit_except **out)
{
    if (px_plan_none(in)) {
        return true;
    }
    *out = px_plan_items(in, 1, sizeof **out);
    return px_plan_read_limit_except(in, *out);
}

static bool read_location_try_files(px_plan_reader *in, px_plan_try_files **out)
{
    if (px_plan_none(in)) {
        return true;
    }
    *out = px_plan_items(in, 1, sizeof **out);
    return px_plan_read_try_files(in, *out);
}

bool px_plan_read_location(px_plan_reader *in, px_plan_location *out)
{
    return px_plan_enter_struct(in, "Location", 12)
           && px_plan_field(in, "kind")
           && px_plan_int(in, &out->kind)
           && px_plan_field(in, "name")
           && px_plan_bytes(in, &out->name)
           && px_plan_field(in, "regex")
           && read_location_regex(in, &out->regex)
           && px_plan_field(in, "settings")
           && (out->settings = px_plan_ref(in, PX_PLAN_SETTINGS)) != NULL
           && px_plan_field(in, "slash_redirect")
           && px_plan_bool(in, &out->slash_redirect)
           && px_plan_field(in, "sets")
           && read_set_variable_list(in, &out->sets)
           && px_plan_field(in, "ret")
           && read_location_ret(in, &out->ret)
           && px_plan_field(in, "proxy")
           && read_location_proxy(in, &out->proxy)
           && px_plan_field(in, "limit_except")
           && read_location_limit_except(in, &out->limit_except)
           && px_plan_field(in, "try_files")
           && read_location_try_files(in, &out->try_files)
           && px_plan_field(in, "report")
           && px_plan_int(in, &out->report)
           && px_plan_field(in, "locations")
           && read_location_list(in, &out->locations)
           && px_plan_leave(in);
}

static bool read_server_ret(px_plan_reader *in, px_plan_return **out)
{
    if (px_plan_none(in)) {
        return true;
    }
    *out = px_plan_items(in, 1, sizeof **out);
    return px_plan_read_return(in, *out);
}

static bool read_server_try_files(px_plan_reader *in, px_plan_try_files **out)
{
    if (px_plan_none(in)) {
        return true;
    }
    *out = px_plan_items(in, 1, sizeof **out);
    return px_plan_read_try_files(in, *out);
}

bool px_plan_read_server(px_plan_reader *in, px_plan_server *out)
{
    return px_plan_enter_struct(in, "Server", 8)
           && px_plan_field(in, "name")
           && px_plan_bytes(in, &out->name)
           && px_plan_field(in, "listen")
           && px_plan_bytes(in, &out->listen)
           && px_plan_field(in, "settings")
           && (out->settings = px_plan_ref(in, PX_PLAN_SETTINGS)) != NULL
           && px_plan_field(in, "sets")
           && read_set_variable_list(in, &out->sets)
           && px_plan_field(in, "ret")
           && read_server_ret(in, &out->ret)
           && px_plan_field(in, "try_files")
           && read_server_try_files(in, &out->try_files)
           && px_plan_field(in, "report")
           && px_plan_int(in, &out->report)
           && px_plan_field(in, "locations")
           && read_location_list(in, &out->locations)
           && px_plan_leave(in);
}

bool px_plan_read_server_name(px_plan_reader *in, px_plan_server_name *out)
{
    return px_plan_enter_struct(in, "ServerName", 2)
           && px_plan_field(in, "name")
           && px_plan_bytes(in, &out->name)
           && px_plan_field(in, "server")
           && (out->server = px_plan_ref(in, PX_PLAN_SERVER)) != NULL
           && px_plan_leave(in);
}

static bool read_server_regex_regex(px_plan_reader *in, px_plan_regex **out)
{
    *out = px_plan_items(in, 1, sizeof **out);
    return px_plan_read_regex(in, *out);
}

bool px_plan_read_server_regex(px_plan_reader *in, px_plan_server_regex *out)
{
    return px_plan_enter_struct(in, "ServerRegex", 2)
           && px_plan_field(in, "regex")
           && read_server_regex_regex(in, &out->regex)
           && px_plan_field(in, "server")
           && (out->server = px_plan_ref(in, PX_PLAN_SERVER)) != NULL
           && px_plan_leave(in);
}

bool px_plan_read_listen_address(px_plan_reader *in, px_plan_listen_address *out)
{
    return px_plan_enter_struct(in, "ListenAddress", 6)
           && px_plan_field(in, "address")
           && px_plan_bytes(in, &out->address)
           && px_plan_field(in, "default")
           && (out->default_ = px_plan_ref(in, PX_PLAN_SERVER)) != NULL
           && px_plan_field(in, "exact")
           && read_server_name_list(in, &out->exact)
           && px_plan_field(in, "heads")
           && read_server_name_list(in, &out->heads)
           && px_plan_field(in, "tails")
           && read_server_name_list(in, &out->tails)
           && px_plan_field(in, "regexes")
           && read_server_regex_list(in, &out->regexes)
           && px_plan_leave(in);
}

bool px_plan_read_listen(px_plan_reader *in, px_plan_listen *out)
{
    return px_plan_enter_struct(in, "Listen", 3)
           && px_plan_field(in, "key")
           && px_plan_bytes(in, &out->key)
           && px_plan_field(in, "port")
           && px_plan_int(in, &out->port)
           && px_plan_field(in, "addresses")
           && read_listen_address_list(in, &out->addresses)
           && px_plan_leave(in);
}

bool px_plan_read_network(px_plan_reader *in, px_plan_network *out)
{
    return px_plan_enter_struct(in, "Network", 2)
           && px_plan_field(in, "address")
           && px_plan_bytes(in, &out->address)
           && px_plan_field(in, "bits")
           && px_plan_int(in, &out->bits)
           && px_plan_leave(in);
}

bool px_plan_read_root(px_plan_reader *in, px_plan_root *out)
{
    return px_plan_enter_struct(in, "Root", 9)
           && px_plan_field(in, "listens")
           && read_listen_ref_list(in, &out->listens)
           && px_plan_field(in, "upstreams")
           && read_upstream_ref_list(in, &out->upstreams)
           && px_plan_field(in, "servers")
           && read_server_ref_list(in, &out->servers)
           && px_plan_field(in, "slots")
           && px_plan_int(in, &out->slots)
           && px_plan_field(in, "worker_connections")
           && px_plan_int(in, &out->worker_connections)
           && px_plan_field(in, "multi_accept")
           && px_plan_bool(in, &out->multi_accept)
           && px_plan_field(in, "shutdown_timeout")
           && px_plan_int(in, &out->shutdown_timeout)
           && px_plan_field(in, "error_log")
           && read_error_log_list(in, &out->error_log)
           && px_plan_field(in, "debug_connection")
           && read_network_list(in, &out->debug_connection)
           && px_plan_leave(in);
}

bool px_plan_read_peer(px_plan_reader *in, px_plan_peer *out)
{
    return px_plan_enter_struct(in, "Peer", 11)
           && px_plan_field(in, "name")
           && px_plan_bytes(in, &out->name)
           && px_plan_field(in, "server")
           && px_plan_bytes(in, &out->server)
           && px_plan_field(in, "address")
           && px_plan_bytes(in, &out->address)
           && px_plan_field(in, "family")
           && px_plan_int(in, &out->family)
           && px_plan_field(in, "port")
           && px_plan_int(in, &out->port)
           && px_plan_field(in, "weight")
           && px_plan_int(in, &out->weight)
           && px_plan_field(in, "max_conns")
           && px_plan_int(in, &out->max_conns)
           && px_plan_field(in, "max_fails")
           && px_plan_int(in, &out->max_fails)
           && px_plan_field(in, "fail_timeout")
           && px_plan_int(in, &out->fail_timeout)
           && px_plan_field(in, "backup")
           && px_plan_bool(in, &out->backup)
           && px_plan_field(in, "down")
           && px_plan_bool(in, &out->down)
           && px_plan_leave(in);
}

bool px_plan_read_upstream(px_plan_reader *in, px_plan_upstream *out)
{
    return px_plan_enter_struct(in, "Upstream", 9)
           && px_plan_field(in, "name")
           && px_plan_bytes(in, &out->name)
           && px_plan_field(in, "implicit")
           && px_plan_bool(in, &out->implicit)
           && px_plan_field(in, "peers")
           && read_peer_list(in, &out->peers)
           && px_plan_field(in, "balance")
           && px_plan_int(in, &out->balance)
           && px_plan_field(in, "hash_key")
           && read_piece_list(in, &out->hash_key)
           && px_plan_field(in, "keepalive")
           && px_plan_int(in, &out->keepalive)
           && px_plan_field(in, "keepalive_requests")
           && px_plan_int(in, &out->keepalive_requests)
           && px_plan_field(in, "keepalive_time")
           && px_plan_int(in, &out->keepalive_time)
           && px_plan_field(in, "keepalive_timeout")
           && px_plan_int(in, &out->keepalive_timeout)
           && px_plan_leave(in);
}

bool px_plan_read_plan_object(px_plan_reader *in, px_plan_plan_object *out)
{
    return px_plan_enter_struct(in, "PlanObject", 3)
           && px_plan_field(in, "kind")
           && px_plan_str(in, &out->kind)
           && px_plan_field(in, "digest")
           && px_plan_bytes(in, &out->digest)
           && px_plan_field(in, "body")
           && px_plan_bytes(in, &out->body)
           && px_plan_leave(in);
}

bool px_plan_read_engine_plan(px_plan_reader *in, px_plan_engine_plan *out)
{
    return px_plan_enter_struct(in, "EnginePlan", 2)
           && px_plan_field(in, "layout")
           && px_plan_int(in, &out->layout)
           && px_plan_field(in, "objects")
           && read_plan_object_list(in, &out->objects)
           && px_plan_leave(in);
}

static bool read_settings_proxy_method(px_plan_reader *in, px_plan_piece_list **out)
{
    if (px_plan_none(in)) {
        return true;
    }
    *out = px_plan_items(in, 1, sizeof **out);
    return read_piece_list(in, *out);
}

static bool read_settings_proxy_set_body(px_plan_reader *in, px_plan_piece_list **out)
{
    if (px_plan_none(in)) {
        return true;
    }
    *out = px_plan_items(in, 1, sizeof **out);
    return read_piece_list(in, *out);
}

static bool read_settings_large_client_header_buffers(px_plan_reader *in, px_plan_buffers **out)
{
    *out = px_plan_items(in, 1, sizeof **out);
    return px_plan_read_buffers(in, *out);
}

static bool read_settings_output_buffers(px_plan_reader *in, px_plan_buffers **out)
{
    *out = px_plan_items(in, 1, sizeof **out);
    return px_plan_read_buffers(in, *out);
}

static bool read_settings_root(px_plan_reader *in, px_plan_document_root **out)
{
    *out = px_plan_items(in, 1, sizeof **out);
    return px_plan_read_document_root(in, *out);
}

static bool read_settings_expires(px_plan_reader *in, px_plan_expires **out)
{
    *out = px_plan_items(in, 1, sizeof **out);
    return px_plan_read_expires(in, *out);
}

static bool read_settings_disable_symlinks(px_plan_reader *in, px_plan_disable_symlinks **out)
{
    *out = px_plan_items(in, 1, sizeof **out);
    return px_plan_read_disable_symlinks(in, *out);
}

static bool read_settings_proxy_buffers(px_plan_reader *in, px_plan_buffers **out)
{
    *out = px_plan_items(in, 1, sizeof **out);
    return px_plan_read_buffers(in, *out);
}

static bool read_settings_proxy_bind(px_plan_reader *in, px_plan_proxy_bind **out)
{
    if (px_plan_none(in)) {
        return true;
    }
    *out = px_plan_items(in, 1, sizeof **out);
    return px_plan_read_proxy_bind(in, *out);
}

static bool read_settings_client_body_temp_path(px_plan_reader *in, px_plan_temp_path **out)
{
    *out = px_plan_items(in, 1, sizeof **out);
    return px_plan_read_temp_path(in, *out);
}

static bool read_settings_proxy_temp_path(px_plan_reader *in, px_plan_temp_path **out)
{
    *out = px_plan_items(in, 1, sizeof **out);
    return px_plan_read_temp_path(in, *out);
}

bool px_plan_read_settings(px_plan_reader *in, px_plan_settings *out)
{
    return px_plan_enter_struct(in, "Settings", 97)
           && px_plan_field(in, "server_tokens")
           && read_piece_list(in, &out->server_tokens)
           && px_plan_field(in, "default_type")
           && px_plan_bytes(in, &out->default_type)
           && px_plan_field(in, "keepalive_timeout")
           && px_plan_int(in, &out->keepalive_timeout)
           && px_plan_field(in, "keepalive_timeout_header")
           && px_plan_int(in, &out->keepalive_timeout_header)
           && px_plan_field(in, "keepalive_requests")
           && px_plan_int(in, &out->keepalive_requests)
           && px_plan_field(in, "keepalive_time")
           && px_plan_int(in, &out->keepalive_time)
           && px_plan_field(in, "client_header_timeout")
           && px_plan_int(in, &out->client_header_timeout)
           && px_plan_field(in, "client_body_timeout")
           && px_plan_int(in, &out->client_body_timeout)
           && px_plan_field(in, "send_timeout")
           && px_plan_int(in, &out->send_timeout)
           && px_plan_field(in, "client_header_buffer_size")
           && px_plan_int(in, &out->client_header_buffer_size)
           && px_plan_field(in, "large_client_header_buffers")
           && read_settings_large_client_header_buffers(in, &out->large_client_header_buffers)
           && px_plan_field(in, "client_max_body_size")
           && px_plan_int(in, &out->client_max_body_size)
           && px_plan_field(in, "client_body_buffer_size")
           && px_plan_int(in, &out->client_body_buffer_size)
           && px_plan_field(in, "underscores_in_headers")
           && px_plan_bool(in, &out->underscores_in_headers)
           && px_plan_field(in, "ignore_invalid_headers")
           && px_plan_bool(in, &out->ignore_invalid_headers)
           && px_plan_field(in, "merge_slashes")
           && px_plan_bool(in, &out->merge_slashes)
           && px_plan_field(in, "max_headers")
           && px_plan_int(in, &out->max_headers)
           && px_plan_field(in, "keepalive_disable")
           && px_plan_int(in, &out->keepalive_disable)
           && px_plan_field(in, "keepalive_min_timeout")
           && px_plan_int(in, &out->keepalive_min_timeout)
           && px_plan_field(in, "lingering_close")
           && px_plan_int(in, &out->lingering_close)
           && px_plan_field(in, "lingering_time")
           && px_plan_int(in, &out->lingering_time)
           && px_plan_field(in, "lingering_timeout")
           && px_plan_int(in, &out->lingering_timeout)
           && px_plan_field(in, "reset_timedout_connection")
           && px_plan_bool(in, &out->reset_timedout_connection)
           && px_plan_field(in, "chunked_transfer_encoding")
           && px_plan_bool(in, &out->chunked_transfer_encoding)
           && px_plan_field(in, "sendfile")
           && px_plan_bool(in, &out->sendfile)
           && px_plan_field(in, "sendfile_max_chunk")
           && px_plan_int(in, &out->sendfile_max_chunk)
           && px_plan_field(in, "output_buffers")
           && read_settings_output_buffers(in, &out->output_buffers)
           && px_plan_field(in, "uninitialized_variable_warn")
           && px_plan_bool(in, &out->uninitialized_variable_warn)
           && px_plan_field(in, "types")
           && (out->types = px_plan_ref(in, PX_PLAN_TYPES)) != NULL
           && px_plan_field(in, "root")
           && read_settings_root(in, &out->root)
           && px_plan_field(in, "index")
           && read_index_file_list(in, &out->index)
           && px_plan_field(in, "internal")
           && px_plan_bool(in, &out->internal)
           && px_plan_field(in, "etag")
           && px_plan_bool(in, &out->etag)
           && px_plan_field(in, "if_modified_since")
           && px_plan_int(in, &out->if_modified_since)
           && px_plan_field(in, "max_ranges")
           && px_plan_int(in, &out->max_ranges)
           && px_plan_field(in, "expires")
           && read_settings_expires(in, &out->expires)
           && px_plan_field(in, "log_not_found")
           && px_plan_bool(in, &out->log_not_found)
           && px_plan_field(in, "disable_symlinks")
           && read_settings_disable_symlinks(in, &out->disable_symlinks)
           && px_plan_field(in, "error_page")
           && read_error_page_list(in, &out->error_page)
           && px_plan_field(in, "recursive_error_pages")
           && px_plan_bool(in, &out->recursive_error_pages)
           && px_plan_field(in, "proxy_intercept_errors")
           && px_plan_bool(in, &out->proxy_intercept_errors)
           && px_plan_field(in, "absolute_redirect")
           && px_plan_bool(in, &out->absolute_redirect)
           && px_plan_field(in, "server_name_in_redirect")
           && px_plan_bool(in, &out->server_name_in_redirect)
           && px_plan_field(in, "port_in_redirect")
           && px_plan_bool(in, &out->port_in_redirect)
           && px_plan_field(in, "add_header")
           && read_add_header_list(in, &out->add_header)
           && px_plan_field(in, "add_trailer")
           && read_add_header_list(in, &out->add_trailer)
           && px_plan_field(in, "proxy_pass_trailers")
           && px_plan_bool(in, &out->proxy_pass_trailers)
           && px_plan_field(in, "early_hints")
           && read_words_list(in, &out->early_hints)
           && px_plan_field(in, "access_log")
           && read_access_log_list(in, &out->access_log)
           && px_plan_field(in, "error_log")
           && read_error_log_list(in, &out->error_log)
           && px_plan_field(in, "open_log_file_cache")
           && (px_plan_none(in) || (out->open_log_file_cache = px_plan_ref(in, PX_PLAN_LOG_CACHE)) != NULL)
           && px_plan_field(in, "proxy_set_header")
           && read_set_header_list(in, &out->proxy_set_header)
           && px_plan_field(in, "proxy_hide_header")
           && read_bytes_list(in, &out->proxy_hide_header)
           && px_plan_field(in, "proxy_http_version")
           && px_plan_int(in, &out->proxy_http_version)
           && px_plan_field(in, "proxy_connect_timeout")
           && px_plan_int(in, &out->proxy_connect_timeout)
           && px_plan_field(in, "proxy_send_timeout")
           && px_plan_int(in, &out->proxy_send_timeout)
           && px_plan_field(in, "proxy_read_timeout")
           && px_plan_int(in, &out->proxy_read_timeout)
           && px_plan_field(in, "proxy_buffering")
           && px_plan_bool(in, &out->proxy_buffering)
           && px_plan_field(in, "proxy_buffer_size")
           && px_plan_int(in, &out->proxy_buffer_size)
           && px_plan_field(in, "proxy_buffers")
           && read_settings_proxy_buffers(in, &out->proxy_buffers)
           && px_plan_field(in, "proxy_request_buffering")
           && px_plan_bool(in, &out->proxy_request_buffering)
           && px_plan_field(in, "proxy_next_upstream")
           && px_plan_int(in, &out->proxy_next_upstream)
           && px_plan_field(in, "proxy_next_upstream_tries")
           && px_plan_int(in, &out->proxy_next_upstream_tries)
           && px_plan_field(in, "proxy_next_upstream_timeout")
           && px_plan_int(in, &out->proxy_next_upstream_timeout)
           && px_plan_field(in, "proxy_socket_keepalive")
           && px_plan_bool(in, &out->proxy_socket_keepalive)
           && px_plan_field(in, "proxy_method")
           && read_settings_proxy_method(in, &out->proxy_method)
           && px_plan_field(in, "proxy_set_body")
           && read_settings_proxy_set_body(in, &out->proxy_set_body)
           && px_plan_field(in, "proxy_pass_request_headers")
           && px_plan_bool(in, &out->proxy_pass_request_headers)
           && px_plan_field(in, "proxy_pass_request_body")
           && px_plan_bool(in, &out->proxy_pass_request_body)
           && px_plan_field(in, "proxy_ignore_headers")
           && px_plan_int(in, &out->proxy_ignore_headers)
           && px_plan_field(in, "proxy_bind")
           && read_settings_proxy_bind(in, &out->proxy_bind)
           && px_plan_field(in, "proxy_force_ranges")
           && px_plan_bool(in, &out->proxy_force_ranges)
           && px_plan_field(in, "proxy_socket_rcvbuf")
           && px_plan_int(in, &out->proxy_socket_rcvbuf)
           && px_plan_field(in, "proxy_socket_sndbuf")
           && px_plan_int(in, &out->proxy_socket_sndbuf)
           && px_plan_field(in, "client_body_temp_path")
           && read_settings_client_body_temp_path(in, &out->client_body_temp_path)
           && px_plan_field(in, "client_body_in_file_only")
           && px_plan_int(in, &out->client_body_in_file_only)
           && px_plan_field(in, "proxy_temp_path")
           && read_settings_proxy_temp_path(in, &out->proxy_temp_path)
           && px_plan_field(in, "proxy_max_temp_file_size")
           && px_plan_int(in, &out->proxy_max_temp_file_size)
           && px_plan_field(in, "proxy_temp_file_write_size")
           && px_plan_int(in, &out->proxy_temp_file_write_size)
           && px_plan_field(in, "limit_rate")
           && read_piece_list(in, &out->limit_rate)
           && px_plan_field(in, "limit_rate_after")
           && read_piece_list(in, &out->limit_rate_after)
           && px_plan_field(in, "proxy_limit_rate")
           && read_piece_list(in, &out->proxy_limit_rate)
           && px_plan_field(in, "proxy_ignore_client_abort")
           && px_plan_bool(in, &out->proxy_ignore_client_abort)
           && px_plan_field(in, "proxy_redirect")
           && read_rewrite_rule_list(in, &out->proxy_redirect)
           && px_plan_field(in, "proxy_cookie_domain")
           && read_rewrite_rule_list(in, &out->proxy_cookie_domain)
           && px_plan_field(in, "proxy_cookie_path")
           && read_rewrite_rule_list(in, &out->proxy_cookie_path)
           && px_plan_field(in, "proxy_cookie_flags")
           && read_cookie_rule_list(in, &out->proxy_cookie_flags)
           && px_plan_field(in, "limit_req")
           && read_limit_req_list(in, &out->limit_req)
           && px_plan_field(in, "limit_req_status")
           && px_plan_int(in, &out->limit_req_status)
           && px_plan_field(in, "limit_req_log_level")
           && px_plan_int(in, &out->limit_req_log_level)
           && px_plan_field(in, "limit_req_dry_run")
           && px_plan_bool(in, &out->limit_req_dry_run)
           && px_plan_field(in, "limit_conn")
           && read_limit_conn_list(in, &out->limit_conn)
           && px_plan_field(in, "limit_conn_status")
           && px_plan_int(in, &out->limit_conn_status)
           && px_plan_field(in, "limit_conn_log_level")
           && px_plan_int(in, &out->limit_conn_log_level)
           && px_plan_field(in, "limit_conn_dry_run")
           && px_plan_bool(in, &out->limit_conn_dry_run)
           && px_plan_field(in, "access_rules")
           && read_access_rule_list(in, &out->access_rules)
           && px_plan_field(in, "satisfy")
           && px_plan_int(in, &out->satisfy)
           && px_plan_leave(in);
}

static bool read_map_object(px_plan_reader *in, void *out)
{
    return px_plan_read_map(in, out);
}

static bool read_limit_zone_object(px_plan_reader *in, void *out)
{
    return px_plan_read_limit_zone(in, out);
}

static bool read_log_cache_object(px_plan_reader *in, void *out)
{
    return px_plan_read_log_cache(in, out);
}

static bool read_log_file_object(px_plan_reader *in, void *out)
{
    return px_plan_read_log_file(in, out);
}

static bool read_types_object(px_plan_reader *in, void *out)
{
    return px_plan_read_types(in, out);
}

static bool read_settings_object(px_plan_reader *in, void *out)
{
    return px_plan_read_settings(in, out);
}

static bool read_upstream_object(px_plan_reader *in, void *out)
{
    return px_plan_read_upstream(in, out);
}

static bool read_server_object(px_plan_reader *in, void *out)
{
    return px_plan_read_server(in, out);
}

static bool read_listen_object(px_plan_reader *in, void *out)
{
    return px_plan_read_listen(in, out);
}

static bool read_root_object(px_plan_reader *in, void *out)
{
    return px_plan_read_root(in, out);
}

const px_plan_kind_entry px_plan_kind_table[PX_PLAN_KINDS] = {
    [PX_PLAN_MAP] = {"Map", sizeof(px_plan_map), read_map_object},
    [PX_PLAN_LIMIT_ZONE] = {"LimitZone", sizeof(px_plan_limit_zone), read_limit_zone_object},
    [PX_PLAN_LOG_CACHE] = {"LogCache", sizeof(px_plan_log_cache), read_log_cache_object},
    [PX_PLAN_LOG_FILE] = {"LogFile", sizeof(px_plan_log_file), read_log_file_object},
    [PX_PLAN_TYPES] = {"Types", sizeof(px_plan_types), read_types_object},
    [PX_PLAN_SETTINGS] = {"Settings", sizeof(px_plan_settings), read_settings_object},
    [PX_PLAN_UPSTREAM] = {"Upstream", sizeof(px_plan_upstream), read_upstream_object},
    [PX_PLAN_SERVER] = {"Server", sizeof(px_plan_server), read_server_object},
    [PX_PLAN_LISTEN] = {"Listen", sizeof(px_plan_listen), read_listen_object},
    [PX_PLAN_ROOT] = {"Root", sizeof(px_plan_root), read_root_object},
};
