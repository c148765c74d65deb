import { API_BASE } from '../frame/find-route.ts'
import { type Route, requireCaller, toRoute } from '../frame/route.ts'
import { z } from '../frame/schema.ts'

const serviceSchema = z
  .object({
    name: z.literal('berth'),
    version: z.string().meta({ examples: ['0.1.0'] }),
    links: z.record(z.string(), z.string()).meta({ description: 'Paths of the lists and documents' }),
  })
  .meta({ id: 'Service' })

const meSchema = z
  .object({
    name: z.string().meta({ examples: ['alice'] }),
    isAdmin: z.boolean(),
    owns: z
      .array(z.string())
      .meta({ description: 'Names whose repositories, `<name>/**`, are its own', examples: [['alice']] }),
    byToken: z.boolean().meta({ description: 'True: this request is limited to the scopes of its token' }),
  })
  .meta({ id: 'Me' })

/** Routes about the API itself and its caller. `document`: the OpenAPI document, made at its first request. */
export function serviceRoutes(version: string, document: () => unknown): Route[] {
  return [
    toRoute({
      method: 'GET',
      path: '/',
      access: 'signed-in',
      id: 'getService',
      summary: 'Version of the server, and where its lists are',
      answer: serviceSchema,
      answerExample: {
        name: 'berth',
        version: '0.1.0',
        links: { me: `${API_BASE}/me`, repositories: `${API_BASE}/repositories` },
      },
      handle: () => ({ body: { name: 'berth' as const, version, links: LINKS } }),
    }),
    toRoute({
      method: 'GET',
      path: '/openapi.json',
      access: 'anyone',
      id: 'getDocument',
      summary: 'This document',
      answer: z.record(z.string(), z.unknown()),
      handle: () => ({ body: document() as Record<string, unknown> }),
    }),
    toRoute({
      method: 'GET',
      path: '/me',
      access: 'signed-in',
      id: 'getMe',
      summary: 'The account of the request',
      answer: meSchema,
      answerExample: { name: 'alice', isAdmin: false, owns: ['alice'], byToken: false },
      handle(call) {
        const { name, isAdmin, owns, scopes } = requireCaller(call)
        return { body: { name, isAdmin, owns: [...owns], byToken: scopes !== undefined } }
      },
    }),
  ]
}

const LINKS = Object.fromEntries(
  [
    ...[
      'openapi.json',
      'me',
      'repositories',
      'trash',
      'users',
      'policies',
      'quotas',
      'pins',
      'collection',
      'scrub',
    ],
    ...['backups', 'status', 'settings', 'sites', 'certificates', 'events'],
  ].map((name) => [name.replace('.json', ''), `${API_BASE}/${name}`]),
)
