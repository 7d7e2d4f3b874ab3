/* Made by cextensions/generate.py from proxyd/config/plan/ and the directive table. Do not edit. */
#ifndef PX_GENERATED_PLAN_READ_H
#define PX_GENERATED_PLAN_READ_H

#include "generated/plan.h"
#include "proxy/plan_reader.h"

/* Each reads one Struct to *out, which is zeroed memory. False: in->error says why. */
bool px_plan_read_piece(px_plan_reader *in, px_plan_piece *out);
bool px_plan_read_words(px_plan_reader *in, px_plan_words *out);
bool px_plan_read_regex(px_plan_reader *in, px_plan_regex *out);
bool px_plan_read_regex_group(px_plan_reader *in, px_plan_regex_group *out);
bool px_plan_read_buffers(px_plan_reader *in, px_plan_buffers *out);
bool px_plan_read_type_entry(px_plan_reader *in, px_plan_type_entry *out);
bool px_plan_read_types(px_plan_reader *in, px_plan_types *out);
bool px_plan_read_document_root(px_plan_reader *in, px_plan_document_root *out);
bool px_plan_read_disable_symlinks(px_plan_reader *in, px_plan_disable_symlinks *out);
bool px_plan_read_index_file(px_plan_reader *in, px_plan_index_file *out);
bool px_plan_read_try_file(px_plan_reader *in, px_plan_try_file *out);
bool px_plan_read_try_files(px_plan_reader *in, px_plan_try_files *out);
bool px_plan_read_expires(px_plan_reader *in, px_plan_expires *out);
bool px_plan_read_error_page(px_plan_reader *in, px_plan_error_page *out);
bool px_plan_read_limit_zone(px_plan_reader *in, px_plan_limit_zone *out);
bool px_plan_read_limit_req(px_plan_reader *in, px_plan_limit_req *out);
bool px_plan_read_limit_conn(px_plan_reader *in, px_plan_limit_conn *out);
bool px_plan_read_access_rule(px_plan_reader *in, px_plan_access_rule *out);
bool px_plan_read_syslog(px_plan_reader *in, px_plan_syslog *out);
bool px_plan_read_log_file(px_plan_reader *in, px_plan_log_file *out);
bool px_plan_read_log_cache(px_plan_reader *in, px_plan_log_cache *out);
bool px_plan_read_access_log(px_plan_reader *in, px_plan_access_log *out);
bool px_plan_read_error_log(px_plan_reader *in, px_plan_error_log *out);
bool px_plan_read_map_entry(px_plan_reader *in, px_plan_map_entry *out);
bool px_plan_read_map_regex(px_plan_reader *in, px_plan_map_regex *out);
bool px_plan_read_map(px_plan_reader *in, px_plan_map *out);
bool px_plan_read_set_variable(px_plan_reader *in, px_plan_set_variable *out);
bool px_plan_read_temp_path(px_plan_reader *in, px_plan_temp_path *out);
bool px_plan_read_set_header(px_plan_reader *in, px_plan_set_header *out);
bool px_plan_read_rewrite_rule(px_plan_reader *in, px_plan_rewrite_rule *out);
bool px_plan_read_cookie_rule(px_plan_reader *in, px_plan_cookie_rule *out);
bool px_plan_read_proxy_bind(px_plan_reader *in, px_plan_proxy_bind *out);
bool px_plan_read_proxy_pass(px_plan_reader *in, px_plan_proxy_pass *out);
bool px_plan_read_add_header(px_plan_reader *in, px_plan_add_header *out);
bool px_plan_read_return(px_plan_reader *in, px_plan_return *out);
bool px_plan_read_limit_except(px_plan_reader *in, px_plan_limit_except *out);
bool px_plan_read_location(px_plan_reader *in, px_plan_location *out);
bool px_plan_read_server(px_plan_reader *in, px_plan_server *out);
bool px_plan_read_server_name(px_plan_reader *in, px_plan_server_name *out);
bool px_plan_read_server_regex(px_plan_reader *in, px_plan_server_regex *out);
bool px_plan_read_listen_address(px_plan_reader *in, px_plan_listen_address *out);
bool px_plan_read_listen(px_plan_reader *in, px_plan_listen *out);
bool px_plan_read_network(px_plan_reader *in, px_plan_network *out);
bool px_plan_read_root(px_plan_reader *in, px_plan_root *out);
bool px_plan_read_peer(px_plan_reader *in, px_plan_peer *out);
bool px_plan_read_upstream(px_plan_reader *in, px_plan_upstream *out);
bool px_plan_read_plan_object(px_plan_reader *in, px_plan_plan_object *out);
bool px_plan_read_engine_plan(px_plan_reader *in, px_plan_engine_plan *out);
bool px_plan_read_settings(px_plan_reader *in, px_plan_settings *out);

#endif
