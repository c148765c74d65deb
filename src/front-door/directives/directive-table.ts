/**
 * What becomes of a directive:
 * - `full`: it does what it does in nginx.
 * - `part`: the note says what of it.
 * - `no-op`: it tunes what is done otherwise here; taken and passed over.
 * - `refused`: it decides who gets what, and cannot be done: it closes the host.
 */
export type Support = 'full' | 'part' | 'no-op' | 'refused'

/** A directive of nginx that is known here. */
export interface DirectiveEntry {
  readonly name: string
  readonly support: Support
  /** Words behind the name: least and most. */
  readonly args: readonly [min: number, max: number]
  /** Has a block behind it. */
  readonly block?: true
  /** What an operator must know; empty if there is nothing. */
  readonly note: string
}

const MANY = 64

/** All directives known. What is not in here closes the host if it may decide who gets what, else it warns. */
export const DIRECTIVES: readonly DirectiveEntry[] = [
  full('client_max_body_size', 1, 'the registry has no limit unless one is set here; 0 is none'),
  full('client_body_timeout', 1, 'the gap between two reads'),
  full('send_timeout', 1, 'the gap between two writes'),
  full('proxy_read_timeout', 1, 'the gap between two reads'),
  full('proxy_send_timeout', 1, 'the gap between two writes'),
  full('proxy_connect_timeout', 1),
  noop('proxy_request_buffering', 'bodies are always streamed'),
  noop('proxy_buffering', 'answers are always streamed'),
  noop('proxy_buffers'),
  noop('proxy_buffer_size'),
  noop('proxy_busy_buffers_size'),
  noop('proxy_max_temp_file_size'),
  noop('proxy_temp_file_write_size'),
  noop('proxy_headers_hash_max_size'),
  noop('proxy_headers_hash_bucket_size'),
  noop('proxy_socket_keepalive'),
  noop('proxy_ignore_client_abort'),
  noop('client_body_buffer_size'),
  noop('client_body_temp_path'),
  noop('client_body_in_file_only'),
  noop('client_header_buffer_size'),
  noop('client_header_timeout', 'headers must be there within 20 s'),
  noop('chunked_transfer_encoding'),
  full('add_header', [2, 3], 'with HSTS kept beside it; at an inner level it replaces what it would inherit'),
  full('proxy_hide_header', 1),
  full('proxy_pass_header', 1),
  full('proxy_set_header', 2, 'at an inner level it replaces what it would inherit'),
  full('auth_basic', 1),
  full('auth_basic_user_file', 1, 'below the password folder; on the registry its users are accounts'),
  full('allow', 1),
  full('deny', 1),
  full('satisfy', 1),
  block('limit_except', [1, MANY], 'full', 'inside: allow, deny, auth_basic, auth_basic_user_file'),
  full('return', [1, 2]),
  full('rewrite', [2, 3], 'regular expressions are those of JavaScript, on 2,048 characters at most'),
  block(
    'if',
    [1, 8],
    'part',
    'variables, =, !=, ~, ~*, !~ and !~*; inside: return, rewrite, set, break, add_header',
  ),
  full('set', 2),
  full('break', 0),
  block('location', [1, 2], 'full', ''),
  full('internal', 0),
  full('proxy_pass', 1, 'http and https'),
  noop('proxy_http_version', 'HTTP/1.1 always'),
  part('proxy_redirect', [1, 2], 'off, default, or a pair without regular expressions'),
  full('proxy_ssl_verify', 1),
  full('proxy_ssl_server_name', 1),
  full('proxy_ssl_name', 1),
  noop('proxy_ssl_protocols'),
  noop('proxy_ssl_session_reuse'),
  noop('proxy_ssl_ciphers'),
  full('root', 1),
  full('alias', 1),
  full('try_files', [2, MANY]),
  full('index', [1, MANY]),
  full('default_type', 1),
  part('expires', [1, 2], 'a time, epoch, max or off; not "modified" and not @time'),
  part('autoindex', 1, 'off only'),
  part(
    'error_page',
    [2, MANY],
    'statuses, then a path or URL, with =status; on errors of this server and intercepted ones',
  ),
  full('proxy_intercept_errors', 1),
  full('gzip', 1, 'blobs are never compressed'),
  full('gzip_types', [1, MANY]),
  full('gzip_min_length', 1),
  noop('gzip_comp_level'),
  noop('gzip_vary', 'Vary is always sent'),
  noop('gzip_proxied', 'answers of upstreams are compressed too'),
  noop('gzip_buffers'),
  noop('gzip_http_version'),
  noop('gzip_disable'),
  noop('gzip_static'),
  part('limit_req', [1, 4], 'the zone must be in conf.d; delay= is read as nodelay is not given'),
  full('limit_req_status', 1),
  noop('limit_req_log_level'),
  full('limit_conn', 2, 'the zone must be in conf.d'),
  full('limit_conn_status', 1),
  noop('limit_conn_log_level'),
  full('limit_rate', 1),
  noop('limit_rate_after'),
  full('set_real_ip_from', 1),
  full('real_ip_header', 1),
  full('real_ip_recursive', 1),
  noop('server_tokens', 'no version is ever sent'),
  part('access_log', [1, MANY], 'off, or on as site-log says; the path is not used'),
  noop('log_not_found'),
  noop('error_log', 'errors go to the log'),
  noop('keepalive_timeout'),
  noop('keepalive_requests'),
  noop('keepalive_disable'),
  noop('large_client_header_buffers'),
  noop('underscores_in_headers', 'headers with underscores that look like an identity are always removed'),
  noop('ignore_invalid_headers'),
  noop('merge_slashes', 'slashes are always merged for routing'),
  noop('port_in_redirect'),
  noop('absolute_redirect'),
  noop('server_name_in_redirect'),
  noop('tcp_nodelay'),
  noop('tcp_nopush'),
  noop('sendfile'),
  noop('reset_timedout_connection'),
  noop('postpone_output'),
  noop('output_buffers'),
  noop('open_file_cache'),
  noop('etag', 'files always have one'),
  noop('if_modified_since'),
  noop('charset'),
  noop('source_charset'),
  noop('types_hash_max_size'),
  noop('server_names_hash_bucket_size'),
  noop('lingering_close'),
  noop('lingering_time'),
  noop('lingering_timeout'),
  full('proxy_next_upstream', [1, MANY]),
  noop('proxy_next_upstream_tries'),
  noop('proxy_next_upstream_timeout'),
  noop('proxy_cookie_path'),
  noop('proxy_cookie_domain'),
  noop('proxy_cookie_flags'),
  noop('proxy_cache', 'nothing is cached'),
  noop('proxy_cache_valid'),
  noop('proxy_cache_key'),
  noop('proxy_cache_bypass'),
  noop('proxy_no_cache'),
  noop('proxy_cache_use_stale'),
  noop('proxy_ignore_headers'),
  noop('proxy_force_ranges'),
  noop('proxy_store'),
  noop('resolver', 'the system resolves names'),
  noop('resolver_timeout'),
  noop('aio'),
  noop('directio'),
  part('auth_request', 1, 'off only; with a URI it closes the host'),
  part('include', 1, 'files of the vhost folder'),
  part('ssl_protocols', [1, MANY], 'raises the least version; lowering it is for tls-policy'),
  tls('ssl_ciphers'),
  tls('ssl_prefer_server_ciphers'),
  tls('ssl_certificate', 'certificates come from the certificate folder'),
  tls('ssl_certificate_key'),
  tls('ssl_trusted_certificate'),
  tls('ssl_dhparam'),
  tls('ssl_session_cache'),
  tls('ssl_session_timeout'),
  tls('ssl_session_tickets'),
  tls('ssl_stapling'),
  tls('ssl_stapling_verify'),
  tls('ssl_ecdh_curve'),
  tls('ssl_buffer_size'),
  tls('ssl_early_data'),
  tls('ssl_conf_command'),
  tls('listen', 'addresses are those of listen-http and listen-https'),
  tls('server_name', 'the file name is the host'),
  tls('http2', 'on by itself, off by the label of the container'),
  tls('http3'),
  refused('auth_jwt'),
  refused('auth_delay'),
  refused('ssl_verify_client', 'client certificates are not checked'),
  refused('ssl_client_certificate'),
  refused('ssl_verify_depth'),
  refused('ssl_crl'),
  refused('secure_link'),
  refused('secure_link_secret'),
  refused('secure_link_md5'),
  refused('geo'),
  refused('map'),
  refused('split_clients'),
  refused('valid_referers'),
  refused('sub_filter'),
  refused('fastcgi_pass'),
  refused('uwsgi_pass'),
  refused('scgi_pass'),
  refused('grpc_pass', 'VIRTUAL_PROTO=grpc does this'),
  refused('memcached_pass'),
  refused('mirror'),
  refused('dav_methods'),
  refused('random_index'),
]

/** The entries by name. */
export const DIRECTIVE_BY_NAME: ReadonlyMap<string, DirectiveEntry> = new Map(
  DIRECTIVES.map((entry) => [entry.name, entry]),
)

/** Names that may decide who gets what, as far as they can be told by their looks: unknown ones close the host. */
const DECIDES =
  /^(?:allow|deny|auth_|limit_|return|rewrite|if|location|internal|ssl_verify|secure_|js_|lua_|.*_by_lua|access_by|perl|valid_ref|geo|map|.*_pass$|modsecurity|naxsi|satisfy|server$|upstream$|http$)/

/** Whether an unknown directive may protect something. */
export function mayDecideAccess(name: string): boolean {
  return DECIDES.test(name)
}

/** The table of docs/front-door.md. */
export function formatDirectiveTable(): string {
  const words: Readonly<Record<Support, string>> = {
    full: 'yes',
    part: 'in part',
    'no-op': 'taken, does nothing',
    refused: 'refused: closes the host',
  }
  const rows = DIRECTIVES.map(({ name, support, note }) => `| \`${name}\` | ${words[support]} | ${note} |`)
  return ['| Directive | Here | |', '|---|---|---|', ...rows, ''].join('\n')
}

function full(name: string, args: number | readonly [number, number], note = ''): DirectiveEntry {
  return { name, support: 'full', args: rangeOf(args), note }
}

function part(name: string, args: number | readonly [number, number], note: string): DirectiveEntry {
  return { name, support: 'part', args: rangeOf(args), note }
}

function noop(name: string, note = ''): DirectiveEntry {
  return { name, support: 'no-op', args: [0, MANY], note }
}

/** Set elsewhere here: taken with a warning. */
function tls(name: string, note = 'TLS is set by tls-policy'): DirectiveEntry {
  return { name, support: 'no-op', args: [0, MANY], note }
}

function refused(name: string, note = ''): DirectiveEntry {
  return { name, support: 'refused', args: [0, MANY], note }
}

function block(
  name: string,
  args: readonly [number, number],
  support: 'full' | 'part',
  note: string,
): DirectiveEntry {
  return { name, support, args, block: true, note }
}

function rangeOf(args: number | readonly [number, number]): readonly [number, number] {
  return typeof args === 'number' ? [args, args] : args
}
