import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { DIRECTIVES, findDirective, findNear } from '../directives/directive-table.ts'
import { formatDirectiveTable } from '../directives/format-directives.ts'
import { lintVhostFile } from './lint.ts'

const ODD: readonly (readonly [text: string, line: number, message: RegExp])[] = [
  [
    'proxy_set_header X-Forwarded-For a;\nlocation /a {\nproxy_set_header B c; }',
    3,
    /drops those further out: X-Forwarded-For; Host and/,
  ],
  ['proxy_set_header X-Own a;\nlocation /a {\nproxy_set_header B c; }', 3, /drops those further out: X-Own$/],
  ['add_header A b;\nlocation /a {\nadd_header B c; }', 3, /drops those further out: A/],
  ['location /a { return 403;\nrewrite ^ /b; }', 2, /never reached/],
  ['location /a { deny all;\nreturn 200 x; }', 2, /answers before "deny"/],
  ['client_max_body_size 1m;\nreturn 301 https://x.example;', 2, /answers every request/],
  ['auth_basic_user_file /etc/nginx/passwords/a;', 1, /requires no password/],
  ['\nauth_basic "x";', 2, /every visitor is refused/],
  ['allow 192.0.2.1;', 1, /refuses no visitor/],
  ['deny all;\nallow 192.0.2.1;', 2, /never looked at/],
  [
    'location /a { limit_except GET { deny all; }\nlocation /a/b { root /x; } }',
    2,
    /does not inherit "limit_except"/,
  ],
  ['location /a/ { alias /srv/a; }', 1, /should both end in "\/"/],
  ['location /a { proxy_pass http://up/; }', 1, /makes "\/\/"/],
  ['location /a { }\nlocation /a { }', 2, /is here twice/],
  ['location /a {\nlocation /b { } }', 2, /is outside of "location \/a"/],
  ['location = /a {\nlocation /a/b { } }', 2, /can stand inside "location = \/a"/],
  ['location admin { deny all; }', 1, /must begin with "\/"/],
  ['auth_basic a;\nauth_basic b;', 2, /is here twice: line 1/],
  ['add_header X $nothing;', 1, /"\$nothing", which is no variable here/],
  ['return 301 https://$nothing/;', 1, /"\$nothing", which is no variable here/],
  ['return 200 "5 $";', 1, /no variable begins with/],
  ['set $host a;', 1, /cannot change "\$host"/],
  ['internal;', 1, /cannot stand in a server/],
  ['if ($host) { proxy_pass http://x; }', 1, /cannot stand in an "if"/],
  ['alow 1.2.3.4;', 1, /did you mean "allow"/],
  ['add_header A "b\nc";', 1, /line break/],
  ['expires modified +1h;', 1, /passed over/],
  ['tune_me on;', 1, /no effect here: it is not known/],
  ['listen 8080;', 1, /listen-http/],
]

for (const [text, line, message] of ODD) {
  test(`\`lintVhostFile()\` tells ${String(message)} of ${JSON.stringify(text)}`, () => {
    const found = lintVhostFile(text, 'vhost.d/a').filter((problem) => message.test(problem.message))
    assert.equal(found.length, 1, JSON.stringify(lintVhostFile(text, 'vhost.d/a')))
    assert.equal(found[0]?.line, line)
  })
}

/** Files from real installations, with the problems that close them and the warnings. */
const FILES: Readonly<
  Record<string, { readonly closes: readonly RegExp[]; readonly warns: readonly RegExp[] }>
> = {
  registry: { closes: [], warns: [] },
  'companion-leftovers': { closes: [], warns: [] },
  'cloud-storage': { closes: [], warns: [] },
  sockets: { closes: [], warns: [] },
  'office-only': { closes: [], warns: [] },
  'client-certificates': {
    closes: [/"ssl_client_certificate" is not supported/, /"ssl_verify_client" is not/],
    warns: [],
  },
  'single-sign-on': { closes: [/"auth_request" is not supported/], warns: [] },
  'slips-of-the-pen': {
    closes: [
      /did you mean "allow"/,
      /did you mean "deny"/,
      /did you mean "auth_basic"/,
      /did you mean "client_max_body_size"/,
    ],
    warns: [],
  },
}

const FOLDER = new URL('../../../../test/fixtures/vhost/', import.meta.url)

test('every fixture is looked at', () => {
  assert.deepEqual(readdirSync(FOLDER).sort(), Object.keys(FILES).sort())
})

for (const [name, { closes, warns }] of Object.entries(FILES)) {
  test(`\`lintVhostFile()\` understands the file ${name}`, () => {
    const found = lintVhostFile(readFileSync(new URL(name, FOLDER), 'utf8'), name)
    for (const [severity, expected] of [
      ['closes', closes],
      ['warns', warns],
    ] as const) {
      const messages = found.filter((problem) => problem.severity === severity).map(({ message }) => message)
      assert.equal(messages.length, expected.length, messages.join('\n'))
      for (const [index, message] of expected.entries()) assert.match(messages[index] ?? '', message)
    }
  })
}

test('`lintVhostFile()` goes by the end of the name for where a file stands', () => {
  assert.deepEqual(lintVhostFile('internal;', 'a_location'), [])
  assert.deepEqual(lintVhostFile('proxy_pass http://up;', 'a_location_override'), [])
  assert.deepEqual(lintVhostFile('location / { proxy_pass http://up; }', 'a_location_override'), [])
  assert.match(lintVhostFile('proxy_pass http://up;', 'a_location')[0]?.message ?? '', /_location_override/)
})

test('each directive is in the table once, with a note where it is refused', () => {
  const names = DIRECTIVES.map(({ name }) => name)
  assert.equal(new Set(names).size, names.length)
  for (const { name, support, note } of DIRECTIVES) {
    assert.equal(findDirective(name)?.name, name)
    if (support === 'refused' || support === 'part') assert.notEqual(note, '', name)
    assert.ok(formatDirectiveTable().includes(`\`${name}\``))
  }
})

test('`findNear()` knows slips of the pen from other words', () => {
  assert.equal(findNear('dney'), 'deny')
  assert.equal(findNear('locaton'), 'location')
  assert.equal(findNear('auth_basic_user_fil'), 'auth_basic_user_file')
  assert.equal(findNear('tune_this'), undefined)
  assert.equal(findNear('keepalive_requests'), undefined)
})
