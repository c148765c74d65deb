import type { Readable, Writable } from 'node:stream'
import { CliError } from '../errors/cli-error.ts'
import type { Io } from '../io.ts'

/** Most bytes read from standard input for a password: the longest password has 1,024, and a line end follows. */
const MAX_PASSWORD_INPUT_BYTES = 4096

/**
 * Width assumed for a terminal that does not know its own, such as a serial line: at 0 each character would get a line.
 */
const USUAL_COLUMNS = 80

/** Source and kind of a password. */
interface PasswordRequest {
  readonly question: string
  /** True if `--password-stdin` was given. */
  readonly fromStdin: boolean
  /** True if it must be typed twice: a mistyped new password would lock the user out. */
  readonly isNew: boolean
}

/**
 * A password: with `--password-stdin` from standard input, else typed at a terminal. Errors: `CliError`
 * `PASSWORD_MISSING`, `PASSWORD_UNREADABLE`, `CANCELLED`.
 */
export async function askPassword(io: Io, { question, fromStdin, isNew }: PasswordRequest): Promise<string> {
  if (fromStdin) return await readPassword(io)
  if (!io.isInteractive) {
    throw new CliError('PASSWORD_MISSING', 'A password is needed, and there is no terminal to ask on')
  }
  const first = await askHidden(io, question)
  if (isNew && (await askHidden(io, 'Once more')) !== first) {
    throw new CliError('CANCELLED', 'The two passwords differ')
  }
  return first
}

/**
 * Asks before something is deleted or ended, unless `--yes` was given. Errors: `CliError` `CONFIRMATION_MISSING`,
 * `CANCELLED`.
 */
export async function askConfirmation(io: Io, question: string, isConfirmed: boolean): Promise<void> {
  if (isConfirmed) return
  if (!io.isInteractive) {
    throw new CliError('CONFIRMATION_MISSING', 'This has to be confirmed, and there is no terminal to ask on')
  }
  const { confirm } = await import('@clack/prompts')
  const answer = await withTerminal(io, (terminal) =>
    confirm({ message: question, initialValue: false, ...terminal }),
  )
  if (answer !== true) throw new CliError('CANCELLED', 'The answer was no')
}

/** A question with yes or no as answer. There must be a terminal. Errors: `CliError` `CANCELLED`. */
export async function askYesNo(io: Io, question: string): Promise<boolean> {
  const { confirm, isCancel } = await import('@clack/prompts')
  const answer = await withTerminal(io, (terminal) =>
    confirm({ message: question, initialValue: true, ...terminal }),
  )
  if (isCancel(answer)) throw new CliError('CANCELLED', 'No answer was given')
  return answer
}

/** A question with a line of text as answer. There must be a terminal. Errors: `CliError` `CANCELLED`. */
export async function askText(io: Io, message: string): Promise<string> {
  const { isCancel, text } = await import('@clack/prompts')
  const answer = await withTerminal(io, (terminal) => text({ message, ...terminal }))
  if (isCancel(answer)) throw new CliError('CANCELLED', 'No answer was given')
  return (answer ?? '').trim()
}

/** Terminal of a question, and the signal that ends it. */
interface Terminal {
  readonly input: Readable
  readonly output: Writable
  readonly signal: AbortSignal
}

/**
 * Runs a prompt. It is cancelled if its input ends (Ctrl-D, a terminal that is gone): no key could answer it any more,
 * and Node would end the process in the middle of it with a message of its own.
 */
async function withTerminal<T>({ stdin, stdout }: Io, use: (terminal: Terminal) => Promise<T>): Promise<T> {
  if ('columns' in stdout && stdout.columns === 0) stdout.columns = USUAL_COLUMNS
  const ended = new AbortController()
  const end = (): void => ended.abort()
  // The input has ended in some way, and nothing can answer any more.
  process.once('beforeExit', end)
  try {
    return await use({ input: stdin, output: stdout, signal: ended.signal })
  } finally {
    process.off('beforeExit', end)
  }
}

async function askHidden(io: Io, message: string): Promise<string> {
  const { isCancel, password } = await import('@clack/prompts')
  const answer = await withTerminal(io, (terminal) => password({ message, ...terminal }))
  if (isCancel(answer)) throw new CliError('CANCELLED', 'No password was given')
  return answer ?? ''
}

/** All of standard input, without one line end at its end, which `echo` and editors add. */
async function readPassword(io: Io): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of io.stdin) {
    const bytes = Buffer.from(chunk as Uint8Array | string)
    size += bytes.byteLength
    if (size > MAX_PASSWORD_INPUT_BYTES) {
      throw new CliError('PASSWORD_UNREADABLE', 'Standard input is longer than a password may be')
    }
    chunks.push(bytes)
  }
  const text = Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '')
  if (text === '') throw new CliError('PASSWORD_UNREADABLE', 'Standard input is empty')
  if (/[\r\n]/.test(text))
    throw new CliError('PASSWORD_UNREADABLE', 'Standard input holds more than one line')
  return text
}
