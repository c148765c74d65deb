import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeTempFolder } from '../../../test/support/machine/temp-folder.ts'
import { HtpasswdFile, type HtpasswdStatus, MAX_HTPASSWD_FILE_BYTES } from './htpasswd-file.ts'

const HASH = '$2y$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy'
const line = (name: string): string => `${name}:${HASH}\n`
const ALICE = line('alice')
const BOTH = ALICE + line('bob')

async function setUp(content: string | undefined) {
  const folder = await makeTempFolder('htpasswd')
  const path = join(folder.path, 'htpasswd')
  if (content !== undefined) await writeFile(path, content)
  const clock = { now: Date.now() }
  const heard: HtpasswdStatus[] = []
  const file = new HtpasswdFile({ path, clock: () => clock.now, onChange: (status) => heard.push(status) })
  return {
    file,
    path,
    heard,
    clock,
    /** The names in force, comma-separated. */
    names: async () => [...(await file.current()).accounts.keys()].join(','),
    problem: async () => (await file.status()).problem,
    /** Lets time pass. */
    pass: (ms: number) => {
      clock.now += ms
    },
    /** Changes the file in place, as if it had happened just now by the clock. */
    write: async (text: string) => {
      await writeFile(path, text)
      await utimes(path, clock.now / 1_000, clock.now / 1_000)
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}

test('`current()` reads the file at once, and again when it has changed and settled', async () => {
  await using t = await setUp(ALICE)
  assert.equal(await t.names(), 'alice')
  t.pass(60_000)
  await t.write(BOTH)
  assert.equal(await t.names(), 'alice')
  t.pass(1_000)
  assert.equal(await t.names(), 'alice,bob')
  assert.equal(t.heard.length, 2)
})

test('`current()` takes a change that is a while old without a wait', async () => {
  await using t = await setUp(ALICE)
  await t.names()
  await t.write(BOTH)
  t.pass(3_600_000)
  assert.equal(await t.names(), 'alice,bob')
})

test('`current()` sees a change of the same length and time, and a file from the future', async () => {
  await using t = await setUp(ALICE)
  await t.names()
  const { mtime } = await stat(t.path)
  await writeFile(t.path, line('carol').replace('carol', 'alicf'))
  await utimes(t.path, mtime, mtime)
  t.pass(5_000)
  assert.equal(await t.names(), 'alicf')
  await writeFile(t.path, BOTH)
  await utimes(t.path, t.clock.now / 1_000 + 86_400, t.clock.now / 1_000 + 86_400)
  t.pass(1_000)
  assert.equal(await t.names(), 'alicf')
  t.pass(1_000)
  assert.equal(await t.names(), 'alice,bob')
})

test('`current()` looks at the file once a second at most, without a promise in between', async () => {
  await using t = await setUp(ALICE)
  await t.names()
  await rm(t.path)
  t.pass(999)
  assert.ok(!(t.file.current() instanceof Promise))
  assert.equal((await t.file.status()).problem, undefined)
  t.pass(1)
  assert.ok(t.file.current() instanceof Promise)
  assert.match((await t.problem()) ?? '', /ENOENT/)
})

test('`current()` keeps the last good copy while the file is gone, and takes the one that comes', async () => {
  await using t = await setUp(ALICE)
  await t.names()
  await rename(t.path, `${t.path}.away`)
  for (let index = 0; index < 3; index++) {
    t.pass(10_000)
    assert.equal(await t.names(), 'alice')
  }
  assert.equal(t.heard.length, 2)
  await rename(`${t.path}.away`, t.path)
  t.pass(10_000)
  assert.equal(await t.names(), 'alice')
  assert.equal(await t.problem(), undefined)
})

test('`current()` lets no moment of a write in place lock anyone out', async () => {
  await using t = await setUp(BOTH)
  await t.names()
  const next = BOTH + line('carol')
  // Each step is read while it is fresh: the file grows from nothing, as an editor writes it.
  for (let length = 0; length < next.length; length += 7) {
    t.pass(1_000)
    await t.write(next.slice(0, length))
    assert.equal(await t.names(), 'alice,bob')
  }
  t.pass(1_000)
  await t.write(next)
  t.pass(1_000)
  assert.equal(await t.names(), 'alice,bob,carol')
})

const BROKEN: readonly (readonly [what: string, content: string, problem: RegExp])[] = [
  ['ends within a name', `${ALICE}bo`, /ends within a line/],
  ['ends within a hash', `${ALICE}bob:${HASH.slice(0, 30)}`, /ends within a line/],
  ['holds zeros, as after a crash', '\0'.repeat(200), /no text file/],
  ['is too large', `${ALICE}${'#'.repeat(MAX_HTPASSWD_FILE_BYTES)}`, /too large/],
  ['has too many lines', '#\n'.repeat(10_001), /too large/],
]

for (const [what, content, problem] of BROKEN) {
  test(`\`current()\` keeps the last good copy for good when the file ${what}`, async () => {
    await using t = await setUp(BOTH)
    await t.names()
    await t.write(content)
    for (let index = 0; index < 3; index++) {
      t.pass(60_000)
      assert.equal(await t.names(), 'alice,bob')
    }
    assert.match((await t.problem()) ?? '', problem)
    assert.equal(t.heard.length, 2)
    await t.write(ALICE)
    t.pass(60_000)
    assert.equal(await t.names(), 'alice')
    assert.equal(await t.problem(), undefined)
  })
}

test('`current()` takes a file that was emptied and stays empty: that is how the last name is removed', async () => {
  await using t = await setUp(BOTH)
  await t.names()
  await t.write('')
  t.pass(60_000)
  assert.equal(await t.names(), '')
})

test('`status()` tells at start of a file that is missing, a folder, or a pipe, and waits for none', async () => {
  await using t = await setUp(undefined)
  assert.match((await t.problem()) ?? '', /cannot be read \(ENOENT\)/)
  await mkdir(t.path)
  t.pass(10_000)
  assert.match((await t.problem()) ?? '', /no regular file/)
  await rm(t.path, { recursive: true })
  execFileSync('mkfifo', [t.path])
  t.pass(10_000)
  assert.match((await t.problem()) ?? '', /no regular file/)
  await rm(t.path)
  await t.write(`${ALICE}bob:{SHA}x\n`)
  t.pass(10_000)
  const status = await t.file.status()
  assert.equal(status.usableAccounts, 1)
  assert.equal(status.problem, undefined)
  assert.match(status.warnings[0] ?? '', /^line 2: /)
})
