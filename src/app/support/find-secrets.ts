import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import type { Config } from '../../config/config.ts'

/** Bytes of a file of a secret that are read: a password is a line. */
const MAX_SECRET_BYTES = 4_096

/** The secrets of a configuration, in settings and in the files that it names; a file that cannot be read has none to hide. */
export async function findSecrets({
  frontDoor,
  database,
  adminPasswordFile,
  traces,
}: Config): Promise<string[]> {
  const acme = frontDoor?.acme
  const files = [adminPasswordFile, database.engine === 'postgres' ? database.passwordFile : undefined]
  const values = [
    acme?.eab?.hmacKey,
    acme?.dnsKey,
    acme?.dnsKey?.split(':').at(-1),
    database.engine === 'postgres' ? database.password : undefined,
    ...(await Promise.all(files.map(readLines))).flatMap((lines) => lines.slice(0, 1)),
    // Headers: what is behind each name.
    ...(await readLines(traces.headersFile)).map((line) => line.replace(/^[^:=]*[:=]\s*/, '')),
  ]
  return values.filter((value): value is string => value !== undefined && value !== '')
}

async function readLines(file: string | undefined): Promise<string[]> {
  if (file === undefined) return []
  try {
    // A pipe does not wait for its writer with this flag, and would be used up.
    await using handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK)
    if (!(await handle.stat()).isFile()) return []
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAX_SECRET_BYTES), 0, MAX_SECRET_BYTES, 0)
    const lines = buffer.subarray(0, bytesRead).toString().split('\n')
    return lines.map((line) => line.trim())
  } catch {
    return []
  }
}
