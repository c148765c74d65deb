import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino'
import { LineOutputs, WHOLE_WRITE_BYTES } from './line-outputs.ts'
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

/** Writes what is waiting. Settles when the system has it or will not take it, or at once if the destination keeps nothing back. */
export async function flushLogger(logger: Logger): Promise<void> {
  await new Promise<void>((resolve) => logger.flush(() => resolve()))
}

/** Its descriptor. */
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
    // There is no other place to tell it.
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
export type Flushable = DestinationStream & { flush?(done: (error?: Error) => void): void }

function asText(target: Flushable): Flushable {
  return {
    write: (line) => target.write(formatText(line)),
    flush: (done) => (target.flush ? target.flush(done) : done()),
  }
}
