import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readTags } from '../../../races/collection/check-world.ts'
import type { PointRoom } from './content.ts'
import type { Operation } from './operation.ts'

/** The ways in and out: Distribution's links in the folder of the blobs. */
export const WAYS: readonly Operation[] = [
  {
    name: 'leave the folder to Distribution',
    isUpkeep: true,
    run: ({ site }) => site.leave(),
    checkSuccess: checkLinks,
  },
  {
    name: 'leave the folder, and take it over again',
    isUpkeep: true,
    async run({ site }) {
      await site.leave()
      await site.adopt()
    },
  },
  {
    name: 'take over a folder into an empty database',
    isUpkeep: true,
    base: 'left',
    run: ({ site, ledger }) => ledger.step(ledger.left, () => site.adopt()),
  },
]

/** Distribution finds each tag, and the manifest it points at. */
async function checkLinks({ site }: PointRoom): Promise<void> {
  const top = join(site.place.blobsFolder, 'docker/registry/v2/repositories')
  for (const [name, digest] of await readTags({ nodes: [site], store: site.store })) {
    const [repository = '', tag = ''] = name.split(':')
    const manifests = join(top, repository, '_manifests')
    assert.equal(await readFile(join(manifests, 'tags', tag, 'current/link'), 'utf8'), digest)
    assert.equal(
      await readFile(join(manifests, 'revisions', digest.replace(':', '/'), 'link'), 'utf8'),
      digest,
    )
  }
}
