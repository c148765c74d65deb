import assert from 'node:assert/strict'
import { utimesSync } from 'node:fs'
import { join } from 'node:path'
import { testOnEngines } from '../../../test/support/database/engines.ts'
import { openLinkRoom } from '../../../test/support/database/link-room.ts'
import type { LinkReader, TreePart } from '../../blobs/link-tree.ts'
import { createAdoptFacts } from '../../metadata/adopt/create-adopt-facts.ts'
import { hashContent } from '../../oci/digest.ts'
import { lookAgain } from './look-again.ts'

const test = testOnEngines()
const MINUTE_MS = 60_000

test('a second look reads the links that are new, and none of those that are known', async (open) => {
  await using room = await openLinkRoom(open)
  const { tree, links } = room
  tree.image('team/app', 'known', { tag: 'v1', at: new Date('2025-01-01T00:00:00Z') })
  await room.adopt({ keepsTree: true })
  const pushed = tree.image('team/app', 'new', { tag: 'v2' })
  const names: string[] = []
  const reader = links.read('in-use')
  const watched: LinkReader = {
    ...reader,
    readLinks(name, kind, wanted) {
      names.push(...wanted)
      return reader.readLinks(name, kind, wanted)
    },
  }
  await using copy = await open()
  // Facts of a database that knows nothing: every link is new.
  const all = await collect(lookAgain({ reader, facts: createAdoptFacts(copy.database), since: 0 }))
  assert.deepEqual(count(all), { repository: 1, blobs: 4, manifests: 2, tags: 2 })

  const since = Date.now() - MINUTE_MS
  const parts = await collect(lookAgain({ reader: watched, facts: room.known, since }))
  assert.deepEqual(count(parts), { repository: 1, blobs: 2, manifests: 1, tags: 1 })
  const news = [hashContent('new'), hashContent('{"seed":"new"}'), pushed.digest]
  assert.deepEqual(names.sort(), news.sort())

  // Nothing was written into these folders since then.
  const old = new Date(since - MINUTE_MS)
  for (const list of ['_layers', '_manifests/revisions'])
    utimesSync(join(tree.top, 'repositories/team/app', list, 'sha256'), old, old)
  const rest = await collect(lookAgain({ reader, facts: room.known, since }))
  assert.deepEqual(count(rest), { repository: 1, tags: 1 })
})

async function collect(parts: AsyncIterable<TreePart>): Promise<TreePart[]> {
  const all: TreePart[] = []
  for await (const part of parts) all.push(part)
  return all
}

/** Entries by the kind of their part. */
function count(parts: readonly TreePart[]): Partial<Record<TreePart['kind'], number>> {
  const counts: Partial<Record<TreePart['kind'], number>> = {}
  for (const part of parts)
    counts[part.kind] = (counts[part.kind] ?? 0) + ('found' in part ? part.found.length : 1)
  return counts
}
