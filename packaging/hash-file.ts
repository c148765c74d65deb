import { hash } from 'node:crypto'
import { readFile } from 'node:fs/promises'

/** SHA-256 of a file, in hexadecimal. */
export async function hashFile(path: string): Promise<string> {
  return hash('sha256', await readFile(path))
}
