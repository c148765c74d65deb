import { createHash, randomFillSync } from 'node:crypto'
import { type FileHandle, mkdir, open, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeTempFolder } from '../test/support/machine/temp-folder.ts'
import { run } from './command.ts'

/** Reads and writes of payload files, in bytes. */
const CHUNK_BYTES = 1024 ** 2
/** Bytes of a payload file that {@link stampPayload} writes anew: enough for a unique file. */
const STAMP_BYTES = 32

/** Folder, certificate and accounts of one run; all servers use the same. Removed with everything in it at the end. */
export interface Workspace extends AsyncDisposable {
  readonly path: string
  readonly certFile: string
  readonly keyFile: string
  /** A new folder below it. */
  folder(name: string): Promise<string>
}

/** Random bytes in a file, and their digest. */
export interface Payload {
  readonly file: string
  readonly bytes: number
  readonly digest: string
}

/** Makes the folder below the system's temporary folder: set `TMPDIR` to measure another disk. */
export async function openWorkspace(): Promise<Workspace> {
  const folder = await makeTempFolder('bench')
  const certFile = join(folder.path, 'server.crt')
  const keyFile = join(folder.path, 'server.key')
  const name = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile]
  await run('openssl', ['req', '-x509', '-days', '2', ...key, '-out', certFile, ...name])
  let folders = 0
  return {
    path: folder.path,
    certFile,
    keyFile,
    async folder(purpose) {
      folders += 1
      const path = join(folder.path, `${purpose}-${folders}`)
      await mkdir(path)
      return path
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}

/** Writes a file of random bytes. */
export async function makePayload(file: string, bytes: number): Promise<Payload> {
  await using handle = await open(file, 'w')
  const chunk = Buffer.alloc(CHUNK_BYTES)
  for (let position = 0; position < bytes; position += chunk.length) {
    randomFillSync(chunk)
    await handle.write(chunk, 0, Math.min(chunk.length, bytes - position), position)
  }
  return stampPayload({ file, bytes, digest: '' })
}

/** Makes a payload new to all servers, by new random bytes at its beginning. @returns it with its new digest. */
export async function stampPayload({ file, bytes }: Payload): Promise<Payload> {
  await using handle = await open(file, 'r+')
  await handle.write(randomFillSync(Buffer.alloc(STAMP_BYTES)), 0, STAMP_BYTES, 0)
  return { file, bytes, digest: await hashOpenFile(handle) }
}

/**
 * Writes as many bytes as the next measurement and removes them again. A virtual machine gives unused memory back to
 * its host, and its next use waits for it: up to five times slower for the first writer of the page cache.
 */
export async function warmPageCache(workspace: Workspace, payload: readonly Payload[]): Promise<void> {
  const scratch = join(workspace.path, 'scratch')
  for (const { file } of payload) {
    await run('dd', [`if=${file}`, `of=${scratch}`, 'bs=1M', 'oflag=append', 'conv=notrunc', 'status=none'])
  }
  await rm(scratch)
}

/** Writes a password file of Apache's, bcrypt with this cost. */
export async function writeHtpasswd(
  file: string,
  accounts: readonly { name: string; password: string; cost: number }[],
): Promise<void> {
  const lines: string[] = []
  for (const { name, password, cost } of accounts) {
    lines.push((await run('htpasswd', ['-nbBC', String(cost), name, password])).trim())
  }
  await writeFile(file, `${lines.join('\n')}\n`, { mode: 0o600 })
}

async function hashOpenFile(handle: FileHandle): Promise<string> {
  const hash = createHash('sha256')
  const chunk = Buffer.alloc(CHUNK_BYTES)
  for (let position = 0; ; ) {
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, position)
    if (bytesRead === 0) return `sha256:${hash.digest('hex')}`
    hash.update(chunk.subarray(0, bytesRead))
    position += bytesRead
  }
}
