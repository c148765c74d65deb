import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runOk } from '../support/machine/run-command.ts'

export const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url))
/** Longest making of one package, in ms. */
const PACK_TIMEOUT_MS = 300_000

/** Makes a package by its command line. @returns its path. */
export async function pack(kind: string, folder: string, ...flags: string[]): Promise<string> {
  const args = [join(CHECKOUT, 'packaging/main.ts'), kind, '--output', folder, ...flags]
  const output = await runOk(process.execPath, args, { cwd: '/', timeoutMs: PACK_TIMEOUT_MS })
  return output.trim().split('\n').at(-1) ?? ''
}
