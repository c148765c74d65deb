import assert from 'node:assert/strict'
import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { pino } from 'pino'
import { makePair } from '../../../test/support/acme/acme-pair.ts'
import { settle, wishFor } from '../../../test/support/acme/acme-room.ts'
import { lockDataFolder } from '../folders/data-folder.ts'
import { requestRenewal, takeRenewRequests } from './renew-requests.ts'

const NAME = 'app.example.com'

/** A server's manager with one certificate, and the data folder it works on. */
async function makeServer() {
  await using resources = new AsyncDisposableStack()
  const { ca, room } = resources.use(await makePair())
  await settle(room, wishFor([NAME]))
  const data = dirname(dirname(room.folder))
  const lock = lockDataFolder(data)
  const kept = resources.move()
  return {
    ...{ ca, room, data, lock },
    requests: join(room.folder, 'requests'),
    take: () => takeRenewRequests(data, { manager: room.manager, logger: SILENT }),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

const SILENT = pino({ level: 'silent' })

describe('`requestRenewal()`', () => {
  it('is answered by the server, whatever the case of the name, and leaves no files', async () => {
    await using server = await makeServer()
    using _lock = server.lock
    using _requests = await server.take()
    const [first, second] = await Promise.all([
      requestRenewal(server.data, ['App.Example.COM']),
      requestRenewal(server.data, []),
    ])
    for (const [renewed] of [first, second])
      assert.deepEqual([renewed?.names, renewed?.state, renewed?.problem], [[NAME], 'valid', undefined])
    assert.deepEqual(await readdir(server.requests), [])
  })

  it('gets the names without a certificate', async () => {
    await using server = await makeServer()
    using _lock = server.lock
    using _requests = await server.take()
    await assert.rejects(requestRenewal(server.data, ['other.example.com']), {
      code: 'RENEWAL_REFUSED',
      message: /other\.example\.com/,
    })
  })

  it('does not wait for a server that has stopped, nor for one that is not there', async () => {
    await using server = await makeServer()
    const waiting = requestRenewal(server.data, [NAME])
    setTimeout(() => server.lock[Symbol.dispose](), 500)
    await assert.rejects(waiting, { code: 'RENEWAL_UNANSWERED', message: /has stopped/ })
    assert.deepEqual(await readdir(server.requests), [])
    await assert.rejects(requestRenewal(server.data, [NAME]), { code: 'NOT_RUNNING' })
  })
})

describe('`takeRenewRequests()`', () => {
  it('does not ask the CA for what has no waiting caller any more', async () => {
    await using server = await makeServer()
    using _lock = server.lock
    await mkdir(server.requests, { recursive: true })
    const hourAgo = Date.now() / 1000 - 3600
    for (const name of ['old.request', '.old.answer']) {
      await writeFile(join(server.requests, name), JSON.stringify({ names: [] }))
      await utimes(join(server.requests, name), hourAgo, hourAgo)
    }
    const orders = server.ca.callsOf('finalize').length
    using _requests = await server.take()
    assert.deepEqual(await readdir(server.requests), [])
    await requestRenewal(server.data, [NAME])
    assert.equal(server.ca.callsOf('finalize').length - orders, 1)
  })
})
