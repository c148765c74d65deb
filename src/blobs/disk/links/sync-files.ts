import { spawn } from 'node:child_process'
import { once } from 'node:events'

/**
 * Makes all that was written to the file system of a folder durable: Node has no call for it, and one for each of millions of links would
 * take hours. Errors: of the program `sync`, which every Linux has.
 */
export async function syncFiles(folder: string): Promise<void> {
  const sync = spawn('sync', ['-f', folder], { stdio: 'ignore' })
  const [code] = (await once(sync, 'exit')) as [number | null]
  if (code !== 0)
    throw new Error(`sync -f ${folder} failed with the exit code ${code}: the links may not be durable`)
}
