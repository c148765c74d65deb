// long: rows of one table

import { basicLogin } from '../support/requests/basic-login.ts'
import type { MatrixAnswer } from '../support/vhost/directive-matrix.ts'

/** A request of a row; absent members are those of a plain GET from 127.0.0.1. */
export interface MatrixRequest {
  readonly target?: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly from?: string
  /** Number of requests sent at once; statuses are compared without their order. */
  readonly atOnce?: number
}

/** A directive and the requests that show its effect. */
export interface MatrixRow {
  /** The directive, with the directives it needs beside it. */
  readonly text: string
  /** Written into the server. */
  readonly around?: string
  /** Written in the place of `text` for the comparison without effect; empty if absent. */
  readonly without?: string
  readonly query?: string
  readonly requests?: readonly MatrixRequest[]
  /** Answers in place of the usual kinds. */
  readonly answers?: Readonly<Record<string, MatrixAnswer>>
  /** Compared beside the answer itself: its duration, or lines of the log. */
  readonly sees?: 'slowness' | 'log'
  /** Contexts in which it is tried; absent: all that the table names. */
  readonly only?: readonly string[]
  /** Cases in which Berth differs on purpose. */
  readonly differs?: readonly { readonly answers: RegExp; readonly methods: RegExp }[]
  /** Places in which it has no visible effect in nginx itself, with any of the answers. */
  readonly unseen?: readonly string[]
  /** Places that its context allows but Berth does not support, as `site check` reports. */
  readonly reports?: readonly string[]
}

/** A row without a request of its own, and the reason, or the test that has one. */
interface MatrixElsewhere {
  readonly elsewhere: string
  readonly why: string
}

const ANN = { authorization: basicLogin('ann', 'secret') }
const USERS = 'auth_basic_user_file USERS;'
/** GET, HEAD, and two methods with a body. */
export const METHODS: readonly MatrixRequest[] = [
  {},
  { method: 'HEAD' },
  { method: 'POST', body: 'hello' },
  { method: 'PUT', body: 'hello' },
]
const POSTED: MatrixRequest = { method: 'POST', body: 'hello' }
const VISITORS: readonly MatrixRequest[] = [
  {},
  { from: '127.0.0.2' },
  { method: 'POST', body: 'hello', from: '127.0.0.2' },
  { from: '127.0.0.2', headers: ANN },
]
const ZIPPED: readonly MatrixRequest[] = METHODS.map((each) => ({
  ...each,
  headers: { 'accept-encoding': 'gzip' },
}))
const BARE = { bare: { content: '' } }
const FILES = {
  bare: { content: '' },
  'with an index': { content: 'index a.txt;' },
  tried: { content: 'try_files /x/a.txt =404;' },
  'tried in vain': { content: 'try_files /none /fallback?$args;' },
  page: { content: 'error_page 404 403 405 /file.html;' },
}
/** Answers that take as long as the upstream does. */
const PROXIED = {
  proxied: { content: 'proxy_pass http://UPSTREAM;' },
  fallback: { content: 'root EMPTY; try_files $uri /fallback?$args;' },
  'named fallback': { content: 'root EMPTY; try_files $uri @named;' },
}
const SECURE = { secure: { content: 'proxy_pass https://SECURE;' } }
const ERRORS = {
  missing: { content: 'root EMPTY;' },
  'missing behind a name': { content: 'root EMPTY; try_files $uri =404;' },
  returned: { content: 'return 404;' },
  denied: { content: 'deny all; proxy_pass http://UPSTREAM;' },
  intercepted: { content: 'proxy_intercept_errors on; proxy_pass http://UPSTREAM;', query: 'status=404' },
  'too large': { content: 'client_max_body_size 3; proxy_pass http://UPSTREAM;' },
  'too large for a file': { content: 'client_max_body_size 3; root ROOT;' },
  dead: { content: 'proxy_pass http://DEAD;' },
}

/**
 * Bodies are streamed: once sent to an upstream, a body is gone and cannot be sent to a second one. A page is requested
 * without it; a named location, which would need the same method, is not tried.
 */
const BODY_IS_GONE: MatrixRow['differs'] = [
  { answers: /intercepted|^declared|fallback|^proxied/, methods: /POST|PUT/ },
  { answers: /dead/, methods: /POST|PUT/ },
]

/** Rows by directive: each one that is supported, in full or in part, has some. */
export const ROWS: Readonly<Record<string, readonly (MatrixRow | MatrixElsewhere)[]>> = {
  allow: [{ text: 'allow 127.0.0.1; deny all;', requests: VISITORS }],
  deny: [{ text: 'deny 127.0.0.2;', requests: VISITORS }],
  satisfy: [{ text: `satisfy any; allow 127.0.0.1; deny all; auth_basic x; ${USERS}`, requests: VISITORS }],
  auth_basic: [
    { text: 'auth_basic "x $host";', around: USERS, requests: [...METHODS, { headers: ANN }] },
    { text: 'auth_basic off;', around: `auth_basic "x"; ${USERS}`, requests: METHODS },
  ],
  auth_basic_user_file: [
    {
      unseen: ['named location', 'location of an error page', 'limit_except'],
      text: USERS,
      around: 'auth_basic x;',
      requests: [...METHODS, { headers: ANN }],
      only: ['server'],
    },
    {
      text: USERS,
      around: 'auth_basic x; auth_basic_user_file OTHERS;',
      requests: [...METHODS, { headers: ANN }],
    },
  ],
  limit_except: [
    {
      unseen: ['outer location', 'location of an error page'],
      text: 'limit_except GET { deny all; }',
      only: ['location'],
    },
  ],
  client_max_body_size: [
    {
      text: 'client_max_body_size 3;',
      requests: [
        ...METHODS,
        { method: 'POST', body: 'hello', headers: { 'transfer-encoding': 'chunked' } },
        { method: 'POST', body: 'hel' },
      ],
    },
  ],
  internal: [{ unseen: ['named location', 'location of an error page'], text: 'internal;' }],
  limit_req: [{ text: 'limit_req zone=matrix;', requests: [{}, {}] }],
  limit_req_status: [
    {
      unseen: ['named location', 'location of an error page'],
      text: 'limit_req_status 429;',
      around: 'limit_req zone=matrix;',
      requests: [{}, {}],
    },
  ],
  limit_conn: [
    { text: 'limit_conn few 1;', query: 'delay=400', requests: [{ atOnce: 2 }], answers: PROXIED },
  ],
  limit_conn_status: [
    {
      unseen: ['named location', 'location of an error page'],
      text: 'limit_conn_status 429;',
      around: 'limit_conn few 1;',
      query: 'delay=400',
      requests: [{ atOnce: 2 }],
      answers: PROXIED,
    },
  ],
  set_real_ip_from: [
    {
      text: 'set_real_ip_from 127.0.0.1;',
      around: 'add_header X-Seen $remote_addr always;',
      requests: [{ headers: { 'x-real-ip': '192.0.2.1' } }],
    },
  ],
  real_ip_header: [
    {
      text: 'real_ip_header X-Visitor;',
      around: 'set_real_ip_from 127.0.0.1; add_header X-Seen $remote_addr always;',
      requests: [{ headers: { 'x-visitor': '192.0.2.1' } }],
    },
  ],
  real_ip_recursive: [
    {
      text: 'real_ip_recursive on;',
      around:
        'set_real_ip_from 127.0.0.1; set_real_ip_from 192.0.2.1; real_ip_header X-Forwarded-For; add_header X-Seen $remote_addr always;',
      requests: [{ headers: { 'x-forwarded-for': '192.0.2.9, 192.0.2.1' } }],
    },
  ],
  location: [
    { reports: ['named location', 'location of an error page'], text: 'location /x/a { return 200 own; }' },
  ],
  if: [
    { unseen: ['outer location'], text: 'if ($arg_on) { return 403; }' },
    { text: 'if ($arg_on) { set $probe yes; }', around: 'set $probe no; add_header X-Probe $probe always;' },
  ],
  return: [
    { unseen: ['outer location', 'if around a location'], text: 'return 200 "here $uri";' },
    { text: 'return 404;' },
    { text: 'return 302 /to?$args;' },
    { text: 'return 405 "not here";' },
  ],
  rewrite: [
    { unseen: ['outer location', 'if around a location'], text: 'rewrite ^/(?:page/)?x/(.*)$ /y/$1 last;' },
    { text: 'rewrite ^/(?:page/)?x/(.*)$ /x/other.txt break;' },
    { text: 'rewrite ^/(?:page/)?x/(.*)$ /to/$1 permanent;' },
    { text: 'rewrite ^/(?:page/)?x/(.*)$ /x/other.txt?y=z;' },
  ],
  set: [
    {
      unseen: ['outer location', 'if around a location'],
      text: 'set $probe yes;',
      around: 'set $probe no; add_header X-Probe $probe always;',
    },
  ],
  break: [
    {
      unseen: ['outer location', 'if around a location'],
      text: 'break; set $probe yes;',
      without: 'set $probe yes;',
      around: 'set $probe no; add_header X-Probe $probe always;',
    },
  ],
  proxy_pass: [
    {
      unseen: ['outer location'],
      reports: ['named location', 'server around a declared path', 'file of a declared path'],
      text: 'proxy_pass http://UPSTREAM;',
      answers: BARE,
      requests: METHODS,
    },
    { text: 'proxy_pass http://UPSTREAM/to/;', answers: BARE, requests: METHODS },
    { text: 'proxy_pass http://UPSTREAM/to$uri;', answers: BARE, requests: METHODS },
    { text: 'proxy_pass http://HOST;', answers: BARE, requests: METHODS },
    { text: 'proxy_pass http://HOST/to/;', answers: BARE, requests: METHODS },
    { text: 'proxy_pass http://HOST$request_uri;', answers: BARE, requests: METHODS },
    { text: 'proxy_pass http://HOST/to$uri?is=$arg_on;', answers: BARE, requests: METHODS },
    { text: 'set $own HOST; proxy_pass http://$own;', answers: BARE, requests: METHODS },
    { text: 'proxy_pass http://$http_host$uri;', answers: BARE, requests: METHODS },
  ],
  root: [
    {
      unseen: ['server around a declared path', 'file of a declared path'],
      text: 'root ROOT;',
      answers: FILES,
    },
    { text: 'root ROOT/$arg_dir;', query: 'dir=sub', answers: FILES },
  ],
  alias: [
    {
      unseen: ['location of an error page'],
      reports: ['named location', 'file of a declared path'],
      text: 'alias ROOT/x/;',
      answers: FILES,
    },
    { text: 'alias ROOT/x/;', answers: FILES, requests: [{ target: '/x/' }, { target: '/x/none' }] },
  ],
  try_files: [
    'try_files $uri /fallback?$args;',
    'try_files $uri @named;',
    'try_files $uri =503;',
    'try_files /x/other.txt $uri/ /file.html;',
  ].map((text) => ({
    text,
    unseen: ['server', 'outer location', 'server around a declared path'],
    reports: ['file of a declared path'],
    answers: {
      static: { content: 'root ROOT;' },
      missing: { content: 'root EMPTY;' },
      bare: { content: '' },
    },
  })),
  index: [
    {
      unseen: ['location of an error page', 'server around a declared path', 'file of a declared path'],
      text: 'index a.txt;',
      requests: [{ target: '/x/' }, { target: '/x/', method: 'POST', body: 'hello' }],
      answers: { static: { content: 'root ROOT;' }, 'without a folder': { content: 'root EMPTY;' } },
    },
  ],
  error_page: [
    'error_page 404 403 413 502 /file.html;',
    'error_page 404 403 413 502 =200 /file.html;',
    'error_page 404 403 413 502 /fallback;',
    'error_page 404 403 413 502 = /fallback?status=201;',
    'error_page 404 403 413 502 @named;',
    'error_page 404 403 413 502 = @named;',
    'error_page 404 403 413 502 http://other.example/page;',
    'error_page 404 403 413 502 =301 http://other.example/page;',
  ].map((text) => ({
    text,
    unseen: ['server around a declared path', 'file of a declared path'],
    answers: ERRORS,
    requests: METHODS,
    differs: BODY_IS_GONE,
  })),
  recursive_error_pages: [
    {
      unseen: ['location of an error page', 'server around a declared path', 'file of a declared path'],
      text: 'recursive_error_pages on;',
      around: 'error_page 404 /gone/; error_page 403 /file.html; location /gone/ { return 403; }',
      answers: { missing: { content: 'root EMPTY;' }, returned: { content: 'return 404;' } },
    },
  ],
  proxy_intercept_errors: [
    { text: 'proxy_intercept_errors on;', around: 'error_page 503 /file.html;', query: 'status=503' },
    {
      text: 'proxy_intercept_errors on;',
      around: 'error_page 503 = /fallback;',
      query: 'status=503',
      differs: BODY_IS_GONE,
    },
  ],
  add_header: [
    { unseen: ['if around a location'], text: 'add_header X-Probe "yes $uri";' },
    { text: 'add_header X-Probe "$status $upstream_status $sent_http_content_type" always;' },
    { text: 'add_header X-One 1; add_header X-One 2; add_header Set-Cookie a=b; add_header Set-Cookie c=d;' },
    { text: 'add_header X-Probe "yes $uri" always;', query: 'status=500' },
  ],
  proxy_hide_header: [{ text: 'proxy_hide_header X-Secret;', query: 'header=X-Secret:1' }],
  proxy_pass_header: [{ text: 'proxy_pass_header X-Pad;', query: 'header=X-Pad:1' }],
  proxy_set_header: [
    {
      text: 'proxy_set_header X-One "1 $uri"; proxy_set_header X-Two b; proxy_set_header X-One 2; proxy_set_header User-Agent "";',
    },
  ],
  proxy_ssl_verify: [
    {
      unseen: ['server around a declared path', 'file of a declared path'],
      text: 'proxy_ssl_verify on;',
      answers: SECURE,
      around: 'proxy_ssl_session_reuse off; proxy_ssl_trusted_certificate CA;',
    },
  ],
  proxy_ssl_server_name: [
    {
      unseen: ['server around a declared path', 'file of a declared path'],
      text: 'proxy_ssl_server_name on;',
      around: 'proxy_ssl_name inner.test; proxy_ssl_session_reuse off;',
      answers: SECURE,
    },
  ],
  proxy_ssl_name: [
    {
      unseen: ['server around a declared path', 'file of a declared path'],
      text: 'proxy_ssl_name inner.test;',
      around: 'proxy_ssl_server_name on; proxy_ssl_session_reuse off;',
      answers: SECURE,
    },
  ],
  include: [
    {
      unseen: ['if around a location'],
      reports: [
        'if',
        'limit_except',
        'if in a location',
        'if around a location',
        'if in a named location',
        'if in the file of a declared path',
      ],
      text: 'include ADDS;',
    },
    { text: 'include SETS;', around: 'set $probe no; add_header X-Probe $probe always;' },
    { text: 'include DENIES;', requests: VISITORS },
  ],
  proxy_redirect: [
    { text: 'proxy_redirect /from/ /to/;', query: 'status=302&location=/from/a' },
    { text: 'proxy_redirect off;', query: 'status=302&location=http://UPSTREAM/a' },
    {
      text: 'proxy_pass http://UPSTREAM/x/; proxy_redirect default;',
      reports: ['named location', 'file of a declared path'],
      around: 'proxy_redirect off;',
      without: 'proxy_pass http://UPSTREAM/x/;',
      answers: BARE,
      only: ['location'],
      query: 'status=302&location=http://UPSTREAM/x/a',
    },
  ],
  proxy_read_timeout: [{ text: 'proxy_read_timeout 300ms;', query: 'delay=3000', requests: [{}] }],
  default_type: [
    {
      unseen: ['location of an error page', 'server around a declared path', 'file of a declared path'],
      text: 'default_type text/x-probe;',
      requests: [{ target: '/x/unknown.zzz' }, { target: '/x/a.txt' }],
    },
  ],
  expires: [
    { unseen: ['if around a location'], text: 'expires 1h;', query: 'header=Cache-Control:private' },
    { text: 'expires epoch;' },
    { text: 'expires -1;' },
    { text: 'expires max;', query: 'header=Expires:0' },
    { text: 'expires off;', around: 'expires 1h;' },
  ],
  gzip: [
    {
      unseen: ['if around a location'],
      text: 'gzip on;',
      around: 'gzip_min_length 1; gzip_types text/plain;',
      requests: ZIPPED,
    },
    { text: 'gzip off;', around: 'gzip on; gzip_min_length 1; gzip_types text/plain;', requests: ZIPPED },
  ],
  gzip_types: [{ text: 'gzip_types text/plain;', around: 'gzip on; gzip_min_length 1;', requests: ZIPPED }],
  gzip_min_length: [
    { text: 'gzip_min_length 9000;', around: 'gzip on; gzip_types text/plain;', requests: ZIPPED },
  ],
  limit_rate: [
    {
      unseen: ['location of an error page', 'if around a location'],
      // Without it nginx passes on an upstream's answer as fast as it comes.
      around: 'proxy_buffering on;',
      text: 'limit_rate 60k;',
      query: 'length=120000',
      requests: [{ target: '/x/long.txt' }],
      sees: 'slowness',
    },
  ],
  access_log: [
    {
      unseen: ['if around a location'],
      text: 'access_log logs/HOST.log combined;',
      requests: [{}, POSTED],
      sees: 'log',
    },
    {
      text: 'access_log off;',
      around: 'access_log logs/HOST.log combined;',
      requests: [{}, POSTED],
      sees: 'log',
    },
  ],
  merge_slashes: [
    {
      elsewhere: 'src/front-door/exchange/canonical-path.test.ts',
      why: 'nginx takes it of the first server only',
    },
  ],
  underscores_in_headers: [
    { text: 'underscores_in_headers on;', requests: [{ headers: { x_probe: 'yes' } }] },
  ],
  ignore_invalid_headers: [
    { text: 'ignore_invalid_headers off;', requests: [{ headers: { 'x.probe': 'yes' } }] },
  ],
  auth_request: [{ elsewhere: 'test/front-door/directives-refused.test.ts', why: 'it can only be off' }],
  autoindex: [{ elsewhere: 'test/front-door/directives-refused.test.ts', why: 'it can only be off' }],
  client_body_timeout: [
    { elsewhere: 'src/front-door/forward/proxy-request.test.ts', why: 'a client that stops in the middle' },
  ],
  send_timeout: [
    { elsewhere: 'src/front-door/exchange/send-timeout.test.ts', why: 'a client that takes nothing' },
  ],
  proxy_send_timeout: [
    { elsewhere: 'src/front-door/forward/proxy-request.test.ts', why: 'an upstream that takes nothing' },
  ],
  proxy_connect_timeout: [
    {
      elsewhere: 'src/front-door/forward/connect/connect-server.test.ts',
      why: 'a server that does not answer',
    },
  ],
  proxy_next_upstream: [
    { elsewhere: 'src/front-door/forward/next-server.test.ts', why: 'an upstream of several servers' },
  ],
  ssl_protocols: [{ elsewhere: 'src/front-door/listen/tls/tls-policy.test.ts', why: 'a handshake' }],
}
