import type { Readable, Writable } from 'node:stream'
import type { Environment } from '../config/layer.ts'

/** What a command reads, writes and knows of its surroundings. */
export interface Io {
  readonly stdin: Readable
  readonly stdout: Writable
  readonly stderr: Writable
  readonly env: Environment
  readonly cwd: string
  /** A person reads standard output. */
  readonly isOutputTerminal: boolean
  /** A person can be asked: standard input and output are terminals. */
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
