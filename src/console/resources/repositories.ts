import { visibleRepositories } from '../../access/decide.ts'
import { OciError } from '../../oci/errors.ts'
import { parseRepositoryName } from '../../oci/repository-name.ts'
import {
  REPOSITORY_ORDERS,
  type RepositoryPosition,
  type RepositorySummary,
} from '../../registry/repositories.ts'
import type { ConsoleParts } from '../console-parts.ts'
import { ApiError } from '../frame/api-error.ts'
import { pageOf, pageQuery, parseCursor, toPage } from '../frame/pages.ts'
import { type Route, toRoute } from '../frame/route.ts'
import { bytes, count, maybeTime, time, toTime, z } from '../frame/schema.ts'

const summary = {
  name: z.string().meta({ examples: ['alice/app'] }),
  tagCount: count,
  manifestCount: count,
  sizeBytes: bytes.meta({ description: 'All that it holds, deleted content that can be restored included' }),
  uniqueBytes: bytes.meta({ description: 'The part that no other repository holds' }),
  createdAt: time,
  updatedAt: maybeTime.meta({ description: 'Last push of a tag; null without tags' }),
  usedAt: maybeTime.meta({ description: 'Last pull or push of an image; null if none is recorded' }),
}

const summarySchema = z.object(summary).meta({ id: 'Repository' })

const detailSchema = z
  .object({
    ...summary,
    untaggedBytes: bytes.meta({ description: 'Images without a tag' }),
    unnamedBytes: bytes.meta({ description: 'Blobs that no image names' }),
    trashBytes: bytes.meta({ description: 'Content that only deleted images need' }),
    uploadBytes: bytes,
    uploadCount: count,
  })
  .meta({ id: 'RepositoryDetail' })

const EXAMPLE = {
  name: 'alice/app',
  tagCount: 3,
  manifestCount: 4,
  sizeBytes: 73_400_320,
  uniqueBytes: 3_145_728,
  createdAt: '2026-10-02T08:00:00.000Z',
  updatedAt: '2026-11-28T09:30:00.000Z',
  usedAt: null,
}

const order = z
  .enum(REPOSITORY_ORDERS)
  .default('name')
  .meta({ description: 'Order of the list; by size and by time the largest or latest first' })

/** Position in a list of any order. */
const positionSchema = z
  .tuple([z.string(), z.number(), z.number().nullable(), z.number().nullable()])
  .transform(
    ([name, sizeBytes, updatedAt, usedAt]): RepositoryPosition => ({
      name: parseRepositoryName(name),
      sizeBytes,
      updatedAt: updatedAt === null ? undefined : new Date(updatedAt),
      usedAt: usedAt === null ? undefined : new Date(usedAt),
    }),
  )

/** Routes about repositories as wholes. */
export function repositoryRoutes({ managersOf, accountsOf, requireDelete }: ConsoleParts): Route[] {
  return [
    toRoute({
      method: 'GET',
      path: '/repositories',
      access: 'catalog',
      id: 'listRepositories',
      summary: 'The repositories that the account may pull',
      query: z.strictObject({ ...pageQuery, order }),
      answer: pageOf(summarySchema),
      answerExample: { items: [EXAMPLE], next: null },
      errors: ['CURSOR_INVALID'],
      async handle({ query: { limit, cursor, order }, principal, rules }) {
        const found = await managersOf(principal).repositories.list({
          limit: limit + 1,
          order,
          after: parseCursor(cursor, positionSchema),
          visible: visibleRepositories(principal, rules),
        })
        const { items, next } = toPage(found, { limit, toPosition })
        return { body: { items: items.map(toSummary), next } }
      },
    }),
    toRoute({
      method: 'GET',
      path: '/repositories/{repository}',
      access: 'pull',
      id: 'getRepository',
      summary: 'A repository, with the reasons for which its content is kept',
      answer: detailSchema,
      answerExample: {
        ...EXAMPLE,
        ...{ untaggedBytes: 0, unnamedBytes: 0, trashBytes: 0, uploadBytes: 0, uploadCount: 0 },
      },
      errors: ['NAME_UNKNOWN'],
      async handle({ params: { repository }, principal }) {
        const found = await managersOf(principal).repositories.show(repository)
        if (!found) throw new OciError('NAME_UNKNOWN')
        const { untaggedBytes, unnamedBytes, trashBytes, uploadBytes, uploadCount } = found
        const reasons = { untaggedBytes, unnamedBytes, trashBytes, uploadBytes, uploadCount }
        return { body: { ...toSummary(found), ...reasons } }
      },
    }),
    toRoute({
      method: 'DELETE',
      path: '/repositories/{repository}',
      access: 'delete',
      id: 'deleteRepository',
      summary: 'Puts a repository with all its content into the trash',
      errors: ['NAME_UNKNOWN', 'UNSUPPORTED'],
      async handle(call) {
        requireDelete()
        const { repository } = call.params
        if (!(await managersOf(call.principal).repositories.delete(repository)))
          throw new OciError('NAME_UNKNOWN')
        // The last repository of a removed account frees its name.
        await accountsOf(call.principal).releaseNames([repository.split('/', 1)[0] ?? ''])
        return {}
      },
    }),
    toRoute({
      method: 'POST',
      path: '/repositories/{repository}/restore',
      access: 'create',
      id: 'restoreRepository',
      summary: 'Takes the repository that was deleted last under this name out of the trash',
      errors: ['CONTENT_GONE', 'REPOSITORY_EXISTS', 'UNSUPPORTED'],
      async handle({ params: { repository }, principal }) {
        const outcome = await managersOf(principal).repositories.restore(repository, {})
        if (outcome === 'taken') throw new ApiError('REPOSITORY_EXISTS')
        if (outcome === 'unknown') throw new ApiError('CONTENT_GONE', { message: 'It is not in the trash' })
        return {}
      },
    }),
  ]
}

function toPosition({ name, sizeBytes, updatedAt, usedAt }: RepositorySummary): unknown {
  return [name, sizeBytes, updatedAt?.getTime() ?? null, usedAt?.getTime() ?? null]
}

function toSummary(found: RepositorySummary) {
  const { name, tagCount, manifestCount, sizeBytes, uniqueBytes, createdAt, updatedAt, usedAt } = found
  return {
    ...{ name, tagCount, manifestCount, sizeBytes, uniqueBytes },
    createdAt: createdAt.toISOString(),
    updatedAt: toTime(updatedAt),
    usedAt: toTime(usedAt),
  }
}
