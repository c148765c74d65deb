import { type DestinationStream, pino } from 'pino'

/** A stream of lines to a file or a descriptor, written in batches. */
export type LineOutput = ReturnType<typeof pino.destination>

/** Where lines go, and the bounds of what waits. */
export interface LineOutputOptions {
  /** A descriptor, or the path of a file, which is appended to. */
  readonly dest: number | string
  /** Bytes gathered before a write, bytes of one write, and most bytes waiting; further lines are dropped. */
  readonly minLength: number
  readonly maxWrite: number
  readonly maxLength: number
  /** Longest wait before a line is written, in milliseconds. */
  readonly periodicFlush: number
  /** Told of each failure of a write; what could not be written is tried again with what comes next. */
  readonly onError: (error: NodeJS.ErrnoException) => void
}

/** Opens an output. A failure, such as a full disk, ends nothing: neither the process nor, when that ends, its end is held up. */
export function openOutput({ onError, ...options }: LineOutputOptions): LineOutput {
  const output = pino.destination({ ...options, append: true, mkdir: false, sync: false })
  let hasFailed = false
  output.on('error', (error: NodeJS.ErrnoException) => {
    hasFailed = true
    onError(error)
  })
  output.on('write', () => {
    hasFailed = false
  })
  // Before the output's own listener, which would try the last write again for ever.
  const giveUp = (): void => {
    if (hasFailed) output.destroy()
  }
  process.prependListener('exit', giveUp)
  output.once('close', () => process.off('exit', giveUp))
  return output
}

/**
 * Hands the lines of one turn of the event loop on together: a hand-over costs as much as a line. What waits when the
 * process ends is handed on, too. No more than `maxBytes` go together, unless one line alone has more.
 */
export function gatherTurn(
  output: LineOutput,
  maxBytes = Number.POSITIVE_INFINITY,
): DestinationStream & Pick<LineOutput, 'flush'> {
  let lines = ''
  let bytes = 0
  const handOver = (): void => {
    if (lines === '') return
    const text = lines
    lines = ''
    bytes = 0
    output.write(text)
  }
  process.prependListener('exit', handOver)
  return {
    write(line) {
      if (maxBytes !== Number.POSITIVE_INFINITY) {
        bytes += Buffer.byteLength(line)
        if (bytes > maxBytes) {
          handOver()
          bytes = Buffer.byteLength(line)
        }
      }
      if (lines === '') setImmediate(handOver)
      lines += line
    },
    flush(done) {
      handOver()
      output.flush(done)
    },
  }
}
