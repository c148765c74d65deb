import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { skipReason } from '../parts/find-parts.ts'
import { openClientRoom } from '../support/clients/client-room.ts'
import { blobFile } from '../support/content/blob-file.ts'
import { makeImage } from '../support/content/make-image.ts'
import { writeOciLayout } from '../support/content/oci-layout.ts'
import { runFailing } from '../support/machine/run-command.ts'
import { BERTH_BIN } from '../support/program/boot-berth.ts'

test('skopeo fails clearly to pull a damaged image, its push mends it, and then it pulls', {
  skip: skipReason('skopeo'),
}, async () => {
  await using room = await openClientRoom()
  const { berth, folder } = room
  const image = makeImage({ layers: [[{ path: 'file', bytes: Buffer.alloc(100_000, 'x') }]] })
  await writeOciLayout(join(folder, 'layout'), { app: image })
  const login = ['login', '--tls-verify=false', '-u', 'alice', '--password-stdin', berth.host]
  await room.run('skopeo', login, berth.requirePassword('alice'))
  const reference = `docker://${berth.host}/alice/app:1.0`
  const push = ['copy', '--dest-tls-verify=false', `oci:${folder}/layout:app`, reference]
  const pull = (name: string) => ['copy', '--src-tls-verify=false', reference, `oci:${folder}/${name}:app`]
  await room.run('skopeo', push)
  await room.run('skopeo', pull('whole'))
  const manifest = JSON.parse(await room.run('skopeo', ['inspect', '--raw', '--tls-verify=false', reference]))
  const file = blobFile(berth.dataDir, manifest.layers[0].digest)
  const bytes = await readFile(file)
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
  await writeFile(file, bytes)
  await runFailing(BERTH_BIN, ['scrub', '--now', '--data', berth.dataDir])
  assert.match(await room.runFailing('skopeo', pull('damaged')), /blob.*unknown|404|damaged or missing/i)
  await room.run('skopeo', push)
  await room.run('skopeo', pull('mended'))
})
