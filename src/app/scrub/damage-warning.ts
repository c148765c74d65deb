import type { ScrubFacts } from '../../metadata/scrub-facts.ts'

/** Time for which a result is reused, in milliseconds: anyone may request `/readyz`. */
const KNOWN_MS = 5_000

type Totals = Awaited<ReturnType<ScrubFacts['countDamages']>>

/** Makes a function that counts damaged content, at most a few seconds old. */
export function createDamageCount(facts: Pick<ScrubFacts, 'countDamages'>): () => Promise<Totals> {
  let known: { readonly at: number; readonly totals: Promise<Totals> } | undefined
  return () => {
    if (known && performance.now() - known.at < KNOWN_MS) return known.totals
    const totals = facts.countDamages()
    known = { at: performance.now(), totals }
    totals.catch(() => {
      known = undefined
    })
    return totals
  }
}
