import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { after, before, describe, test } from 'node:test'
import { compileServer } from '../../src/front-door/vhost/compile/compile-server.ts'
import type { DirectiveProblem } from '../../src/front-door/vhost/syntax/problem.ts'
import { skipReason } from '../parts/find-parts.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { checkWithNginx } from '../support/vhost/vhost-nginx.ts'

const HOST = 'refused.test'

/** Files that both nginx and Berth refuse: nginx does not start, Berth closes the host. */
const BY_BOTH = [
  'allow;',
  'allow nobody;',
  'allow 10.0.0.0/33;',
  'deny 2001:db8::/129;',
  'deny 10.0.0.1 10.0.0.2;',
  'satisfy some;',
  'satisfy any; satisfy all;',
  'auth_basic;',
  'auth_basic "a" "b";',
  'auth_basic_user_file a; auth_basic_user_file b;',
  'client_max_body_size lots;',
  'client_max_body_size 1x;',
  'client_max_body_size 1m; client_max_body_size 2m;',
  'location / { limit_except { deny all; } }',
  'location /a { limit_except GET { return 403; } }',
  'location /a { limit_except GET { satisfy any; } }',
  'location /a { limit_except GET; }',
  'location { }',
  'location a b c { }',
  'location & /a { }',
  'location ~ ( { }',
  'location ~ [a { }',
  'location /a { } location /a { }',
  'location = /a { } location = /a { }',
  'location /a { location /b { } }',
  'location = /a { location /a/b { } }',
  'location ~ ^/a { location /b { } }',
  'if ($host=a) { return 403; }',
  'if ($host = a b) { return 403; }',
  'location @a { location /b { } }',
  'location /a { location @b { } }',
  'location /a { internal on; }',
  'internal;',
  'return;',
  'return abc;',
  'return 1000;',
  'return 200 a b;',
  'rewrite ^/a;',
  'rewrite ^/a /b sometimes;',
  'rewrite ( /b;',
  'rewrite ^/a /b last break;',
  'set $a;',
  'set a b;',
  'set $host b;',
  'set $a $nothing;',
  'return 200 $nothing;',
  'return 200 "$";',
  'break now;',
  'if { return 403; }',
  'if ($a) return 403;',
  'if ($nothing) { return 403; }',
  'if (host = a) { return 403; }',
  'if ($host == a) { return 403; }',
  'if ($host ~ () { return 403; }',
  'if ($host) { deny all; }',
  'if ($host) { add_header A b; }',
  'if ($host) { if ($uri) { return 403; } }',
  'location /a { if ($host) { location /a/b { } } }',
  'location /a { if ($host) { limit_except GET { deny all; } } }',
  'proxy_pass http://127.0.0.1;',
  'location /a { proxy_pass 127.0.0.1; }',
  'location /a { proxy_pass ftp://127.0.0.1; }',
  'location ~ /a { proxy_pass http://127.0.0.1/b; }',
  'location @a { proxy_pass http://127.0.0.1/b; }',
  'location /a { proxy_pass http://127.0.0.1; proxy_pass http://127.0.0.2; }',
  'location /a { root /a; alias /b; }',
  'location @a { alias /b; }',
  'alias /a;',
  'try_files $uri;',
  'root /a; root /b;',
  'error_page 404;',
  'error_page 200 /a;',
  'error_page 404 =abc /a;',
  'add_header A;',
  'add_header A b sometimes;',
  'proxy_set_header A;',
  'limit_req zone=nowhere;',
  'limit_conn nowhere 1;',
  'limit_req;',
  'auth_request;',
  'js_access check;',
  'access_by_lua_block { deny }',
  'alow 10.0.0.1;',
  'no_such_auth on; deny all',
  'deny all',
  '{ deny all; }',
  'deny all; }',
  'location /a { deny all;',
  '"deny all;',
  '"deny"all;',
  'deny all;;',
]

/** Files that only Berth refuses: it cannot do what they ask for, and they may protect something. */
const BY_BERTH = [
  'location admin { deny all; }',
  'auth_request /check;',
  'location /a { auth_basic "x"; auth_basic_user_file /etc/$host; }',
  'if (-f $request_filename) { return 403; }',
  'location /a { if ($arg_x) { proxy_pass http://127.0.0.1; } }',
  'location /a { autoindex on; }',
  'location ~ (?>a)b { deny all; }',
  'location /a { proxy_pass http://127.0.0.1; try_files $uri =404; }',
  'secure_link $arg_md5;',
  'sub_filter a b;',
  'location /a { fastcgi_pass 127.0.0.1:9000; }',
  'valid_referers none a.example;',
  'location /a { set_real_ip_from 10.0.0.0/8; real_ip_header X-Forwarded-For; }',
]

/** Files that both accept, and that could easily be refused by mistake. */
const BY_NONE = [
  '',
  'location ^~/a { } location =/b { } location ~\\.png$ { }',
  'location /a/ { } location = /a/ { } location ~ /a/ { } location ~ /a/ { }',
  'location ~ ^/a { location ~ c { } }',
  'if ( $host = "a b" ) { return 403; } if ($host = "") { return 403; } if ($uri ~ "(a) b") { return 403; }',
  'location /a { limit_except GET POST { allow 10.0.0.1; deny all; auth_basic off; } }',
  'location /a { if ($arg_x) { add_header A b; expires 1d; limit_rate 1k; gzip on; break; } }',
  'set $a b; if ($a = "b c") { return 204; }',
  'if ($uri ~ "^/(?<x>a)") { return 200 $x; }',
  'return 200 "a\nb";',
  'set $args "a=b";',
  'error_page 404 403 =200 /x; error_page 500 = @y; error_page 502 =503 http://e.example/;',
  'allow ::1; allow 127.0.0.1/8; deny all; allow unix:;',
  'add_header A ""; add_header B "$upstream_http_x $sent_http_y $request_time";',
  'proxy_set_header X "$http_a $cookie_b $arg_c $proxy_host"; proxy_hide_header A; proxy_pass_header B;',
  'proxy_read_timeout 1h30m; send_timeout 500ms; client_body_timeout 0; gzip_types a/b c/d;',
  'location /a { alias /srv/; index a b; expires -1; default_type a/b; }',
  'proxy_redirect off; location /a/ { proxy_redirect http://a/ /; proxy_redirect http://b/ /; proxy_pass http://127.0.0.1; }',
  'location /a { set $u 127.0.0.1; proxy_pass http://$u$uri?x=$arg_y; resolver 127.0.0.1; }',
]

describe('vhost files that nginx refuses', { skip: skipReason('nginx') }, () => {
  const resources = new AsyncDisposableStack()
  let folder: string

  before(async () => {
    folder = resources.use(await makeTempFolder('refused')).path
    await mkdir(folder, { recursive: true })
  })
  after(() => resources.disposeAsync())

  const check = (vhost: string): Promise<string | undefined> =>
    checkWithNginx(folder, { host: HOST, vhost }, { main: '127.0.0.1:1' })

  for (const vhost of BY_BOTH) {
    test(`nginx and Berth refuse ${JSON.stringify(vhost)}`, async () => {
      assert.notEqual(await check(vhost), undefined)
      assert.notDeepEqual(closing(vhost), [])
    })
  }

  for (const vhost of BY_BERTH) {
    test(`Berth alone refuses ${JSON.stringify(vhost)}`, async () => {
      assert.equal(await check(vhost), undefined)
      assert.notDeepEqual(closing(vhost), [])
    })
  }

  for (const vhost of BY_NONE) {
    test(`nginx and Berth take ${JSON.stringify(vhost)}`, async () => {
      assert.equal(await check(vhost), undefined)
      assert.deepEqual(closing(vhost), [])
    })
  }
})

function closing(vhost: string): readonly DirectiveProblem[] {
  const { problems } = compileServer({
    host: HOST,
    isRegistry: false,
    serverFile: { file: 'f', text: vhost },
    locations: [
      { path: '/', destination: '', locationFile: undefined, overrideFile: undefined, basic: undefined },
    ],
    resolvePath: (path) => path,
    readInclude: () => undefined,
  })
  return problems.filter(({ severity }) => severity === 'closes')
}
