import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino'
import { gatherTurn, openOutput } from './open-output.ts'
import { redactFields, redactText } from './redact.ts'
import { formatText } from './text-format.ts'

/** What the logger is told by the configuration. */
export interface LogSettings {
  readonly level: 'error' | 'warn' | 'info' | 'debug'
  /** `json`: a line each, for programs. `text`: a short line each, for people. */
  readonly format: 'json' | 'text'
}

/** Longest wait before a line is written, in ms: a person who watches must not wonder. */
const FLUSH_INTERVAL_MS = 1000
/** Bytes gathered before a write: one system call for some hundred access lines. */
const MIN_WRITE_BYTES = 32 * 1024
/** PIPE_BUF of Linux: what a pipe takes in one piece (pipe(7)). */
const WHOLE_WRITES = { minLength: 4095, maxWrite: 4096 } as const
/** Most bytes waiting for a reader of standard output that has stopped reading; further lines are dropped, not kept. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024

/**
 * A logger whose lines hold no secrets (see {@link redactFields}); bindings of child loggers are the caller's care.
 *
 * Without `destination` it writes to standard output in batches, within a second, and what is left when the process
 * ends.
 */
export function createLogger(settings: LogSettings, destination?: DestinationStream): Logger {
  const target = destination ?? openStandardOutput()
  return pino(
    {
      level: settings.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: redactFields },
      // Errors are plain and clean by the time serializers run.
      serializers: { err: (error: unknown) => error, msg: redactMessage },
    },
    settings.format === 'text' ? asText(target) : target,
  )
}

/** Writes what is waiting. Settles when the system has it, or at once if the destination keeps nothing back. */
export async function flushLogger(logger: Logger): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  logger.flush((error) => (error && !isNoFile(error) ? reject(error) : resolve()))
  await promise
}

/** The lines are written by then; only a file can be synced, and a pipe or a terminal answers that it is none. */
function isNoFile(error: Error): boolean {
  return 'code' in error && (error.code === 'EINVAL' || error.code === 'ENOTSUP')
}

/**
 * Opens standard output for lines. Where other processes write to it, too (`isShared`), each write is short enough for
 * the system to keep its lines together; a line longer than that may still be cut by another.
 */
export function openStandardOutput({ isShared = false } = {}): Flushable {
  return gatherTurn(
    openOutput({
      dest: 1,
      ...(isShared ? WHOLE_WRITES : { minLength: MIN_WRITE_BYTES, maxWrite: 4 * MIN_WRITE_BYTES }),
      maxLength: MAX_WAITING_BYTES,
      periodicFlush: FLUSH_INTERVAL_MS,
      // There is no other place to tell it.
      onError: () => {},
    }),
    isShared ? WHOLE_WRITES.maxWrite : Number.POSITIVE_INFINITY,
  )
}

function redactMessage(message: unknown): unknown {
  return typeof message === 'string' ? redactText(message) : message
}

/** A destination that may hold lines back. */
export type Flushable = DestinationStream & { flush?(done: (error?: Error) => void): void }

function asText(target: Flushable): Flushable {
  return {
    write: (line) => target.write(formatText(line)),
    flush: (done) => (target.flush ? target.flush(done) : done()),
  }
}
