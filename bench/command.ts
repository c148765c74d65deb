import { type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'

/** Longest run of one command, in ms: the largest transfer, on a slow disk. */
const TIMEOUT_MS = 300_000
/** Output kept of a command, in characters. */
const MAX_OUTPUT_LENGTH = 1024 * 1024

/**
 * Runs a program of this machine and returns its output. Errors: it is absent, took too long, or failed; the message
 * holds its error output.
 */
export async function run(
  file: string,
  args: readonly string[],
  options: SpawnOptions = {},
): Promise<string> {
  const child = spawn(file, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'], timeout: TIMEOUT_MS })
  const output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] = (output[name] + text).slice(-MAX_OUTPUT_LENGTH)
    })
  }
  const [code, signal] = await once(child, 'close')
  if (code === 0) return output.stdout
  throw new Error(`${file} ended with ${code ?? signal}: ${output.stderr.trim() || output.stdout.trim()}`)
}
