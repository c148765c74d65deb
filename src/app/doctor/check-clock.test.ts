import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { findFreePort } from '../../../test/support/machine/free-port.ts'
import { checkClock } from './check-clock.ts'

/** Findings beside a server whose clock differs by so many seconds. */
async function beside(offsetS: number | undefined) {
  const server = createServer((_, response) => {
    response.sendDate = false
    if (offsetS !== undefined) response.setHeader('date', new Date(Date.now() + offsetS * 1000).toUTCString())
    response.end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const found = await checkClock({ url: `http://127.0.0.1:${port}/`, caFile: undefined, isNeeded: true })
  server.close()
  return found
}

describe('`checkClock()`', () => {
  const table = [
    [0, 'ok', /is right/],
    [30, 'warning', /\d\d s slow/],
    [-30, 'warning', /\d\d s fast/],
    [3_600, 'failed', /3\d{3} s slow/],
    [undefined, 'skipped', /sends no time/],
  ] as const
  for (const [offset, state, message] of table)
    it(`finds ${state} beside a server ${offset ?? 'no'} s away`, async () => {
      const found = await beside(offset)
      assert.deepEqual(
        found.map((finding) => finding.state),
        [state],
      )
      assert.match(found[0]?.message ?? '', message)
    })

  it('says that a CA that is needed cannot be reached', async () => {
    const url = `https://127.0.0.1:${await findFreePort()}/`
    const examine = async (isNeeded: boolean): Promise<string[]> =>
      (await checkClock({ url, caFile: undefined, isNeeded })).map(({ check, state }) => `${check} ${state}`)
    assert.deepEqual(await examine(false), ['clock skipped'])
    assert.deepEqual(await examine(true), ['clock skipped', 'acme warning'])
  })
})
