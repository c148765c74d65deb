import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, test } from 'node:test'
import { requestDoor, statusOf } from '../support/door/request-door.ts'
import { startApp } from '../support/door/start-app.ts'
import { findFreePort, isListening } from '../support/machine/free-port.ts'
import { runOk } from '../support/machine/run-command.ts'
import { startProcess } from '../support/machine/start-process.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { BERTH_BIN } from '../support/program/boot-berth.ts'

/** Hosts of berth.yaml; none has a certificate in the folder. */
const SITES = ['app.example.com', 'nas.local', 'shop.example', 'shop.invalid', '127.0.0.1']
/** A CA without a server, so that no certificate ever comes. */
const DEAD_CA = 'https://ca.example.com:9/directory'

/** A server that has no certificate of a public CA, and gets none. */
async function startBare(flags: readonly string[]) {
  await using resources = new AsyncDisposableStack()
  const app = resources.use(await startApp((_request, response) => void response.end('app')))
  const temp = resources.use(await makeTempFolder('bare'))
  const path = (name: string): string => join(temp.path, name)
  const lines = SITES.map((host) => `  '${host}': { upstream: 'http://127.0.0.1:${app.port}' }\n`)
  await writeFile(path('berth.yaml'), `sites:\n${lines.join('')}`)
  const [httpPort, httpsPort] = [await findFreePort(), await findFreePort()]
  const berth = await startProcess(BERTH_BIN, {
    args: [
      ...['serve', '--config', path('berth.yaml'), '--data', path('data'), '--docker-host', 'off'],
      ...['--listen-http', `127.0.0.1:${httpPort}`, '--listen-https', `127.0.0.1:${httpsPort}`],
      ...['--acme-directory', DEAD_CA, ...flags],
    ],
    logFile: path('berth.log'),
    isReady: () => isListening(httpsPort),
  })
  resources.defer(async () => {
    assert.equal(await berth.stop(), 0)
  })
  const kept = resources.move()
  return {
    httpsPort,
    /** The status of an answer, or `alert 112` if the handshake is refused. */
    async requestStatus(scheme: 'http' | 'https', host: string): Promise<number | string> {
      const door = { httpPort, httpsPort } as Parameters<typeof requestDoor>[0]
      // Clients send no address as name in the handshake.
      const sni = host === '127.0.0.1' ? '' : host
      return statusOf(await requestDoor(door, `${scheme}://${host}`, { sni }))
    },
    list: async () => JSON.parse(await runOk(BERTH_BIN, ['site', 'list', '--json', '--data', path('data')])),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

type Row = readonly [host: string, http: number, https: number | string]

const PUBLIC = ['--domain', 'registry.example.com'] as const
const LOCAL = ['--domain', 'registry.local'] as const
const REFUSED = 'alert 112'

/** The table of docs/front-door.md, "Before a certificate is there". */
const SCENES: readonly (readonly [flags: readonly string[], rows: readonly Row[]])[] = [
  [
    PUBLIC,
    [
      ['registry.example.com', 503, REFUSED],
      ['app.example.com', 200, REFUSED],
      ['nas.local', 301, 200],
      ['shop.example', 301, 200],
      ['shop.invalid', 301, 200],
      ['127.0.0.1', 301, 200],
    ],
  ],
  [
    [...PUBLIC, '--local-ca', 'off'],
    [
      ['nas.local', 200, REFUSED],
      ['shop.example', 200, REFUSED],
      ['127.0.0.1', 200, REFUSED],
    ],
  ],
  [
    [...LOCAL, '--acme', 'off'],
    [
      ['registry.local', 301, 200],
      ['app.example.com', 200, REFUSED],
      ['nas.local', 200, REFUSED],
      ['shop.example', 200, REFUSED],
      ['shop.invalid', 200, REFUSED],
      ['127.0.0.1', 200, REFUSED],
    ],
  ],
  [[...LOCAL, '--acme', 'off', '--local-ca', 'all'], [['nas.local', 301, 200]]],
  [[...LOCAL, '--local-ca', 'off'], [['registry.local', 503, REFUSED]]],
  [
    [...PUBLIC, '--http-without-cert', 'false'],
    [
      ['registry.example.com', 503, REFUSED],
      ['app.example.com', 301, REFUSED],
    ],
  ],
  [[...PUBLIC, '--https-method', 'nohttp'], [['app.example.com', 200, REFUSED]]],
  [
    [...PUBLIC, '--https-method', 'nohttp', '--http-without-cert', 'false'],
    [['app.example.com', 503, REFUSED]],
  ],
]

describe('before a certificate is there', () => {
  for (const [flags, rows] of SCENES) {
    it(`with ${flags.join(' ')}`, async () => {
      await using bare = await startBare(flags)
      for (const [host, http, https] of rows) {
        assert.deepEqual(
          [host, await bare.requestStatus('http', host), await bare.requestStatus('https', host)],
          [host, http, https],
        )
      }
    })
  }

  it('is in the list of sites, with what would help', async () => {
    await using bare = await startBare([...PUBLIC, '--acme', 'off'])
    const { sites } = await bare.list()
    const states = new Map<string, { state: string; cause: string; fix: string }>(
      sites.map((site: { host: string }) => [site.host, site]),
    )
    assert.match(states.get('nas.local')?.cause ?? '', /no certificate .* so it is served without TLS/)
    assert.match(states.get('nas.local')?.fix ?? '', /local-ca/)
    assert.match(states.get('registry.example.com')?.cause ?? '', /so it is not served/)
    assert.match(states.get('app.example.com')?.fix ?? '', /\(acme\)/)
  })
})

test('the table of docs/front-door.md names each setting that changes what happens before a certificate', () => {
  const page = readFileSync(new URL('../../docs/front-door.md', import.meta.url), 'utf8')
  const [, section = ''] = /## Before a certificate is there\n(.*?)\n## /s.exec(page) ?? []
  const flags = SCENES.flatMap(([each]) => each).filter((flag) => flag.startsWith('--'))
  for (const flag of new Set(flags)) assert.ok(section.includes(flag.slice(2)), flag)
})
