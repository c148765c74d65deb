import assert from 'node:assert/strict'
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { hashSync } from 'bcryptjs'
import { makeTempFolder } from '../../../test/support/machine/temp-folder.ts'
import type { HtpasswdStatus } from '../htpasswd/htpasswd-file.ts'
import { hashPassword } from '../passwords/password-hash.ts'
import { shaCrypt } from '../passwords/sha-crypt.ts'
import { CREDENTIAL_TTL_MS } from './credential-cache.ts'
import { createHtpasswdChecker } from './htpasswd-checker.ts'

const line = (name: string, password: string): string => `${name}:${hashSync(password, 4)}\n`
const PLAIN_SHA = 'sha:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n'
const ADDRESS = '192.0.2.1'

async function setUp(options: { weakHashes?: boolean } = {}) {
  await using resources = new AsyncDisposableStack()
  const folder = resources.use(await makeTempFolder('htpasswd'))
  const clock = { now: Date.now() }
  const heard: { file: string; status: HtpasswdStatus }[] = []
  const checker = resources.use(
    createHtpasswdChecker({
      ...options,
      clock: () => clock.now,
      onChange: (status, file) => heard.push({ file, status }),
    }),
  )
  const path = (name: string): string => join(folder.path, name)
  const kept = resources.move()
  return {
    clock,
    heard,
    path,
    verdict: async (file: string, user: string, password: string, address = ADDRESS) =>
      checker.check(path(file), user, password, address),
    kind: async (file: string, user: string, password: string, address = ADDRESS) =>
      (await checker.check(path(file), user, password, address)).kind,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

test('`check()` keeps files apart', async () => {
  await using t = await setUp()
  await writeFile(t.path('a'), line('alice', 'of a'))
  await writeFile(t.path('b'), line('alice', 'of b') + PLAIN_SHA)
  assert.equal(await t.kind('a', 'alice', 'of a'), 'right')
  assert.equal(await t.kind('b', 'alice', 'of a'), 'wrong')
  assert.equal(await t.kind('b', 'alice', 'of b'), 'right')
  assert.equal(await t.kind('a', 'alice', 'of b'), 'wrong')
  assert.equal(await t.kind('a', 'sha', 'password'), 'wrong')
  assert.equal(await t.kind('b', 'sha', 'password'), 'right')
  assert.deepEqual(
    t.heard.map(({ file, status }) => [file, status.warnings.length]),
    [
      [t.path('a'), 0],
      [t.path('b'), 1],
    ],
  )
})

test('`check()` takes weak forms only where they are allowed', async () => {
  const text = 'des:abJnggxhB/yWI\nplain:{PLAIN}in clear: not this\n'
  for (const weakHashes of [true, false]) {
    await using t = await setUp({ weakHashes })
    await writeFile(t.path('f'), text)
    assert.equal(await t.kind('f', 'des', 'password'), weakHashes ? 'right' : 'wrong')
    assert.equal(await t.kind('f', 'plain', 'in clear'), weakHashes ? 'right' : 'wrong')
    assert.equal(await t.kind('f', 'des', 'abJnggxhB/yWI'), 'wrong')
    assert.equal(t.heard[0]?.status.warnings.length, 2)
  }
})

test('`check()` takes argon2id, beside others', async () => {
  await using t = await setUp()
  await writeFile(t.path('f'), `argon:${await hashPassword('of argon')}\n${line('bcrypt', 'of bcrypt')}`)
  assert.equal(await t.kind('f', 'argon', 'of argon'), 'right')
  assert.equal(await t.kind('f', 'argon', 'of bcrypt'), 'wrong')
  assert.equal(await t.kind('f', 'bcrypt', 'of bcrypt'), 'right')
  assert.equal(await t.kind('f', 'bcrypt', 'of argon'), 'wrong')
  assert.equal(t.heard[0]?.status.usableAccounts, 2)
})

test('`check()` lets a change count within a second, whatever its time and length', async () => {
  await using t = await setUp()
  await writeFile(t.path('f'), line('alice', 'first'))
  assert.equal(await t.kind('f', 'alice', 'first'), 'right')
  for (const password of ['again', 'third', 'newer']) {
    await writeFile(t.path('f'), line('alice', password))
    t.clock.now += 1_000
    assert.equal(await t.kind('f', 'alice', password), 'right')
    assert.equal(await t.kind('f', 'alice', 'first'), 'wrong')
  }
  await writeFile(t.path('f'), '')
  t.clock.now += 1_000
  assert.equal(await t.kind('f', 'alice', 'newer'), 'wrong')
})

test('`check()` keeps the last good copy while the file ends within a line', async () => {
  await using t = await setUp()
  const text = line('alice', 'right') + line('bob', 'right')
  await writeFile(t.path('f'), text)
  assert.equal(await t.kind('f', 'bob', 'right'), 'right')
  await writeFile(t.path('f'), text.slice(0, -20))
  t.clock.now += 1_000
  assert.equal(await t.kind('f', 'bob', 'right'), 'right')
  assert.match(t.heard.at(-1)?.status.problem ?? '', /ends within a line/)
  await writeFile(t.path('f'), text)
  t.clock.now += 1_000
  assert.equal(await t.kind('f', 'bob', 'right'), 'right')
  assert.equal(t.heard.at(-1)?.status.problem, undefined)
})

test('`check()` lets nobody in without the file, and says which way it is of no use', async () => {
  await using t = await setUp()
  assert.deepEqual(await t.verdict('f', 'alice', 'right'), { kind: 'no-file' })
  await writeFile(t.path('f'), line('alice', 'right'))
  t.clock.now += 1_000
  assert.equal(await t.kind('f', 'alice', 'right'), 'right')
  await rename(t.path('f'), t.path('away'))
  t.clock.now += 1_000
  assert.equal(await t.kind('f', 'alice', 'right'), 'no-file')
  await mkdir(t.path('f'))
  t.clock.now += 1_000
  assert.deepEqual(await t.verdict('f', 'alice', 'right'), {
    kind: 'unreadable',
    reason: 'The htpasswd file is no regular file',
  })
  await rm(t.path('f'), { recursive: true })
  await writeFile(t.path('f'), '\0'.repeat(100))
  t.clock.now += 1_000
  assert.equal(await t.kind('f', 'alice', 'right'), 'unreadable')
  await rename(t.path('away'), t.path('f'))
  t.clock.now += 1_000
  assert.equal(await t.kind('f', 'alice', 'right'), 'right')
  assert.equal(await t.kind('f/below', 'alice', 'right'), 'unreadable')
})

test('`check()` says why a file cannot be opened', async () => {
  await using t = await setUp()
  await symlink('f', t.path('f'))
  assert.deepEqual(await t.verdict('f', 'alice', 'right'), {
    kind: 'unreadable',
    reason: 'The htpasswd file cannot be read (ELOOP)',
  })
})

test('`check()` is busy for a name that failed too often, in this file alone', async () => {
  await using t = await setUp()
  await writeFile(t.path('a'), PLAIN_SHA)
  await writeFile(t.path('b'), PLAIN_SHA)
  assert.equal(await t.kind('a', 'sha', 'password'), 'right')
  for (let index = 0; index < 10; index++) assert.equal(await t.kind('a', 'nobody', `${index}`), 'wrong')
  for (let index = 0; index < 10; index++) assert.equal(await t.kind('a', 'sha', `${index}`), 'wrong')
  assert.deepEqual(await t.verdict('a', 'sha', 'next'), { kind: 'busy', retryAfterS: 1 })
  assert.deepEqual(await t.verdict('a', 'nobody', 'next'), { kind: 'busy', retryAfterS: 1 })
  assert.equal(await t.kind('a', 'sha', 'password'), 'right')
  assert.equal(await t.kind('b', 'sha', 'next'), 'wrong')
  assert.equal(await t.kind('b', 'sha', 'password'), 'right')
  t.clock.now += CREDENTIAL_TTL_MS
  assert.equal(await t.kind('a', 'sha', 'password'), 'right')
})

test('`check()` is busy for an address that failed with many names, but not for who was there before', async () => {
  await using t = await setUp()
  await writeFile(t.path('f'), PLAIN_SHA)
  assert.equal(await t.kind('f', 'sha', 'password'), 'right')
  for (let index = 0; index < 100; index++) assert.equal(await t.kind('f', `n${index}`, 'guess'), 'wrong')
  assert.deepEqual(await t.verdict('f', 'other', 'guess'), { kind: 'busy', retryAfterS: 1 })
  assert.equal(await t.kind('f', 'sha', 'password'), 'right')
  assert.equal(await t.kind('f', 'other', 'guess', '192.0.2.2'), 'wrong')
})

test('`check()` takes as long for any name that is wrong, whatever its form', async () => {
  await using t = await setUp({ weakHashes: true })
  const slow = shaCrypt(Buffer.from('right'), { digest: 'sha512', salt: 'salt', rounds: 10_000 })
  const half = shaCrypt(Buffer.from('right'), { digest: 'sha512', salt: 'salt', rounds: 5_000 })
  await writeFile(t.path('f'), `slow:${slow}\nhalf:${half}\n${PLAIN_SHA}des:abJnggxhB/yWI\nno:$y$x\n`)
  await t.kind('f', 'warm up', 'the thread')
  const names = ['slow', 'half', 'sha', 'des', 'no', 'nobody']
  const least = new Map(names.map((name) => [name, Number.POSITIVE_INFINITY]))
  const isEven = (): boolean => Math.max(...least.values()) < 2.5 * Math.min(...least.values())
  // Processor time on all threads: other programs do not count. Without the dummy work, one would take a thousandth,
  // however often it is measured.
  for (let index = 0; index < 3 || (index < 40 && !isEven()); index++) {
    for (const name of names) {
      const before = process.cpuUsage()
      assert.equal(await t.kind('f', name, `wrong ${index}`), 'wrong')
      least.set(name, Math.min(least.get(name) ?? 0, process.cpuUsage(before).user))
    }
    // Old failures delay nothing.
    t.clock.now += 60_000
  }
  assert.ok(isEven(), [...least.values()].join(' '))
})

test('`check()` goes on with a bounded number of files', async () => {
  await using t = await setUp()
  await writeFile(t.path('f'), PLAIN_SHA)
  assert.equal(await t.kind('f', 'sha', 'password'), 'right')
  for (let index = 0; index < 1_100; index++) assert.equal(await t.kind(`none${index}`, 'a', 'b'), 'no-file')
  assert.equal(await t.kind('f', 'sha', 'password'), 'right')
  assert.equal(t.heard.filter(({ file }) => file === t.path('f')).length, 2)
})
