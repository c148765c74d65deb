import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { skipReason } from '../parts/find-parts.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { comparable } from '../support/vhost/compare-answers.ts'
import { startUpstreams, type Upstreams } from '../support/vhost/start-upstreams.ts'
import { type Side, startNginx, type VhostFiles } from '../support/vhost/vhost-nginx.ts'
import { type Observed, requestSide, startSites } from '../support/vhost/vhost-sides.ts'
import { type RequestRow, SCENARIOS, type Scenario } from './directives-nginx-rows.ts'

const INCLUDED = 'location = /extra { return 200 included; }'

describe('vhost files as nginx reads them', { skip: skipReason('nginx') }, () => {
  const resources = new AsyncDisposableStack()
  let upstreams: Upstreams
  let nginx: Side
  let berth: Awaited<ReturnType<typeof startSites>>
  let folder: string
  let fill: (text: string, scenario: Scenario) => string

  before(async () => {
    folder = resources.use(await makeTempFolder('vhost')).path
    upstreams = resources.use(await startUpstreams())
    const root = join(folder, 'www')
    await writeTree(root)
    const users = join(folder, 'users')
    await writeFile(users, 'ann:{PLAIN}secret\n')
    const extra = join(folder, 'extra')
    await writeFile(extra, INCLUDED)
    const words: readonly (readonly [string, string])[] = [
      ['UPSTREAM', upstreams.main],
      ['OTHER', upstreams.other],
      ['SECURE', upstreams.secure],
      ['CA', '/etc/ssl/certs/ca-certificates.crt'],
      ['DEAD', upstreams.dead],
      ['EXTRA', extra],
      ['ROOT', root],
      ['USERS', users],
    ]
    fill = (text, scenario) =>
      [...words, ['HOST', formatHost(scenario)] as const].reduce(
        (filled, [word, value]) => filled.replaceAll(word, value),
        text,
      )
    const files = SCENARIOS.map((scenario): VhostFiles => {
      const fillText = (text: string | undefined) => (text === undefined ? undefined : fill(text, scenario))
      return {
        host: formatHost(scenario),
        vhost: fill(scenario.vhost, scenario),
        location: fillText(scenario.location),
        override: fillText(scenario.override),
        confD: scenario.confD,
        paths: scenario.paths,
      }
    })
    nginx = resources.use(await startNginx(join(folder, 'nginx'), files, upstreams))
    berth = resources.use(
      await startSites(files, { upstreams, serverPort: nginx.port, included: new Map([[extra, INCLUDED]]) }),
    )
  })
  after(() => resources.disposeAsync())

  test('no file closes its host', () => {
    for (const { server } of berth.sites) {
      assert.deepEqual(
        server.problems.filter(({ severity }) => severity === 'closes'),
        [],
      )
    }
  })

  for (const scenario of SCENARIOS) {
    for (const given of scenario.requests) {
      const row = typeof given === 'string' ? { target: given } : given
      test(`${scenario.name}: ${describeRow(row)}`, async () => {
        const filled = { ...row, target: fill(row.target, scenario), host: formatHost(scenario) }
        const requestAll = async (port: number): Promise<Observed> => {
          for (let index = 0; index < (row.before ?? 0); index++) await requestSide(port, filled, upstreams)
          return requestSide(port, filled, upstreams)
        }
        const [fromNginx, fromBerth] = await Promise.all([requestAll(nginx.port), requestAll(berth.port)])
        if (row.stricter) assert.deepEqual([fromNginx.status, fromBerth.status], row.stricter)
        else assert.deepEqual(comparable(fromBerth, fromNginx), comparable(fromNginx, fromNginx))
      })
    }
  }
})

async function writeTree(root: string): Promise<void> {
  const files: Readonly<Record<string, string>> = {
    'root/a.txt': 'text a',
    'root/other.html': '<p>other</p>',
    'root/unknown.zzz': 'zzz',
    'root/sub/index.html': '<p>index</p>',
    'try/a.txt': 'try a',
    'try/fallback.txt': 'fallback',
    'tryeq/a.txt': 'tryeq a',
    '.well-known/acme-challenge/token': 'token.thumbprint',
  }
  for (const [name, text] of Object.entries(files)) {
    const path = join(root, name)
    await mkdir(join(path, '..'), { recursive: true })
    await writeFile(path, text)
  }
}

function formatHost({ name }: Scenario): string {
  return `${name.replaceAll(' ', '-')}.test`
}

function describeRow({
  target,
  method = 'GET',
  body = '',
  from,
  headers,
  before: times,
}: RequestRow): string {
  const more = [
    body === '' ? undefined : `${body.length} bytes`,
    from && `from ${from}`,
    headers && JSON.stringify(headers),
    times && `after ${times}`,
  ].filter((text) => text !== undefined)
  return [`${method} ${target}`, ...more].join(', ')
}
