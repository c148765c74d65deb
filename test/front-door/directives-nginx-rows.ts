// long: rows of one table

import { basicLogin } from '../support/requests/basic-login.ts'

/** A request, given by its differences from a plain GET from 127.0.0.1. */
export interface RequestRow {
  readonly target: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Address of the client. */
  readonly from?: string
  /** Number of the same requests sent before, one after the other. */
  readonly before?: number
  /** Statuses of both, for requests that Berth on purpose refuses and nginx accepts. */
  readonly stricter?: readonly [nginx: number, berth: number]
}

/** A vhost file with the requests that nginx and Berth must answer alike. UPSTREAM, OTHER, DEAD, ROOT, USERS are filled in. */
export interface Scenario {
  readonly name: string
  readonly vhost: string
  /** Content of `location /`. */
  readonly location?: string
  /** In place of `location /`. */
  readonly override?: string
  readonly confD?: string
  /** Declared paths, `/` if there are none. */
  readonly paths?: readonly { readonly path: string; readonly destination: string }[]
  readonly requests: readonly (string | RequestRow)[]
}

const ANN = { authorization: basicLogin('ann', 'secret') }
const WRONG = { authorization: basicLogin('ann', 'wrong') }

/** All scenarios. */
export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'no file',
    vhost: '',
    requests: [
      '/',
      '/a/b?c=d',
      '/a%20b',
      '/a%2Bb+c',
      '/%7Eann/',
      '/%C3%A4?%C3%A4=%20',
      '/a;b=c',
      '/?',
      { target: '/x', method: 'POST', body: 'hello' },
      { target: '/x', method: 'DELETE' },
      { target: '/x', method: 'HEAD' },
      { target: '/', headers: { 'x-real-ip': '1.2.3.4', proxy: 'evil', 'x-forwarded-proto': 'https' } },
    ],
  },
  {
    name: 'kinds of locations',
    vhost: `
      location = /exact { return 200 exact; }
      location /pre { return 200 pre; }
      location /prefix { return 200 prefix; }
      location ^~ /final { return 200 final; }
      location ~ final { return 200 "regex final"; }
      location ~ \\.txt$ { return 200 "text"; }
      location ~* \\.PNG$ { return 200 "image"; }
      location ~* "^/q[0-9]{2}$" { return 200 "quoted"; }
      location ~ ^/first { return 200 one; }
      location ~ ^/fir { return 200 two; }
      location = /glued/ { return 200 glued; }
    `,
    requests: [
      '/exact',
      '/exact/',
      '/exact?x=1',
      '/prefixed',
      '/pref',
      '/finally',
      '/x/final',
      '/prefix/a.txt',
      '/a.PnG',
      '/q12',
      '/q123',
      '/first',
      '/fir',
      '/glued',
      '/glued/',
      '/EXACT',
      '/%65xact',
      '//exact',
      '/x/../exact',
    ],
  },
  {
    name: 'locations inside of locations',
    vhost: `
      location /a/ {
        location /a/b/ { return 200 "a b"; }
        location = /a/c { return 200 "a c"; }
        location ~ \\.gif$ { return 200 "a gif"; }
        return 200 a;
      }
      location ^~ /f/ {
        location /f/g/ { return 200 "f g"; }
        location ~ \\.zip$ { return 200 "f zip"; }
        return 200 f;
      }
      location ~ ^/r/ {
        location ~ \\.jpg$ { return 200 "r jpg"; }
        return 200 r;
      }
      location ~ \\.(gif|zip|jpg|css)$ { return 200 "outer $1"; }
    `,
    requests: [
      '/a/x',
      '/a/b/x',
      '/a/b/x.css',
      '/a/b/x.gif',
      '/a/c',
      '/a/c.gif',
      '/f/x',
      '/f/g/x.css',
      '/f/x.zip',
      '/f/x.css',
      '/r/x.jpg',
      '/r/x',
      '/r/x.css',
      '/x.css',
    ],
  },
  {
    name: 'captures',
    vhost: `
      location ~ ^/user/(?<name>[a-z]+)/(\\d+)$ { return 200 "$name $1 $2 $3"; }
      location ~ ^/go/(.*)$ { return 302 /there/$1; }
      location ~ ^/p/(.*)$ { proxy_pass http://UPSTREAM/cap/$1?x=$arg_x; }
      location ~ ^/keep/(.*)$ { if ($request_method = GET) { set $m yes; } return 200 "$1 $m"; }
      location ~ ^/lose/(.*)$ { if ($request_method ~ POST) { set $m yes; } return 200 "[$1]"; }
      location ~ ^/named/(?<part>.*)$ { if ($request_method ~ GET) { set $m yes; } return 200 "[$1] $part"; }
    `,
    requests: ['/user/ann/12', '/go/a/b', '/go/?x', '/p/q?x=7', '/keep/z', '/lose/z', '/named/z'],
  },
  {
    name: 'rewrites of a server',
    vhost: `
      rewrite ^/old/(.*)$ /new/$1 last;
      rewrite ^/perm/(.*)$ /new/$1 permanent;
      rewrite ^/temp/(.*)$ /new/$1? redirect;
      rewrite ^/abs/(.*)$ https://other.example/$1;
      rewrite ^/schm/(.*)$ $scheme://other.example/$1 permanent;
      rewrite ^/args/(.*)/(.*)$ /new?a=$1&b=$2;
      rewrite ^/drop/(.*)$ /new/$1?;
      rewrite ^/set/(.*)$ /new/$1?only=this? last;
      rewrite ^/chain1$ /chain2;
      rewrite ^/chain2$ /chain3;
      rewrite ^/stop1$ /stop2 break;
      rewrite ^/stop2$ /stop3;
      rewrite ^/enc/(.*)$ /new?q=$1 redirect;
      rewrite (?i)^/CASE$ /new/case;
    `,
    requests: [
      '/old/a?b=c',
      '/perm/a?b=c',
      '/temp/a?b=c',
      '/abs/a?b=c',
      '/schm/a?b=c',
      '/args/1/2?c=3',
      '/drop/a?b=c',
      '/set/a?b=c',
      '/chain1?x',
      '/stop1',
      '/old/a%20b',
      '/perm/a%20b',
      '/args/a%26b/c%20d',
      '/enc/a%26b',
      '/drop/%C3%A4',
      '/case',
    ],
  },
  {
    name: 'rewrites of a location',
    vhost: `
      location /r1/ { rewrite ^/r1/(.*)$ /r2/$1; return 200 never; }
      location /r2/ { rewrite ^/r2/(.*)$ /r3/$1 last; }
      location /r3/ { return 200 "at $uri with $args"; }
      location /b1/ { rewrite ^/b1/(.*)$ /in/$1 break; proxy_pass http://UPSTREAM; }
      location /b2/ { rewrite ^/b2/(.*)$ /in/$1 break; proxy_pass http://UPSTREAM/replaced/; }
      location /b3/ { rewrite ^/b3/(.*)$ /in/$1 break; return 200 "$uri"; }
      location /b4/ { rewrite ^/b4/(.*)$ /r3/$1; break; proxy_pass http://UPSTREAM; }
      location /loop { rewrite ^/loop(.*)$ /loop$1x; }
      location /same { rewrite ^/same /same last; }
      location /to-inside { rewrite ^ /inside; }
      location /inside { internal; return 200 inside; }
      location /nothing { rewrite ^/nothing(.*) $1 break; proxy_pass http://UPSTREAM; }
    `,
    requests: [
      '/r1/x?y=z',
      '/r2/x',
      '/r3/x',
      '/b1/x%20y?z',
      '/b2/x?z',
      '/b3/x',
      '/b4/x',
      '/loop',
      '/same',
      '/to-inside',
      '/inside',
      '/nothing/x',
    ],
  },
  {
    name: 'where requests are passed to',
    vhost: `
      location /plain/ { proxy_pass http://UPSTREAM; }
      location /slash/ { proxy_pass http://UPSTREAM/; }
      location /deep/ { proxy_pass http://UPSTREAM/v1/; }
      location /noslash { proxy_pass http://UPSTREAM/v1; }
      location = /one { proxy_pass http://UPSTREAM/two; }
      location ~ ^/re/ { proxy_pass http://UPSTREAM; }
      location /own { proxy_pass http://HOST; }
      location /owned/ { proxy_pass http://HOST/sub/; }
      set $up OTHER;
      location /var/ { proxy_pass http://$up; }
      location /varpath/ { proxy_pass http://$up/x; }
      location /varuri/ { proxy_pass http://$up$request_uri; }
      location /outer/ { proxy_pass http://UPSTREAM/o/; location /outer/inner/ { proxy_pass http://OTHER/i/; } }
      location /dead/ { proxy_pass http://DEAD; }
    `,
    requests: [
      '/plain/a%20b?c=d',
      '/slash/a%20b?c=d',
      '/deep/a%2Bb?c=d',
      '/deep/',
      '/deep',
      '/deep?x=y',
      '/noslash/a',
      '/noslashes',
      '/one?two=3',
      '/one/',
      '/re/a%20b',
      '/own/a',
      '/owned/a?b',
      '/var/a%20b?c',
      '/varpath/a?c',
      '/varuri/a%20b?c',
      '/outer/a',
      '/outer/inner/a',
      '/dead/',
      '/slash/%E2%82%AC"<>',
      '/slash//a/../b',
    ],
  },
  {
    name: 'returns',
    vhost: `
      location = /200 { return 200 "text with \\"quotes\\" and $host"; }
      location = /204 { return 204; }
      location = /301 { return 301 https://other.example$request_uri; }
      location = /302 { return 302 /here; }
      location = /303 { return 303 /here?x=1; }
      location = /307 { return 307 https://$host/x; }
      location = /308 { return 308 /y; }
      location = /url { return https://other.example/; }
      location = /schemed { return $scheme://other.example/; }
      location = /400 { return 400; }
      location = /403 { return 403 "go away"; }
      location = /404 { return 404; }
      location = /410 { return 410; }
      location = /418 { return 418; }
      location = /500 { return 500; }
      location = /503 { return 503 'down'; }
      location = /444 { return 444; }
      location = /empty { return 200 ""; }
      location = /bare { return 200; }
    `,
    requests: [
      '/200',
      '/204',
      '/301?a=b',
      '/302',
      '/303',
      '/307',
      '/308',
      '/url',
      '/schemed',
      '/400',
      '/403',
      '/404',
      '/410',
      '/418',
      '/500',
      '/503',
      '/444',
      '/empty',
      '/bare',
      { target: '/200', method: 'HEAD' },
      { target: '/200', method: 'POST', body: 'x' },
    ],
  },
  {
    name: 'a return for all',
    vhost:
      'return 301 https://new.example$request_uri; auth_basic "x"; auth_basic_user_file USERS; deny all;',
    requests: ['/', '/a?b=c', { target: '/x', method: 'POST', body: 'x' }],
  },
  {
    name: 'conditions',
    vhost: `
      set $why none;
      if ($request_method = POST) { set $why post; }
      if ($http_user_agent ~* "(bot|spider)") { return 403 "no $1"; }
      if ($http_user_agent !~ ^probe) { set $why "$why agent"; }
      if ($arg_debug) { set $why "$why debug"; }
      if ($cookie_session = "a b") { set $why "$why spaced"; }
      if ($host != conditions.test) { return 421; }
      if ($http_x_none = "") { set $why "$why none"; }
      if ($args ~ "(?<key>[a-z]+)=special") { set $why "$why $key"; }
      if ($http_x_old !~* ^NEW$) { set $why "$why old"; }
      location /in {
        if ($arg_go) { return 302 /gone; }
        if ($arg_rw) { rewrite ^ /moved last; }
        if ($arg_brk) { rewrite ^ /kept break; }
        return 200 "in $why";
      }
      location /moved { return 200 "moved $why"; }
      location /hdr {
        proxy_pass http://UPSTREAM; 
        add_header X-Base base;
        if ($arg_h) { add_header X-If if; }
        if ($arg_i) { add_header X-Other other; }
      }
      location /hdr2 {
        proxy_pass http://UPSTREAM; 
        add_header X-Base base;
        if ($arg_h) { add_header X-If if; }
        if ($arg_i) { set $x y; }
      }
      location / { return 200 $why; }
    `,
    override: 'location /unused { return 404; }',
    requests: [
      '/',
      { target: '/', method: 'POST', body: 'x' },
      { target: '/', headers: { 'user-agent': 'a Spider' } },
      { target: '/', headers: { 'user-agent': 'other' } },
      '/?debug=1',
      '/?debug=0',
      '/?debug=',
      { target: '/', headers: { cookie: 'x=1; session=a b' } },
      { target: '/', headers: { 'x-none': 'some' } },
      { target: '/', headers: { 'x-old': 'new' } },
      '/?key=special',
      '/in?go=1',
      '/in?rw=1',
      '/in?brk=1',
      '/in',
      '/hdr',
      '/hdr?h=1',
      '/hdr?h=1&i=1',
      '/hdr?i=1',
      '/hdr2?h=1&i=1',
    ],
  },
  {
    name: 'variables',
    vhost: `
      set $mine "m-$uri";
      location /vars {
        return 200 "$request_method|$scheme|$host|$http_host|$uri|$document_uri|$request_uri|$args|$query_string|$is_args|$arg_a|$arg_b|$cookie_c|$http_x_y|$remote_addr|$server_name|$content_type|$content_length|$remote_user|$server_protocol|$https|$mine|\${mine}x|$request";
      }
      location /setargs { set $args "new=1&$args"; return 200 "$args $is_args $arg_new $request_uri"; }
      location /passargs/ { set $args "new=1"; proxy_pass http://UPSTREAM; }
      location /xff { proxy_set_header X-Seen $proxy_add_x_forwarded_for; proxy_pass http://UPSTREAM; }
    `,
    requests: [
      '/vars',
      '/vars?a=1&b=2',
      '/vars?A=1&b=%20x&a=3',
      { target: '/va%72s?x', headers: { cookie: 'b=1; c=2', 'x-y': 'z', ...ANN } },
      { target: '/vars', method: 'POST', body: 'abc', headers: { 'content-type': 'text/x' } },
      '/setargs?old=2',
      '/setargs',
      '/passargs/x%20y?old=1',
      '/xff',
    ],
  },
  {
    name: 'addresses',
    vhost: `
      location /one { proxy_pass http://UPSTREAM; deny 127.0.0.2; allow all; }
      location /two { proxy_pass http://UPSTREAM; allow 127.0.0.2; deny all; }
      location /net { proxy_pass http://UPSTREAM; allow 127.0.0.0/30; deny all; }
      location /open { proxy_pass http://UPSTREAM; deny 127.0.0.9; }
      location /order { proxy_pass http://UPSTREAM; deny all; allow 127.0.0.1; }
      location /six { proxy_pass http://UPSTREAM; allow ::1; deny all; }
      location /none { proxy_pass http://UPSTREAM; deny all; }
      location /outer { deny all; location /outer/inner { allow all; } location /outer/same { add_header X-A b; } }
      location /unix { proxy_pass http://UPSTREAM; allow unix:; deny all; }
      location /missing { deny all; root ROOT; }
    `,
    requests: ['/one', '/two', '/net', '/open', '/order', '/six', '/none', '/unix', '/missing'].flatMap(
      (target) => [target, { target, from: '127.0.0.2' }],
    ),
  },
  {
    name: 'addresses inside',
    vhost: `
      deny 127.0.0.2;
      location /outer { deny all; location /outer/inner { allow all; } location /outer/same { add_header X-A b; } }
      location /own { allow 127.0.0.2; }
      location /returns { deny all; return 200 anyway; }
    `,
    requests: ['/', '/outer', '/outer/inner', '/outer/same', '/own', '/returns'].flatMap((target) => [
      target,
      { target, from: '127.0.0.2' },
    ]),
  },
  {
    name: 'passwords',
    vhost: `
      auth_basic "Area $host";
      auth_basic_user_file USERS;
      location /off { proxy_pass http://UPSTREAM; auth_basic off; }
      location /other { proxy_pass http://UPSTREAM; auth_basic "Other"; }
      location /nofile { auth_basic_user_file /etc/nginx/passwords/nobody; }
      location /return { return 200 open; }
    `,
    requests: [
      '/',
      { target: '/', headers: ANN },
      { target: '/', headers: WRONG },
      { target: '/', headers: { authorization: 'Bearer x' } },
      { target: '/', headers: { authorization: 'basic !!!' } },
      '/off',
      '/other',
      { target: '/other', headers: ANN },
      '/nofile',
      { target: '/nofile', headers: ANN },
      '/return',
      { target: '/', method: 'POST', body: 'x' },
    ],
  },
  {
    name: 'a realm without a file',
    vhost: 'auth_basic "x"; location /in { proxy_pass http://UPSTREAM; auth_basic_user_file USERS; }',
    requests: [
      '/in',
      { target: '/in', headers: ANN },
      { target: '/', stricter: [200, 403] },
      { target: '/', headers: ANN, stricter: [200, 403] },
    ],
  },
  {
    name: 'a file without a realm',
    vhost: 'auth_basic_user_file USERS; location /in { proxy_pass http://UPSTREAM; auth_basic "x"; }',
    requests: ['/', '/in', { target: '/in', headers: ANN }],
  },
  {
    name: 'satisfy any',
    vhost: `
      satisfy any; allow 127.0.0.1; deny all; auth_basic "x"; auth_basic_user_file USERS;
      location /undecided { proxy_pass http://UPSTREAM; allow 127.0.0.3; }
      location /addresses { proxy_pass http://UPSTREAM; auth_basic off; }
      location /all { proxy_pass http://UPSTREAM; satisfy all; }
    `,
    requests: ['/', '/undecided', '/addresses', '/all'].flatMap((target) => [
      target,
      { target, from: '127.0.0.2' },
      { target, headers: ANN },
      { target, from: '127.0.0.2', headers: ANN },
      { target, from: '127.0.0.2', headers: WRONG },
    ]),
  },
  {
    name: 'limit except',
    vhost: `
      location /ro { proxy_pass http://UPSTREAM; limit_except GET { deny all; } location /ro/free { proxy_pass http://UPSTREAM; add_header X-A b; } }
      location /auth { proxy_pass http://UPSTREAM; limit_except GET OPTIONS { auth_basic "w"; auth_basic_user_file USERS; } }
      location /late { proxy_pass http://UPSTREAM; limit_except GET { allow 127.0.0.2; deny all; } auth_basic "r"; auth_basic_user_file USERS; }
      location /post { proxy_pass http://UPSTREAM; limit_except POST { deny all; } }
      location /answers { limit_except GET { deny all; } return 200 answered; }
    `,
    requests: [
      '/ro',
      { target: '/ro', method: 'HEAD' },
      { target: '/ro', method: 'PUT', body: 'x' },
      { target: '/ro', method: 'DELETE' },
      { target: '/ro/free', method: 'DELETE' },
      '/auth',
      { target: '/auth', method: 'OPTIONS' },
      { target: '/auth', method: 'PUT', body: 'x' },
      { target: '/auth', method: 'PUT', body: 'x', headers: ANN },
      '/late',
      { target: '/late', headers: ANN },
      { target: '/late', method: 'PUT', body: 'x', headers: ANN },
      { target: '/late', method: 'PUT', body: 'x', from: '127.0.0.2' },
      { target: '/late', method: 'PUT', body: 'x', from: '127.0.0.2', headers: ANN },
      '/post',
      '/answers',
      { target: '/answers', method: 'PUT', body: 'x' },
      { target: '/post', method: 'HEAD' },
      { target: '/post', method: 'POST', body: 'x' },
    ],
  },
  {
    name: 'added headers',
    vhost: `
      add_header X-One 1;
      add_header X-Two "2 $request_method" always;
      add_header X-Empty "";
      add_header X-Many a; add_header X-Many b;
      location /own { proxy_pass http://UPSTREAM; add_header X-Three 3; }
      location /inherits { proxy_pass http://UPSTREAM; proxy_read_timeout 5s; }
      location /404 { return 404; }
      location /text404 { return 404 text; }
      location /301 { return 301 /x; }
      location /auth { proxy_pass http://UPSTREAM; auth_basic x; auth_basic_user_file USERS; }
      location /upstream { proxy_pass http://UPSTREAM; add_header X-Saw $upstream_http_x_from always; }
    `,
    requests: [
      '/',
      '/own',
      '/inherits',
      { target: '/404' },
      { target: '/text404' },
      { target: '/301' },
      { target: '/auth' },
      '/x?status=404',
      '/x?status=201',
      '/x?status=206',
      '/x?status=304',
      '/x?status=418',
      '/own?status=404',
      '/upstream?header=X-From:here',
    ],
  },
  {
    name: 'headers of the upstream',
    vhost: `
      proxy_hide_header X-Secret;
      proxy_set_header X-Outer outer;
      location /pass { proxy_pass http://UPSTREAM; proxy_pass_header Server; }
      location /own { proxy_pass http://UPSTREAM; proxy_hide_header X-Else; }
      location /set { proxy_pass http://UPSTREAM; proxy_set_header X-Inner "in $uri"; proxy_set_header X-Gone ""; proxy_set_header Host $host; }
      location /host { proxy_pass http://UPSTREAM; proxy_set_header Host other.example; proxy_set_header User-Agent ""; }
    `,
    requests: [
      '/?header=X-Secret:1&header=X-Else:2',
      '/pass?header=Server:me',
      '/own?header=X-Secret:1&header=X-Else:2',
      '/own?header=Server:me&header=X-Accel-Buffering:no&header=X-Pad:a',
      { target: '/set', headers: { 'x-gone': 'a', 'x-kept': 'b' } },
      { target: '/host', headers: { 'x-gone': 'a', 'user-agent': 'me' } },
      '/?status=503&header=Retry-After:5',
    ],
  },
  {
    name: 'redirects of the upstream',
    vhost: `
      location /default/ { proxy_pass http://UPSTREAM/app/; }
      location /off/ { proxy_pass http://UPSTREAM/app/; proxy_redirect off; }
      location /pair/ { proxy_pass http://UPSTREAM/app/; proxy_redirect http://inner.example/ https://$host/outer/; proxy_redirect /abs/ /there/; }
    `,
    requests: ['default', 'off', 'pair'].flatMap((path) => [
      {
        target: `/${path}/?status=302&location=http://UPSTREAM/app/x`,
      },
      `/${path}/?status=302&location=http://inner.example/y`,
      `/${path}/?status=302&location=/abs/z`,
      `/${path}/?status=201&location=http://elsewhere.example/`,
    ]),
  },
  {
    name: 'redirects of a declared upstream to the host that was asked for',
    vhost: '',
    paths: [
      { path: '/', destination: '' },
      { path: '/d/', destination: '/e/' },
      { path: '= /x', destination: '/y' },
    ],
    requests: ['/', '/d/', '/x'].flatMap((path) =>
      ['http://HOST/e/next', 'http://HOST/y', 'https://HOST/e/', 'http://HOST.evil/e/', '/e/'].flatMap(
        (url) => [
          `${path}?status=302&location=${url}`,
          `${path}?header=Refresh:5%3B%20url%3D${encodeURIComponent(url)}`,
        ],
      ),
    ),
  },
  {
    name: 'error pages',
    vhost: `
      error_page 404 /missing;
      error_page 403 =200 /forbidden;
      error_page 500 502 503 504 = @down;
      error_page 410 https://other.example/gone;
      error_page 405 =303 /see;
      error_page 401 /login;
      location = /missing { internal; return 200 "missing page"; }
      location = /forbidden { return 200 "forbidden page"; }
      location = /login { auth_basic off; return 200 "login page"; }
      location @down { return 200 "down $uri"; }
      location /404 { return 404; }
      location /403 { deny all; }
      location /410 { return 410; }
      location /405 { return 405; }
      location /503 { return 503; }
      location /401 { auth_basic x; auth_basic_user_file USERS; }
      location /dead/ { proxy_pass http://DEAD; }
      location /passed { proxy_pass http://UPSTREAM; }
      location /intercepted { proxy_pass http://UPSTREAM; proxy_intercept_errors on; }
      location /own { error_page 404 /forbidden; return 404; }
      location /text { return 404 text; }
      location /rewritten { rewrite ^/rewritten/(.*) /$1 break; error_page 502 = @back; proxy_pass http://DEAD; }
      location @back { proxy_pass http://UPSTREAM; }
    `,
    requests: [
      '/404',
      '/missing',
      '/403',
      '/410',
      '/405',
      { target: '/503/x' },
      '/401',
      { target: '/dead/x' },
      '/passed?status=404',
      '/intercepted?status=404',
      '/intercepted?status=200',
      { target: '/intercepted?status=503' },
      '/own',
      '/text',
      { target: '/rewritten/a%20b?c' },
      { target: '/404', method: 'POST', body: 'x' },
      { target: '/404', method: 'HEAD' },
    ],
  },
  {
    name: 'files',
    vhost: `
      location /root/ { root ROOT; }
      location /alias/ { alias ROOT/root/; }
      location /index/ { alias ROOT/root/; index none.html other.html; }
      location /try/ { root ROOT; try_files $uri $uri/ /try/fallback.txt; }
      location /tryeq/ { root ROOT; try_files $uri =410; }
      location /tryname/ { root ROOT; try_files $uri @named; }
      location @named { return 200 "named $uri"; }
      location ~ ^/re/(.*)$ { alias ROOT/root/$1; }
      location /type/ { alias ROOT/root/; default_type text/x-own; }
      location /exp/ { alias ROOT/root/; expires 1h; }
      location /expmax/ { alias ROOT/root/; expires max; }
      location /expoff/ { alias ROOT/root/; expires -1; }
      location /epoch/ { alias ROOT/root/; expires epoch; }
      location ^~ /.well-known/acme-challenge/ {
        auth_basic off; auth_request off; allow all; root ROOT; try_files $uri =404; break;
      }
    `,
    requests: [
      '/root/a.txt',
      '/root/none',
      '/root/',
      '/root/sub',
      '/root/sub/',
      '/alias/a.txt',
      '/alias/other.html',
      '/alias/',
      '/index/',
      '/try/a.txt',
      '/try/none',
      '/tryeq/none',
      '/tryeq/a.txt',
      '/tryname/none',
      '/re/a.txt',
      '/type/unknown.zzz',
      '/exp/a.txt',
      '/expmax/a.txt',
      '/expoff/a.txt',
      '/epoch/a.txt',
      { target: '/alias/a.txt', method: 'HEAD' },
      { target: '/alias/a.txt', method: 'POST', body: 'x' },
      { target: '/alias/a.txt', headers: { range: 'bytes=1-2' } },
      { target: '/alias/a.txt', headers: { range: 'bytes=100-' } },
      '/.well-known/acme-challenge/token',
      '/.well-known/acme-challenge/none',
      '/alias/../../etc/passwd',
    ],
  },
  {
    name: 'sizes of bodies',
    vhost: `
      client_max_body_size 10;
      location /more { proxy_pass http://UPSTREAM; client_max_body_size 1k; }
      location /any { proxy_pass http://UPSTREAM; client_max_body_size 0; }
    `,
    requests: ['/', '/more', '/any'].flatMap((target) => [
      { target, method: 'POST', body: 'x'.repeat(10) },
      { target, method: 'POST', body: 'x'.repeat(11) },
      { target, method: 'POST', body: 'x'.repeat(1_025) },
    ]),
  },
  {
    name: 'compression',
    vhost:
      'gzip on; gzip_types application/json; gzip_min_length 200; gzip_proxied any; location /off { proxy_pass http://UPSTREAM; gzip off; } location /inner { proxy_pass http://UPSTREAM; gzip_min_length 1; }',
    requests: [
      '/?type=application/json&length=300',
      '/?type=application/json&length=30',
      '/?type=image/png&length=300',
      '/?type=text/html&length=300',
      '/off?type=application/json&length=300',
      '/inner?type=application/json&length=30',
    ].flatMap((target) => [target, { target, headers: { 'accept-encoding': 'gzip' } }]),
  },
  {
    name: 'rates',
    confD: `
      limit_req_zone $arg_who zone=slow:1m rate=1r/m;
      limit_conn_zone $arg_who zone=few:1m;
    `,
    vhost: `
      limit_req_status 429;
      location /none { proxy_pass http://UPSTREAM; limit_req zone=slow; }
      location /burst { limit_req zone=slow burst=2 nodelay; }
      location /own { limit_req zone=slow; limit_req_status 420; }
      location /conn { limit_conn few 5; }
    `,
    requests: [
      '/none?who=a',
      { target: '/none?who=b', before: 1 },
      { target: '/burst?who=c', before: 2 },
      { target: '/burst?who=d', before: 3 },
      { target: '/own?who=e', before: 1 },
      { target: '/none', before: 3 },
      '/conn?who=f',
    ],
  },
  {
    name: 'visitors behind proxies',
    vhost: `
      set_real_ip_from 127.0.0.1; set_real_ip_from 10.0.0.0/8; real_ip_header X-Forwarded-For; real_ip_recursive on;
      location /ip { return 200 $remote_addr; }
      location /allow { allow 192.0.2.1; deny all; }
    `,
    requests: ['/ip', '/allow', '/'].flatMap((target) => [
      target,
      { target, headers: { 'x-forwarded-for': 'unix:' } },
      { target, headers: { 'x-forwarded-for': '192.0.2.1, nobody' } },
      { target, headers: { 'x-forwarded-for': 'nobody, 10.1.1.1' } },
      { target, headers: { 'x-forwarded-for': '10.2.2.2, 10.1.1.1' } },
      { target, headers: { 'x-forwarded-for': '192.0.2.1:4711' } },
      { target, headers: { 'x-forwarded-for': '192.0.2.1' } },
      { target, headers: { 'x-forwarded-for': '192.0.2.1, 10.1.1.1' } },
      { target, headers: { 'x-forwarded-for': '192.0.2.1, 198.51.100.1' } },
      { target, headers: { 'x-forwarded-for': '192.0.2.1' }, from: '127.0.0.2' },
    ]),
  },
  {
    name: 'the visitor in another header',
    vhost: `
      set_real_ip_from 127.0.0.1; real_ip_header CF-Connecting-IP;
      location /ip { return 200 $remote_addr; }
      location /allow { allow 192.0.2.1; deny all; }
    `,
    requests: ['/ip', '/allow', '/'].flatMap((target) => [
      { target, headers: { 'x-forwarded-for': '192.0.2.1' } },
      { target, headers: { 'cf-connecting-ip': '192.0.2.1' } },
      { target, headers: { 'cf-connecting-ip': '192.0.2.1, 192.0.2.2' } },
      { target, headers: { 'cf-connecting-ip': '192.0.2.2, 192.0.2.1' } },
      { target, headers: { 'cf-connecting-ip': 'unix:' } },
      { target, headers: { 'cf-connecting-ip': '' } },
      { target, headers: { 'cf-connecting-ip': '192.0.2.1' }, from: '127.0.0.2' },
    ]),
  },
  {
    name: 'times',
    vhost: `
      location /slow { proxy_read_timeout 500ms; proxy_pass http://UPSTREAM; }
      location /fast { proxy_read_timeout 5s; proxy_pass http://UPSTREAM; }
    `,
    requests: ['/slow?delay=1500', '/fast?delay=700', '/slow?delay=1'],
  },
  {
    name: 'odd spelling',
    vhost: `# a comment; with } signs {
      location	/tab{return 200 tab;}
      location = "/quo ted" { return 200 'single "quoted"'; }
      location /esc { return 200 "a\\tb\\\\c\\"d"; }
      location /hash { return 200 a#b; }
      location /semi { return 200 "a;b{c}"; } # behind
      location /lines {
        return
          200
          "one
two";
      }
      location /brace { return 200 a}b; }
      location ~ "^/x{2,3}$" { return 200 counted; }
      location ~ ^/y\\d+$ { return 200 digits; }
## Start of configuration add by letsencrypt container
location ^~ /.well-known/acme-challenge/ {
    auth_basic off;
    auth_request off;
    allow all;
    root ROOT;
    try_files $uri =404;
    break;
}
## End of configuration add by letsencrypt container
    `,
    requests: [
      '/tab',
      '/quo%20ted',
      '/esc',
      '/hash',
      '/semi',
      '/lines',
      '/brace',
      '/xx',
      '/x',
      '/xxxx',
      '/y1',
      '/yy',
      '/.well-known/acme-challenge/token',
    ],
  },
  {
    name: 'a location file',
    vhost: 'add_header X-Server s;',
    location: `
      add_header X-Location l;
      client_max_body_size 5;
      if ($arg_stop) { return 403; }
      rewrite ^/from/(.*)$ /to/$1 break;
      location ~ \\.secret$ { deny all; }
    `,
    requests: ['/', '/?stop=1', '/from/a?b', '/a.secret', { target: '/', method: 'POST', body: '123456' }],
  },
  {
    name: 'nothing for a path',
    vhost: 'auth_basic x; auth_basic_user_file USERS; location /a { return 200 a; } location /b { }',
    override: 'location /c { auth_basic off; proxy_pass http://HOST; }',
    requests: ['/', { target: '/', headers: ANN }, '/a', '/b', { target: '/b', headers: ANN }, '/c', '/cc'],
  },
  {
    name: 'a closed site that is opened for one path',
    vhost: `
      satisfy any;
      location / { deny all; }
      location = /health { allow all; return 200 ok; }
      location ~ /\\. { deny all; return 404; }
    `,
    override: 'location /unused { deny all; }',
    requests: ['/', '/health', '/health/', '/.git/config', '/x/.env'],
  },
  {
    name: 'maintenance',
    vhost: `
      error_page 503 @maintenance;
      set $down 1;
      if ($remote_addr = 127.0.0.2) { set $down 0; }
      if ($down) { return 503; }
      location @maintenance { return 503 "back soon"; }
    `,
    requests: ['/', { target: '/', from: '127.0.0.2' }],
  },
  {
    name: 'a canonical host',
    vhost: `
      if ($http_host ~* ^www\\.(.+)$) { set $bare $1; rewrite ^(.*)$ http://$bare$1 permanent; }
      if ($request_uri ~ "^/index\\.html") { return 301 /; }
      location ~* ^/(wp-admin|xmlrpc\\.php) { return 444; }
    `,
    requests: ['/a', '/index.html', '/wp-admin/x', '/XMLRPC.php', '/wp'],
  },
  {
    name: 'declared paths',
    vhost: `
      location = /health { return 200 ok; }
      location ~ \\.hidden$ { deny all; }
      rewrite ^/legacy/(.*)$ /app/$1 last;
    `,
    location: 'if ($arg_stop) { return 403; }',
    paths: [
      { path: '/', destination: '' },
      { path: '/app/', destination: '/' },
      { path: '/deep/', destination: '/a/b/' },
      { path: '/same', destination: '/same' },
      { path: '= /exact', destination: '' },
      { path: '^~ /final/', destination: '' },
      { path: '~ ^/re/(x|y)$', destination: '' },
      { path: '/nodest/', destination: '' },
    ],
    requests: [
      '/',
      '/health',
      '/app/x%20y?z',
      '/app',
      '/app?q',
      '/app/',
      '/deep/x',
      '/same/x',
      '/exact',
      '/exact/',
      '/final/a.hidden',
      '/app/a.hidden',
      '/re/x',
      '/re/z',
      '/nodest/x',
      '/legacy/x?y',
      '/app/x?stop=1',
      '/re/x?stop=1',
    ],
  },
  {
    name: 'a regular expression over all',
    vhost: `
      location ~* ^/(?<tenant>[a-z]+)/files/(.*)$ { rewrite ^ /store/$tenant?path=$2 break; proxy_pass http://UPSTREAM; }
      location ~ ^/(.+)/$ { return 301 /$1; }
      location ~ "[]x]$" { return 200 bracket; }
      location ~ ^/dot.end$ { return 200 dot; }
    `,
    requests: ['/ann/files/a/b', '/ANN/files/a%20b?c=d', '/a/b/', '/a]', '/dotxend', '/dot%C3%A4end', '/a/b'],
  },
  {
    name: 'upstreams with tls',
    vhost: `
      proxy_ssl_session_reuse off;
      location /plain/ { proxy_pass https://SECURE/; }
      location /named/ { proxy_pass https://SECURE/; proxy_ssl_server_name on; proxy_ssl_name inner.test; }
      location /unnamed/ { proxy_pass https://SECURE/; proxy_ssl_server_name off; proxy_ssl_name inner.test; }
      location /verified/ {
        proxy_pass https://SECURE/; proxy_ssl_verify on; proxy_ssl_trusted_certificate CA;
        proxy_ssl_server_name on; proxy_ssl_name inner.test;
      }
    `,
    requests: [...['/plain/x', '/named/x', '/unnamed/x'], '/verified/x'],
  },
  {
    name: 'rates of answers',
    vhost: 'location /slow { limit_rate 20k; proxy_pass http://UPSTREAM; }',
    requests: ['/slow?length=100', '/slow?length=30000'],
  },
  {
    name: 'a file of tuning',
    vhost: `
      server_tokens off; access_log off; error_log /dev/null; keepalive_timeout 5s; large_client_header_buffers 4 16k;
      underscores_in_headers on; proxy_next_upstream error timeout; resolver 127.0.0.1; include EXTRA;
      proxy_request_buffering off; proxy_buffering off; proxy_buffers 8 16k; proxy_buffer_size 16k;
      proxy_busy_buffers_size 32k; client_body_buffer_size 8k; proxy_max_temp_file_size 0; chunked_transfer_encoding on;
      proxy_http_version 1.1; client_body_timeout 5s; send_timeout 5s; proxy_send_timeout 5s; proxy_connect_timeout 1s;
    `,
    requests: ['/', { target: '/x', method: 'PUT', body: 'x'.repeat(100_000) }, '/extra'],
  },
]
