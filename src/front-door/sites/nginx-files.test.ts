import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startUpstreams } from '../../../test/support/vhost/start-upstreams.ts'
import { requestSide, startSites } from '../../../test/support/vhost/vhost-sides.ts'
import { lintVhostFile } from '../vhost/compile/lint.ts'
import { readHttpLevel } from '../vhost/compile/read-http-level.ts'

const HOST = 'app.test'
const DEAD = 'location /dead { proxy_pass http://127.0.0.1:1; } location /none { return 404; }'

async function requestSites(
  vhost: string,
  more: { confD?: string; internal?: string; errorPage?: string },
  requests: readonly { target?: string; from?: string }[],
): Promise<{ status: number; body: string; sent: unknown }[]> {
  await using upstreams = await startUpstreams()
  const files = [{ host: HOST, vhost, confD: more.confD }]
  await using sites = await startSites(files, { upstreams, serverPort: 80, included: new Map(), ...more })
  const answers = []
  for (const { target = '/', from } of requests) {
    const { status, body, seen } = await requestSide(sites.port, { host: HOST, target, from }, upstreams)
    answers.push({ status, body, sent: seen?.headers['x-own'] })
  }
  return answers
}

test('an own `network_internal.conf` says who is let in to a host for internal networks', async () => {
  const visitors = [{ from: '127.0.0.1' }, { from: '127.0.0.2' }]
  const statuses = async (internal: string): Promise<number[]> =>
    (await requestSites('', { internal }, visitors)).map(({ status }) => status)
  assert.deepEqual(await statuses('allow 127.0.0.1; deny all;'), [200, 403])
  assert.deepEqual(await statuses('deny 127.0.0.1;'), [403, 200])
  assert.deepEqual(await statuses('allow 127.0.0.1; auth_basic x; deny all;'), [503, 503])
})

test('an own `50x.html` is the page of 500, 502, 503 and 504, and of no other status', async () => {
  const targets = [{ target: '/dead' }, { target: '/none' }]
  const [dead, none] = await requestSites(DEAD, { errorPage: 'our page' }, targets)
  assert.deepEqual([dead?.status, dead?.body], [502, 'our page'])
  assert.equal(none?.status, 404)
  assert.doesNotMatch(none?.body ?? '', /our page/)
  const [closed] = await requestSites('no_such_auth on', { errorPage: 'our page' }, [{}])
  assert.deepEqual([closed?.status, closed?.body], [503, 'our page'])
})

test('`proxy.conf` counts for all hosts, and what it tunes is passed over', async () => {
  const text = 'proxy_http_version 1.1;\nproxy_buffering off;\nproxy_set_header X-Own "$host";\n'
  assert.deepEqual(readHttpLevel([{ file: 'proxy.conf', text }]).problems, [])
  const [answer] = await requestSites('', { confD: text }, [{}])
  assert.equal(answer?.sent, HOST)
})

test('what is not read of `conf.d` is reported by file and line', () => {
  const names = ['server', 'map', 'geo', 'upstream', 'log_format', 'proxy_cache_path']
  const text = names.map((name) => `${name} a { }`).join('\n')
  const { problems } = readHttpLevel([{ file: 'a.conf', text }])
  assert.deepEqual(
    problems.map(({ file, line }) => `${file}:${line}`),
    names.map((_, index) => `a.conf:${index + 1}`),
  )
  assert.match(problems[0]?.message ?? '', /"server" here is not read: hosts come from containers/)
})

test('a `server` or an `upstream` of `conf.d` that a host would have needed closes it', async () => {
  const closed = async (vhost: string, confD: string): Promise<number | undefined> =>
    (await requestSites(vhost, { confD }, [{}]))[0]?.status
  assert.equal(await closed('', `server { server_name other.test ${HOST}; deny all; }`), 503)
  assert.equal(await closed('', 'server { server_name other.test; deny all; }'), 200)
  assert.equal(
    await closed('location /x { proxy_pass http://up; }', 'upstream up { server 127.0.0.1; }'),
    503,
  )
  assert.equal(await closed('if ($inside) { return 403; }', 'geo $inside { default 0; }'), 503)
})

test('`site check` says of an include what the server does, and of what has no effect that it has none', () => {
  const check = (text: string): string[] =>
    lintVhostFile(text, 'vhost', () => undefined).map(({ line, severity }) => `${line} ${severity}`)
  assert.deepEqual(check('\ninclude missing;'), ['2 closes'])
  assert.deepEqual(check('location /a {\nproxy_cookie_path / /a/;\n}'), ['2 warns'])
  assert.deepEqual(check('\n\nadd_header X-Length "$request_length";'), ['3 warns'])
})
