import { open } from 'node:fs/promises'
import type { Config } from '../../config/config.ts'

/** Bytes of a file of a secret that are read: a password is a line. */
const MAX_SECRET_BYTES = 4_096

/** The secrets of a configuration, in settings and in the files that it names; a file that cannot be read has none to hide. */
export async function findSecrets({ frontDoor, database, adminPasswordFile }: Config): Promise<string[]> {
  const acme = frontDoor?.acme
  const files = [adminPasswordFile, database.engine === 'postgres' ? database.passwordFile : undefined]
  const values = [
    acme?.eab?.hmacKey,
    acme?.dnsKey,
    acme?.dnsKey?.split(':').at(-1),
    database.engine === 'postgres' ? database.password : undefined,
    ...(await Promise.all(files.map(readSecret))),
  ]
  return values.filter((value): value is string => value !== undefined && value !== '')
}

async function readSecret(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined
  try {
    await using handle = await open(file)
    // A pipe would wait for its writer, and be used up.
    if (!(await handle.stat()).isFile()) return undefined
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAX_SECRET_BYTES), 0, MAX_SECRET_BYTES, 0)
    return buffer.subarray(0, bytesRead).toString().split('\n')[0]?.trim()
  } catch {
    return undefined
  }
}
