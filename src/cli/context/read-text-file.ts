import { createReadStream } from 'node:fs'
import { resolve } from 'node:path'
import { CliError, type CliErrorCode } from '../errors/cli-error.ts'
import type { Io } from '../io.ts'

const BYTES_PER_MIB = 1024 * 1024

/** The text of a file that a command is given; `-` is standard input. Errors: `CliError` of the code. */
export async function readTextFile(
  io: Io,
  file: string,
  { maxBytes, code }: { maxBytes: number; code: CliErrorCode },
): Promise<string> {
  const stream = file === '-' ? io.stdin : createReadStream(resolve(io.cwd, file))
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of stream) {
      chunks.push(Buffer.from(chunk))
      size += chunk.length
      if (size > maxBytes) throw new Error(`it is larger than ${maxBytes / BYTES_PER_MIB} MiB`)
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new CliError(code, `The file ${file} cannot be read: ${reason}`, { cause })
  }
  return Buffer.concat(chunks).toString('utf8')
}
