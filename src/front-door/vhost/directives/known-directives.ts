import type { DirectiveClass, DirectiveContext, DirectiveEntry, Support } from './directive-table.ts'

type Count = number | readonly [min: number, max: number]

const MANY = 64
const ANY: Count = [1, MANY]
const SERVER: readonly DirectiveContext[] = ['server']
const LOCATION: readonly DirectiveContext[] = ['location']
const BOTH: readonly DirectiveContext[] = ['server', 'location']
const WITH_IF: readonly DirectiveContext[] = ['server', 'location', 'location-if']
const WITH_LIMIT: readonly DirectiveContext[] = ['server', 'location', 'limit_except']
const REWRITE: readonly DirectiveContext[] = ['server', 'location', 'if', 'location-if']

function row(
  directiveClass: DirectiveClass,
  support: Support,
): (name: string, args: Count, contexts?: readonly DirectiveContext[], note?: string) => DirectiveEntry {
  return (name, args, contexts = BOTH, note = '') => ({
    name,
    class: directiveClass,
    support,
    args: typeof args === 'number' ? [args, args] : args,
    contexts,
    note,
  })
}

const access = row('access', 'full')
const accessPart = row('access', 'part')
const routing = row('routing', 'full')
const routingPart = row('routing', 'part')
const tuning = row('tuning', 'full')
const tuningPart = row('tuning', 'part')

const ACCESS: readonly DirectiveEntry[] = [
  access('allow', 1, WITH_LIMIT),
  access('deny', 1, WITH_LIMIT),
  access('satisfy', 1),
  access('auth_basic', 1, WITH_LIMIT),
  access(
    'auth_basic_user_file',
    1,
    WITH_LIMIT,
    'a file of the password folders; on the registry its users are accounts',
  ),
  {
    ...access(
      'limit_except',
      ANY,
      BOTH,
      'inside: allow, deny, auth_basic, auth_basic_user_file; outside of a location it counts for all of them',
    ),
    block: true,
  },
  access(
    'client_max_body_size',
    1,
    BOTH,
    'not in a named location, as in nginx; the registry has no limit unless one is set here; 0 is none',
  ),
  access('internal', 0, LOCATION, 'locations inside are internal, too'),
  accessPart('limit_req', [1, 4], BOTH, 'the zone must be in conf.d; delay= is read as nodelay'),
  access('limit_req_status', 1),
  access('limit_conn', 2, BOTH, 'the zone must be in conf.d'),
  access('limit_conn_status', 1),
  access('set_real_ip_from', 1, SERVER, 'addresses and networks, no names'),
  access(
    'underscores_in_headers',
    1,
    SERVER,
    'what reads as the name of a header that Berth sets is dropped all the same',
  ),
  access('ignore_invalid_headers', 1, SERVER, 'off: as with underscores_in_headers'),
  access('real_ip_header', 1, SERVER),
  access('real_ip_recursive', 1, SERVER),
  accessPart('auth_request', 1, BOTH, 'off only; with a URI it closes the host'),
  accessPart('autoindex', 1, BOTH, 'off only: folders are not listed'),
]

const ROUTING: readonly DirectiveEntry[] = [
  { ...routing('location', [1, 2], BOTH), block: true },
  {
    ...routingPart(
      'if',
      ANY,
      BOTH,
      'variables, =, !=, ~, ~*, !~ and !~*; inside: return, rewrite, set, break, and in a location add_header, expires, limit_rate and gzip',
    ),
    block: true,
  },
  routing('return', [1, 2], REWRITE, 'stops everything: no password is asked for'),
  routing(
    'rewrite',
    [2, 3],
    REWRITE,
    'regular expressions of PCRE but for atomic groups, possessive repetitions, classes such as [[:alpha:]] and inline flags',
  ),
  routing(
    'merge_slashes',
    1,
    SERVER,
    'off: slashes in a row are kept, for rules and for upstreams alike, but for those at the begin of a path',
  ),
  routing('set', 2, REWRITE),
  routing('break', 0, REWRITE),
  routing(
    'proxy_pass',
    1,
    LOCATION,
    'http and https; the host by its name, or what comes out as it, is what was declared for it',
  ),
  routing('root', 1),
  routing('alias', 1, LOCATION),
  routing('try_files', [2, MANY], BOTH, 'not beside proxy_pass'),
  routing('index', ANY),
  routingPart(
    'error_page',
    [2, MANY],
    BOTH,
    'on errors of this server and intercepted ones; no variables in the page; a body that an upstream was given is not sent again',
  ),
  routing('proxy_intercept_errors', 1),
  routing('recursive_error_pages', 1),
  routing(
    'add_header',
    [2, 3],
    WITH_IF,
    'HSTS stays beside it; at an inner level it replaces what it would inherit',
  ),
  routing('proxy_hide_header', 1),
  routing('proxy_pass_header', 1),
  routing(
    'proxy_set_header',
    2,
    BOTH,
    'several of a name are all sent; at an inner level it replaces what it would inherit',
  ),
  routing('proxy_ssl_verify', 1),
  routing('proxy_ssl_server_name', 1),
  routing('proxy_ssl_name', 1),
  routingPart('include', 1, [...REWRITE, 'limit_except'], 'files of the vhost folder, no patterns'),
]

const TUNING: readonly DirectiveEntry[] = [
  tuningPart('proxy_redirect', [1, 2], BOTH, 'off, default, or pairs; what is replaced is a plain text'),
  tuning('client_body_timeout', 1, BOTH, 'the gap between two reads'),
  tuning('send_timeout', 1, BOTH, 'the gap between two writes; the registry waits 60 s on its own'),
  tuning('proxy_read_timeout', 1, BOTH, 'the gap between two reads'),
  tuning('proxy_send_timeout', 1, BOTH, 'the gap between two writes'),
  tuning('proxy_connect_timeout', 1),
  tuning(
    'proxy_next_upstream',
    ANY,
    BOTH,
    'error, timeout, http_502, http_503, http_504, non_idempotent, off',
  ),
  tuning('default_type', 1),
  tuningPart('expires', [1, 2], WITH_IF, 'a time, epoch, max or off; not "modified" and not @time'),
  tuning('gzip', 1, WITH_IF, 'blobs are never compressed'),
  tuning('gzip_types', ANY),
  tuning('gzip_min_length', 1),
  tuning('limit_rate', 1, WITH_IF, 'without variables'),
  tuningPart(
    'access_log',
    ANY,
    [...WITH_IF, 'limit_except'],
    'off, or a path below /var/log/nginx, which is one below the folder of site-log, and one of the formats combined, vhost, json; one file a level, no condition',
  ),
]

/** Names with a reason, a line each: taken and passed over. */
const PASSED_OVER: Readonly<Record<string, string>> = {
  proxy_request_buffering: 'bodies are always streamed',
  proxy_buffering: 'answers are always streamed',
  proxy_http_version: 'HTTP/1.1 always',
  client_header_timeout: 'headers must be there within 20 s',
  chunked_transfer_encoding: 'lengths are never asked for',
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

/** Of which an effect is missed: taken with a warning. */
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

/** Set elsewhere here: taken with a warning. */
const SET_ELSEWHERE: Readonly<Record<string, string>> = {
  ssl_certificate: 'certificates come from the certificate folder',
  ssl_certificate_key: 'keys come from the certificate folder',
  listen: 'addresses are those of listen-http and listen-https',
  server_name: 'the file name is the host',
  http2: 'on by itself, off by the label of the container',
  http3: 'HTTP/3 is not spoken',
  proxy_ssl_trusted_certificate: 'upstreams are checked against the certificate authorities of the system',
  proxy_ssl_verify_depth: 'chains may be of any length',
}
const TLS = [
  'ssl_ciphers ssl_prefer_server_ciphers ssl_trusted_certificate ssl_dhparam ssl_session_cache',
  'ssl_session_timeout ssl_session_tickets ssl_session_ticket_key ssl_stapling ssl_stapling_verify',
  'ssl_stapling_file ssl_stapling_responder ssl_ecdh_curve ssl_buffer_size ssl_early_data ssl_conf_command ssl',
].flatMap((line) => line.split(' '))

const REFUSED: Readonly<Record<string, string>> = {
  auth_jwt: 'tokens are not checked',
  auth_delay: 'it is not known how long',
  ssl_verify_client: 'put CAs into the folder of certificates instead, as HOST.ca.crt',
  ssl_client_certificate: 'put CAs into the folder of certificates instead, as HOST.ca.crt',
  ssl_verify_depth: 'put CAs into the folder of certificates instead, as HOST.ca.crt',
  ssl_crl: 'put CAs into the folder of certificates instead, as HOST.ca.crt',
  ssl_reject_handshake: 'hosts without a certificate are refused by themselves',
  secure_link: 'links are not checked',
  secure_link_secret: 'links are not checked',
  secure_link_md5: 'links are not checked',
  grpc_pass: 'VIRTUAL_PROTO=grpc does this',
  fastcgi_pass: 'only HTTP is spoken to upstreams',
  uwsgi_pass: 'only HTTP is spoken to upstreams',
  scgi_pass: 'only HTTP is spoken to upstreams',
  memcached_pass: 'only HTTP is spoken to upstreams',
  disable_symlinks: 'links out of the folder are not followed, unless serve-symlinks says so',
  proxy_method: 'requests keep their method',
  proxy_set_body: 'requests keep their body',
  proxy_pass_request_headers: 'requests keep their headers',
  proxy_pass_request_body: 'requests keep their body',
  sub_filter: 'answers are not changed',
  geo: 'variables are made by set',
  map: 'variables are made by set',
  split_clients: 'variables are made by set',
  valid_referers: 'compare $http_referer in an if',
  mirror: 'requests go to one upstream',
  dav_methods: 'files are only read',
  random_index: 'files are served by name',
  proxy_ssl_certificate: 'no certificate is shown to upstreams',
  proxy_ssl_certificate_key: 'no certificate is shown to upstreams',
}

/** All directives known, in the order of the documentation. */
export const DIRECTIVES: readonly DirectiveEntry[] = [
  ...ACCESS,
  ...ROUTING,
  ...TUNING,
  ...Object.entries(PASSED_OVER).map(([name, note]) => row('tuning', 'no-op')(name, [0, MANY], BOTH, note)),
  ...Object.entries(MISSING).map(([name, note]) => row('tuning', 'missing')(name, [0, MANY], BOTH, note)),
  ...PASSED_OVER_ALIKE.map((name) => row('tuning', 'no-op')(name, [0, MANY])),
  row('tls', 'part')('ssl_protocols', ANY, SERVER, 'raises the least version; lowering it is for tls-policy'),
  ...Object.entries(SET_ELSEWHERE).map(([name, note]) => row('tls', 'no-op')(name, [0, MANY], SERVER, note)),
  ...TLS.map((name) => row('tls', 'no-op')(name, [0, MANY], SERVER, 'TLS is set by tls-policy')),
  ...Object.entries(REFUSED).map(([name, note]) =>
    row(name.startsWith('ssl_') || name.startsWith('auth_') ? 'access' : 'routing', 'refused')(
      name,
      [0, MANY],
      BOTH,
      note,
    ),
  ),
]
