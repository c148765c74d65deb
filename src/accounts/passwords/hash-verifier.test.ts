import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { hashSync } from 'bcryptjs'
import { HashVerifier } from './hash-verifier.ts'

/** Takes some tenths of a second: long enough to observe the thread meanwhile. */
const SLOW = hashSync('password', 12)
const QUICK = hashSync('password', 4)

test('`verify()` checks passwords, several at once', async () => {
  const verifier = new HashVerifier()
  const results = await Promise.all(
    ['password', 'passwort', 'password', ''].map((password) => verifier.verify(password, QUICK)),
  )
  assert.deepEqual(results, [true, false, true, false])
  await verifier.close()
})

test('`verify()` leaves the event loop free', async () => {
  const verifier = new HashVerifier()
  let turns = 0
  const ticking = setInterval(() => turns++, 5)
  assert.equal(await verifier.verify('password', SLOW), true)
  clearInterval(ticking)
  assert.ok(turns >= 10, `${turns} turns of the event loop`)
  await verifier.close()
})

test('`close()` breaks off what is under way; later checks start anew', async () => {
  const verifier = new HashVerifier()
  await verifier.close()
  const brokenOff = assert.rejects(verifier.verify('password', SLOW), /broken off/)
  await verifier.close()
  await brokenOff
  assert.equal(await verifier.verify('password', QUICK), true)
  await verifier.close()
})

test('`verify()` fails when the worker does, and the next one starts another', async () => {
  const verifier = new HashVerifier()
  await assert.rejects(verifier.verify('password', 'x'.repeat(QUICK.length)))
  assert.equal(await verifier.verify('password', QUICK), true)
  await verifier.close()
})

test('the worker keeps the process alive while it checks, and no longer', async () => {
  const module = fileURLToPath(new URL('./hash-verifier.ts', import.meta.url))
  const program = `
    const { HashVerifier } = await import(${JSON.stringify(module)})
    process.stdout.write(String(await new HashVerifier().verify('password', ${JSON.stringify(QUICK)})))`
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '--eval', program],
    // Well below the time after which an idle worker ends by itself.
    { timeout: 15_000 },
  )
  assert.equal(stdout, 'true')
})
