import type { Finding } from '../../../app/doctor/finding.ts'
import type { Config } from '../../../config/config.ts'
import type { CommandContext } from '../../context/command-context.ts'
import { CliError } from '../../errors/cli-error.ts'
import { sentence } from '../../errors/sentence.ts'

/** Checks of `berth doctor` that count before a start; the others judge what a server has made. */
const CHECKS: ReadonlySet<string> = new Set(['dns', 'ports', 'clock', 'acme', 'disk', 'data', 'database'])

/**
 * Runs the checks of `berth doctor` that count before a start, and prints their warnings. Errors: `CliError`
 * `SETUP_BLOCKED` with the first fault and its remedy.
 */
export async function requireReady(context: CommandContext, config: Config): Promise<void> {
  const { examine } = await import('../../../app/doctor/examine.ts')
  const findings = (await examine(config)).filter(({ check }) => CHECKS.has(check))
  const faults = findings.filter(isFault)
  for (const finding of findings) if (isWorthSaying(finding)) context.warn(inWords(finding))
  const [first, ...others] = faults
  if (!first) return
  const more = others.length > 0 ? ` (and ${others.length} more: "berth doctor" lists all)` : ''
  throw new CliError('SETUP_BLOCKED', `${first.message}${more}`, {
    ...(first.remedy === undefined ? {} : { remedy: `${first.remedy}. Nothing was changed` }),
  })
}

/** A CA that cannot be reached is a warning for a server that runs; before a start it means that nothing can be issued. */
function isFault({ check, state }: Finding): boolean {
  return state === 'failed' || (state === 'warning' && check === 'acme')
}

/** A port that is free is what a start needs. */
function isWorthSaying({ check, state }: Finding): boolean {
  return state === 'warning' && check !== 'ports' && check !== 'acme'
}

function inWords({ message, remedy }: Finding): string {
  return remedy === undefined ? sentence(message) : `${sentence(message)} ${sentence(remedy)}`
}
