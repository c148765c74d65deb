import { readSmallFile } from '../../files/read-small-file.ts'
import type { AppError } from './app-error.ts'

/** Makes the error of a file that cannot be used, with the reason as a part of a sentence. */
type Unusable = (why: string, cause?: unknown) => AppError

/** Reads a small file that a setting names. Errors: that of `unusable`. */
export async function readGivenFile(path: string, maxBytes: number, unusable: Unusable): Promise<string> {
  const read = await readSmallFile(path, maxBytes).catch((cause: unknown) => {
    if (!(cause instanceof Error && 'code' in cause)) throw cause
    throw unusable(`it cannot be read (${String(cause.code)})`, cause)
  })
  if ('problem' in read) throw unusable(read.problem)
  return read.text
}
