import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { parsePattern } from '../../src/access/repository-pattern.ts'
import { AccessRules, type RuleSet } from '../../src/access/rules.ts'
import { ROUTE_ACCESS } from '../../src/http/handlers/routes.ts'
import type { OciRequestKind } from '../../src/oci/request.ts'
import { FUZZ_SHARE } from '../support/content/fuzz-share.ts'
import { type HttpSurface, openHttpSurface } from '../support/registry/http-surface.ts'

/** Each route, and the access that it must have: written down a second time, so that a change of it shows. */
const ROUTES: Readonly<Record<OciRequestKind, { access: Need; method: string; path: string }>> = {
  ping: { access: 'ping', method: 'GET', path: '/v2/' },
  catalog: { access: 'catalog', method: 'GET', path: '/v2/_catalog' },
  'tag-list': { access: 'pull', method: 'GET', path: 'tags/list' },
  'referrer-list': { access: 'pull', method: 'GET', path: 'referrers/DIGEST' },
  'blob-get': { access: 'pull', method: 'GET', path: 'blobs/DIGEST' },
  'blob-delete': { access: 'delete', method: 'DELETE', path: 'blobs/DIGEST' },
  'manifest-get': { access: 'pull', method: 'GET', path: 'manifests/none' },
  'manifest-put': { access: 'push', method: 'PUT', path: 'manifests/none' },
  'manifest-delete': { access: 'delete', method: 'DELETE', path: 'manifests/none' },
  'blob-upload-start': { access: 'push', method: 'POST', path: 'blobs/uploads/?digest=DIGEST' },
  'blob-upload-status': { access: 'push', method: 'GET', path: 'blobs/uploads/UPLOAD' },
  'blob-upload-append': { access: 'push', method: 'PATCH', path: 'blobs/uploads/UPLOAD' },
  'blob-upload-finish': { access: 'push', method: 'PUT', path: 'blobs/uploads/UPLOAD?digest=DIGEST' },
  'blob-upload-cancel': { access: 'push', method: 'DELETE', path: 'blobs/uploads/UPLOAD' },
}
const KINDS = Object.keys(ROUTES) as OciRequestKind[]

type Act = 'pull' | 'create' | 'overwrite' | 'delete' | 'administer'
type Need = 'ping' | 'catalog' | 'pull' | 'push' | 'delete'
type User = 'admin' | 'alice' | 'bob'

/** A log-in: nobody or a user, by password or with a token for these actions on the repository. */
interface LogIn {
  readonly user: User | undefined
  /** Undefined: no token. */
  readonly token?: readonly string[]
}
const TOKENS: readonly (readonly string[] | undefined)[] = [
  undefined,
  [],
  ['pull'],
  ['push'],
  ['pull', 'push', 'delete'],
]
const LOG_INS: readonly LogIn[] = ([undefined, 'admin', 'alice', 'bob'] as const).flatMap((user) =>
  TOKENS.map((token) => (token ? { user, token } : { user })),
)

/** One rule and the visibility of one repository. */
interface Shape {
  readonly who?: 'user:bob' | 'group:1' | 'group:2' | 'signed-in' | 'anonymous'
  readonly where?: string
  readonly what?: readonly Act[]
  readonly visibility?: readonly (readonly [where: string, level: 'private' | 'internal' | 'public'])[]
}
/** Patterns, and whether they have `team/app`. */
const WHERE: readonly [pattern: string, matches: boolean][] = [
  ['team/app', true],
  ['team/*', true],
  ['team/**', true],
  ['**', true],
  ['*', false],
  ['team', false],
  ['team/app/**', false],
  ['team/app/*', false],
  ['tea/**', false],
]
const WHAT: readonly (readonly Act[])[] = [['pull'], ['create'], ['overwrite'], ['delete'], ['administer']]
/**
 * Each shape is tried with a part of the routes, and each route with a part of the shapes, other ones for each;
 * `BERTH_TEST_FUZZ=10` tries all with all.
 */
const PART = FUZZ_SHARE >= 10 ? 1 : 5
const SHAPES: readonly Shape[] = [
  {},
  ...(['user:bob', 'group:1', 'group:2', 'signed-in'] as const).flatMap((who) =>
    WHERE.flatMap(([where]) => WHAT.map((what) => ({ who, where, what }))),
  ),
  ...WHERE.map(([where]) => ({ who: 'anonymous' as const, where, what: ['pull'] as const })),
  ...(['private', 'internal', 'public'] as const).flatMap((level) =>
    WHERE.map(([where]) => ({ visibility: [[where, level]] as const })),
  ),
  {
    visibility: [
      ['**', 'public'],
      ['team/**', 'internal'],
    ],
  },
  {
    visibility: [
      ['**', 'private'],
      ['team/*', 'public'],
    ],
  },
  {
    visibility: [
      ['team/*', 'internal'],
      ['team/**', 'public'],
    ],
  },
  {
    visibility: [
      ['team/app', 'private'],
      ['team/*', 'public'],
    ],
  },
]

/** The status of a refusal, or `pass`, by a model that shares nothing with the code that decides. */
function expect(need: Need, { user, token }: LogIn, shape: Shape): 401 | 403 | 'pass' {
  const isPublicAnywhere =
    shape.who === 'anonymous' || (shape.visibility ?? []).some(([, level]) => level === 'public')
  if (need === 'ping') return user !== undefined || (token && isPublicAnywhere) ? 'pass' : 401
  // No token here is for the list.
  if (need === 'catalog') return user !== undefined && !token ? 'pass' : 401
  if (need === 'pull' && mayAnyone(shape)) return 'pass'
  if (user === undefined) return 401
  if (!mayUser(user, need, shape)) return 403
  return !token || token.includes(need) ? 'pass' : 401
}

function levelOf(shape: Shape): string {
  // Shapes list the narrower of two patterns that match last or first: the longest fixed part decides, then fewer stars.
  const order = ['team/app', 'team/*', 'team/**', '**']
  const set = shape.visibility ?? []
  for (const pattern of order) {
    const found = set.find(([where]) => where === pattern)
    if (found) return found[1]
  }
  return 'private'
}

function mayAnyone(shape: Shape): boolean {
  return levelOf(shape) === 'public' || (shape.who === 'anonymous' && covers(shape))
}

function mayUser(user: User, need: 'pull' | 'push' | 'delete', shape: Shape): boolean {
  if (user === 'admin') return true
  if (need === 'pull' && (mayAnyone(shape) || levelOf(shape) === 'internal')) return true
  const isAbout =
    shape.who === 'signed-in' || (user === 'bob' && (shape.who === 'user:bob' || shape.who === 'group:1'))
  if (!isAbout || !covers(shape)) return false
  const acts: readonly string[] = shape.what ?? []
  if (acts.includes('administer')) return true
  return need === 'push' ? acts.includes('create') || acts.includes('overwrite') : acts.includes(need)
}

function covers({ where }: Shape): boolean {
  return WHERE.some(([pattern, matches]) => pattern === where && matches)
}

function toRuleSet({ who, where, what, visibility = [] }: Shape): RuleSet {
  const toPattern = (text: string) => parsePattern(text) ?? assert.fail(text)
  return {
    groups: [
      { id: 'group:1', members: ['user:bob'] },
      { id: 'group:2', members: ['user:carol', 'bob', 'htpasswd:bob'] },
    ],
    rules: who && where && what ? [{ who, where: toPattern(where), what }] : [],
    visibility: visibility.map(([pattern, level]) => ({ where: toPattern(pattern), visibility: level })),
  }
}

const DIGEST = `sha256:${'a'.repeat(64)}`

function toTarget(kind: OciRequestKind, repository: string): string {
  const { access, path } = ROUTES[kind]
  if (access === 'ping' || access === 'catalog') return path
  return `/v2/${repository}/${path.replace('DIGEST', DIGEST).replace('UPLOAD', 'A'.repeat(22))}`
}

describe('each route, for each log-in, under each shape of rules', () => {
  let surface: HttpSurface
  let inForce: AccessRules
  /** Tokens issued while an administrator's and everyone's rights cover all, so that rules alone narrow them later. */
  const tokens = new Map<string, string>()

  before(async () => {
    inForce = new AccessRules(
      toRuleSet({ who: 'signed-in', where: '**', what: ['administer'], visibility: [['**', 'public']] }),
    )
    surface = await openHttpSurface({ rules: () => inForce })
    for (const { user, token } of LOG_INS) {
      if (!token) continue
      const scope = token.length > 0 ? `&scope=repository:team/app:${token.join(',')}` : ''
      const reply = await surface.send(user, 'GET', `/token?service=x${scope}`)
      tokens.set(`${user} ${token}`, String(reply.json.token))
    }
  })
  after(() => surface[Symbol.asyncDispose]())

  async function ask(kind: OciRequestKind, { user, token }: LogIn, repository = 'team/app') {
    const { method } = ROUTES[kind]
    const target = toTarget(kind, repository)
    if (!token) return surface.send(user, method, target)
    const authorization = `Bearer ${tokens.get(`${user} ${token}`)}`
    return surface.send(undefined, method, target, { headers: { authorization } })
  }

  for (const [index, kind] of KINDS.entries()) {
    test(`${kind}: what is answered is what the model says`, async () => {
      const statuses = new Set<unknown>()
      for (const shape of SHAPES.filter((_shape, at) => (at + index) % PART === 0)) {
        inForce = new AccessRules(toRuleSet(shape))
        await Promise.all(
          LOG_INS.map(async (logIn) => {
            const { status, text } = await ask(kind, logIn)
            const found = status === 401 || status === 403 ? status : 'pass'
            const expected = expect(ROUTES[kind].access, logIn, shape)
            statuses.add(expected)
            assert.equal(found, expected, `${JSON.stringify({ shape, logIn })}: ${status} ${text}`)
            assert.ok(status < 500, text)
          }),
        )
      }
      assert.ok(statuses.has('pass') && statuses.has(401), 'the shapes tell the answers apart')
    })
  }

  test('the table of routes has the access that is written down here', () => {
    assert.deepEqual(ROUTE_ACCESS, Object.fromEntries(KINDS.map((kind) => [kind, ROUTES[kind].access])))
  })

  test('a repository that exists and a missing one are refused alike, under each shape', async () => {
    inForce = new AccessRules(toRuleSet({}))
    const blob = await surface.send('admin', 'POST', `/v2/team/app/blobs/uploads/?digest=${EMPTY}`, {
      body: '',
    })
    assert.equal(blob.status, 201)
    for (const shape of SHAPES.filter(({ where }) => where === undefined || where === 'team/*')) {
      inForce = new AccessRules(toRuleSet(shape))
      for (const kind of KINDS) {
        for (const logIn of [{ user: undefined }, { user: 'bob' }] as const) {
          const [held, missing] = await Promise.all([
            ask(kind, logIn, 'team/app'),
            ask(kind, logIn, 'team/not'),
          ])
          if (held.status !== 401 && held.status !== 403) continue
          if ((shape.visibility ?? []).some(([where]) => where === 'team/app')) continue
          assert.deepEqual(bare(held), bare(missing, 'team/not'), `${kind} ${JSON.stringify(shape)}`)
        }
      }
    }
  })
})

const EMPTY = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

type Answer = Awaited<ReturnType<HttpSurface['send']>>

/** The answer without what differs between any two, with one name for both repositories. */
function bare({ status, headers, text }: Answer, name = 'team/app'): unknown {
  const { date: _date, ...others } = headers
  return JSON.parse(JSON.stringify({ status, headers: others, text }).replaceAll(name, 'team/app'))
}
