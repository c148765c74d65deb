import assert from 'node:assert/strict'
import { testOnEngines } from '../../../test/support/database/engines.ts'
import {
  APP,
  DAMAGEABLE_STORES,
  type DamageAct,
  openScrubRoom,
} from '../../../test/support/memory/scrub-room.ts'
import { hashContent } from '../../oci/digest.ts'
import { OciError } from '../../oci/errors.ts'
import { dropEnded } from './drop-ended.ts'
import { scrub } from './scrub.ts'

const onEngines = testOnEngines()
const DAY_MS = 24 * 3_600_000

type Room = Awaited<ReturnType<typeof openScrubRoom>>

function test(name: string, run: (t: Room, store: string) => Promise<void>): void {
  for (const [store, openStore] of Object.entries(DAMAGEABLE_STORES)) {
    onEngines(`${name} (${store})`, async (openDatabase) => {
      await using t = await openScrubRoom(openStore, openDatabase)
      await run(t, store)
    })
  }
}

const ACTS: Readonly<Record<DamageAct, string>> = {
  flipped: 'changed',
  short: 'changed',
  long: 'changed',
  empty: 'changed',
  missing: 'absent',
  unreadable: 'unreadable',
  folder: 'no-file',
}

test('each kind of damage is found, the blob is absent for clients, and a push mends it', async (t, store) => {
  const acts = (Object.keys(ACTS) as DamageAct[]).filter((act) => act !== 'folder' || store === 'disk')
  for (const algorithm of ['sha256', 'sha512'] as const) {
    for (const act of acts) {
      const bytes = Buffer.from(`layer ${act} ${algorithm}`)
      const digest = await t.pushBlob(bytes, algorithm)
      const other = await t.pushBlob(`beside ${act} ${algorithm}`)
      await t.damage(digest, bytes, act)
      const { found, repaired, end } = await t.scrub()
      assert.deepEqual({ found, repaired, end }, { found: 1, repaired: 0, end: 'ended' }, act)
      assert.deepEqual(t.takeEvents(), [`${ACTS[act]} ${digest} ${APP}`])
      await assert.rejects(t.registry.statBlob(APP, digest), {
        code: 'BLOB_UNKNOWN',
        message: /damaged or missing: push an image/,
      })
      await assert.rejects(t.registry.statBlob(APP, digest, { isReliedOn: true }), { code: 'BLOB_UNKNOWN' })
      await t.registry.statBlob(APP, other)
      const isMoved = ACTS[act] === 'changed' || act === 'folder'
      assert.equal((await t.facts.listDamages({ limit: 1 }))[0]?.isSetAside, isMoved)
      assert.equal((await t.scrub()).found, 1, 'it is still counted')
      assert.deepEqual(t.takeEvents(), [], 'and not reported again')
      await t.pushBlob(bytes, algorithm)
      assert.equal((await t.registry.statBlob(APP, digest)).size, bytes.length)
      const again = await t.scrub()
      assert.equal(again.found, 0, `${act} is mended`)
      assert.deepEqual(await t.blobs.verify(digest, { onRead: async () => {} }), {
        kind: 'whole',
        size: bytes.length,
      })
    }
  }
})

test('content that is missing after it was sent again within the last hour does not count as verified', async (t) => {
  const bytes = Buffer.from('a layer that is sent twice')
  const digest = await t.pushBlob(bytes)
  t.pass(3)
  // As a push of the same bytes to another repository begins.
  await t.metadata.claimBlob(digest)
  await t.damage(digest, bytes, 'missing')
  t.pass(-3)
  const { found, repaired, end } = await t.scrub()
  assert.deepEqual({ found, repaired, end }, { found: 1, repaired: 0, end: 'ended' })
  assert.deepEqual(t.takeEvents(), [`undecided ${digest}`])
  assert.equal(await t.facts.countDamages().then(({ count }) => count), 0)
})

test('bytes that are back in their place end the quarantine', async (t) => {
  for (const act of ['missing', 'unreadable'] as const) {
    const bytes = Buffer.from(`layer ${act}`)
    const digest = await t.pushBlob(bytes)
    await t.damage(digest, bytes, act)
    await t.scrub()
    t.takeEvents()
    await t.blobs.put(digest, bytes)
    assert.equal((await t.scrub()).repaired, 1)
    assert.deepEqual(t.takeEvents(), [`found-whole ${digest}`])
    await t.registry.statBlob(APP, digest)
  }
})

test('a manifest is mended from its other copy, whichever is damaged', async (t) => {
  const { digest, bytes } = await t.pushImage('latest')
  for (const act of ['flipped', 'missing', 'unreadable'] as const) {
    await t.damage(digest, bytes, act)
    assert.equal((await t.scrub()).repaired, 1, act)
    assert.deepEqual(t.takeEvents(), [`from-other-copy ${digest}`])
    assert.equal((await t.blobs.verify(digest, { onRead: async () => {} })).kind, 'whole')
  }
  await t.facts.replaceManifestBytes(digest, Buffer.alloc(bytes.length))
  assert.equal((await t.scrub()).repaired, 1)
  const { bytes: served } = await t.registry.getManifest(APP, digest)
  assert.ok(bytes.equals(served))
})

test('a manifest without a good copy is unknown until it is pushed again', async (t) => {
  const { digest, bytes } = await t.pushImage('latest')
  await t.damage(digest, bytes, 'flipped')
  await t.facts.replaceManifestBytes(digest, Buffer.alloc(bytes.length))
  t.takeEvents()
  assert.equal((await t.scrub()).found, 1)
  assert.deepEqual(t.takeEvents(), [`changed ${digest} ${APP}`])
  await assert.rejects(t.registry.getManifest(APP, digest), { code: 'MANIFEST_UNKNOWN' })
  await t.pushImage('latest')
  assert.ok(bytes.equals((await t.registry.getManifest(APP, digest)).bytes))
  assert.equal((await t.scrub()).found, 0)
})

test('a pass goes on where it was left, and an interrupted one repeats no content', async (t) => {
  const digests = []
  for (let number = 0; number < 9; number++) digests.push(await t.pushBlob(`blob ${number}`))
  digests.sort()
  const stopping = new AbortController()
  const looked: string[] = []
  const blobs = new Proxy(t.blobs, {
    get(target, name) {
      if (name !== 'verify') {
        const value: unknown = Reflect.get(target, name)
        return typeof value === 'function' ? value.bind(target) : value
      }
      return async (...given: Parameters<typeof target.verify>) => {
        looked.push(given[0])
        if (looked.length === 4) stopping.abort(new Error('stopped'))
        return target.verify(...given)
      }
    },
  })
  await assert.rejects(t.scrub({ blobs, signal: stopping.signal }), { message: 'stopped' })
  const { position, checked } = (await t.passes.read('scrub')) ?? assert.fail()
  assert.deepEqual([position, checked], [digests[2], 3])
  const rest = await t.scrub({ blobs })
  assert.equal(rest.checked, 9)
  assert.deepEqual(looked, [...digests.slice(0, 4), ...digests.slice(3)])
})

test('a disk that cannot be read at all ends the pass before it condemns everything', async (t) => {
  const bodies = Array.from({ length: 30 }, (_, number) => Buffer.from(`blob ${number}`))
  for (const bytes of bodies) await t.damage(await t.pushBlob(bytes), bytes, 'unreadable')
  await assert.rejects(t.scrub(), /20 blobs in turn cannot be read/)
  assert.equal((await t.facts.countDamages()).count, 20)
  for (const bytes of bodies) await t.blobs.put(hashContent(bytes), bytes)
  t.pass(1)
  await t.passes.take('scrub', { holder: 'x', everyMs: 0, isAnew: true })
  assert.equal(
    (
      await scrub(
        { ...t.parts, holder: 'x' },
        { position: undefined, checked: 0, bytes: 0, found: 0, repaired: 0 },
      )
    ).repaired,
    20,
  )
  assert.equal((await t.facts.countDamages()).count, 0)
})

test('a pass that another process takes over stops by itself', async (t) => {
  for (let number = 0; number < 5; number++) await t.pushBlob(`blob ${number}`)
  const mayGoOn = async (): Promise<boolean> => {
    await t.passes.take('scrub', { holder: 'other', everyMs: 0, isTakenOver: true })
    return true
  }
  const { end, checked } = await t.scrub({ mayGoOn, noteEveryMs: 0 })
  assert.deepEqual([end, checked], ['taken-over', 0])
  const { isHeld, endedAt } = (await t.passes.read('scrub')) ?? assert.fail()
  assert.deepEqual([isHeld, endedAt], [true, undefined])
})

test('damaged bytes that were set aside are removed some days after the quarantine has ended', async (t) => {
  const bytes = Buffer.from('layer')
  const digest = await t.pushBlob(bytes)
  await t.damage(digest, bytes, 'flipped')
  await t.scrub()
  t.pass(20 * 24)
  assert.equal(await dropEnded(t, 14 * DAY_MS), 0, 'it is still in quarantine')
  await t.pushBlob(bytes)
  assert.equal(await dropEnded(t, 14 * DAY_MS), 0)
  t.pass(15 * 24)
  assert.equal(await dropEnded(t, 14 * DAY_MS), 1)
  assert.equal(await t.blobs.dropAside(digest), false)
  await t.registry.statBlob(APP, digest)
})

test('a blob is in quarantine even if its bytes cannot be moved away, and the next pass moves them', async (t) => {
  const bytes = Buffer.from('layer')
  const digest = await t.pushBlob(bytes)
  await t.damage(digest, bytes, 'flipped')
  const blobs = new Proxy(t.blobs, {
    get(target, name) {
      if (name === 'setAside') return async () => Promise.reject(new OciError('UNAVAILABLE'))
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  await t.scrub({ blobs })
  assert.match(t.takeEvents().join(), /failed sha256/)
  await assert.rejects(t.registry.statBlob(APP, digest), { code: 'BLOB_UNKNOWN' })
  assert.equal((await t.facts.listDamages({ limit: 1 }))[0]?.isSetAside, false)
  await t.scrub()
  assert.equal((await t.facts.listDamages({ limit: 1 }))[0]?.isSetAside, true)
})
