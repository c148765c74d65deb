import type { Finding } from '../../../app/doctor/finding.ts'
import { classifyName } from '../../../certificates/acme/plan/certificate-names.ts'
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
  const needsCa = config.frontDoor?.domains.some((domain) => classifyName(domain) === 'public') ?? true
  const faults = findings.filter((finding) => isFault(finding, needsCa))
  for (const finding of findings) if (isWorthSaying(finding)) context.warn(inWords(finding))
  const [first, ...others] = faults
  if (!first) return
  const domain = config.frontDoor?.domains[0]
  const all = domain === undefined ? 'berth doctor' : `berth doctor --domain ${domain}`
  const more = others.length > 0 ? ` (and ${others.length} more: "${all}" lists all)` : ''
  const remedy = first.remedy === undefined ? '' : `${sentence(first.remedy)} `
  throw new CliError('SETUP_BLOCKED', `${first.message}${more}`, {
    remedy: `${remedy}Nothing was changed`,
  })
}

/**
 * A CA that cannot be reached is a warning for a server that runs; before a start it means that nothing can be issued, unless the
 * only name is one that no CA of the public knows, for which Berth has its own.
 */
function isFault({ check, state }: Finding, needsCa: boolean): boolean {
  return state === 'failed' || (state === 'warning' && check === 'acme' && needsCa)
}

/** A port that is free is what a start needs. */
function isWorthSaying({ check, state }: Finding): boolean {
  return state === 'warning' && check !== 'ports' && check !== 'acme'
}

function inWords({ message, remedy }: Finding): string {
  return remedy === undefined ? sentence(message) : `${sentence(message)} ${sentence(remedy)}`
}
