import { spawn } from 'node:child_process'

/** Longest run of a command unless its call says otherwise, in ms. */
const DEFAULT_TIMEOUT_MS = 120_000
/** Output kept per stream, in characters: enough for any message, little enough for a runaway. */
const MAX_OUTPUT_LENGTH = 2 * 1024 * 1024

/** Result of a command. */
export interface CommandResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Options of a command. */
interface CommandOptions {
  /** The whole environment: nothing else is inherited; by default the caller's own. */
  readonly env?: NodeJS.ProcessEnv | undefined
  readonly cwd?: string | undefined
  /** Standard input; closed at once if absent. Passwords go here, never into arguments. */
  readonly input?: string | Uint8Array | undefined
  readonly timeoutMs?: number | undefined
  /** User it runs as; only root can choose one. */
  readonly uid?: number | undefined
}

/**
 * Runs a command to its end, whatever its exit code.
 * Errors: it cannot be started, was ended by a signal, or took too long, in which case it and its children are killed.
 */
export async function runCommand(
  file: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS
  const { env, cwd, uid } = options
  const child = spawn(file, args, { env, cwd, detached: true, ...(uid === undefined ? {} : { uid }) })
  const stdout = collect(child.stdout)
  const stderr = collect(child.stderr)
  // A command may end without reading its input; the exit code reports failures, not the broken pipe.
  child.stdin.on('error', () => {})
  child.stdin.end(options.input ?? '')
  const { promise, resolve, reject } = Promise.withResolvers<CommandResult>()
  const timer = setTimeout(() => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    reject(new Error(`${describe(file, args)} took longer than ${timeoutMs} ms\n${stdout()}${stderr()}`))
  }, timeoutMs)
  child.on('error', reject)
  child.on('close', (code, signal) => {
    if (code !== null) resolve({ code, stdout: stdout(), stderr: stderr() })
    else reject(new Error(`${describe(file, args)} was ended by ${signal}\n${stdout()}${stderr()}`))
  })
  try {
    return await promise
  } finally {
    clearTimeout(timer)
  }
}

/** Runs a command that must succeed. @returns its standard output. */
export async function runOk(
  file: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const result = await runCommand(file, args, options)
  if (result.code === 0) return result.stdout
  throw new Error(
    `${describe(file, args)} ended with ${result.code}\n--- stdout\n${result.stdout}\n--- stderr\n${result.stderr}`,
  )
}

/** Runs a command that must fail by itself. @returns all its output. */
export async function runFailing(
  file: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const result = await runCommand(file, args, options)
  if (result.code !== 0) return result.stdout + result.stderr
  throw new Error(
    `${describe(file, args)} succeeded, but should have failed\n${result.stdout}${result.stderr}`,
  )
}

function collect(stream: NodeJS.ReadableStream): () => string {
  let text = ''
  stream.setEncoding('utf8')
  stream.on('data', (chunk: string) => {
    text = (text + chunk).slice(-MAX_OUTPUT_LENGTH)
  })
  return () => text
}

function describe(file: string, args: readonly string[]): string {
  return `"${[file, ...args].join(' ')}"`
}
