import { type Digest, isDigest } from '../../oci/digest.ts'
import { isRepositoryName, type RepositoryName } from '../../oci/repository-name.ts'
import type { ConsoleParts } from '../console-parts.ts'
import { ApiError } from '../frame/api-error.ts'
import { limit } from '../frame/pages.ts'
import { DIGEST_SCHEMA, REPOSITORY_SCHEMA } from '../frame/path-parameters.ts'
import { type Route, toRoute } from '../frame/route.ts'
import { author, count, digestText, maybeTime, z } from '../frame/schema.ts'

const DAY_MS = 86_400_000

const entrySchema = z
  .object({
    repository: z.string().meta({ examples: ['alice/app'] }),
    digest: digestText.nullable().meta({ description: 'null: the whole repository' }),
    deletedAt: maybeTime.meta({ description: 'null: it may be removed at any moment' }),
    until: maybeTime.meta({ description: 'Until when it can be restored for sure' }),
    by: author,
    tags: z.array(z.string()).meta({ description: 'Tags that a manifest had, at most 100' }),
    inUse: z.string().nullable().meta({ description: 'Why it is kept longer' }),
  })
  .meta({ id: 'TrashEntry' })

const EXAMPLE = {
  repository: 'alice/app',
  digest: null,
  deletedAt: '2026-11-28T09:30:00.000Z',
  until: '2026-12-12T09:30:00.000Z',
  by: 'alice',
  tags: [],
  inUse: null,
}

const repositoryInput = z
  .custom<RepositoryName>(
    (value) => typeof value === 'string' && isRepositoryName(value),
    'must be a repository name',
  )
  .meta({ ...REPOSITORY_SCHEMA, examples: ['alice/app'] })

const digestInput = z
  .custom<Digest>((value) => typeof value === 'string' && isDigest(value), 'must be a digest')
  .meta({ ...DIGEST_SCHEMA, description: 'Of a manifest; without it the whole repository' })

/** Routes about deleted content of all repositories. */
export function trashRoutes({ managersOf, keepDays }: ConsoleParts): Route[] {
  return [
    toRoute({
      method: 'GET',
      path: '/trash',
      access: 'administer',
      id: 'listTrash',
      summary: 'Deleted repositories and manifests that can be restored, the latest first',
      query: z.strictObject({ limit }),
      answer: z.object({ items: z.array(entrySchema), hasMore: z.boolean() }),
      answerExample: { items: [EXAMPLE], hasMore: false },
      async handle({ query: { limit }, principal }) {
        const found = await managersOf(principal).repositories.listTrash(limit + 1)
        const items = found.slice(0, limit).map(({ repository, digest, at, by, tags, inUse }) => {
          // After the trash was emptied it counts as deleted long ago.
          const isDue = at.getTime() === 0
          return {
            ...{ repository, digest: digest ?? null, by: by ?? null, tags: [...tags], inUse: inUse ?? null },
            deletedAt: isDue ? null : at.toISOString(),
            until: isDue ? null : new Date(at.getTime() + keepDays * DAY_MS).toISOString(),
          }
        })
        return { body: { items, hasMore: found.length > limit } }
      },
    }),
    toRoute({
      method: 'POST',
      path: '/trash/restore',
      access: 'administer',
      id: 'restoreFromTrash',
      summary: 'Takes a repository, also under another name, or a manifest out of the trash',
      body: z.strictObject({
        repository: repositoryInput,
        digest: digestInput.optional(),
        as: repositoryInput.optional().meta({ description: 'Another name for a repository' }),
      }),
      bodyExample: { repository: 'alice/app' as RepositoryName, as: 'alice/old' as RepositoryName },
      errors: ['CONTENT_GONE', 'REPOSITORY_EXISTS', 'UNSUPPORTED'],
      async handle({ body: { repository, digest, as }, principal }) {
        if (digest !== undefined && as !== undefined) {
          const faults = [{ at: '/as', message: 'a manifest goes back to its own repository' }]
          throw new ApiError('BODY_INVALID', { faults })
        }
        const { repositories } = managersOf(principal)
        const outcome =
          digest === undefined
            ? await repositories.restore(repository, { newName: as })
            : await repositories.restoreManifest(repository, digest)
        if (outcome === 'taken') throw new ApiError('REPOSITORY_EXISTS')
        if (outcome === 'unknown' || outcome === false)
          throw new ApiError('CONTENT_GONE', { message: 'It is not in the trash' })
        return {}
      },
    }),
    toRoute({
      method: 'DELETE',
      path: '/trash',
      access: 'administer',
      id: 'emptyTrash',
      summary: 'Makes all deleted content due for removal: it can no longer be restored',
      answer: z.object({ emptied: count }),
      answerExample: { emptied: 3 },
      errors: ['UNSUPPORTED'],
      handle: async ({ principal }) => ({
        body: { emptied: await managersOf(principal).repositories.emptyTrash() },
      }),
    }),
  ]
}
