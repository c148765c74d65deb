import assert from 'node:assert/strict'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { RegistryUnderTest } from '../protocol/registry-under-test.ts'
import { toImage } from '../protocol/registry-under-test.ts'
import { makeTempFolder, type TempFolder } from '../support/machine/temp-folder.ts'
import { type CliResult, runCli } from '../support/program/run-cli.ts'
import { apiEngines } from './api-engines.ts'

const [sqlite] = apiEngines()

/** Source that a command reads from: the data folder, or the server that uses it. */
const PLACES = ['data', 'server'] as const

describe('commands that read from a data folder or from a server', () => {
  let registry: RegistryUnderTest
  let home: TempFolder
  const outputs = new Map<string, string>()

  const run = (args: readonly string[], stdin?: string): Promise<CliResult> =>
    runCli(args, { env: { HOME: home.path }, ...(stdin !== undefined && { stdin }) })
  const placeOf = (place: (typeof PLACES)[number]): string[] =>
    place === 'data' ? ['--data', registry.dataDir] : ['--server', registry.url]

  before(async () => {
    registry = await (sqlite ?? assert.fail()).start()
    home = await makeTempFolder('home')
    for (const name of ['alice/b', 'alice/c']) {
      for (const blob of ['{}', `of ${name}`]) await registry.pushBlob('alice', name, blob)
      await registry.pushManifest('alice', name, { document: toImage([`of ${name}`]), reference: 'v1' })
    }
    const login = ['login', registry.url, '--username', 'admin', '--password-stdin']
    const { code, stderr } = await run(login, registry.requirePassword('admin'))
    assert.equal(code, 0, stderr)
  })
  after(async () => {
    await registry[Symbol.asyncDispose]()
    await home[Symbol.asyncDispose]()
  })

  for (const place of PLACES) {
    for (const [name, args, lines] of [
      ['repositories', ['repo', 'list'], 4],
      ['repositories by size', ['repo', 'list', '--sort', 'size'], 4],
      ['tags', ['tag', 'list', 'alice/app'], 2],
      ['accounts', ['user', 'list'], 4],
    ] as const) {
      test(`${name}: the same from either place (${place})`, async () => {
        const table = await run([...args, ...placeOf(place)])
        assert.equal(table.code, 0, table.stderr)
        assert.equal(table.stdout.trim().split('\n').length, lines)
        const { stdout } = await run([...args, '--json', ...placeOf(place)])
        assert.deepEqual(JSON.parse(stdout), JSON.parse(outputs.get(name) ?? stdout))
        outputs.set(name, stdout)
      })
    }

    test(`an unknown repository is REPOSITORY_UNKNOWN (${place})`, async () => {
      const { code, stderr } = await run(['tag', 'list', 'alice/none', '--json', ...placeOf(place)])
      assert.deepEqual([code, JSON.parse(stderr).error.code], [1, 'REPOSITORY_UNKNOWN'])
    })
  }

  test('`berth login` checks the password, and keeps it where only this user can read it', async () => {
    const file = join(home.path, '.config/berth/logins.json')
    assert.equal((await stat(file)).mode & 0o777, 0o600)
    assert.deepEqual(Object.keys(JSON.parse(await readFile(file, 'utf8'))), [registry.url])
    const wrong = ['login', registry.url, '--username', 'admin', '--password-stdin', '--json']
    const refused = await run(wrong, 'not the password')
    assert.deepEqual([refused.code, JSON.parse(refused.stderr).error.code], [1, 'REGISTRY_LOGIN_FAILED'])
    assert.equal((await run(['repo', 'list', '--server', registry.url])).code, 0)
    for (const url of [
      'http://registry.example.com',
      'https://user:secret@registry.example.com',
      'ftp://x',
    ]) {
      const { code, stderr } = await run(
        ['login', url, '--username', 'admin', '--password-stdin'],
        'a password',
      )
      assert.equal(code, 2)
      assert.ok(!stderr.includes('secret'))
    }
    const other = await run(['repo', 'list', '--server', 'https://registry.example.com'])
    assert.equal(other.code, 2)
    assert.match(other.stderr, /berth login https:\/\/registry\.example\.com/)
    assert.equal((await run(['login', registry.url, '--forget'])).code, 0)
    assert.equal((await run(['repo', 'list', '--server', registry.url])).code, 2)
  })
})
