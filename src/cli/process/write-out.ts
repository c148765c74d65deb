import { CliError } from '../errors/cli-error.ts'
import type { Io } from '../io.ts'

/**
 * Writes to standard output, and returns once the system has taken the text: for what must not be lost. Errors: `CliError`
 * `OUTPUT_CLOSED`, after which nothing more can be written.
 */
export async function writeOut({ stdout }: Io, text: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const fail = (cause: Error): void =>
    reject(new CliError('OUTPUT_CLOSED', `Standard output cannot be written (${codeOf(cause)})`, { cause }))
  // Stays after a failure: the stream reports that once more, by its event.
  stdout.once('error', fail)
  stdout.write(text, (error) => {
    if (error) fail(error)
    else resolve()
  })
  await promise
  stdout.off('error', fail)
}

function codeOf(error: Error): string {
  return 'code' in error ? String(error.code) : error.message
}
