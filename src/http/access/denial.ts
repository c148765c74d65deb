import { type Demand, ownedNames } from '../../access/decide.ts'
import type { Principal } from '../../access/principal.ts'
import { OciError } from '../../oci/errors.ts'

/** Names in a denial; more of them would not be read. */
const MAX_NAMED = 3
const DEEDS = {
  pull: 'pull from',
  push: 'push to',
  create: 'push new tags to',
  overwrite: 'move tags of',
  delete: 'delete in',
  administer: 'administer',
} as const

/**
 * The error of a denial. It names the place where the account could do the same: most denials are pushes of `HOST/app`
 * by people who do not know that their repositories begin with their name. Docker goes on trying for a minute if a
 * denial has the specification's own words and no detail.
 *
 * @param origin Scheme and host of this registry.
 */
export function createDenial(principal: Principal, demand: Demand, origin: string): OciError {
  if (principal.kind === 'anonymous' || demand.kind !== 'repository') return new OciError('DENIED')
  const { name } = principal
  const deed = DEEDS[demand.action]
  const host = origin.replace(/^https?:\/\//, '')
  const names = ownedNames(principal)
  const places = names.slice(0, MAX_NAMED).map((owned) => `${host}/${owned}/...`)
  const where =
    places.length > 0
      ? `${name} may ${deed} ${places.join(', ')}${names.length > MAX_NAMED ? ' and others' : ''}`
      : `${name} owns no repositories here, because of its name: the administrator can make another account`
  return new OciError('DENIED', {
    message: `${name} has no right to ${deed} ${host}/${demand.repository}: ${where}`,
  })
}

/**
 * Text of a denial for an answer without a body: the header `Warning` (distribution-spec, "Warnings"; RFC 7234, 5.5).
 */
export function formatWarning({ message }: OciError): string {
  return `299 - "${message.replace(/[^\x20-\x7e]/g, '?').replace(/["\\]/g, '\\$&')}"`
}
