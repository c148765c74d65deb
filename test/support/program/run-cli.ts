import { PassThrough, Readable, Writable } from 'node:stream'
import type { Io } from '../../../src/cli/io.ts'
import { run } from '../../../src/cli/run.ts'

/** Options of a command's call. */
export interface CliCall {
  readonly stdin?: string
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Keys typed at a terminal, a text for each question; without it there is no terminal. */
  readonly typed?: readonly string[]
}

/** Result of a command. */
export interface CliResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command in this process, with streams of the test's own in place of the process's. */
export async function runCli(
  args: readonly string[],
  { stdin = '', env = {}, cwd = '/', typed }: CliCall = {},
): Promise<CliResult> {
  const stdout = collector()
  const stderr = collector()
  const io: Io = {
    stdin: typed === undefined ? Readable.from(stdin === '' ? [] : [Buffer.from(stdin)]) : terminal(),
    stdout: stdout.stream,
    stderr: stderr.stream,
    env,
    cwd,
    isOutputTerminal: false,
    isInteractive: typed !== undefined,
  }
  if (typed !== undefined) answerQuestions(stdout, io.stdin as PassThrough, typed)
  const code = await run(args, io)
  return { code, stdout: stdout.text(), stderr: stderr.text() }
}

interface Collector {
  readonly stream: Writable
  text(): string
  onText(listener: (text: string) => void): void
}

function collector(): Collector {
  const chunks: string[] = []
  const listeners: ((text: string) => void)[] = []
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk.toString('utf8'))
      for (const listener of listeners) listener(chunk.toString('utf8'))
      done()
    },
  })
  return {
    stream,
    text: () => chunks.join(''),
    onText: (listener) => void listeners.push(listener),
  }
}

/** A stream that prompts treat as a terminal. */
function terminal(): PassThrough {
  return Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => {} })
}

/** Types the next text whenever a question appears: a prompt is drawn once with its mark, then only in parts. */
function answerQuestions(stdout: Collector, stdin: PassThrough, typed: readonly string[]): void {
  const waiting = [...typed]
  stdout.onText((text) => {
    const answer = /[◆*] {2}/.test(text) ? waiting.shift() : undefined
    if (answer !== undefined) setImmediate(() => stdin.write(answer))
  })
}
