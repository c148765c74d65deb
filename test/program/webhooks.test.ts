import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { findFreePort, isListening } from '../support/machine/free-port.ts'
import { runOk } from '../support/machine/run-command.ts'
import { startProcess } from '../support/machine/start-process.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { BERTH_BIN, bootBerth } from '../support/program/boot-berth.ts'
import { formatManifest, pushBlob, putManifest } from '../support/requests/push-content.ts'
import { RawClient } from '../support/requests/raw-request.ts'

const CONFIG = Buffer.from('{}')
/** Longest wait for a delivery, in milliseconds. */
const WAIT_MS = 30_000

interface Received {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** A receiver of webhooks. `answer` returns the status, or undefined for none at all. */
async function openReceiver(answer: (received: Received) => number | undefined = () => 204) {
  const received: Received[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk
    const one = { path: request.url ?? '', headers: request.headers, body }
    received.push(one)
    const status = answer(one)
    if (status !== undefined) response.writeHead(status, { location: 'http://127.0.0.1:1/' }).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    received,
    url: `http://127.0.0.1:${port}`,
    async wait(count: number): Promise<void> {
      const until = Date.now() + WAIT_MS
      while (received.length < count && Date.now() < until) await sleep(50)
      assert.ok(received.length >= count, `${received.length} of ${count} deliveries came`)
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function basic(name: string, password: string): { authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}` }
}

async function pushTags(http: RawClient, repository: string, ...tags: string[]): Promise<void> {
  await pushBlob(http, repository, CONFIG)
  for (const reference of tags)
    assert.equal(await putManifest(http, { repository, reference }, formatManifest([CONFIG], reference)), 201)
}

function tagOf({ body }: Received): string {
  return JSON.parse(body).data.tags[0].name
}

const ALLOWED = ['--outgoing-networks', '127.0.0.1']

test('pushes are announced in order and signed, in each format, and slow or failing receivers delay no push', async () => {
  await using receiver = await openReceiver()
  await using stuck = await openReceiver(() => undefined)
  await using redirecting = await openReceiver(() => 302)
  await using berth = await bootBerth({ users: [{ name: 'alice' }], flags: ALLOWED })
  const add = async (name: string, url: string, ...flags: string[]): Promise<string> =>
    JSON.parse(await berth.command(['webhook', 'add', name, url, ...flags, '--json'])).secret
  const secret = await add(
    'main',
    `${receiver.url}/main`,
    '--repository',
    'alice/**',
    '--action',
    'manifest.push',
  )
  await add('hub', `${receiver.url}/hub`, '--format', 'docker-hub')
  await add(
    'envelope',
    `${receiver.url}/envelope`,
    '--format',
    'distribution',
    '--header',
    'X-Key: header value',
  )
  await add('other', `${receiver.url}/other`, '--repository', 'bob/**')
  await add('stuck', `${stuck.url}/?query-canary`)
  await add('redirecting', redirecting.url)
  await using http = new RawClient(berth.port, basic('alice', berth.requirePassword('alice')))
  const tags = Array.from({ length: 8 }, (_, index) => `v${index}`)
  const startedAt = performance.now()
  await pushTags(http, 'alice/app', ...tags)
  assert.ok(performance.now() - startedAt < 8_000, 'pushes wait for no receiver')
  await receiver.wait(24)
  const at = (path: string): Received[] => receiver.received.filter((one) => one.path === path)
  assert.deepEqual(at('/main').map(tagOf), tags)
  assert.deepEqual(at('/other'), [])
  const [first = assert.fail()] = at('/main')
  const { 'webhook-id': id, 'webhook-timestamp': time, 'webhook-signature': signature } = first.headers
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
  const expected = createHmac('sha256', key).update(`${id}.${time}.${first.body}`).digest('base64')
  assert.equal(signature, `v1,${expected}`)
  assert.ok(Math.abs(Number(time) - Date.now() / 1_000) < 60)
  const event = JSON.parse(first.body)
  assert.deepEqual(
    [event.specversion, event.id, event.type, event.subject, event.data.who],
    ['1.0', id, 'berth.manifest.push', 'alice/app', 'alice'],
  )
  assert.match(first.headers['content-type'] ?? '', /^application\/cloudevents\+json/)
  const hub = JSON.parse(at('/hub')[0]?.body ?? '')
  assert.deepEqual(
    [hub.push_data.tag, hub.push_data.pusher, hub.repository.repo_name, hub.repository.name],
    ['v0', 'alice', 'alice/app', 'app'],
  )
  const [envelope = assert.fail()] = at('/envelope')
  assert.equal(envelope.headers['content-type'], 'application/vnd.docker.distribution.events.v2+json')
  assert.equal(envelope.headers['x-key'], 'header value')
  const [{ action, target, actor }] = JSON.parse(envelope.body).events
  assert.deepEqual([action, target.repository, target.tag, actor.name], ['push', 'alice/app', 'v0', 'alice'])
  assert.equal(stuck.received.length, 1, 'one repository, one request at a time')
  const { deliveries } = JSON.parse(
    await berth.command(['webhook', 'deliveries', '--webhook', 'redirecting', '--json']),
  )
  assert.equal(deliveries[0].reason, 'status 302')
  assert.match(await berth.command(['webhook', 'test', 'main']), /took a test event: status 204/)
  await assert.rejects(berth.command(['webhook', 'test', 'redirecting']), /WEBHOOK_FAILED.*status 302/s)
  const shown = await berth.command(['webhook', 'list'])
  assert.match(shown, /^stuck +http:\/\/127\.0\.0\.1:\d+ +cloudevents +\*\* +all +yes +8 +0 +command$/m)
  for (const hidden of ['query-canary', 'header value', secret]) assert.ok(!shown.includes(hidden))
  await berth.command(['webhook', 'remove', 'stuck'])
})

test('a webhook reaches no private address, by any name or form of it, unless it is allowed', async () => {
  await using receiver = await openReceiver()
  await using berth = await bootBerth({ users: [{ name: 'alice' }] })
  const { port } = new URL(receiver.url)
  const hosts = [
    '127.0.0.1',
    'localhost',
    '2130706433',
    '[::ffff:127.0.0.1]',
    '169.254.169.254',
    '10.0.0.1',
    '[fd00::1]',
  ]
  for (const [index, host] of hosts.entries()) {
    await berth.command(['webhook', 'add', `h${index}`, `http://${host}:${port}/`])
    await assert.rejects(
      berth.command(['webhook', 'test', `h${index}`]),
      /WEBHOOK_FAILED.*no public address/s,
      host,
    )
  }
  await using http = new RawClient(berth.port, basic('alice', berth.requirePassword('alice')))
  await pushTags(http, 'alice/app', 'v1')
  const until = Date.now() + WAIT_MS
  const read = async () => JSON.parse(await berth.command(['webhook', 'deliveries', '--json'])).deliveries
  const isTried = async () =>
    (await read()).filter(({ attempts }: { attempts: number }) => attempts > 0).length === hosts.length
  while (!(await isTried()) && Date.now() < until) await sleep(200)
  for (const { reason } of await read()) assert.match(reason, /no public address/)
  assert.equal(receiver.received.length, 0)
})

test('what was pushed is announced after a kill, at least once and in order', async () => {
  await using folder = await makeTempFolder('webhooks')
  const data = join(folder.path, 'data')
  let isBroken = true
  await using receiver = await openReceiver(() => (isBroken ? undefined : 204))
  await runOk(BERTH_BIN, ['user', 'add', 'alice', '--new', '--password-stdin', '--data', data], {
    input: 'correct horse battery',
  })
  await runOk(BERTH_BIN, ['webhook', 'add', 'hook', receiver.url, '--data', data])
  const start = async () => {
    const port = await findFreePort('127.0.0.1')
    const args = ['serve', '--data', data, '--listen-http', `127.0.0.1:${port}`, ...ALLOWED]
    const logFile = join(folder.path, 'berth.log')
    const server = await startProcess(BERTH_BIN, {
      args,
      logFile,
      isReady: () => isListening(port, '127.0.0.1'),
    })
    return { port, server }
  }
  const one = await start()
  await using http = new RawClient(one.port, basic('alice', 'correct horse battery'))
  await pushTags(http, 'alice/app', 'v1')
  // The receiver has it and has not answered: the delivery is not noted.
  await receiver.wait(1)
  await pushTags(http, 'alice/app', 'v2', 'v3')
  // The last pushes were answered a moment ago: they are in the outbox only.
  process.kill(one.server.pid, 'SIGKILL')
  await one.server.stop()
  isBroken = false
  const two = await start()
  await receiver.wait(4)
  await sleep(1_500)
  assert.deepEqual(receiver.received.map(tagOf), ['v1', 'v1', 'v2', 'v3'])
  const [first, again] = receiver.received
  assert.equal(
    first?.headers['webhook-id'],
    again?.headers['webhook-id'],
    'the receiver can tell that it is the same',
  )
  await two.server.stop()
})
