import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { bootBerth } from '../support/program/boot-berth.ts'
import {
  formatManifest,
  hashSha256,
  openSession,
  pushBlob,
  putManifest,
  readOffset,
} from '../support/requests/push-content.ts'
import { RawClient } from '../support/requests/raw-request.ts'

const APP = 'alice/app'
const CONFIG = Buffer.from('{}')
const LAYER = Buffer.from('a layer')
const MANIFEST = formatManifest([CONFIG, LAYER])

for (const workers of [1, 2]) {
  test(`a registry of ${workers} processes is read-only as long as the switch is on`, async () => {
    await using berth = await bootBerth({
      users: [{ name: 'alice', isAdmin: true }],
      flags: ['--workers', String(workers)],
    })
    const open = (): RawClient => new RawClient(berth.port, { authorization: berth.authorization('alice') })
    await using http = open()
    await pushBlob(http, APP, CONFIG)
    await pushBlob(http, APP, LAYER)
    assert.equal(await putManifest(http, { repository: APP, reference: 'v1' }, MANIFEST), 201)
    const session = await openSession(http, APP)
    const started = await http.send('PATCH', session, { body: Buffer.from('first half, ') })
    assert.equal(started.status, 202)

    await berth.command(['read-only', 'on', '--reason', 'moving to a new disk'])
    const digest = hashSha256(MANIFEST)
    const refused: [method: string, path: string, body?: Buffer][] = [
      ['POST', `/v2/${APP}/blobs/uploads/`],
      ['POST', `/v2/${APP}/blobs/uploads/?digest=${hashSha256(CONFIG)}`, CONFIG],
      ['POST', `/v2/alice/other/blobs/uploads/?mount=${hashSha256(CONFIG)}&from=${APP}`],
      ['PATCH', session, Buffer.from('second half')],
      ['PUT', `${session}?digest=${hashSha256(CONFIG)}`],
      ['PUT', `/v2/${APP}/manifests/v2`, MANIFEST],
      ['DELETE', `/v2/${APP}/manifests/v1`],
      ['DELETE', `/v2/${APP}/manifests/${digest}`],
      ['DELETE', `/v2/${APP}/blobs/${hashSha256(CONFIG)}`],
    ]
    for (const [method, path, body] of refused) {
      // Each on a connection of its own: so every worker gets some of them.
      await using other = open()
      const answer = await other.send(method, path, body ? { body } : {})
      assert.equal(answer.status, 405, `${method} ${path}: ${answer.body}`)
      const [error] = JSON.parse(String(answer.body)).errors
      assert.equal(error.code, 'UNSUPPORTED')
      assert.match(error.message, /read-only \(since .*Z, by .* \(command\): moving to a new disk\)/)
    }
    assert.equal((await http.send('GET', `/v2/${APP}/manifests/v1`)).status, 200)
    assert.equal((await http.send('GET', `/v2/${APP}/blobs/${hashSha256(LAYER)}`)).status, 200)
    assert.equal((await http.send('HEAD', `/v2/${APP}/blobs/${hashSha256(LAYER)}`)).status, 200)
    assert.equal((await http.send('GET', `/token?scope=repository:${APP}:pull,push`)).status, 200)
    const ready = JSON.parse(String((await http.send('GET', '/readyz')).body))
    assert.equal(ready.status, 'ready')
    assert.equal(ready.warnings[0].code, 'READ_ONLY')
    assert.match(await berth.command(['read-only', 'status']), /read-only since .*: moving to a new disk/)
    assert.match(await berth.command(['user', 'add', 'bob']).catch(String), /bob|terminal/)
    await berth.command(['tag', 'delete', APP, 'v1', '--yes'])
    await berth.command(['tag', 'restore', APP, 'v1'])

    await berth.command(['read-only', 'off'])
    assert.equal(await readOffset(http, session), 'first half, '.length)
    const whole = Buffer.from('first half, second half')
    const end = await http.send('PUT', `${session}?digest=${hashSha256(whole)}`, {
      body: Buffer.from('second half'),
    })
    assert.equal(end.status, 201, String(end.body))
    assert.equal((await http.send('DELETE', `/v2/${APP}/manifests/v1`)).status, 202)
    assert.doesNotMatch(await readFile(berth.logFile, 'utf8'), /"status":5/)
  })
}
