import { createHash } from 'node:crypto'
import type { BackupFacts, PullableManifest } from '../../metadata/backup-facts.ts'

/** Manifests of one page. */
const PAGE = 500

/**
 * Draws manifests at random, all alike, the same for the same seed and facts; `all`: each. Memory depends on the size of the
 * sample alone. Returns the number of all there are, too.
 */
export async function drawSample(
  facts: Pick<BackupFacts, 'listManifests'>,
  { size, seed }: { size: number | 'all'; seed: string },
): Promise<{ sample: PullableManifest[]; of: number }> {
  const random = createSeededNumbers(seed)
  const sample: PullableManifest[] = []
  let of = 0
  let after: PullableManifest | undefined
  for (;;) {
    const page = await facts.listManifests({ after, limit: PAGE })
    if (page.length === 0) return { sample, of }
    for (const manifest of page) {
      of++
      if (size === 'all' || sample.length < size) {
        sample.push(manifest)
        continue
      }
      // Algorithm R: each of the manifests so far is in the sample with the same probability.
      const at = random(of)
      if (at < size) sample[at] = manifest
    }
    after = page.at(-1)
  }
}

/** Numbers from 0 up to a bound, excluded, the same for each seed. */
function createSeededNumbers(seed: string): (bound: number) => number {
  let count = 0
  return (bound) => {
    const hash = createHash('sha256').update(`${seed} ${count++}`).digest()
    return hash.readUIntBE(0, 6) % bound
  }
}
