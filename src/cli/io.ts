import type { Readable, Writable } from 'node:stream'
import type { Environment } from '../config/sources/layer.ts'

/** Streams and surroundings of a command. */
export interface Io {
  readonly stdin: Readable
  readonly stdout: Writable
  readonly stderr: Writable
  readonly env: Environment
  readonly cwd: string
  /** True if standard output is a terminal. */
  readonly isOutputTerminal: boolean
  /** True if standard input and output are terminals, so that prompts work. */
  readonly isInteractive: boolean
}

/** The surroundings of this process. */
export function processIo(): Io {
  const isOutputTerminal = process.stdout.isTTY === true
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    cwd: process.cwd(),
    isOutputTerminal,
    isInteractive: isOutputTerminal && process.stdin.isTTY === true,
  }
}
