import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { addAdministrator } from '../support/program/berth-process.ts'
import { serve } from '../support/program/served-berth.ts'
import { RawClient } from '../support/requests/raw-request.ts'

/** Longest wait for lines of the log, in milliseconds: they are written within a second. */
const LOG_WAIT_MS = 10_000

/** The id in a log line of a format. */
const ID_IN: Readonly<Record<string, (id: string) => RegExp>> = {
  json: (id) => new RegExp(`"id":"${id}"`),
  text: (id) => new RegExp(` id=${id}( |$)`),
  logfmt: (id) => new RegExp(` id=${id}( |$)`),
}

for (const [format, door] of [
  ['json', []],
  ['text', []],
  ['logfmt', ['--workers', '2']],
  ['json', ['--domain', 'registry.test', '--acme', 'off', '--docker-host', 'off', '--listen-https', 'off']],
] as const) {
  test(`the ${format} lines of a failed push have the id that the client got, with ${door.join(' ') || 'no flags'}`, async () => {
    await using folder = await makeTempFolder('request-id')
    const dataDir = join(folder.path, 'data')
    const site = { dataDir, port: 0, logFile: join(folder.path, 'log') }
    const authorization = await addAdministrator(site)
    // No disk here has so much free: each push is refused for want of room, which the log explains.
    const flags = [
      '--disk-floor',
      '9000GiB',
      '--log-format',
      format,
      '--trusted-proxies',
      '127.0.0.0/8',
      ...door,
    ]
    await using berth = await serve(dataDir, ...flags)
    const headers = { host: 'registry.test', 'x-forwarded-proto': 'https' }
    const ids: string[] = []
    for (const [given, expected] of [
      [undefined, /^[\w-]+$/],
      ['proxy-4711', /^proxy-4711$/],
    ] as const) {
      using client = new RawClient(Number(new URL(berth.url).port), { authorization })
      const sent = { ...headers, ...(given !== undefined && { 'x-request-id': given }) }
      const body = Buffer.from('a layer')
      const { status, headers: answered } = await client.send('POST', '/v2/root/app/blobs/uploads/', {
        body,
        headers: sent,
      })
      assert.equal(status, 507)
      const id = String(answered['x-request-id'])
      assert.match(id, expected)
      ids.push(id)
    }
    for (const id of ids) {
      const lines = await waitForLines(berth.output, ID_IN[format]?.(id) ?? /$^/, 2)
      assert.equal(lines.length, 2, lines.join('\n'))
      assert.ok(lines.some((line) => /request failed/.test(line) && /STORAGE_FULL/.test(line)))
      assert.ok(lines.some((line) => /507/.test(line) && /root\/app/.test(line)))
    }
  })
}

async function waitForLines(output: () => string, pattern: RegExp, count: number): Promise<string[]> {
  const until = performance.now() + LOG_WAIT_MS
  for (;;) {
    const lines = output()
      .split('\n')
      .filter((line) => pattern.test(line))
    if (lines.length >= count || performance.now() > until) return lines
    await sleep(50)
  }
}

for (const workers of ['1', '2'])
  test(`answers 401, 404 and 200 have an id of the server's own, with which their lines are found, workers: ${workers}`, async () => {
    await using folder = await makeTempFolder('request-id')
    const dataDir = join(folder.path, 'data')
    const authorization = await addAdministrator({ dataDir, port: 0, logFile: join(folder.path, 'log') })
    await using berth = await serve(dataDir, '--log-format', 'json', '--workers', workers)
    using client = new RawClient(Number(new URL(berth.url).port))
    for (const [path, headers, expected] of [
      ['/v2/', {}, 401],
      ['/v2/', { authorization: 'Bearer wrong' }, 401],
      ['/nothing', {}, 404],
      ['/v2/root/app/manifests/v1', { authorization }, 404],
      ['/v2/', { authorization }, 200],
    ] as const) {
      // The peer is no trusted proxy: its id does not count, and could else be that of another request.
      const sent = { ...headers, 'x-request-id': 'chosen-by-the-client' }
      const { status, headers: answered } = await client.send('GET', path, { headers: sent })
      assert.equal(status, expected, path)
      const id = String(answered['x-request-id'])
      assert.notEqual(id, 'chosen-by-the-client')
      const lines = await waitForLines(berth.output, new RegExp(`"id":"${id}"`), 1)
      assert.equal(lines.length, 1, lines.join('\n'))
      assert.partialDeepStrictEqual(JSON.parse(lines[0] ?? ''), { id, status: expected, path })
    }
    assert.doesNotMatch(berth.output(), /chosen-by-the-client/)
  })
