import type { AdoptFacts } from '../../metadata/adopt-facts.ts'
import type { Source } from './adopt-repository.ts'

/** True if the repository was deleted here, and nothing was pushed or tagged there since. */
export async function isDeleted(
  { reader, name }: Source,
  facts: Pick<AdoptFacts, 'findDeletion'>,
): Promise<boolean> {
  const since = await facts.findDeletion(name)
  if (since === undefined) return false
  for (const lists of [reader.listManifests(name, { since }), reader.listTags(name, { since })])
    for await (const { found } of lists) if (found.some(({ at }) => at >= since)) return false
  return true
}
