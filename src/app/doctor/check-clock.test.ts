import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { checkClock } from './check-clock.ts'

/** What is found beside a server whose clock differs by so many seconds. */
async function beside(offsetS: number | undefined) {
  const server = createServer((_, response) => {
    response.sendDate = false
    if (offsetS !== undefined) response.setHeader('date', new Date(Date.now() + offsetS * 1000).toUTCString())
    response.end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const found = await checkClock(`http://127.0.0.1:${port}/`)
  server.close()
  return found
}

describe('`checkClock()`', () => {
  const table = [
    [0, 'ok', /is right/],
    [30, 'warning', /\d\d s slow/],
    [-30, 'warning', /\d\d s fast/],
    [3_600, 'failed', /3\d{3} s slow/],
    [undefined, 'skipped', /does not tell the time/],
  ] as const
  for (const [offset, state, message] of table)
    it(`finds ${state} beside a server ${offset ?? 'no'} s away`, async () => {
      const found = await beside(offset)
      assert.equal(found.state, state)
      assert.match(found.message, message)
    })
})
