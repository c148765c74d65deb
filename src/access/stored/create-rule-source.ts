import type { Database } from '../../database/database.ts'
import { kysely } from '../../database/kysely.ts'
import { OciError } from '../../oci/errors.ts'
import type { RuleSource } from '../rule-source.ts'
import { AccessRules, NO_RULES } from '../rules.ts'
import type { AccessSchema } from './schema.ts'
import { readRows } from './stored-rows.ts'

/** The one row of the state. */
export const STATE_ID = 1
/** Times that the rows are read while others change them. */
const MAX_READS = 10

interface State {
  version: number
  changed_at: number
}

/**
 * Makes a source of the rules in the database. The row of their state is looked up for each request, from memory unless
 * anything was committed since; the rules are read again only if it differs. So a change counts with the next request, in
 * all processes and nodes.
 */
export function createRuleSource({ read, prepareFirst }: Database<AccessSchema>): RuleSource {
  const findState = prepareFirst<State>(
    read
      .selectFrom('access_state')
      .select(['version', 'changed_at'])
      .where('id', '=', kysely.sql.lit(STATE_ID))
      .compile(),
    { remembersAbsence: true },
  )
  const none = new AccessRules(NO_RULES)
  let known = { stamp: '', rules: none }
  let reading: Promise<AccessRules> | undefined

  async function readAgain(): Promise<AccessRules> {
    for (let reads = 0; reads < MAX_READS; reads++) {
      const before = toStamp(await findState())
      if (before === known.stamp) return known.rules
      const rules = before === '' ? none : new AccessRules(await readRows(read))
      // Rows of two moments would be rules that were never set.
      if (toStamp(await findState()) !== before) continue
      known = { stamp: before, rules }
      return rules
    }
    throw new OciError('UNAVAILABLE', { message: 'The rules of access change faster than they can be read' })
  }

  /** One read for all requests that come meanwhile. */
  function readOnce(): Promise<AccessRules> {
    reading ??= readAgain().finally(() => {
      reading = undefined
    })
    return reading
  }

  function use(state: State | undefined): AccessRules | Promise<AccessRules> {
    const wanted = toStamp(state)
    return wanted === known.stamp ? known.rules : catchUp(wanted)
  }

  /** A read that others began may have ended with the rules before the wanted ones: the next one has those or later. */
  async function catchUp(wanted: string): Promise<AccessRules> {
    const rules = await readOnce()
    return known.stamp === wanted ? rules : readOnce()
  }

  return () => {
    const found = findState()
    return found instanceof Promise ? found.then(use) : use(found)
  }
}

/** A database put back to an older state may have other rules of the same version, so the time counts, too. */
function toStamp(state: State | undefined): string {
  return state ? `${state.version} ${state.changed_at}` : ''
}
