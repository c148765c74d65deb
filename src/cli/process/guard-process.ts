import { writeSync } from 'node:fs'
import { EXIT } from '../errors/cli-error.ts'
import { describeError, formatError } from '../errors/describe-error.ts'

/** Descriptor of standard error: written to directly, as the process ends at once. */
const STDERR = 2

/** Ends this process with one clear line after an uncaught error, and without a line after a closed pipe. */
export function guardProcess(): void {
  const fail = (error: unknown) => {
    try {
      writeSync(STDERR, `${formatError(describeError(error))}\n`)
    } finally {
      process.exit(EXIT.failed)
    }
  }
  process.on('uncaughtException', fail)
  process.on('unhandledRejection', fail)
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      // The command handles it itself.
      if (stream.listenerCount('error') > 1) return
      // `berth repo list | head`: the reader has seen enough.
      if (error.code === 'EPIPE') process.exit(EXIT.done)
      else fail(error)
    })
  }
}
