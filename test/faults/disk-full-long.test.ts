import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { it } from 'node:test'
import { startRaceServer } from '../races/race-server.ts'
import { hashSha256, openSession, readOffset } from '../support/requests/push-content.ts'
import { SmallDisk, whyNoMounts } from './small-disk.ts'

const REPOSITORY = 'full/long'
const MIB = 1024 * 1024
const skip = await whyNoMounts()

it('a disk that fills during a long PATCH keeps what its session has counted', { skip }, async () => {
  await using disk = await SmallDisk.mount(120)
  // Without a floor: with one, a body of this length is refused before it begins.
  const flags = ['--registry-root', join(disk.path, 'registry'), '--disk-floor', '0']
  await using server = await startRaceServer([REPOSITORY], { flags })
  const { http } = server
  const location = await openSession(http, REPOSITORY)
  const bytes = randomBytes(160 * MIB)
  // The connection may be closed while the rest of the body is still sent.
  const refused = await http.send('PATCH', location, { body: bytes }).catch(() => undefined)
  if (refused) assert.equal(refused.status, 507, String(refused.body))
  const offset = (await readOffset(http, location)) ?? assert.fail('the session is gone')
  assert.ok(offset >= 32 * MIB && offset < 120 * MIB, `offset ${offset}`)
  const whole = bytes.subarray(0, offset + 5)
  const rest = { body: whole.subarray(offset) }
  const finished = await http.send('PUT', `${location}?digest=${hashSha256(whole)}`, rest)
  assert.equal(finished.status, 201, String(finished.body))
  const { digest } = await http.send('GET', `/v2/${REPOSITORY}/blobs/${hashSha256(whole)}`)
  assert.equal(digest, hashSha256(whole))
})
