import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { VARIABLE_NAMES } from '../../src/front-door/vhost/route/variables.ts'
import { skipReason } from '../parts/find-parts.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { startUpstreams } from '../support/vhost/start-upstreams.ts'
import { startNginx } from '../support/vhost/vhost-nginx.ts'
import { requestSide, startSites } from '../support/vhost/vhost-sides.ts'

/** Variables known only once there is an answer. */
const OF_ANSWERS = [
  ...['status', 'upstream_status', 'upstream_addr', 'upstream_http_x_a', 'upstream_cookie_c'],
  ...['sent_http_content_type', 'sent_http_location', 'http_x_a', 'arg_a', 'cookie_c'],
]
/**
 * Variables that differ by nature, with the reason; those after the blank line are made by nginx-proxy's template, or
 * need TLS.
 */
const OTHER: readonly RegExp[] = [
  // A number of bytes, another name of the machine, clocks, counters and versions.
  /^(?:binary_remote_addr|hostname|msec|time_iso8601|time_local|request_id|nginx_version|remote_port)$/,

  /^(?:host_port|proxy_connection|proxy_upgrade|proxy_x_forwarded_\w+|ssl_client_\w+|http2)$/,
]
const HEADERS = { 'x-a': '3', cookie: 'c=4', authorization: 'Basic YW5uOng=' }
const TARGETS = ['/s/a.txt', '/p/x', '/r', '/t', '/e', '/i?status=503', '/d', '/n', '/']

describe('variables on every kind of answer', { skip: skipReason('nginx') }, () => {
  test('add_header has the values that it has in nginx', async () => {
    await using folder = await makeTempFolder('variables')
    await using upstreams = await startUpstreams()
    const root = join(folder.path, 'www')
    await mkdir(join(root, 's'), { recursive: true })
    await writeFile(join(root, 's/a.txt'), 'text')
    const names = [
      ...VARIABLE_NAMES.filter((name) => !OTHER.some((other) => other.test(name))),
      ...OF_ANSWERS,
    ]
    assert.ok(names.length > 30)
    const vhost = `
      ${names.map((name) => `add_header X-V-${name.replaceAll('_', '-')} "[$${name}]" always;`).join('\n')}
      location /s/ { root ${root}; }
      location /p { proxy_pass http://${upstreams.main}; }
      location /r { default_type text/plain; return 200 text; }
      location /t { return 302 /x; }
      location /e { return 404; }
      location /i { proxy_intercept_errors on; error_page 503 /s/a.txt; proxy_pass http://${upstreams.main}; }
      location /d { proxy_pass http://${upstreams.dead}; }
      location /n { error_page 404 = @n; return 404; }
      location @n { proxy_pass http://${upstreams.main}; }
    `
    const files = [{ host: 'v.test', vhost }]
    await using nginx = await startNginx(join(folder.path, 'nginx'), files, upstreams)
    await using berth = await startSites(files, { upstreams, serverPort: nginx.port, included: new Map() })
    for (const each of TARGETS) {
      const target = `${each}${each.includes('?') ? '&' : '?'}a=1&header=X-A:2&header=Set-Cookie:c%3Dd`
      const valuesFrom = async (port: number): Promise<Record<string, string>> => {
        const { headers } = await requestSide(port, { host: 'v.test', target, headers: HEADERS }, upstreams)
        return Object.fromEntries(
          names.map((name) => [
            name,
            // Here types of texts include their charset.
            String(headers[`x-v-${name.replaceAll('_', '-')}`]).replace('; charset=utf-8', ''),
          ]),
        )
      }
      assert.deepEqual(await valuesFrom(berth.port), await valuesFrom(nginx.port), each)
    }
  })
})
