import { OciError } from '../../oci/errors.ts'
import type { ConsoleParts } from '../console-parts.ts'
import { type Route, toRoute } from '../frame/route.ts'
import { bytes, count, time, z } from '../frame/schema.ts'
import type { ServerState } from '../server-port.ts'

/** Transfers of one answer. */
const MAX_TRANSFERS = 200

const transferSchema = z
  .object({
    requestId: z.string(),
    repository: z.string(),
    user: z.string(),
    client: z.string().meta({ description: 'Address', examples: ['192.0.2.1'] }),
    direction: z.enum(['push', 'pull']),
    bytes,
    expectedBytes: bytes.nullable(),
    since: time,
  })
  .meta({ id: 'Transfer' })

const rate = z.number().min(0)

const statusSchema = z
  .object({
    version: z.string(),
    startedAt: time,
    workers: count,
    silent: count.meta({ description: 'Processes that did not answer in time' }),
    residentBytes: bytes,
    totalRequests: count,
    rates: z
      .object({ overSeconds: count, requests: rate, failures: rate, sentBytes: rate, receivedBytes: rate })
      .meta({ description: 'A second, over the last ones. A transfer counts once it has ended' }),
    transfers: z
      .array(transferSchema)
      .meta({ description: `Under way, the oldest first; at most ${MAX_TRANSFERS}` }),
  })
  .meta({ id: 'Status' })

const siteSchema = z
  .object({
    host: z.string().meta({ examples: ['app.example.com'] }),
    source: z.string().meta({ description: '`registry`, `berth.yaml`, or the names of containers' }),
    state: z.string().meta({ examples: ['up'] }),
    cause: z.string().nullable(),
    fix: z.string().nullable(),
    certificate: z.string().meta({ description: 'In words' }),
    warnings: z.array(z.string()),
  })
  .meta({ id: 'Site' })

const settingSchema = z
  .object({
    name: z.string().meta({ examples: ['keep-days'] }),
    value: z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]).nullable(),
  })
  .meta({ id: 'Setting' })

/** Routes about the server itself. */
export function serverRoutes(parts: ConsoleParts): Route[] {
  return [...stateRoutes(parts), ...hostRoutes(parts)]
}

function stateRoutes({ server }: ConsoleParts): Route[] {
  return [
    toRoute({
      method: 'GET',
      path: '/status',
      access: 'administer',
      id: 'getStatus',
      summary: 'What the server does at this moment: requests, rates, transfers',
      answer: statusSchema,
      answerExample: {
        ...{ version: '0.1.0', startedAt: '2026-11-28T02:00:00.000Z', workers: 1, silent: 0 },
        ...{ residentBytes: 88_000_000, totalRequests: 1_200, transfers: [] },
        rates: { overSeconds: 10, requests: 3.2, failures: 0, sentBytes: 1_048_576, receivedBytes: 0 },
      },
      async handle() {
        const state = await server.readStatus()
        if (!state) throw new OciError('UNAVAILABLE', { message: 'The server is starting or stopping' })
        return { body: toStatus(state) }
      },
    }),
    toRoute({
      method: 'GET',
      path: '/settings',
      access: 'administer',
      id: 'listSettings',
      summary: 'The settings of the server; secrets are masked',
      answer: z.object({ items: z.array(settingSchema) }),
      answerExample: { items: [{ name: 'keep-days', value: 14 }] },
      handle() {
        const items = server
          .listSettings()
          .map(({ name, value }) => ({ name, value: Array.isArray(value) ? value.map(String) : value }))
        return { body: { items: items as { name: string; value: string | string[] | null }[] } }
      },
    }),
  ]
}

function hostRoutes({ server }: ConsoleParts): Route[] {
  return [
    toRoute({
      method: 'GET',
      path: '/sites',
      access: 'administer',
      id: 'listSites',
      summary: 'The virtual hosts of the front door, with the state of each',
      answer: z.object({ items: z.array(siteSchema) }),
      answerExample: {
        items: [
          {
            ...{ host: 'app.example.com', source: 'app', state: 'up', cause: null, fix: null },
            ...{ certificate: 'until 2027-02-26', warnings: [] },
          },
        ],
      },
      async handle() {
        const items = (await server.listSites()).map(
          ({ host, source, state, cause, fix, certificate, warnings }) => ({
            ...{ host, source, state, cause: cause ?? null, fix: fix ?? null, certificate },
            warnings: [...warnings],
          }),
        )
        return { body: { items } }
      },
    }),
    toRoute({
      method: 'GET',
      path: '/certificates',
      access: 'administer',
      id: 'listCertificates',
      summary: 'Certificates of the front door, with the days that each is valid',
      answer: z.object({
        items: z.array(
          z.object({
            name: z.string(),
            daysLeft: z.int().nullable().meta({ description: 'null: it cannot be used' }),
          }),
        ),
      }),
      answerExample: { items: [{ name: 'app.example.com', daysLeft: 61 }] },
      async handle() {
        const items = (await server.listCertificates()).map(({ name, daysLeft }) => ({
          name,
          daysLeft: daysLeft ?? null,
        }))
        return { body: { items } }
      },
    }),
  ]
}

/** The state as it is sent. */
export function toStatus(state: ServerState) {
  const { version, startedAt, workers, silent, residentBytes, totalRequests, rates, transfers } = state
  return {
    ...{ version, startedAt, workers, silent, residentBytes, totalRequests },
    rates: { ...rates },
    transfers: transfers.slice(0, MAX_TRANSFERS).map((transfer) => ({
      ...{ requestId: transfer.requestId, repository: transfer.repository, user: transfer.user },
      ...{ client: transfer.client, direction: transfer.direction, bytes: transfer.bytes },
      ...{ expectedBytes: transfer.expectedBytes ?? null, since: transfer.since },
    })),
  }
}
