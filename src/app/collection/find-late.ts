import type { Config } from '../../config/config.ts'
import type { CollectionFacts } from '../../metadata/collection-facts.ts'
import type { RoundFacts } from '../../metadata/round-facts.ts'
import type { SwitchFacts } from '../../metadata/switch-facts.ts'
import { toPolicy } from './collection-terms.ts'

/** Time after which something due that is still there is an error, in milliseconds. */
export const LATE_MS: number = 24 * 3_600_000

/** Dependencies of the search. */
interface LateContext {
  readonly config: Pick<Config, 'collect' | 'keepDays'>
  readonly facts: Pick<CollectionFacts, 'findFirstDue'>
  readonly rounds: Pick<RoundFacts, 'readTimes'>
  readonly switches: Pick<SwitchFacts, 'findSwitch'>
  readonly now: () => number
}

/**
 * The due time of what should have been removed more than a day ago; undefined: nothing, or the operator wants it so, or
 * collection waits after a pause.
 */
export async function findLate({
  config,
  facts,
  rounds,
  switches,
  now,
}: LateContext): Promise<Date | undefined> {
  if (!config.collect) return undefined
  const dues = (await facts.findFirstDue(toPolicy(config))).map(
    ({ firstDue }) => firstDue?.getTime() ?? now(),
  )
  const first = Math.min(...dues)
  if (!(first < now() - LATE_MS)) return undefined
  if ((await rounds.readTimes()).waitsUntil !== undefined) return undefined
  if ((await switches.findSwitch('read-only')) || (await switches.findSwitch('collection-paused')))
    return undefined
  return new Date(first)
}
