import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { after, before, test } from 'node:test'
import { hash } from 'bcryptjs'
import { createRegistryClient } from '../../src/client/registry-client.ts'
import { parseReference } from '../../src/oci/reference.ts'
import { parseRepositoryName } from '../../src/oci/repository-name.ts'
import { postgresSkipReason, startPostgresServer } from '../support/database/postgres-server.ts'
import { findFreePort, isListening } from '../support/machine/free-port.ts'
import { runCommand, runOk } from '../support/machine/run-command.ts'
import { startProcess } from '../support/machine/start-process.ts'
import { makeTempFolder, type TempFolder } from '../support/machine/temp-folder.ts'
import { startCollector } from '../support/program/trace-collector.ts'
import { CHECKOUT, isAnswering, pack } from './packages.ts'

/** Starts of each program that are compared; the fastest counts, as others share the machine. */
const STARTS = 7
/** Longest start of the executable, as a share of the package's: 1 on a quiet machine. */
const MAX_START_RATIO = 1.5
/** Bytes of the layer: more than the serving thread hashes itself. */
const LAYER_BYTES = 8 * 1024 * 1024
/** Layers of the large manifest: more than the serving thread parses itself. */
const LARGE_LAYERS = 3_000
/** No Node is here, and a program that names one by PATH fails. */
const ENV = { PATH: '/nowhere' }
const REPOSITORY = parseRepositoryName('carol/app')

let folder: TempFolder
let berth = ''
before(async () => {
  folder = await makeTempFolder('executable')
  const made = await pack('executable', join(folder.path, 'made'))
  // Alone, so that no file beside it can help.
  await mkdir(join(folder.path, 'alone'))
  berth = join(folder.path, 'alone/berth')
  await cp(made, berth)
})
after(() => folder[Symbol.asyncDispose]())

test('the executable runs without Node, without a checkout and without an environment', async () => {
  assert.match(await runOk(berth, ['version'], { env: {}, cwd: '/' }), /^berth \d+\.\d+\.\d+ \(node 26\./)
  assert.deepEqual(await readdir(join(folder.path, 'alone')), ['berth'])
})

test('every command of the executable has the help of the checkout', async () => {
  const all = await runOk(berth, ['--help'], { env: ENV })
  const names = [...all.matchAll(/^ {2}([a-z][a-z-]+)[ |]/gm)].map(([, name = '']) => name)
  const commands = [...new Set(names)].filter((name) => name !== 'berth' && name !== 'help')
  assert.ok(commands.length > 20, all)
  const help = async (file: string, command: string): Promise<string> =>
    (await runCommand(file, [command, '--help'], { cwd: '/' })).stdout
  for (const command of commands) {
    const printed = await help(berth, command)
    assert.match(printed, new RegExp(`Usage: berth ${command}`))
    assert.equal(printed, await help(join(CHECKOUT, 'bin/berth'), command))
  }
})

for (const workers of ['1', '2']) {
  test(`the executable serves by ${workers} of its processes, with all kinds of threads`, async () => {
    await using collector = await startCollector()
    const data = join(folder.path, `data-${workers}`)
    await mkdir(data, { mode: 0o700 })
    const password = randomBytes(12).toString('base64url')
    const htpasswd = join(data, 'users.htpasswd')
    await writeFile(htpasswd, `carol:${await hash(password, 5)}\n`)
    const port = await findFreePort()
    const url = `http://127.0.0.1:${port}`
    const config = join(data, 'berth.yaml')
    await writeFile(
      config,
      `data: ${data}\nlisten-http: 127.0.0.1:${port}\nworkers: ${workers}\nhtpasswd-file: ${htpasswd}\ntraces-endpoint: ${collector.url}\ntraces-sample: 1\n`,
    )
    const server = await startProcess(berth, {
      args: ['--config', config, 'serve'],
      env: ENV,
      cwd: '/',
      logFile: join(data, 'log'),
      isReady: () => isListening(port),
    })
    const run = (args: string[], input = ''): Promise<string> =>
      runOk(berth, ['--config', config, ...args], { env: ENV, cwd: '/', input })
    try {
      await pushAndPull(url, password)
      const selftest = ['selftest', url, '--username', 'carol', '--password-stdin']
      assert.match(await run(selftest, password), / works\n$/)
      assert.match(await run(['doctor']), /^ok +ports +.* answers/m)
      const rules = join(data, 'rules.yaml')
      await writeFile(rules, RULES)
      await run(['policy', 'apply', rules])
      assert.match(await run(['retention', 'dry-run']), /v1/)
      // It copies the database, whose copy is checked by a thread.
      const backup = join(folder.path, `backup-${workers}`)
      assert.match(await run(['backup', backup]), /complete/)
      assert.match(await run(['backup', 'verify', backup]), /./)
      assert.match(await run(['tag', 'list', REPOSITORY]), /v1/)
    } finally {
      assert.equal(await server.stop(), 0, await server.readLog())
    }
    const traced = new Set(collector.spans.map(({ name }) => name))
    for (const name of ['registry manifest-put', 'transaction', 'blob commit'])
      assert.ok(traced.has(name), [...traced].join())
    assert.doesNotMatch(await server.readLog(), /"level":"(?:error|warn)"/)
  })
}

/** Its regular expression loads a package that most servers never load. */
const RULES = `policies:
  - repositories: ['carol/**']
    retention: {rules: [{regex: 'ci-[0-9]+', keep: {newest: 3}}]}
`

/** Bytes of several sizes, by a client that checks every digest. */
async function pushAndPull(url: string, password: string): Promise<void> {
  const client = createRegistryClient({ url, username: 'carol', password })
  const layer = randomBytes(LAYER_BYTES)
  const digest = await client.pushBlob(REPOSITORY, layer)
  const config = await client.pushBlob(REPOSITORY, Buffer.from('{}'))
  const descriptor = { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest, size: layer.length }
  const mediaType = 'application/vnd.oci.image.manifest.v1+json'
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType,
      config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: config, size: 2 },
      layers: Array.from({ length: LARGE_LAYERS }, () => descriptor),
    }),
  )
  const v1 = parseReference('v1')
  await client.putManifest(REPOSITORY, v1, { mediaType, bytes })
  assert.deepEqual((await client.getManifest(REPOSITORY, v1)).bytes, bytes)
  const pulled: Uint8Array[] = []
  for await (const chunk of client.pullBlob(REPOSITORY, digest)) pulled.push(chunk)
  assert.ok(Buffer.concat(pulled).equals(layer))
}

test('the executable keeps its facts in PostgreSQL', { skip: postgresSkipReason() }, async () => {
  await using postgres = await startPostgresServer()
  await using database = await postgres.createDatabase()
  const data = join(folder.path, 'data-postgres')
  const port = await findFreePort()
  const place = ['--data', data, '--database', database.url]
  const server = await startProcess(berth, {
    args: ['serve', ...place, '--listen-http', `127.0.0.1:${port}`],
    env: ENV,
    cwd: '/',
    logFile: join(folder.path, 'postgres.log'),
    isReady: () => isAnswering(port),
  })
  try {
    const args = ['selftest', `http://127.0.0.1:${port}`, '--username', 'admin', '--password-stdin']
    const input = await readFile(join(data, 'first-password'))
    assert.match(await runOk(berth, args, { env: ENV, input }), / works\n$/)
    assert.match(await runOk(berth, ['user', 'list', ...place], { env: ENV }), /admin/)
  } finally {
    assert.equal(await server.stop(), 0)
  }
})

test('the executable starts as fast as the package', async (t) => {
  const packed = join(CHECKOUT, 'bin/berth')
  const fastest = new Map<string, number>()
  for (let start = 0; start < STARTS; start++) {
    for (const file of [berth, packed]) {
      const begin = performance.now()
      await runOk(file, ['version'], { cwd: '/' })
      fastest.set(file, Math.min(fastest.get(file) ?? Number.POSITIVE_INFINITY, performance.now() - begin))
    }
  }
  const [own = 0, other = 1] = [fastest.get(berth), fastest.get(packed)]
  t.diagnostic(
    `executable ${own.toFixed(0)} ms, package ${other.toFixed(0)} ms, ratio ${(own / other).toFixed(2)}`,
  )
  assert.ok(own / other < MAX_START_RATIO, `${own} ms against ${other} ms`)
})

test('a machine without libatomic gets its name', {
  skip: process.getuid?.() !== 0 && 'needs root',
}, async () => {
  const root = join(folder.path, 'root')
  await mkdir(root)
  await cp(berth, join(root, 'berth'))
  const libraries = await runOk('ldd', [berth])
  for (const [, path = ''] of libraries.matchAll(/(\/\S+\.so\S*)/g)) {
    if (basename(path).startsWith('libatomic')) continue
    await cp(path, join(root, path), { recursive: true, dereference: true })
  }
  const { code, stderr } = await runCommand('chroot', [root, '/berth', 'version'])
  assert.equal(code, 127)
  assert.match(stderr, /libatomic\.so\.1/)
})

test('the same sources give the same executable if it is made to be reproducible', async () => {
  const [one = '', other = ''] = await Promise.all(
    ['one', 'other'].map((name) => pack('executable', join(folder.path, name), '--reproducible')),
  )
  const [bytes, same] = await Promise.all([readFile(one), readFile(other)])
  assert.ok(bytes.equals(same), 'two builds differ')
  assert.match(await runOk(one, ['version'], { env: {} }), /^berth /)
})

test('a wrong line is refused with the reason, and the list of kinds', async () => {
  const main = join(CHECKOUT, 'packaging/main.ts')
  for (const [line, reason] of WRONG_LINES) {
    const { code, stderr } = await runCommand(process.execPath, [main, ...line.split(' ').filter(Boolean)])
    assert.equal(code, 2, line)
    assert.match(stderr, new RegExp(`^error\\[USAGE\\]: ${reason}[\\s\\S]*executable, `), line)
  }
})

const WRONG_LINES: readonly (readonly [string, string])[] = [
  ['', 'The kind of package is missing'],
  ['floppy', 'There is no kind "floppy"'],
  ['deb rpm', 'One kind at a time'],
  ['chart --arch arm64', 'chart has no flag --arch'],
  ['image --reproducible', 'image has no flag --reproducible'],
  ['deb --arch amd64,arm64', 'deb takes one architecture'],
  ['image --arch arm64,arm64', '--arch has a name twice'],
  ['image --arch mips', 'There are no packages for "mips": --arch is amd64 or arm64'],
]
