import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { until } from '../support/machine/until.ts'
import { type BootedBerth, bootBerth } from '../support/program/boot-berth.ts'
import { noteSecret } from '../support/program/secret-canary.ts'
import { startIssuer } from '../support/registry/token-issuer.ts'

const CATALOG = '/v2/_catalog'

const basic = (name: string, password: string): Record<string, string> => ({
  authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`,
})
const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` })

/** Runs a command that prints a secret. */
async function make(berth: BootedBerth, ...args: string[]): Promise<string> {
  const { secret } = JSON.parse(await berth.command([...args, '--json']))
  noteSecret(secret)
  return secret
}

/** Requests with a status and, of a failure, its first message. */
async function get(berth: BootedBerth, path: string, headers: Record<string, string>) {
  const response = await fetch(berth.url + path, { headers })
  const body = (await response.json()) as Record<string, unknown>
  const errors = body.errors as { message: string }[] | undefined
  return { status: response.status, body, message: errors?.[0]?.message ?? '' }
}

async function push(berth: BootedBerth, repository: string, headers: Record<string, string>) {
  const response = await fetch(`${berth.url}/v2/${repository}/blobs/uploads/`, { method: 'POST', headers })
  await response.arrayBuffer()
  return response.status
}

/** The access token and the refresh token of a log-in such as Docker's. */
async function logIn(berth: BootedBerth, headers: Record<string, string>, scope: string) {
  const query = new URLSearchParams({ service: 'x', client_id: 'docker', offline_token: 'true', scope })
  const { status, body, message } = await get(berth, `/token?${query}`, headers)
  if (typeof body.token === 'string') noteSecret(body.token)
  return {
    status,
    message,
    token: String(body.token),
    refresh: String(body.refresh_token),
    scope: body.scope,
  }
}

async function redeem(berth: BootedBerth, refresh: string) {
  const body = new URLSearchParams({ grant_type: 'refresh_token', service: 'x', refresh_token: refresh })
  return (await fetch(`${berth.url}/token`, { method: 'POST', body })).status
}

test('a personal token logs in by Basic, at /token and as a bearer, within its limits, until it is revoked', async () => {
  await using berth = await bootBerth({ users: [{ name: 'alice' }, { name: 'root', isAdmin: true }] })
  const secret = await make(berth, 'token', 'create', 'alice', 'ci', '--allow', 'alice/app:pull,push')
  const whole = await make(berth, 'token', 'create', 'alice', 'laptop', '--expires', 'never')
  assert.equal((await get(berth, '/v2/', basic('alice', secret))).status, 200)
  assert.equal(await push(berth, 'alice/app', basic('alice', secret)), 202)
  assert.equal(await push(berth, 'alice/other', basic('alice', secret)), 403)
  assert.equal(await push(berth, 'alice/other', basic('alice', whole)), 202)
  assert.equal(await push(berth, 'alice/app', bearer(secret)), 202)
  const scope = 'repository:alice/app:pull,push,delete repository:alice/other:pull,push'
  const login = await logIn(berth, basic('alice', secret), scope)
  assert.equal(login.scope, 'repository:alice/app:pull,push')
  assert.equal(await push(berth, 'alice/app', bearer(login.token)), 202)
  assert.equal(await push(berth, 'alice/other', bearer(login.token)), 403)
  assert.equal(await redeem(berth, login.refresh), 200)
  const other = await get(berth, '/v2/', basic('root', secret))
  assert.match(other.message, /belongs to another user name: log in as "alice"/)
  assert.equal(other.status, 401)
  await berth.command(['token', 'revoke', 'alice', 'ci', '--yes'])
  assert.equal((await get(berth, '/v2/', basic('alice', secret))).status, 401)
  assert.equal(await push(berth, 'alice/app', bearer(login.token)), 401)
  assert.equal(await redeem(berth, login.refresh), 401)
  assert.equal(await push(berth, 'alice/app', basic('alice', whole)), 202)
  const { tokens } = JSON.parse(await berth.command(['token', 'list', '--json']))
  assert.deepEqual(
    tokens.map(({ name, usedFrom, expiresAt }: Record<string, unknown>) => [name, usedFrom, expiresAt]),
    [['laptop', '127.0.0.1', null]],
  )
})

test('a robot logs in by name and secret, before and after a rotation; disabling it ends an upload’s next step', async () => {
  await using berth = await bootBerth({ users: [{ name: 'alice' }] })
  const limits = ['--allow', 'alice/**:pull,push']
  const secret = await make(berth, 'robot', 'create', 'ci', '--owner', 'alice', ...limits)
  const login = await logIn(berth, basic('ci', secret), 'repository:alice/app:pull,push,delete')
  assert.equal(login.scope, 'repository:alice/app:pull,push')
  const started = await fetch(`${berth.url}/v2/alice/app/blobs/uploads/`, {
    method: 'POST',
    headers: bearer(login.token),
  })
  assert.equal(started.status, 202)
  const next = await make(berth, 'robot', 'rotate', 'ci', '--overlap', '1h')
  for (const one of [secret, next]) assert.equal((await get(berth, '/v2/', basic('ci', one))).status, 200)
  const append = async () => {
    const location = new URL(started.headers.get('location') ?? '', berth.url)
    const response = await fetch(location, { method: 'PATCH', body: 'x', headers: bearer(login.token) })
    return response.status
  }
  assert.equal(await append(), 202)
  await berth.command(['robot', 'disable', 'ci'])
  assert.equal(await append(), 401)
  assert.match((await get(berth, '/v2/', basic('ci', next))).message, /is disabled/)
  await berth.command(['robot', 'enable', 'ci'])
  const last = await make(berth, 'robot', 'rotate', 'ci', '--overlap', '0')
  assert.equal((await get(berth, '/v2/', basic('ci', next))).status, 401)
  assert.equal((await get(berth, '/v2/', basic('ci', last))).status, 200)
  await berth.command(['robot', 'remove', 'ci', '--yes'])
  assert.equal((await get(berth, '/v2/', basic('ci', last))).status, 401)
})

test('secrets with a typing error and of any size are a wrong password, and come back in no answer', async () => {
  await using berth = await bootBerth({ users: [{ name: 'alice' }] })
  const secret = await make(berth, 'token', 'create', 'alice', 'ci')
  const faulty = [
    `${secret}x`,
    secret.slice(0, -1),
    `${secret.slice(0, -1)}~`,
    'berth_pat_',
    'berth_robot_é',
    `berth_pat_${'a'.repeat(5_000)}`,
    `${secret}\0`,
    `eyJ${'a'.repeat(3_000)}.b.c`,
    'eyJhbGciOiJub25lIn0.eyJpc3MiOiJodHRwczovL2V4YW1wbGUuY29tIn0.x',
  ]
  for (const one of faulty) {
    for (const path of ['/v2/', '/token?service=x']) {
      const { status, body } = await get(berth, path, basic('alice', one))
      assert.equal(status, 401, one)
      assert.ok(!JSON.stringify(body).includes(one.slice(0, 20)))
    }
    const form = new URLSearchParams({
      grant_type: 'password',
      username: 'alice',
      password: one,
      service: 'x',
    })
    assert.equal((await fetch(`${berth.url}/token`, { method: 'POST', body: form })).status, 401)
  }
  const bearers = faulty.filter((one) => /^[\x21-\x7e]*$/.test(one))
  for (const one of bearers) assert.equal((await get(berth, CATALOG, bearer(one))).status, 401)
  const large = await fetch(`${berth.url}/v2/`, { headers: basic('alice', 'x'.repeat(200_000)) })
  assert.ok([400, 431].includes(large.status), String(large.status))
  assert.equal((await get(berth, '/v2/', basic('alice', secret))).status, 200)
})

test('an ID token is the password of a robot that trusts it, for this registry only', async () => {
  await using issuer = await startIssuer()
  await using berth = await bootBerth({
    users: [{ name: 'alice' }],
    flags: ['--public-url', 'https://registry.example.com', '--outgoing-networks', '127.0.0.0/8,::1'],
  })
  const ca = join(berth.dataDir, 'issuer.pem')
  await writeFile(ca, issuer.ca)
  await berth.command(['robot', 'create', 'ci', '--owner', 'alice', '--no-secret'])
  await berth.command(
    ['robot', 'trust', 'ci', 'actions', '--issuer', issuer.issuer, '--ca', ca].concat([
      '--claim',
      'sub=repo:org/app:*',
    ]),
  )
  const sign = (aud: string, sub = 'repo:org/app:main') => issuer.sign({ aud, sub })
  const token = await sign('registry.example.com')
  noteSecret(token)
  const login = await logIn(berth, basic('oidc', token), 'repository:alice/app:pull,push')
  assert.equal(login.scope, 'repository:alice/app:pull,push')
  assert.equal(await push(berth, 'alice/app', bearer(login.token)), 202)
  assert.equal(await push(berth, 'alice/app', basic('', token)), 401)
  assert.equal(await push(berth, 'alice/app', basic('any', token)), 202)
  assert.equal(await redeem(berth, login.refresh), 200)
  const other = await get(berth, '/v2/', basic('oidc', await sign('other.example.com')))
  assert.deepEqual([other.status, /registry\.example\.com/.test(other.message)], [401, true])
  const stranger = await get(
    berth,
    '/v2/',
    basic('oidc', await sign('registry.example.com', 'repo:evil/app:x')),
  )
  assert.match(stranger.message, /claim "sub" with the value "repo:evil\/app:x"/)
  await berth.command(['robot', 'distrust', 'ci', 'actions'])
  assert.equal((await get(berth, '/v2/', basic('oidc', token))).status, 401)
  assert.equal(await push(berth, 'alice/app', bearer(login.token)), 401)
  assert.equal(await redeem(berth, login.refresh), 401)
  // Lines of the log are gathered for a moment.
  await until(async () => (await readFile(berth.logFile, 'utf8')).includes('"who":"ci"'))
})
