import { CliError } from '../errors/cli-error.ts'

/** Longest reason, in characters: clients get it with each refusal. */
const MAX_LENGTH = 200

/** The operator's reason for a switch. Errors: `USAGE` if it is long or has more than one line. */
export function parseReason(text: string | undefined): string | undefined {
  if (text === undefined || text.trim() === '') return undefined
  if (text.length > MAX_LENGTH || /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text)) {
    throw new CliError('USAGE', `The reason is longer than ${MAX_LENGTH} characters, or not one line`)
  }
  return text.trim()
}
