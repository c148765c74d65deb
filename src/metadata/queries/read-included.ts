import type { RepositoryFilter } from '../metadata.ts'
import { betweenBatches } from './between-batches.ts'

/** Most rows read at once, between which other requests are served. */
const BATCH = 1_000
/** Fewest, so that rows that are left out cost few queries. */
const MIN_BATCH = 50

/**
 * The first rows of a query by spans whose repositories the filter includes: any number of those read may be left out,
 * so it reads on, in batches.
 */
export async function readIncluded<R extends { readonly name: string }>(
  filter: RepositoryFilter,
  limit: number,
  /** Reads rows in their order, at most `size`, after the last one read before. */
  read: (size: number, after: R | undefined) => Promise<readonly R[]>,
): Promise<R[]> {
  const includes = filter === 'all' ? undefined : filter.includes
  if (!includes) return [...(await read(limit, undefined))]
  const found: R[] = []
  for (let after: R | undefined; ; ) {
    const size = Math.min(Math.max(limit - found.length, MIN_BATCH), BATCH)
    const rows = await read(size, after)
    found.push(...rows.filter(({ name }) => includes(name)))
    if (found.length >= limit) return found.slice(0, limit)
    if (rows.length < size) return found
    after = rows.at(-1)
    await betweenBatches()
  }
}
