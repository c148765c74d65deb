import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { part } from '../parts/find-parts.ts'
import { runOk } from '../support/machine/run-command.ts'

export const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url))
/** Longest making of one package, in ms. */
export const PACK_TIMEOUT_MS = 300_000
/** Longest making of a package from files that are there, in ms. */
const NFPM_TIMEOUT_MS = 120_000

/** Makes a package by its command line. @returns its path. */
export async function pack(kind: string, folder: string, ...flags: string[]): Promise<string> {
  const args = [join(CHECKOUT, 'packaging/main.ts'), kind, '--output', folder, ...flags]
  const output = await runOk(process.execPath, args, { cwd: '/', timeoutMs: PACK_TIMEOUT_MS })
  return output.trim().split('\n').at(-1) ?? ''
}

/** Makes the package of a later version from the files of one that was made into this folder. */
export async function packNewer(folder: string, kind: string, target: string): Promise<void> {
  const made = join(folder, kind)
  const settings = JSON.parse(await readFile(join(made, 'nfpm.yaml'), 'utf8')) as object
  await writeFile(join(made, 'newer.yaml'), JSON.stringify({ ...settings, version: '9.9.9' }))
  const args = ['package', '--config', 'newer.yaml', '--packager', kind, '--target', target]
  await runOk(part('nfpm'), args, { cwd: made, timeoutMs: NFPM_TIMEOUT_MS })
}

/** Splits what a script has printed by its lines `== STEP`. @returns the output of each step. */
export function parseSteps(output: string): Map<string | undefined, string> {
  return new Map(output.split(/^== /m).map((part) => [part.split('\n', 1)[0], part]))
}

/** True once Berth on this port answers: it has written the first password by then, and not yet when it listens. */
export async function isAnswering(port: number): Promise<boolean> {
  return (await fetch(`http://127.0.0.1:${port}/livez`)).ok
}
