import { AccessError } from '../../access/access-error.ts'
import { toFileForm } from '../../access/document/file-form.ts'
import { DocumentFault, parseAccessDocument } from '../../access/document/parse-document.ts'
import { nameOf } from '../../access/principal.ts'
import type { ConsoleParts } from '../console-parts.ts'
import { ApiError } from '../frame/api-error.ts'
import { type Route, toRoute } from '../frame/route.ts'
import { author, count, maybeTime, toTime, z } from '../frame/schema.ts'

/** Most bytes of a document: as of the file of `berth access apply`. */
const MAX_DOCUMENT_BYTES = 8 * 1024 * 1024

/** The form of a document is that of `berth access export`; its own reader checks it. */
const document = z
  .record(z.string(), z.unknown())
  .meta({ description: 'As `berth access export` prints it: docs/access.md explains each part' })

const storedSchema = z
  .object({
    version: count.meta({ description: '0: nothing was ever set' }),
    changedAt: maybeTime,
    changedBy: author,
    document,
  })
  .meta({ id: 'Access' })

const DOCUMENT = {
  groups: { backend: ['user:alice'] },
  rules: [{ who: 'group:backend', where: 'team/**', what: ['pull', 'create'] }],
  visibility: { 'open/**': 'public' },
}

/** Routes about groups, rules and visibility. */
export function accessRoutes({ access }: ConsoleParts): Route[] {
  return [
    toRoute({
      method: 'GET',
      path: '/access',
      access: 'administer',
      id: 'getAccess',
      summary: 'Groups, rules and visibility: who may do what',
      answer: storedSchema,
      answerExample: {
        ...{ version: 3, changedAt: '2026-11-28T09:30:00.000Z', changedBy: 'admin' },
        document: DOCUMENT,
      },
      async handle() {
        const { version, document, changedAt, changedBy } = await access.read()
        const body = {
          ...{ version, changedAt: toTime(changedAt), changedBy: changedBy ?? null },
          document: { ...toFileForm(document) },
        }
        return { body, etag: String(version) }
      },
    }),
    toRoute({
      method: 'PUT',
      path: '/access',
      access: 'administer',
      id: 'setAccess',
      summary:
        'Puts groups, rules and visibility in the place of those in force; they count from the next request on',
      body: document,
      bodyExample: DOCUMENT,
      maxBodyBytes: MAX_DOCUMENT_BYTES,
      ifMatch: 'required',
      answer: z.object({ version: count }),
      answerExample: { version: 4 },
      errors: ['ACCESS_INVALID'],
      async handle({ body, ifMatch, principal }) {
        const expected = ifMatch === undefined ? undefined : Number(ifMatch)
        if (expected !== undefined && !Number.isSafeInteger(expected)) throw new ApiError('CHANGED')
        try {
          const wanted = parseAccessDocument(body)
          const { version } = await access.change(() => wanted, { by: nameOf(principal), expected })
          return { body: { version }, etag: String(version) }
        } catch (error) {
          throw toApiError(error)
        }
      },
    }),
  ]
}

function toApiError(error: unknown): unknown {
  if (error instanceof DocumentFault) {
    const message = `${error.path.join('.')} ${error.message}`
    return new ApiError('ACCESS_INVALID', { message, cause: error })
  }
  if (!(error instanceof AccessError)) return error
  if (error.code === 'ACCESS_CHANGED') return new ApiError('CHANGED', { cause: error })
  return new ApiError('ACCESS_INVALID', { message: `${error.message}. ${error.remedy}`, cause: error })
}
