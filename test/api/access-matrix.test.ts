import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Reply } from '../protocol/connection.ts'
import type { RegistryUnderTest } from '../protocol/registry-under-test.ts'
import { until } from '../support/machine/until.ts'
import { apiEngines } from './api-engines.ts'

/** The access of each operation, written down a second time: a route that changes it, or is new, must be here, too. */
const ACCESS: Readonly<
  Record<
    string,
    'anyone' | 'signed-in' | 'catalog' | 'pull' | 'create' | 'overwrite' | 'delete' | 'administer'
  >
> = {
  getService: 'signed-in',
  getDocument: 'anyone',
  getMe: 'signed-in',
  listRepositories: 'catalog',
  getRepository: 'pull',
  deleteRepository: 'delete',
  restoreRepository: 'create',
  listTags: 'pull',
  getTag: 'pull',
  deleteTag: 'delete',
  listTagHistory: 'pull',
  restoreTag: 'overwrite',
  getImage: 'pull',
  deleteManifest: 'delete',
  restoreManifest: 'create',
  listTrash: 'administer',
  restoreFromTrash: 'administer',
  emptyTrash: 'administer',
  listUsers: 'administer',
  getUser: 'administer',
  createUser: 'administer',
  changeUser: 'administer',
  setPassword: 'administer',
  deleteUser: 'administer',
  listLogIns: 'administer',
  endLogIns: 'administer',
  getAccess: 'administer',
  setAccess: 'administer',
  getPolicies: 'administer',
  setPolicies: 'administer',
  listQuotas: 'administer',
  listRetentionRuns: 'administer',
  getRetentionRun: 'administer',
  runRetention: 'administer',
  planRetention: 'administer',
  getReadOnly: 'administer',
  setReadOnly: 'administer',
  endReadOnly: 'administer',
  getPause: 'administer',
  setPause: 'administer',
  endPause: 'administer',
  listPins: 'administer',
  pin: 'administer',
  unpin: 'administer',
  getCollection: 'administer',
  runCollection: 'administer',
  getScrub: 'administer',
  runScrub: 'administer',
  listDamages: 'administer',
  listBackups: 'administer',
  getStatus: 'administer',
  listSettings: 'administer',
  listSites: 'administer',
  listCertificates: 'administer',
  streamEvents: 'administer',
}

type Access = (typeof ACCESS)[string]

/** Kinds of principals; `alice` owns the repository of the requests. */
const PRINCIPALS = [
  'nobody',
  'alice',
  'bob',
  'admin',
  "alice's token without a scope",
  "alice's token for another repository",
  "alice's token for everything",
  "admin's token without a scope",
  'a wrong password',
  'a forged token',
] as const
type PrincipalKind = (typeof PRINCIPALS)[number]

/** The answer by a model of its own: the status of a refusal, or `pass`. */
function expect(access: Access, who: PrincipalKind): 401 | 403 | 'pass' {
  if (who === 'a wrong password' || who === 'a forged token') return 401
  if (access === 'anyone') return 'pass'
  if (who === 'nobody') return 401
  if (access === 'signed-in') return 'pass'
  if (access === 'administer') {
    if (who === 'admin') return 'pass'
    return who === "admin's token without a scope" ? 401 : 403
  }
  if (who === "alice's token for everything") return 'pass'
  if (who.includes('token')) return 401
  if (access === 'catalog') return 'pass'
  return who === 'bob' ? 403 : 'pass'
}

interface Operation {
  readonly id: string
  readonly method: string
  readonly path: string
  readonly access: string
}

async function listOperations(registry: RegistryUnderTest): Promise<Operation[]> {
  const { json } = await registry.send(undefined, 'GET', '/api/v1/openapi.json')
  const paths = json.paths as Record<string, Record<string, { operationId: string; 'x-access': string }>>
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      id: operation.operationId,
      // A stream has no end to wait for.
      method: operation.operationId === 'streamEvents' ? 'HEAD' : method.toUpperCase(),
      path,
      access: operation['x-access'],
    })),
  )
}

const VALUES: Readonly<Record<string, string>> = {
  tag: 'none',
  reference: 'none',
  digest: `sha256:${'a'.repeat(64)}`,
  account: 'nobody-of-this-name',
  run: '999999',
}

function toTarget(path: string, repository: string): string {
  return path.replace(/\{(\w+)\}/g, (_all, name: string) =>
    encodeURIComponent(name === 'repository' ? repository : (VALUES[name] ?? assert.fail(name))),
  )
}

/** The answer without members that differ between two equivalent answers. */
function bare({ status, headers, text }: Reply): unknown {
  const { date: _date, 'x-request-id': id, ...others } = headers
  return { status, headers: others, text: text.replaceAll(String(id), 'ID') }
}

for (const engine of apiEngines()) {
  describe(`who may do what in the API (${engine.name})`, { skip: engine.skip }, () => {
    let registry: RegistryUnderTest
    let operations: Operation[]
    const authorizations = new Map<PrincipalKind, string | undefined>()

    before(async () => {
      registry = await engine.start()
      operations = await listOperations(registry)
      const token = async (user: 'alice' | 'admin', ...scopes: string[]): Promise<string> =>
        `Bearer ${await registry.token(user, ...scopes)}`
      const all = ['registry:catalog:*', 'repository:alice/app:pull,push,delete', 'repository:alice/none:*']
      authorizations
        .set('nobody', undefined)
        .set('alice', registry.basic('alice'))
        .set('bob', registry.basic('bob'))
        .set('admin', registry.basic('admin'))
        .set("alice's token without a scope", await token('alice'))
        .set("alice's token for another repository", await token('alice', 'repository:alice/other:*'))
        .set("alice's token for everything", await token('alice', ...all))
        .set("admin's token without a scope", await token('admin'))
        .set('a wrong password', registry.basic('alice', 'not the password'))
        .set('a forged token', 'Bearer aaaa.bbbb.cccc')
    })
    after(() => registry[Symbol.asyncDispose]())

    test('each operation has the access that stands here', () => {
      assert.deepEqual(Object.fromEntries(operations.map(({ id, access }) => [id, access])), ACCESS)
    })

    for (const who of PRINCIPALS) {
      test(`${who}: is let in or refused as the access says, and missing looks like forbidden`, async () => {
        const headers = { authorization: authorizations.get(who) }
        for (const { id, method, path } of operations) {
          const access = ACCESS[id] ?? assert.fail(id)
          const expected = expect(access, who)
          // A repository that is not there, so that what passes changes nothing.
          const reply = await registry.send(undefined, method, toTarget(path, 'alice/none'), { headers })
          const what = `${who}: ${method} ${path}: ${reply.status} ${reply.text}`
          assert.ok(reply.status < 500, what)
          if (expected === 'pass') {
            assert.ok(reply.status !== 401 && reply.status !== 403, what)
            continue
          }
          assert.equal(reply.status, expected, what)
          assert.equal(reply.headers['content-type'], 'application/problem+json', what)
          if (method !== 'HEAD')
            assert.equal(reply.json.code, expected === 401 ? 'UNAUTHORIZED' : 'DENIED', what)
          assert.equal(reply.headers['www-authenticate'] !== undefined, expected === 401, what)
          const held = await registry.send(undefined, method, toTarget(path, 'alice/app'), { headers })
          const missing = JSON.stringify(bare(reply)).replaceAll('alice/none', 'alice/app')
          assert.equal(JSON.stringify(bare(held)), missing, what)
        }
      })
    }

    test('a disabled account and one that is gone are refused at the next request', async () => {
      const token = `Bearer ${await registry.token('bob')}`
      const status = async (authorization: string): Promise<number> =>
        (await registry.send(undefined, 'GET', '/api/v1/me', { headers: { authorization } })).status
      assert.deepEqual([await status(token), await status(registry.basic('bob'))], [200, 200])
      await registry.manage(({ accounts }) => accounts.setDisabled('bob', true))
      // On PostgreSQL the server hears of it a moment later.
      await until(async () => (await status(token)) === 401 && (await status(registry.basic('bob'))) === 401)
      await registry.manage(({ accounts }) => accounts.setDisabled('bob', false))
    })
  })
}
