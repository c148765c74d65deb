import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { HtpasswdStatus } from '../../src/accounts/htpasswd/htpasswd-file.ts'
import { createHtpasswdChecker } from '../../src/accounts/log-in/htpasswd-checker.ts'
import { findPart, part, skipReason } from '../parts/find-parts.ts'
import { runOk } from '../support/machine/run-command.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'

const PASSWORDS = ['a', 'password', 'Correct horse, battery $6$ staple!', 'pässwörd ☃', `${'x'.repeat(70)}yz`]
/** Bytes of a password that count, for formats that ignore the rest. */
const COUNTED_BYTES: Readonly<Record<string, number>> = { des: 8, bcrypt: 72 }

interface Tool {
  readonly title: string
  readonly form: string
  readonly isWeak: boolean
  /** A line of an htpasswd file. */
  readonly makeLine: (name: string, password: string) => Promise<string>
}

const OPENSSL: readonly Tool[] = [
  ['-1', 'md5'],
  ['-apr1', 'apr1'],
  ['-5', 'sha256'],
  ['-6', 'sha512'],
].flatMap(([option = '', form = '']) =>
  [[], ['-salt', 'Na./Cl9']].map((salt) => ({
    title: `openssl passwd ${[option, ...salt].join(' ')}`,
    form,
    isWeak: form === 'md5',
    makeLine: async (name, password) => {
      const args = ['passwd', option, ...salt, '-stdin']
      return `${name}:${await runOk(part('openssl'), args, { input: `${password}\n` })}`
    },
  })),
)

const HTPASSWD: readonly Tool[] = [
  ['-m', 'apr1'],
  ['-B', 'bcrypt'],
  ['-B -C 11', 'bcrypt'],
  ['-2', 'sha256'],
  ['-5', 'sha512'],
  ['-5 -r 12345', 'sha512'],
  ['-s', 'sha'],
  ['-d', 'des'],
].map(([options = '', form = '']) => ({
  title: `htpasswd ${options}`,
  form,
  isWeak: form === 'sha' || form === 'des',
  makeLine: (name, password) =>
    runOk(part('htpasswd'), ['-n', '-i', ...options.split(' '), name], { input: password }),
}))

const MKPASSWD: readonly Tool[] = [
  ['descrypt', 'des'],
  ['md5crypt', 'md5'],
  ['sha256crypt', 'sha256'],
  ['sha512crypt', 'sha512'],
  ['bcrypt', 'bcrypt'],
  ['bcrypt-a', 'bcrypt'],
].map(([method = '', form = '']) => ({
  title: `mkpasswd -m ${method}`,
  form,
  isWeak: form === 'des' || form === 'md5',
  makeLine: async (name, password) =>
    `${name}:${await runOk(part('mkpasswd'), ['-m', method, '-s'], { input: password })}`,
}))

async function setUp(options: { weakHashes: boolean }) {
  await using resources = new AsyncDisposableStack()
  const folder = resources.use(await makeTempFolder('htpasswd'))
  const file = join(folder.path, 'users')
  let status: HtpasswdStatus | undefined
  const checker = resources.use(
    createHtpasswdChecker({
      ...options,
      onChange: (now) => {
        status = now
      },
    }),
  )
  const kept = resources.move()
  return {
    file,
    status: () => status,
    kind: async (name: string, password: string) =>
      (await checker.check(file, name, password, '127.0.0.1')).kind,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

function testTools(tools: readonly Tool[]): void {
  for (const { title, form, isWeak, makeLine } of tools) {
    test(`users of \`${title}\` log in`, async () => {
      await using t = await setUp({ weakHashes: true })
      const lines = await Promise.all(PASSWORDS.map((password, index) => makeLine(`u${index}`, password)))
      await writeFile(t.file, lines.map((line) => `${line.trimEnd()}\n`).join(''))
      for (const [index, password] of PASSWORDS.entries()) {
        assert.equal(await t.kind(`u${index}`, password), 'right', password)
        assert.equal(await t.kind(`u${index}`, `y${password}`), 'wrong', password)
        assert.equal(await t.kind(`u${index + 1}`, password), 'wrong', password)
        const counted = COUNTED_BYTES[form]
        const isLongEnough = counted !== undefined && Buffer.byteLength(password) >= counted
        assert.equal(await t.kind(`u${index}`, `${password}!`), isLongEnough ? 'right' : 'wrong', password)
      }
      assert.equal(t.status()?.usableAccounts, PASSWORDS.length)
      assert.equal(t.status()?.warnings.length, isWeak ? PASSWORDS.length : 0)
    })
  }
}

describe('htpasswd files of real tools', { skip: skipReason('openssl', 'htpasswd') }, () => {
  testTools([...OPENSSL, ...HTPASSWD, ...(findPart('mkpasswd') === undefined ? [] : MKPASSWD)])

  test('DES crypt is refused where weak forms are not allowed', async () => {
    await using t = await setUp({ weakHashes: false })
    await writeFile(t.file, await runOk(part('htpasswd'), ['-n', '-i', '-d', 'alice'], { input: 'password' }))
    assert.equal(await t.kind('alice', 'password'), 'wrong')
    assert.match(t.status()?.warnings[0] ?? '', /^line 1: DES crypt .*weak-hashes/)
  })

  test('the clear text of `htpasswd -p` lets nobody in', async () => {
    await using t = await setUp({ weakHashes: true })
    await writeFile(
      t.file,
      await runOk(part('htpasswd'), ['-n', '-i', '-p', 'alice'], { input: 'topsecret' }),
    )
    assert.equal(await t.kind('alice', 'topsecret'), 'wrong')
    assert.match(t.status()?.warnings[0] ?? '', /^line 1: this is no hash of a known form/)
  })

  for (const option of ['-1', '-5', '-6', '-apr1']) {
    test(`two users whose lines a shell glued together with \`openssl passwd ${option}\` log in`, async () => {
      await using t = await setUp({ weakHashes: false })
      for (const [name, password] of [
        ['alice', 'of-alice'],
        ['nina', 'of-nina'],
      ]) {
        const command = `printf "${name}:$(${part('openssl')} passwd ${option} ${password})n" >> ${t.file}`
        await runOk('/bin/sh', ['-c', command])
      }
      assert.equal((await readFile(t.file, 'utf8')).includes('\n'), false)
      assert.equal(await t.kind('alice', 'of-alice'), 'right')
      assert.equal(await t.kind('nina', 'of-nina'), 'right')
      assert.equal(await t.kind('nina', 'of-alice'), 'wrong')
      assert.match(t.status()?.warnings[0] ?? '', /^line 1: an "n" stands right behind a hash/)
    })
  }
})
