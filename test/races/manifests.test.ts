import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { formatManifest, hashSha256, pushBlob, putManifest } from '../support/requests/push-content.ts'
import type { RawClient } from '../support/requests/raw-request.ts'
import { type RaceServer, startRaceServer } from './race-server.ts'

const REPOSITORY = 'race/manifests'

for (const workers of [1, 2])
  describe(`manifests that meet, workers: ${workers}`, () => {
    let server: RaceServer
    let http: RawClient
    before(async () => {
      server = await startRaceServer([REPOSITORY], { flags: ['--workers', String(workers)] })
      http = server.http
    })
    after(() => server[Symbol.asyncDispose]())

    it('keeps a blob that a manifest names, or refuses the manifest', async () => {
      const config = randomBytes(20)
      await pushBlob(http, REPOSITORY, config)
      const seen = { refused: 0, kept: 0 }
      for (let round = 0; round < 300; round++) {
        const layer = randomBytes(40)
        const digest = await pushBlob(http, REPOSITORY, layer)
        const push = () =>
          putManifest(http, { repository: REPOSITORY, reference: 'raced' }, formatManifest([config, layer]))
        const remove = async () => (await http.send('DELETE', `/v2/${REPOSITORY}/blobs/${digest}`)).status
        const [pushed, removed] =
          round % 2 === 0
            ? await Promise.all([push(), remove()])
            : (await Promise.all([remove(), push()])).toReversed()
        const blob = await http.send('GET', `/v2/${REPOSITORY}/blobs/${digest}`)
        if (pushed === 201) {
          assert.equal(removed, 405)
          assert.equal(blob.digest, digest)
          seen.kept++
        } else {
          assert.deepEqual([pushed, removed, blob.status], [404, 202, 404])
          seen.refused++
        }
      }
      assert.ok(seen.kept + seen.refused === 300)
    })

    it('shows one of two manifests while two clients move a tag', async () => {
      const config = randomBytes(20)
      await pushBlob(http, REPOSITORY, config)
      const manifests = ['left', 'right'].map((note) => formatManifest([config], note))
      const digests = manifests.map(hashSha256)
      for (const bytes of manifests) {
        assert.equal(await putManifest(http, { repository: REPOSITORY, reference: 'moved' }, bytes), 201)
      }
      let movers = 2
      const move = async (bytes: Buffer): Promise<void> => {
        for (let round = 0; round < 250; round++) {
          assert.equal(await putManifest(http, { repository: REPOSITORY, reference: 'moved' }, bytes), 201)
        }
        movers--
      }
      const seen = new Map<string, number>()
      const watch = async (): Promise<void> => {
        while (movers > 0) {
          const { status, digest, headers } = await http.send('GET', `/v2/${REPOSITORY}/manifests/moved`)
          assert.equal(status, 200)
          assert.equal(headers['docker-content-digest'], digest)
          seen.set(digest, (seen.get(digest) ?? 0) + 1)
        }
      }
      await Promise.all([...manifests.map(move), watch()])
      for (const digest of seen.keys()) assert.ok(digests.includes(digest))
    })
  })
