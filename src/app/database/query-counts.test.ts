import assert from 'node:assert/strict'
import { pino } from 'pino'
import { countQueries } from '../../../test/support/database/counted-database.ts'
import { testOnEngines } from '../../../test/support/database/engines.ts'
import type { OpenDatabase } from '../../../test/support/database/test-engine.ts'
import { makeVisit } from '../../../test/support/door/served-by.ts'
import { startApp } from '../../../test/support/door/start-app.ts'
import { createAccounts } from '../../accounts/create-accounts.ts'
import { createLoginPlaces } from '../../accounts/guesses/login-places.ts'
import { LoginGuard } from '../../accounts/log-in/login-guard.ts'
import { loadConfig } from '../../config/load/load-config.ts'
import { EventNotes } from '../../events/event-notes.ts'
import { Headroom } from '../../files/headroom.ts'
import { hashContent } from '../../oci/digest.ts'
import { ManifestUses } from '../../registry/pull/manifest-uses.ts'
import { ChunkCollector } from '../../stream/chunk-collector.ts'
import { UnsentBytes } from '../../stream/unsent-bytes.ts'
import { BackgroundWork } from '../background-work.ts'
import { CertificateExpiry } from '../certificates/certificate-expiry.ts'
import { openContents, openRegistry } from '../open-registry.ts'
import { Activity } from '../status/activity.ts'
import { accountBelongings } from './account-belongings.ts'

const test = testOnEngines()
const PASSWORD = 'correct horse'
const BASIC = `Basic ${Buffer.from(`alice:${PASSWORD}`).toString('base64')}`
const MANIFEST = JSON.stringify({
  schemaVersion: 2,
  mediaType: 'application/vnd.oci.image.index.v1+json',
  manifests: [],
})

/** A registry over a database whose queries are counted, with the account alice and the manifest alice/app:v1. */
async function serveCounted(openDatabase: OpenDatabase) {
  await using resources = new AsyncDisposableStack()
  const temporary = resources.use(await openDatabase())
  const { database, take } = countQueries(temporary.database)
  const { config } = loadConfig({ flags: { data: temporary.folder }, env: {}, cwd: temporary.folder })
  const guard = resources.use(new LoginGuard({ places: createLoginPlaces(database) }))
  const accounts = resources.use(
    createAccounts({ database, belongings: accountBelongings(database), htpasswdFile: undefined, guard }),
  )
  await accounts.add({ name: 'alice', password: PASSWORD, isAdmin: false })
  const logger = pino({ level: 'silent' })
  const headroom = new Headroom(config.dataDir)
  const collector = new ChunkCollector()
  const contents = await openContents(
    { config, logger, headroom, collector, metrics: undefined, traces: undefined },
    database,
  )
  const served = await openRegistry({
    config,
    store: { database, accounts, guard, isFrozen: false, close: async () => {} },
    contents,
    logger,
    isStopping: () => false,
    uploadTurns: undefined,
    metrics: undefined,
    expiry: new CertificateExpiry(),
    unsentBytes: new UnsentBytes(collector),
    activity: new Activity(),
    notes: new EventNotes(),
    scrape: async () => '',
    background: new BackgroundWork(logger),
    uses: new ManifestUses(contents.metadata, () => 0),
  })
  const { url } = resources.use(
    await startApp((request, response) =>
      served.serve(request, response, makeVisit({ target: request.url ?? '/' })),
    ),
  )
  const send = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const response = await fetch(url + path, init)
    assert.ok(response.ok, `${path} is answered ${response.status}`)
    return response
  }
  /** Queries of one request. */
  const count = async (path: string, init?: RequestInit): Promise<Record<string, number>> => {
    take()
    await send(path, init)
    return take()
  }
  const kept = resources.move()
  return { send, count, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

async function pushManifest(send: (path: string, init: RequestInit) => Promise<Response>): Promise<void> {
  const headers = { authorization: BASIC, 'content-type': 'application/vnd.oci.image.index.v1+json' }
  await send('/v2/alice/app/manifests/v1', { method: 'PUT', headers, body: MANIFEST })
}

function form(fields: Record<string, string>): RequestInit {
  return { method: 'POST', body: new URLSearchParams({ service: 'x', ...fields }) }
}

test('a log-in looks its account up once, however it is made', async (openDatabase) => {
  await using t = await serveCounted(openDatabase)
  const password = { grant_type: 'password', username: 'alice', password: PASSWORD, access_type: 'offline' }
  const first = await t.count('/token', form(password))
  assert.equal(first.users, 1, 'with a password that is checked')
  assert.equal((await t.count('/token', { headers: { authorization: BASIC } })).users, 1, 'from memory')
  assert.equal((await t.count('/v2/', { headers: { authorization: BASIC } })).users, 1, 'with each request')
  const answer = (await (await t.send('/token', form(password))).json()) as Record<string, string>
  const bearer = { authorization: `Bearer ${answer.access_token}` }
  assert.equal((await t.count('/v2/', { headers: bearer })).users, 1, 'with an access token')
  const refresh = form({ grant_type: 'refresh_token', refresh_token: answer.refresh_token ?? '' })
  const refreshed = await t.count('/token', refresh)
  assert.deepEqual([refreshed.users, refreshed.refresh_tokens], [1, 1], 'with a refresh token')
})

test('a manifest is found by one query beside those of account and rules, by its tag and by its digest', async (openDatabase) => {
  await using t = await serveCounted(openDatabase)
  await pushManifest(t.send)
  const answer = (await (
    await t.send('/token?scope=repository:alice/app:pull', { headers: { authorization: BASIC } })
  ).json()) as { token: string }
  const headers = { authorization: `Bearer ${answer.token}` }
  await t.send('/v2/', { headers })
  for (const method of ['GET', 'HEAD']) {
    for (const reference of ['v1', hashContent(MANIFEST)]) {
      const counts = await t.count(`/v2/alice/app/manifests/${reference}`, { method, headers })
      assert.deepEqual(counts, { users: 1, access_state: 1, repositories: 1 }, `${method} ${reference}`)
    }
  }
})
