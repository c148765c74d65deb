import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HashQueue } from './hash-queue.ts'

const BOUNDS = { maxRunning: 2, maxWaiting: 2, maxWaitingOfAll: 3 }

/** Jobs that end when the test says so, in a queue of {@link BOUNDS}. */
function setUp() {
  const queue = new HashQueue(BOUNDS)
  const started: string[] = []
  const ends = new Map<string, (error?: Error) => void>()
  const start = (name: string, first = false): Promise<string> =>
    queue.run(
      () => {
        started.push(name)
        return new Promise((resolve, reject) =>
          ends.set(name, (error) => (error ? reject(error) : resolve(name))),
        )
      },
      { first },
    )
  return { started, start, end: (name: string, error?: Error) => ends.get(name)?.(error) }
}

test('`run()` runs a bounded number of jobs at once, the others in order', async () => {
  const { started, start, end } = setUp()
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => start(name))
  assert.deepEqual(started, ['a', 'b'])
  end('b')
  assert.equal(await b, 'b')
  assert.deepEqual(started, ['a', 'b', 'c'])
  end('a')
  assert.equal(await a, 'a')
  assert.deepEqual(started, ['a', 'b', 'c', 'd'])
  end('d')
  end('c')
  assert.deepEqual(await Promise.all([c, d]), ['c', 'd'])
})

test('`run()` refuses a job when too many wait, except those that go first, up to a bound of their own', async () => {
  const { started, start, end } = setUp()
  const jobs = ['a', 'b', 'c', 'd'].map((name) => start(name))
  await assert.rejects(start('e'), { name: 'AccountError', code: 'TOO_MANY_ATTEMPTS', retryAfterS: 2 })
  jobs.push(start('f', true))
  await assert.rejects(start('g', true), { code: 'TOO_MANY_ATTEMPTS' })
  end('a')
  await jobs[0]
  assert.deepEqual(started, ['a', 'b', 'f'])
  for (const name of ['b', 'f']) end(name)
  await Promise.all([jobs[1], jobs[4]])
  for (const name of ['c', 'd']) end(name)
  await Promise.all(jobs)
})

test('`run()` goes on after a job that failed', async () => {
  const { start, end } = setUp()
  const jobs = ['a', 'b', 'c'].map((name) => start(name))
  end('a', new Error('broken'))
  await assert.rejects(jobs[0] as Promise<string>, /broken/)
  for (const name of ['b', 'c']) end(name)
  assert.deepEqual(await Promise.all(jobs.slice(1)), ['b', 'c'])
})
