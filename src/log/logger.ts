import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino'
import { LineOutputs, WHOLE_WRITE_BYTES } from './line-outputs.ts'
import { formatLogfmt } from './logfmt-format.ts'
import type { RecentLines } from './recent-lines.ts'
import { redactFields, redactText } from './redact.ts'
import { formatText } from './text-format.ts'

/** Form of a log line. */
type LogFormat = 'json' | 'text' | 'logfmt'

/** Settings of the logger, from the configuration. */
export interface LogSettings {
  readonly level: 'error' | 'warn' | 'info' | 'debug'
  /** `json` and `logfmt`: a line each, for programs. `text`: a short line each, for people. */
  readonly format: LogFormat
}

/** Longest wait before a line is written, in ms: short enough for a person who watches. */
const FLUSH_INTERVAL_MS = 1000
/** Bytes gathered before a write: one system call for some hundred access lines. */
const MIN_WRITE_BYTES = 32 * 1024
/** Most bytes waiting for a reader of standard output that has stopped reading; further lines are dropped, not kept. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024

/**
 * A logger whose lines hold no secrets (see {@link redactFields}); callers keep the bindings of child loggers clean.
 *
 * `recent` keeps the last lines, as JSON. Without `destination` it writes to standard output in batches, within a second, and writes the rest when the process
 * ends.
 */
export function createLogger(
  settings: LogSettings,
  destination: DestinationStream = openStandardOutput(),
  recent?: RecentLines,
): Logger {
  const formatted = settings.format === 'json' ? destination : rewrite(destination, FORMATS[settings.format])
  return pino(
    {
      level: settings.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: redactFields },
      // Errors are plain and redacted by the time serializers run.
      serializers: { err: (error: unknown) => error, msg: redactMessage },
    },
    recent ? rewrite(formatted, keepIn(recent)) : formatted,
  )
}

/**
 * Writes the waiting lines. Settles when the system took or refused them; at once if the destination holds nothing
 * back.
 */
export async function flushLogger(logger: Logger): Promise<void> {
  await new Promise<void>((resolve) => logger.flush(() => resolve()))
}

/** File descriptor of standard output. */
const STANDARD_OUTPUT = 1

/**
 * Opens standard output for lines. Where other processes write to it, too (`isShared`), each write is short enough for
 * the system to keep its lines together; a line longer than that may still be cut by another.
 */
export function openStandardOutput({ isShared = false } = {}): Flushable {
  const outputs = new LineOutputs({
    maxWriteBytes: isShared ? WHOLE_WRITE_BYTES : undefined,
    minWriteBytes: MIN_WRITE_BYTES,
    flushMs: FLUSH_INTERVAL_MS,
    maxWaitingBytes: MAX_WAITING_BYTES,
    maxOpenFiles: 1,
    // There is no other place to report it.
    onProblem: () => {},
  })
  return {
    write: (line) => outputs.write(STANDARD_OUTPUT, line),
    flush: (done) => void outputs.flush().then(() => done()),
  }
}

function redactMessage(message: unknown): unknown {
  return typeof message === 'string' ? redactText(message) : message
}

/** A destination that may hold lines back. */
type Flushable = DestinationStream & { flush?(done: (error?: Error) => void): void }

function keepIn(recent: RecentLines): (line: string) => string {
  return (line) => {
    recent.add(line)
    return line
  }
}

const FORMATS = { text: formatText, logfmt: formatLogfmt } as const

function rewrite(target: Flushable, format: (json: string) => string): Flushable {
  return {
    write: (line) => target.write(format(line)),
    flush: (done) => (target.flush ? target.flush(done) : done()),
  }
}
