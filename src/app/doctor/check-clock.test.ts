import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startApp } from '../../../test/support/door/start-app.ts'
import { findFreePort } from '../../../test/support/machine/free-port.ts'
import { checkClock } from './check-clock.ts'

/** Findings beside a server whose clock differs by so many seconds. */
async function beside(offsetS: number | undefined) {
  await using server = await startApp((_, response) => {
    response.sendDate = false
    if (offsetS !== undefined) response.setHeader('date', new Date(Date.now() + offsetS * 1000).toUTCString())
    response.end()
  })
  return await checkClock({ url: `${server.url}/`, caFile: undefined, isNeeded: true })
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
