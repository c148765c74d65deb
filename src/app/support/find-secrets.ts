import type { Config } from '../../config/config.ts'
import { readSmallFile } from '../../files/read-small-file.ts'

/** Bytes of a file of secrets that are read: that of the headers for a collector may have so many. */
const MAX_SECRET_BYTES = 16 * 1024

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
    ...(await readLines(traces.headersFile)).flatMap((line) => {
      const value = line.replace(/^[^:=]*[:=]\s*/, '')
      // The part behind the scheme, such as Bearer, is a secret by itself.
      return [value, value.replace(/^\S+\s+/, '')]
    }),
  ]
  return values.filter((value): value is string => value !== undefined && value !== '')
}

async function readLines(file: string | undefined): Promise<string[]> {
  if (file === undefined) return []
  try {
    const read = await readSmallFile(file, MAX_SECRET_BYTES)
    return 'text' in read ? read.text.split('\n').map((line) => line.trim()) : []
  } catch {
    return []
  }
}
