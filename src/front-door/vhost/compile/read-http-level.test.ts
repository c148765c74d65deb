import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CompiledServer } from '../route/plan.ts'
import { decideDemand } from '../settings/access.ts'
import { compileServer, type ServerParts } from './compile-server.ts'
import { readHttpLevel } from './read-http-level.ts'

function compile(text: string, more: Partial<ServerParts>): CompiledServer {
  return compileServer({
    host: 'app.example',
    isRegistry: false,
    serverFile: { file: 'vhost.d/app.example', text },
    locations: [],
    resolvePath: () => undefined,
    readInclude: () => undefined,
    ...more,
  })
}

test('`readHttpLevel()` gives zones and sizes that hosts use', () => {
  const httpLevel = readHttpLevel([
    {
      file: 'conf.d/limits.conf',
      text: 'limit_req_zone $binary_remote_addr zone=one:10m rate=30r/m; limit_conn_zone $host zone=two:1m; client_max_body_size 7m; log_format x y;',
    },
  ])
  const { settings, problems } = compile(
    'limit_req zone=one burst=5 nodelay; limit_conn two 3; limit_req_status 429;',
    {
      httpLevel,
    },
  )
  assert.deepEqual(problems, [])
  assert.deepEqual(
    settings.requestRates.map(({ perSecond, burst, noDelay, status }) => [perSecond, burst, noDelay, status]),
    [[0.5, 5, true, 429]],
  )
  assert.equal(settings.connectionLimits[0]?.max, 3)
  assert.equal(settings.maxBodyBytes, 7 * 1024 ** 2)
  assert.equal(httpLevel.problems.length, 1)
})

test('`readHttpLevel()` hands settings and what may protect hosts on to all of them', () => {
  const read = (text: string): CompiledServer =>
    compile('', { httpLevel: readHttpLevel([{ file: 'conf.d/a.conf', text }]) })
  const { settings } = read('deny 192.0.2.1; add_header A b; proxy_read_timeout 5m; server { listen 80; }')
  assert.equal(decideDemand(settings.access, '192.0.2.1').kind, 'denied')
  assert.equal(settings.addHeaders.length, 1)
  assert.equal(settings.proxyReadTimeoutMs, 300_000)
  const closed = read('\n\nmodsecurity on;')
  assert.ok(closed.isClosed)
  assert.deepEqual(
    closed.problems.map(({ file, line }) => [file, line]),
    [['conf.d/a.conf', 3]],
  )
  assert.ok(read('deny nobody;').isClosed)
  assert.ok(!read('map $uri $x { default 1; } log_format a b; proxy_read_timeout soon;').isClosed)
})
