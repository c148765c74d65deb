import { type Command, Option } from 'commander'
import { formatLimit, type Limits, parseLimit } from '../../../access/limits.ts'
import type { NewSecret, PersonalToken } from '../../../accounts/secrets.ts'
import { parseDuration } from '../../command-line/parse-duration.ts'
import { type CommandContext, printResult } from '../../context/command-context.ts'
import { CliError } from '../../errors/cli-error.ts'
import { formatTime } from '../../output/table.ts'

/** Limits of one token: a longer list is a rule. */
const MAX_LIMITS = 50
/** A word in the place of a duration: without an end. */
const NEVER = 'never'
/** Time for which a replaced secret counts on: a job that began with it ends within a day. */
const DEFAULT_OVERLAP = '24h'

/** Adds the flags of a new secret. `expires`: by default. */
export function addSecretFlags(command: Command, expires: string): Command {
  return command
    .addOption(
      new Option(
        '--allow <LIMIT>',
        'limit to repositories and acts, such as "team/**:pull,push"; repeat it for more. Acts: pull, push, create, overwrite, delete, administer',
      ).argParser((text, given: string[] = []) => [...given, text]),
    )
    .option('--expires <DURATION>', `end, such as 90d, or ${NEVER}`, expires)
}

/** Adds the flags of a rotation. */
export function addRotationFlags(command: Command): Command {
  return command
    .option(
      '--overlap <DURATION>',
      'time for which the secret so far counts on; 0s: not at all',
      DEFAULT_OVERLAP,
    )
    .option('--expires <DURATION>', 'new end, such as 90d; by default the end stays as it is')
}

/** The limits of the flags; undefined: none. Errors: `CliError` `USAGE`. */
export function readLimits({ flags }: CommandContext): Limits | undefined {
  const texts = flags.allow as readonly string[] | undefined
  if (texts === undefined) return undefined
  if (texts.length > MAX_LIMITS) throw new CliError('USAGE', `There are more than ${MAX_LIMITS} limits`)
  return texts.map((text) => {
    const limit = parseLimit(text)
    if (limit) return limit
    throw new CliError('USAGE', `"${text}" is no limit`, {
      remedy: 'Give a repository or a pattern with acts, such as team/app:pull or "team/**:pull,push"',
    })
  })
}

/** The end that the flag names, from now; undefined: never, or no flag. Errors: `CliError` `USAGE`. */
export function readExpiry({ flags }: CommandContext): Date | undefined {
  const text = flags.expires as string | undefined
  return text === undefined || text === NEVER ? undefined : new Date(Date.now() + parseDuration(text))
}

/** The rotation of the flags. Errors: `CliError` `USAGE`. */
export function readRotation(context: CommandContext): { overlapMs: number; expiresAt: Date | undefined } {
  const text = String(context.flags.overlap)
  const overlapMs = /^0[smhd]?$/.test(text) ? 0 : parseDuration(text)
  return { overlapMs, expiresAt: readExpiry(context) }
}

/** Prints a secret, alone on standard output, so that a script can take it; the rest goes to standard error. */
export function printSecret(
  context: CommandContext,
  { secret, about, value }: { secret: NewSecret; about: string; value: object },
): void {
  const { id, expiresAt } = secret
  if (!context.isJson) {
    const end = expiresAt ? `It expires at ${formatTime(expiresAt)}.` : 'It does not expire.'
    context.io.stderr.write(`${about} ${end} It is shown this once only:\n`)
  }
  const all = { ...value, id, secret: secret.secret, expiresAt: expiresAt ?? null }
  printResult(context, all, secret.secret)
}

/** Cells of a table about limits, the end and the last use. */
export function secretCells(
  secret: Pick<PersonalToken, 'expiresAt' | 'usedAt' | 'usedFrom'> | undefined,
  limits: Limits | undefined,
): string[] {
  return [
    limits?.map(formatLimit).join(' ') ?? 'all',
    secret?.expiresAt ? formatTime(secret.expiresAt) : secret ? NEVER : '-',
    formatTime(secret?.usedAt),
    secret?.usedFrom ?? '-',
  ]
}

/** Headings of {@link secretCells}. */
export const SECRET_HEADINGS = ['LIMITS', 'EXPIRES', 'USED', 'FROM'] as const

/** A secret in JSON. */
export function toSecretJson(
  secret: Omit<PersonalToken, 'name' | 'user' | 'limits'> | undefined,
): object | null {
  if (!secret) return null
  const { id, createdAt, expiresAt, rotatedAt, previousUntil, usedAt, usedFrom } = secret
  return {
    id,
    createdAt,
    expiresAt: expiresAt ?? null,
    rotatedAt: rotatedAt ?? null,
    previousUntil: previousUntil ?? null,
    usedAt: usedAt ?? null,
    usedFrom: usedFrom ?? null,
  }
}
