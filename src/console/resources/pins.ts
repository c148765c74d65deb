import { OciError } from '../../oci/errors.ts'
import type { ConsoleParts } from '../console-parts.ts'
import { ApiError } from '../frame/api-error.ts'
import { limit } from '../frame/pages.ts'
import { type Route, toRoute } from '../frame/route.ts'
import { author, digestText, time, z } from '../frame/schema.ts'

/** Longest reason, in characters: it is shown in tables and errors. */
const MAX_REASON_LENGTH = 200

const DIGEST = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

const pinSchema = z
  .object({
    repository: z.string().meta({ examples: ['alice/app'] }),
    digest: digestText,
    tag: z.string().nullable().meta({ description: 'The tag by which it was pinned, which may have moved' }),
    reason: z.string().nullable(),
    at: time,
    by: author,
  })
  .meta({ id: 'Pin' })

const EXAMPLE = {
  ...{ repository: 'alice/app', digest: DIGEST, tag: 'v1', reason: 'in the contract' },
  ...{ at: '2026-11-28T09:30:00.000Z', by: 'admin' },
}

/** Routes about pinned manifests. */
export function pinRoutes({ managersOf }: ConsoleParts): Route[] {
  return [
    toRoute({
      method: 'GET',
      path: '/pins',
      access: 'administer',
      id: 'listPins',
      summary: 'Pinned manifests of all repositories, by name',
      query: z.strictObject({ limit }),
      answer: z.object({ items: z.array(pinSchema), hasMore: z.boolean() }),
      answerExample: { items: [EXAMPLE], hasMore: false },
      async handle({ query: { limit }, principal }) {
        const found = await managersOf(principal).inUse.listPins({ limit: limit + 1 })
        return { body: { items: found.slice(0, limit).map(toPin), hasMore: found.length > limit } }
      },
    }),
    toRoute({
      method: 'PUT',
      path: '/repositories/{repository}/pins/{reference}',
      access: 'administer',
      id: 'pin',
      summary: 'Keeps the manifest that a tag points at now, or that of a digest, until it is unpinned',
      body: z.strictObject({ reason: z.string().max(MAX_REASON_LENGTH).optional() }),
      bodyExample: { reason: 'in the contract' },
      answer: pinSchema,
      answerExample: EXAMPLE,
      errors: ['MANIFEST_UNKNOWN', 'UNSUPPORTED'],
      async handle({ params: { repository, reference }, body: { reason }, principal }) {
        const target = { repository, reference, reason: reason || undefined }
        const pin = await managersOf(principal).inUse.pin(target)
        if (!pin) throw new OciError('MANIFEST_UNKNOWN')
        return { body: toPin(pin) }
      },
    }),
    toRoute({
      method: 'DELETE',
      path: '/repositories/{repository}/pins/{reference}',
      access: 'administer',
      id: 'unpin',
      summary: 'Ends the pin of a digest, or those made by a tag',
      answer: z.object({ digests: z.array(digestText) }),
      answerExample: { digests: [DIGEST] },
      errors: ['CONTENT_GONE', 'UNSUPPORTED'],
      async handle({ params: { repository, reference }, principal }) {
        const digests = await managersOf(principal).inUse.unpin(repository, reference)
        if (digests.length === 0) throw new ApiError('CONTENT_GONE', { message: 'There is no such pin' })
        return { body: { digests } }
      },
    }),
  ]
}

type Pin = Awaited<ReturnType<ReturnType<ConsoleParts['managersOf']>['inUse']['listPins']>>[number]

function toPin({ repository, digest, tag, reason, at, by }: Pin) {
  return {
    ...{ repository, digest, tag: tag ?? null, reason: reason ?? null },
    ...{ at: at.toISOString(), by: by ?? null },
  }
}
