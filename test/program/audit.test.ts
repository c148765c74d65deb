import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { userInfo } from 'node:os'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { BERTH_BIN, bootBerth } from '../support/program/boot-berth.ts'
import { noteSecret } from '../support/program/secret-canary.ts'
import { formatManifest, hashSha256, pushBlob, putManifest } from '../support/requests/push-content.ts'
import { RawClient } from '../support/requests/raw-request.ts'

const CONFIG = Buffer.from('{}')

interface ShownEvent {
  readonly position: number | null
  readonly action: string
  readonly outcome: string
  readonly via: string
  readonly who?: string
  readonly repository?: string
  readonly digest?: string
  readonly tags?: { name: string; before?: string }[]
  readonly address?: string
  readonly request?: string
  readonly count?: number
}

function basic(name: string, password: string): string {
  return `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`
}

/** Author of what a command does. */
const OPERATOR = `${userInfo().username} (command)`

test('who did what, from where and when is shown beside a running server, followed, and verified', async () => {
  await using berth = await bootBerth({
    users: [{ name: 'alice' }, { name: 'bob' }],
    flags: ['--audit-pulls'],
  })
  const follower = spawn(BERTH_BIN, ['audit', '--follow', '--format', 'cef', '--data', berth.dataDir])
  let followed = ''
  follower.stdout.on('data', (chunk: Buffer) => {
    followed += chunk
  })
  await using http = new RawClient(berth.port, {
    authorization: basic('alice', berth.requirePassword('alice')),
  })
  await pushBlob(http, 'alice/app', CONFIG)
  const [one, two] = [formatManifest([CONFIG]), formatManifest([CONFIG, CONFIG])]
  assert.equal(await putManifest(http, { repository: 'alice/app', reference: 'v1' }, one), 201)
  assert.equal(await putManifest(http, { repository: 'alice/app', reference: 'v1' }, two), 201)
  assert.equal((await http.send('GET', '/v2/alice/app/manifests/v1')).status, 200)
  assert.equal((await http.send('PUT', '/v2/alice/app/manifests/v2', { body: Buffer.from('{') })).status, 400)
  assert.equal((await http.send('DELETE', `/v2/alice/app/manifests/${hashSha256(one)}`)).status, 202)
  await using stranger = new RawClient(berth.port, {
    authorization: basic('bob', berth.requirePassword('bob')),
  })
  assert.equal((await stranger.send('GET', '/v2/alice/app/manifests/v1')).status, 403)
  for (let turn = 0; turn < 3; turn++) {
    await using guesser = new RawClient(berth.port, { authorization: basic('alice', 'wrong canary') })
    await guesser.send('GET', '/v2/')
  }
  await berth.command(['user', 'disable', 'bob'])
  const read = async (...args: string[]): Promise<ShownEvent[]> =>
    JSON.parse(await berth.command(['audit', '--json', ...args])).events
  const until = Date.now() + 20_000
  while ((await read('--action', 'log-in', '--outcome', 'refused')).length === 0 && Date.now() < until)
    await sleep(200)
  const events = await read()
  assert.deepEqual(
    events.filter(({ action }) => action.startsWith('user.')).map(({ action, who }) => [action, who]),
    [
      ['user.add', OPERATOR],
      ['user.add', OPERATOR],
      ['user.disable', OPERATOR],
    ],
  )
  const changes = events.filter(({ action }) => /^manifest\.(?:push|delete)$/.test(action))
  assert.deepEqual(
    changes.map(({ action, who, digest, tags }) => [action, who, digest, tags]),
    [
      ['manifest.push', 'alice', hashSha256(one), [{ name: 'v1' }]],
      ['manifest.push', 'alice', hashSha256(two), [{ name: 'v1', before: hashSha256(one) }]],
      ['manifest.delete', 'alice', hashSha256(one), undefined],
    ],
  )
  for (const { address, request } of changes) {
    assert.equal(address, '127.0.0.1')
    assert.match(request ?? '', /^[0-9a-f]{8}-\w+$/)
  }
  const [denied] = await read('--action', 'access.denied')
  assert.deepEqual([denied?.who, denied?.outcome, denied?.repository], ['bob', 'refused', 'alice/app'])
  assert.equal((await read('--action', 'manifest.pull'))[0]?.who, 'alice')
  const logIns = await read('--action', 'log-in')
  const wrong = logIns.filter(({ outcome }) => outcome === 'refused')
  assert.equal(
    wrong.reduce((sum, { count = 1 }) => sum + count, 0),
    3,
  )
  assert.deepEqual(new Set(logIns.map(({ who }) => who)), new Set(['alice', 'bob']))
  assert.doesNotMatch(JSON.stringify(events), /canary/)
  assert.match(
    await berth.command(['audit', '--who', 'alice']),
    /alice +manifest\.push +done +alice\/app:v1 +127\.0\.0\.1/,
  )
  while (!followed.includes('|log-in|') && Date.now() < until) await sleep(100)
  follower.kill('SIGINT')
  await once(follower, 'exit')
  assert.match(
    followed,
    /^CEF:0\|Berth\|Berth\|[^|]+\|manifest\.push\|manifest push\|3\|rt=\d+ externalId=\S+ act=manifest\.push outcome=done suser=alice src=127\.0\.0\.1 .*cs1=alice\/app /m,
  )
  const { checked, end } = JSON.parse(await berth.command(['audit', 'verify', '--json']))
  assert.ok(checked >= 8)
  assert.match(
    await berth.command(['audit', 'verify', '--expect', `${end.position}:${end.hash}`]),
    /events are as they were written/,
  )
  await assert.rejects(
    berth.command(['audit', 'verify', '--expect', `${end.position}:${'0'.repeat(64)}`]),
    /AUDIT_BROKEN/,
  )
})

test('the event of a request is there once the request is answered, before it has a place in the log', async () => {
  await using berth = await bootBerth({ users: [{ name: 'alice' }] })
  await using http = new RawClient(berth.port, {
    authorization: basic('alice', berth.requirePassword('alice')),
  })
  await pushBlob(http, 'alice/app', CONFIG)
  const manifest = formatManifest([CONFIG])
  assert.equal(await putManifest(http, { repository: 'alice/app', reference: 'v1' }, manifest), 201)
  const { events } = JSON.parse(await berth.command(['audit', '--json', '--action', 'manifest.push']))
  assert.equal(events.length, 1)
})

test('a token that a visitor sends in the wrong place is in no event', async () => {
  await using berth = await bootBerth({ users: [{ name: 'alice' }, { name: 'bob' }] })
  const made = await berth.command(['token', 'create', 'alice', 'laptop', '--json'])
  const [token = assert.fail(made)] = /berth_pat_\w+/.exec(made) ?? []
  noteSecret(token)
  const send = async (path: string, headers: Record<string, string>) => {
    using http = new RawClient(berth.port, headers)
    return (await http.send('GET', path)).status
  }
  const bob = basic('bob', berth.requirePassword('bob'))
  assert.equal(await send('/v2/', { authorization: basic(token, 'x') }), 401)
  assert.equal(
    await send('/v2/alice/app/manifests/v1', { authorization: bob, 'user-agent': `curl ${token}` }),
    403,
  )
  assert.equal(await send(`/v2/alice/app/manifests/${token}`, { authorization: bob }), 403)
  assert.equal(await send(`/api/v1/users/${token}`, { authorization: bob }), 403)
  const until = Date.now() + 20_000
  const read = (...args: string[]): Promise<string> => berth.command(['audit', ...args])
  while (!(await read('--json')).includes('access.denied') && Date.now() < until) await sleep(200)
  for (const text of [await read('--json'), await read('--format', 'cef'), await read()]) {
    assert.match(text, /access.denied/)
    assert.equal(text.includes(token), false)
    assert.doesNotMatch(text, /berth_pat_/)
  }
})

test('each act of a command names the user who ran it', async () => {
  await using berth = await bootBerth({ users: [{ name: 'alice' }] })
  using http = new RawClient(berth.port, { authorization: basic('alice', berth.requirePassword('alice')) })
  await pushBlob(http, 'alice/app', CONFIG)
  const manifest = formatManifest([CONFIG])
  assert.equal(await putManifest(http, { repository: 'alice/app', reference: 'v1' }, manifest), 201)
  for (const command of [
    ['tag', 'pin', 'alice/app', 'v1'],
    ['tag', 'unpin', 'alice/app', 'v1'],
    ['read-only', 'on'],
    ['read-only', 'off'],
    ['token', 'create', 'alice', 'laptop'],
    ['access', 'visibility', 'alice/**', 'public'],
    ['tag', 'delete', 'alice/app', 'v1', '--yes'],
    ['repo', 'delete', 'alice/app', '--yes'],
    ['trash', 'empty', '--yes'],
  ])
    await berth.command(command)
  const { events } = JSON.parse(await berth.command(['audit', '--json'])) as { events: ShownEvent[] }
  const acts = events.filter(({ via }) => via !== 'request')
  assert.deepEqual(
    acts.map(({ action, who }) => [action, who]),
    [
      'user.add',
      'pin.set',
      'pin.remove',
      'read-only.on',
      'read-only.off',
      'token.issue',
      'access.change',
      'tag.delete',
      'repository.delete',
      'trash.empty',
    ].map((action) => [action, OPERATOR]),
  )
})
