import { includesAction } from '../../access/action-mask.ts'
import { actionsOf } from '../../access/decide.ts'
import { type Digest, isDigest } from '../../oci/digest.ts'
import { OciError } from '../../oci/errors.ts'
import type { ListedTag } from '../../registry/manage-tags.ts'
import type { ConsoleParts } from '../console-parts.ts'
import { ApiError } from '../frame/api-error.ts'
import { limit, pageOf, pageQuery, parseCursor, toPage } from '../frame/pages.ts'
import { DIGEST_SCHEMA } from '../frame/path-parameters.ts'
import { type Route, toRoute } from '../frame/route.ts'
import { author, bytes, digestText, maybeTime, time, z } from '../frame/schema.ts'

const tagSchema = z
  .object({
    name: z.string().meta({ examples: ['v1'] }),
    digest: digestText,
    mediaType: z.string().meta({ examples: ['application/vnd.oci.image.manifest.v1+json'] }),
    manifestSizeBytes: bytes.meta({ description: 'Length of the manifest itself' }),
    sizeBytes: bytes.meta({ description: 'The whole image, with referrers; of an index with its images' }),
    uniqueBytes: bytes.meta({ description: 'Bytes that would be freed if this tag alone went' }),
    updatedAt: time,
    immutable: z.string().nullable().meta({ description: 'The pattern of a policy that makes it immutable' }),
    inUse: z.string().nullable().meta({ description: 'Its pin, or a container that runs it, for people' }),
  })
  .meta({ id: 'Tag' })

const DIGEST = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

const EXAMPLE = {
  name: 'v1',
  digest: DIGEST,
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  manifestSizeBytes: 812,
  sizeBytes: 73_400_320,
  uniqueBytes: 3_145_728,
  updatedAt: '2026-11-28T09:30:00.000Z',
  immutable: null,
  inUse: null,
}

const periodSchema = z
  .object({
    digest: digestText,
    from: time,
    by: author,
    until: maybeTime.meta({ description: 'null: it points there now' }),
    ended: z
      .string()
      .nullable()
      .meta({ description: 'How it ended', examples: ['moved'] }),
    endedBy: author,
  })
  .meta({ id: 'TagPeriod' })

const digestInput = z
  .custom<Digest>((value) => typeof value === 'string' && isDigest(value), 'must be a digest')
  .meta({ ...DIGEST_SCHEMA, description: 'An earlier manifest of the tag; without it the last one' })

/** Routes about the tags of a repository. */
export function tagRoutes(parts: ConsoleParts): Route[] {
  return [...presentRoutes(parts), ...pastRoutes(parts)]
}

function presentRoutes({ managersOf, requireDelete }: ConsoleParts): Route[] {
  return [
    toRoute({
      method: 'GET',
      path: '/repositories/{repository}/tags',
      access: 'pull',
      id: 'listTags',
      summary: 'The tags of a repository, by name',
      query: z.strictObject(pageQuery),
      answer: pageOf(tagSchema),
      answerExample: { items: [EXAMPLE], next: null },
      errors: ['NAME_UNKNOWN', 'CURSOR_INVALID'],
      async handle({ params: { repository }, query: { limit, cursor }, principal }) {
        const last = parseCursor(cursor, z.string())
        const found = await managersOf(principal).tags.list(repository, { limit: limit + 1, last })
        if (!found) throw new OciError('NAME_UNKNOWN')
        const { items, next } = toPage(found, { limit, toPosition: ({ name }) => name })
        return { body: { items: items.map(toTag), next } }
      },
    }),
    toRoute({
      method: 'GET',
      path: '/repositories/{repository}/tags/{tag}',
      access: 'pull',
      id: 'getTag',
      summary: 'A tag, with the sizes of its image',
      answer: tagSchema,
      answerExample: EXAMPLE,
      errors: ['MANIFEST_UNKNOWN'],
      async handle({ params: { repository, tag }, principal }) {
        const found = await managersOf(principal).tags.find(repository, tag)
        if (!found) throw new OciError('MANIFEST_UNKNOWN')
        return { body: toTag(found), etag: found.digest }
      },
    }),
    toRoute({
      method: 'DELETE',
      path: '/repositories/{repository}/tags/{tag}',
      access: 'delete',
      id: 'deleteTag',
      summary: 'Removes a tag; its manifest stays under its digest, and the tag can be restored',
      errors: ['MANIFEST_UNKNOWN', 'UNSUPPORTED'],
      async handle({ params: { repository, tag }, principal }) {
        requireDelete()
        if (await managersOf(principal).repositories.deleteTag(repository, tag)) return {}
        throw new OciError('MANIFEST_UNKNOWN')
      },
    }),
  ]
}

function pastRoutes({ managersOf }: ConsoleParts): Route[] {
  return [
    toRoute({
      method: 'GET',
      path: '/repositories/{repository}/tags/{tag}/history',
      access: 'pull',
      id: 'listTagHistory',
      summary: 'The manifests that a tag pointed at, the present one first, then the latest',
      query: z.strictObject({ limit }),
      answer: z.object({ items: z.array(periodSchema) }),
      answerExample: {
        items: [
          {
            ...{ digest: DIGEST, from: '2026-11-28T09:30:00.000Z', by: 'alice' },
            ...{ until: null, ended: null, endedBy: null },
          },
        ],
      },
      errors: ['NAME_UNKNOWN'],
      async handle({ params: { repository, tag }, query: { limit }, principal }) {
        const found = await managersOf(principal).repositories.listTagPeriods(repository, { tag, limit })
        if (!found) throw new OciError('NAME_UNKNOWN')
        const items = found.map(({ digest, from, by, end }) => ({
          ...{ digest, from: from.toISOString(), by: by ?? null },
          until: end?.at.toISOString() ?? null,
          ended: end?.how ?? null,
          endedBy: end?.by ?? null,
        }))
        return { body: { items } }
      },
    }),
    toRoute({
      method: 'POST',
      path: '/repositories/{repository}/tags/{tag}/restore',
      access: 'overwrite',
      id: 'restoreTag',
      summary:
        'Undoes the last push or deletion of a tag, or points it at an earlier manifest of its history',
      description: 'Needs the right to make tags, too: the tag may have been deleted.',
      body: z.strictObject({ digest: digestInput.optional() }),
      bodyExample: {},
      answer: z.object({ digest: digestText }),
      answerExample: { digest: DIGEST },
      errors: ['CONTENT_GONE', 'UNSUPPORTED'],
      async handle({ params: { repository, tag }, body: { digest }, principal, rules }) {
        if (!includesAction(actionsOf(principal, repository, rules), 'create')) throw new OciError('DENIED')
        const restored = await managersOf(principal).repositories.restoreTag({ repository, tag, digest })
        if (typeof restored === 'object') return { body: { digest: restored.digest } }
        const message =
          restored === 'gone'
            ? 'The earlier manifest was removed for good'
            : 'The tag has pointed at no such manifest before'
        throw new ApiError('CONTENT_GONE', { message })
      },
    }),
  ]
}

function toTag(tag: ListedTag) {
  const { name, digest, mediaType, manifestSizeBytes, sizeBytes, uniqueBytes, updatedAt, immutable, inUse } =
    tag
  return {
    ...{ name, digest, mediaType, manifestSizeBytes, sizeBytes, uniqueBytes },
    updatedAt: updatedAt.toISOString(),
    ...{ immutable, inUse },
  }
}
