import { parsePolicyDocument } from '../../policies/policy-document.ts'
import { PolicyError } from '../../policies/policy-error.ts'
import { listQuotas } from '../../registry/list-quotas.ts'
import type { ConsoleParts } from '../console-parts.ts'
import { ApiError } from '../frame/api-error.ts'
import { type Route, toRoute } from '../frame/route.ts'
import { author, bytes, count, maybeTime, toTime, z } from '../frame/schema.ts'

/** The form of a document is that of `berth policy export`; its own reader checks it. */
const document = z
  .record(z.string(), z.unknown())
  .meta({ description: 'As `berth policy export` prints it: docs/policies.md explains each part' })

const storedSchema = z
  .object({
    version: count.meta({ description: '0: none were ever set' }),
    changedAt: maybeTime,
    changedBy: author,
    document,
  })
  .meta({ id: 'Policies' })

const quotaSchema = z
  .object({
    namespace: z.string().meta({ examples: ['alice'] }),
    bytes: bytes.nullable().meta({ description: 'null: no limit' }),
    repositories: count.nullable().meta({ description: 'null: no limit' }),
    use: z.object({ bytes, repositories: count }),
  })
  .meta({ id: 'Quota' })

const DOCUMENT = { policies: [{ repositories: ['alice/**'], immutable: ['v*'] }] }

/** Routes about policies, of which immutable tags, retention and quotas are parts. */
export function policyRoutes({ managersOf }: ConsoleParts): Route[] {
  return [
    toRoute({
      method: 'GET',
      path: '/policies',
      access: 'administer',
      id: 'getPolicies',
      summary: 'The policies in force: immutable tags, retention, quotas',
      answer: storedSchema,
      answerExample: {
        ...{ version: 3, changedAt: '2026-11-28T09:30:00.000Z', changedBy: 'admin' },
        document: DOCUMENT,
      },
      async handle({ principal }) {
        const { version, document, changedAt, changedBy } = await managersOf(principal).policies.read()
        const body = {
          ...{ version, changedAt: toTime(changedAt), changedBy: changedBy ?? null },
          document: { ...document },
        }
        return { body, etag: String(version) }
      },
    }),
    toRoute({
      method: 'PUT',
      path: '/policies',
      access: 'administer',
      id: 'setPolicies',
      summary: 'Puts a document in the place of that in force; it counts from the next request on',
      body: document,
      bodyExample: DOCUMENT,
      ifMatch: 'required',
      answer: z.object({ version: count }),
      answerExample: { version: 4 },
      errors: ['POLICY_INVALID', 'UNSUPPORTED'],
      async handle({ body, ifMatch, principal }) {
        const { policies } = managersOf(principal)
        const expected = ifMatch === undefined ? (await policies.read()).version : Number(ifMatch)
        if (!Number.isSafeInteger(expected)) throw new ApiError('CHANGED')
        try {
          const version = await policies.replace(parsePolicyDocument(body), expected)
          return { body: { version }, etag: String(version) }
        } catch (error) {
          throw toApiError(error)
        }
      },
    }),
    toRoute({
      method: 'GET',
      path: '/quotas',
      access: 'administer',
      id: 'listQuotas',
      summary: 'Namespaces that have a quota, with what is used of it',
      answer: z.object({ items: z.array(quotaSchema) }),
      answerExample: {
        items: [
          {
            ...{ namespace: 'alice', bytes: 10_737_418_240, repositories: null },
            use: { bytes: 73_400_320, repositories: 2 },
          },
        ],
      },
      async handle({ principal }) {
        const items = (await listQuotas(managersOf(principal))).map(
          ({ namespace, bytes, repositories, use }) => ({
            ...{ namespace, bytes: bytes ?? null, repositories: repositories ?? null },
            use: { bytes: use.bytes, repositories: use.repositories },
          }),
        )
        return { body: { items } }
      },
    }),
  ]
}

function toApiError(error: unknown): unknown {
  if (!(error instanceof PolicyError)) return error
  const { code, message, remedy } = error
  if (code === 'POLICY_CHANGED') return new ApiError('CHANGED', { cause: error })
  return new ApiError('POLICY_INVALID', { message: `${message}. ${remedy}`, cause: error })
}
