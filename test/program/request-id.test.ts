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
