import { createRetentionFacts } from '../../../src/metadata/retention/create-retention-facts.ts'
import type { RetentionFacts } from '../../../src/metadata/retention-facts.ts'
import type { Digest } from '../../../src/oci/digest.ts'
import { MEDIA_TYPES } from '../../../src/oci/media-type.ts'
import { parsePolicyDocument } from '../../../src/policies/policy-document.ts'
import { planRetention } from '../../../src/upkeep/retain/plan-retention.ts'
import { runRetention } from '../../../src/upkeep/retain/retention-run.ts'
import { APP, DAY, openCollectionRoom } from './collection-room.ts'
import type { OpenDatabase } from './test-engine.ts'

/** Facts with the policy of one repository, by a clock of the test. */
export async function openRetentionRoom(openDatabase: OpenDatabase, policy: object) {
  const room = await openCollectionRoom(openDatabase)
  const facts = createRetentionFacts(room.database, room.clock)
  const setPolicy = async (aspects: object): Promise<void> => {
    const { version } = await room.metadata.readPolicies()
    const document = parsePolicyDocument({ policies: [{ repositories: ['alice/*'], ...aspects }] })
    await room.metadata.replacePolicies(document, { expected: version })
  }
  await setPolicy(policy)
  const readDocument = async () => (await room.metadata.readPolicies()).document
  const run = (changed: Partial<RetentionFacts> = {}, signal?: AbortSignal) =>
    runRetention({
      signal,
      facts: { ...facts, ...changed },
      metadata: room.metadata,
      readDocument,
      untagged: { look: room.facts.look, relyMs: DAY },
    })
  return {
    ...room,
    retention: facts,
    setPolicy,
    readDocument,
    run,
    /** Pushes an image of its own for each tag, one second apart. */
    async push(...tags: string[]): Promise<Digest[]> {
      const digests: Digest[] = []
      for (const tag of tags) {
        room.pass(1 / 86_400)
        digests.push((await room.put(image(tag), tag)).digest)
      }
      return digests
    },
    async listTags(): Promise<string[]> {
      return (await room.metadata.listTags(APP, { limit: 10_000, last: undefined })) ?? []
    },
    async plan() {
      const planned = []
      const { facts: collection } = room
      for await (const one of planRetention({
        facts,
        metadata: room.metadata,
        readDocument,
        judge: collection.judge,
        relyMs: DAY,
      })) {
        planned.push(one)
      }
      return planned
    },
    [Symbol.asyncDispose]: () => room[Symbol.asyncDispose](),
  }
}

/** An index without images, which differs by a text. */
export function image(text: string, rest: object = {}): Buffer {
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.ociIndex,
      manifests: [],
      annotations: { text },
      ...rest,
    }),
  )
}
