import { BOTH, type DirectiveEntry, MANY } from './directive-entry.ts'

/** Names with a reason, a line each: accepted and ignored. */
const PASSED_OVER: Readonly<Record<string, string>> = {
  proxy_request_buffering: 'bodies are always streamed',
  proxy_buffering: 'answers are always streamed',
  proxy_http_version: 'HTTP/1.1 always',
  client_header_timeout: 'headers must be there within 20 s',
  chunked_transfer_encoding: 'lengths are never required',
  server_tokens: 'no version is ever sent',
  error_log: 'errors go to the log',
  gzip_vary: 'Vary is always sent',
  gzip_proxied: 'answers of upstreams are compressed too',
  etag: 'files always have one',
  types: 'types go by the end of the name',
  resolver: 'the system resolves names',
}
const PASSED_OVER_ALIKE = [
  'proxy_buffers proxy_buffer_size proxy_busy_buffers_size proxy_max_temp_file_size proxy_temp_file_write_size',
  'proxy_temp_path proxy_headers_hash_max_size proxy_headers_hash_bucket_size proxy_socket_keepalive',
  'proxy_ignore_client_abort proxy_ssl_protocols proxy_ssl_session_reuse proxy_ssl_ciphers',
  'proxy_next_upstream_tries proxy_next_upstream_timeout',
  'proxy_cache_valid proxy_cache_key proxy_cache_bypass proxy_no_cache proxy_cache_use_stale proxy_cache_lock',
  'proxy_cache_methods proxy_cache_min_uses proxy_cache_revalidate proxy_cache_background_update',
  'proxy_force_ranges proxy_send_lowat',
  'client_body_buffer_size client_body_temp_path client_body_in_file_only client_body_in_single_buffer',
  'client_header_buffer_size large_client_header_buffers connection_pool_size request_pool_size',
  'gzip_comp_level gzip_buffers gzip_http_version gzip_disable gzip_static gunzip',
  'brotli brotli_types brotli_comp_level brotli_static brotli_min_length zstd zstd_types zstd_comp_level',
  'limit_req_log_level limit_conn_log_level log_not_found log_subrequest rewrite_log',
  'uninitialized_variable_warn keepalive_timeout keepalive_requests keepalive_disable keepalive_time',
  'port_in_redirect server_name_in_redirect msie_padding msie_refresh',
  'tcp_nodelay tcp_nopush sendfile sendfile_max_chunk reset_timedout_connection postpone_output output_buffers',
  'open_file_cache open_file_cache_valid open_file_cache_min_uses open_file_cache_errors if_modified_since',
  'source_charset charset_types override_charset types_hash_max_size types_hash_bucket_size',
  'server_names_hash_bucket_size lingering_close lingering_time lingering_timeout',
  'resolver_timeout aio directio read_ahead variables_hash_max_size send_lowat subrequest_output_buffer_size',
  'http2_push http2_push_preload http2_max_concurrent_streams http2_chunk_size http2_body_preread_size',
  'autoindex_exact_size autoindex_format autoindex_localtime',
].flatMap((line) => line.split(' '))

/** Those of which an effect is missed: taken with a warning. */
const MISSING: Readonly<Record<string, string>> = {
  proxy_cookie_path: 'cookies of upstreams are passed on as they are',
  proxy_cookie_domain: 'cookies of upstreams are passed on as they are',
  proxy_cookie_flags: 'cookies of upstreams are passed on as they are',
  proxy_cache: 'nothing is cached',
  proxy_store: 'answers are not kept',
  proxy_limit_rate: 'upstreams are read as fast as their answers are taken',
  proxy_bind: 'the system chooses the address',
  proxy_ignore_headers: 'headers of upstreams are not heeded',
  limit_rate_after: 'limit_rate counts from the first byte',
  add_trailer: 'no trailers are added',
  charset: 'texts are UTF-8',
  stub_status: 'there is no such page',
  early_hints: 'they are not passed on',
  absolute_redirect: 'redirects to paths are relative',
  max_ranges: 'one range is answered',
}

/** Directives that tune what is done otherwise here: taken without effect. */
export const PASSED_OVER_DIRECTIVES: readonly DirectiveEntry[] = [
  ...Object.entries(PASSED_OVER).map(([name, note]) => passedOver(name, 'no-op', note)),
  ...Object.entries(MISSING).map(([name, note]) => passedOver(name, 'missing', note)),
  ...PASSED_OVER_ALIKE.map((name) => passedOver(name, 'no-op', '')),
]

function passedOver(name: string, support: 'no-op' | 'missing', note: string): DirectiveEntry {
  return { name, class: 'tuning', support, args: [0, MANY], contexts: BOTH, note }
}
