import type { z as Zod } from 'zod'
import { API_BASE, parameterOf } from './find-route.ts'
import { PATH_PARAMETERS } from './path-parameters.ts'
import { FRAME_ERRORS, problemSchema, statusOf } from './problem.ts'
import type { Route } from './route.ts'
import { z } from './schema.ts'

type Json = Record<string, unknown>

/** Forms that have a name of their own, gathered while the document is made. */
type Components = Record<string, Json>

/**
 * The OpenAPI 3.1 document of routes. Its schemas are those that requests are checked with: JSON Schema 2020-12, the
 * dialect of OpenAPI 3.1, as zod itself writes it.
 */
export function toOpenApi(routes: readonly Route[], version: string): Json {
  const schemas: Components = {}
  const paths: Record<string, Json> = {}
  toSchema(problemSchema, 'output', schemas)
  for (const route of routes) {
    const path = route.path === '/' ? API_BASE : `${API_BASE}${route.path}`
    paths[path] ??= {}
    paths[path][route.method.toLowerCase()] = toOperation(route, schemas)
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Berth admin API',
      version,
      description:
        'Manages a Berth registry. Errors are problem details (RFC 9457); docs/api.md explains the rest.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ password: [] }, { token: [] }],
    paths,
    components: {
      securitySchemes: {
        password: { type: 'http', scheme: 'basic', description: 'Name and password of an account' },
        token: { type: 'http', scheme: 'bearer', description: 'A token of `/token`, for its scopes' },
      },
      schemas: Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1))),
    },
  }
}

function toOperation(route: Route, schemas: Components): Json {
  const { id, summary, description, access } = route
  return {
    operationId: id,
    summary,
    ...(description !== undefined && { description }),
    tags: [tagOf(route)],
    'x-access': access,
    ...(access === 'anyone' && { security: [{}, { password: [] }, { token: [] }] }),
    parameters: [
      ...toPathParameters(route),
      ...toQueryParameters(route, schemas),
      ...toHeaderParameters(route),
    ],
    ...(route.body && { requestBody: toRequestBody(route, route.body, schemas) }),
    responses: { ...toSuccess(route, schemas), ...toFailures(route) },
  }
}

/** The first segment: operations of one resource stand together. */
function tagOf({ path }: Route): string {
  return path.split('/')[1] || 'service'
}

function toPathParameters({ path }: Route): Json[] {
  return path.split('/').flatMap((part) => {
    const name = parameterOf(part)
    if (name === undefined) return []
    const { description, example, schema } = PATH_PARAMETERS[name]
    return [{ name, in: 'path', required: true, description, schema, example }]
  })
}

function toQueryParameters({ query }: Route, schemas: Components): Json[] {
  if (!query) return []
  const { properties = {}, required = [] } = toSchema(query, 'input', schemas) as {
    properties?: Record<string, Json>
    required?: string[]
  }
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    ...{ name, in: 'query', required: required.includes(name) },
    ...(description !== undefined && { description }),
    schema,
  }))
}

/** One strong tag (RFC 9110, 8.8.3), or `*`. */
const ENTITY_TAG = '^(\\*|"[!#-~]*")$'

function toHeaderParameters({ ifMatch }: Route): Json[] {
  if (ifMatch === undefined) return []
  const description = 'ETag of what the change is based on; `*` for any'
  const schema = { type: 'string', pattern: ENTITY_TAG }
  return [
    { name: 'If-Match', in: 'header', required: ifMatch === 'required', description, schema, example: '"3"' },
  ]
}

function toRequestBody({ bodyExample }: Route, body: Zod.ZodType, schemas: Components): Json {
  const schema = toSchema(body, 'input', schemas)
  const content = { schema, ...(bodyExample !== undefined && { example: bodyExample }) }
  return { required: true, content: { 'application/json': content } }
}

function toSuccess({ answer, answerExample, status, streamType, ifMatch }: Route, schemas: Components): Json {
  const code = String(status ?? (answer || streamType ? 200 : 204))
  if (streamType !== undefined) {
    return { [code]: { description: 'Events', content: { [streamType]: { schema: { type: 'string' } } } } }
  }
  if (!answer) return { [code]: { description: ifMatch === undefined ? 'Done' : 'Changed' } }
  const schema = toSchema(answer, 'output', schemas)
  const content = { schema, ...(answerExample !== undefined && { example: answerExample }) }
  return { [code]: { description: 'Done', content: { 'application/json': content } } }
}

/** One entry for each status, with the codes that it stands for. */
function toFailures(route: Route): Json {
  const codes = new Map<number, string[]>()
  for (const code of listCodes(route)) {
    const status = statusOf(code)
    codes.set(status, [...(codes.get(status) ?? []), code])
  }
  // A body that is too large, and a client that is too slow.
  if (route.body) codes.set(413, ['REQUEST_INVALID']).set(408, ['REQUEST_TIMEOUT'])
  const content = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } }
  return Object.fromEntries(
    [...codes]
      .sort(([a], [b]) => a - b)
      .map(([status, of]) => [status, { description: of.join(', '), content }]),
  )
}

function listCodes(route: Route): Parameters<typeof statusOf>[0][] {
  const { path, ifMatch } = route
  return [
    ...FRAME_ERRORS,
    ...(route.errors ?? []),
    'QUERY_INVALID',
    ...(path.includes('{repository}') ? (['NAME_INVALID'] as const) : []),
    ...(path.includes('{tag}') || path.includes('{reference}') ? (['TAG_INVALID'] as const) : []),
    ...(path.includes('{digest}') || path.includes('{reference}') ? (['DIGEST_INVALID'] as const) : []),
    ...(path.includes('{account}') ? (['ACCOUNT_UNKNOWN'] as const) : []),
    ...(path.includes('{run}') ? (['CONTENT_GONE'] as const) : []),
    ...(path.includes('{') ? (['PATH_INVALID'] as const) : []),
    ...(route.method === 'GET' ? [] : (['CROSS_SITE'] as const)),
    ...(route.body ? (['BODY_INVALID', 'BODY_MEDIA_TYPE'] as const) : []),
    ...(ifMatch === undefined ? [] : (['CHANGED', 'IF_MATCH_INVALID'] as const)),
    ...(ifMatch === 'required' ? (['IF_MATCH_REQUIRED'] as const) : []),
  ]
}

/** The JSON Schema of a form; named ones go to the components. */
function toSchema(schema: Zod.ZodType, io: 'input' | 'output', schemas: Components): Json {
  const {
    $schema: _dialect,
    $defs = {},
    ...own
  } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as {
    $schema?: string
    $defs?: Components
  } & Json
  for (const [name, form] of Object.entries($defs)) schemas[name] = withoutId(pointToComponents(form))
  const { id } = own
  const bare = withoutId(pointToComponents(own))
  if (typeof id !== 'string') return bare
  schemas[id] = bare
  return { $ref: `#/components/schemas/${id}` }
}

function withoutId({ id, ...form }: Json): Json {
  return typeof id === 'string' ? form : { ...(id === undefined ? {} : { id }), ...form }
}

function pointToComponents(form: Json): Json {
  return JSON.parse(JSON.stringify(form).replaceAll('"#/$defs/', '"#/components/schemas/')) as Json
}
