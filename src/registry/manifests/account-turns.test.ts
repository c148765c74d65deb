import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AccountTurns } from './account-turns.ts'

/** Work that ends when it is said to. */
function makeWork(
  name: string,
  begun: string[],
): { work: () => Promise<string>; end: () => void; fail: () => void } {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  return {
    work: () => {
      begun.push(name)
      return promise
    },
    end: () => resolve(name),
    fail: () => reject(new Error(name)),
  }
}

test('`AccountTurns` runs the work of one account in order, one at a time, and that of others beside it', async () => {
  const turns = new AccountTurns()
  const begun: string[] = []
  const [a1, a2, a3, b1] = ['a1', 'a2', 'a3', 'b1'].map((name) => makeWork(name, begun))
  assert.ok(a1 && a2 && a3 && b1)
  const running = [a1, a2, a3].map(({ work }) => turns.run('alice', work))
  const other = turns.run('bob', b1.work)
  assert.deepEqual(begun, ['a1', 'b1'])
  b1.end()
  assert.equal(await other, 'b1')
  a1.end()
  assert.equal(await running[0], 'a1')
  a2.fail()
  await assert.rejects(running[1] ?? assert.fail(), /a2/)
  a3.end()
  assert.equal(await running[2], 'a3', 'after a failure the next one has its turn')
  assert.deepEqual(begun, ['a1', 'b1', 'a2', 'a3'])
})

test('`AccountTurns` lets sixteen wait, and turns away further ones of that account alone', async () => {
  const turns = new AccountTurns()
  const { promise, resolve } = Promise.withResolvers<void>()
  const waiting = Array.from({ length: 17 }, () => turns.run('alice', () => promise))
  const refused = turns.run('alice', async () => {})
  await assert.rejects(refused, { code: 'TOOMANYREQUESTS', retryAfterS: 2 })
  await turns.run('bob', async () => {})
  resolve()
  await Promise.all(waiting)
  await turns.run('alice', async () => {})
})
