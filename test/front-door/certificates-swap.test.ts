import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { mkdir, readdir, readFile, realpath, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { connect, createServer } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { CertificateStore } from '../../src/certificates/folder/certificate-store.ts'
import { installPair } from '../../src/certificates/install/install-pair.ts'
import { makePaper } from '../support/certificates/paper-ca.ts'
import { SeededRandom } from '../support/content/seeded-random.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'

const HOST = 'app.example.com'
/** Number of replacements while clients connect. */
const SWAPS = 25
/** Longest wait until new files are served, in ms. */
const SERVED_WITHIN_MS = 4_000
/** Number of killed installations. */
const KILLS = 12
const INSTALLER = fileURLToPath(new URL('../support/certificates/install-forever.ts', import.meta.url))

const makePair = () => {
  const { pem, keyPem } = makePaper(HOST, { names: [HOST] })
  return { chainPem: pem, keyPem }
}

describe('certificates that are replaced', () => {
  it('are taken by new handshakes while they come without end, and none fails', async () => {
    await using temp = await makeTempFolder('swap')
    await installPair(temp.path, HOST, makePair())
    using store = await CertificateStore.open({ folders: [temp.path] })
    const server = createServer(
      {
        SNICallback: (name, done) => {
          const context = store.find(name)
          if (context) done(null, context)
          else done(new Error('there is no certificate'))
        },
      },
      (socket) => socket.end('x'),
    ).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const stop = new AbortController()
    // Emits each certificate that a client was served, by its fingerprint.
    const seen = new EventEmitter()
    const clients = Array.from({ length: 4 }, () => shakeHands(port, seen, stop.signal))
    for (let swap = 0; swap < SWAPS; swap++) {
      const pair = makePair()
      const { fingerprint256 } = new X509Certificate(pair.chainPem)
      const served = once(seen, fingerprint256, { signal: AbortSignal.timeout(SERVED_WITHIN_MS) })
      const isByHand = swap % 3 === 2
      await (isByHand ? writeByHand(temp.path, pair) : installPair(temp.path, HOST, pair))
      await served
    }
    stop.abort()
    const counts = await Promise.all(clients)
    server.close()
    assert.ok(
      counts.every((count) => count > SWAPS),
      `${counts}`,
    )
  })

  it('are whole after the one who installs them is killed at any moment', async () => {
    await using temp = await makeTempFolder('crash')
    await mkdir(temp.path, { recursive: true })
    const first = makePair()
    await writeFile(join(temp.path, `${HOST}.crt`), first.chainPem)
    await writeFile(join(temp.path, `${HOST}.key`), first.keyPem)
    const random = new SeededRandom('kill')
    for (let kill = 0; kill < KILLS; kill++) {
      await killAfter(random.between(0, 60), temp.path)
      const [chainPem, keyPem] = await Promise.all(
        ['crt', 'key'].map((ending) => readFile(join(temp.path, `${HOST}.${ending}`), 'utf8')),
      )
      const loaded = await loadOnce(temp.path)
      assert.ok(chainPem && keyPem)
      assert.equal(loaded?.fingerprint, new X509Certificate(chainPem).fingerprint256, `kill ${kill}`)
    }
    const home = join(temp.path, '.pairs', HOST)
    await installPair(temp.path, HOST, makePair())
    assert.ok(
      (await readdir(home)).filter((name) => /^\d/.test(name)).length <= 3,
      'what crashes left is removed',
    )
    assert.ok(await realpath(join(home, 'current')))
  })
})

/** Connects again and again; throws if a handshake fails. @returns the number of handshakes. */
async function shakeHands(port: number, seen: EventEmitter, signal: AbortSignal): Promise<number> {
  let count = 0
  while (!signal.aborted) {
    const socket = connect({ port, host: '127.0.0.1', servername: HOST, rejectUnauthorized: false })
    await once(socket, 'secureConnect')
    seen.emit(socket.getPeerX509Certificate()?.fingerprint256 ?? '')
    count++
    socket.resume()
    await once(socket, 'close')
  }
  return count
}

/** Writes files as people do: one after the other, by copying. */
async function writeByHand(
  folder: string,
  { chainPem, keyPem }: { chainPem: string; keyPem: string },
): Promise<void> {
  await writeFile(join(folder, `${HOST}.crt`), chainPem)
  await new Promise((resolve) => setTimeout(resolve, 50))
  await writeFile(join(folder, `${HOST}.key`), keyPem)
}

async function loadOnce(folder: string) {
  using store = await CertificateStore.open({ folders: [folder] })
  const [listed] = store.list()
  assert.equal(listed?.problem, undefined)
  return listed?.pair
}

/** Starts a program that installs pairs without end, and kills it some time after its first. */
async function killAfter(delayMs: number, folder: string): Promise<void> {
  const child: ChildProcess = spawn(process.execPath, [INSTALLER, folder, HOST], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  assert.ok(child.stdout)
  await once(child.stdout, 'data')
  await new Promise((resolve) => setTimeout(resolve, delayMs))
  child.kill('SIGKILL')
  await once(child, 'exit')
}
