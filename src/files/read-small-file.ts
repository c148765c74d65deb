import { constants } from 'node:fs'
import { open } from 'node:fs/promises'

/** Text of a small file, or why it is none. */
type SmallFile = { readonly text: string } | { readonly problem: string }

/**
 * Reads a regular file of at most `maxBytes`, as UTF-8. A pipe or device in its place is a problem, and is not waited for.
 * Errors: those of the system.
 */
export async function readSmallFile(path: string, maxBytes: number): Promise<SmallFile> {
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  if (!(await file.stat()).isFile()) return { problem: 'it is no regular file' }
  const bytes = Buffer.alloc(maxBytes + 1)
  let length = 0
  for (;;) {
    const { bytesRead } = await file.read(bytes, length, bytes.length - length, length)
    length += bytesRead
    if (length > maxBytes) return { problem: `it is longer than ${maxBytes} bytes` }
    if (bytesRead === 0) return { text: bytes.toString('utf8', 0, length) }
  }
}
