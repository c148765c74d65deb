import assert from 'node:assert/strict'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { it } from 'node:test'
import { skipReason } from '../parts/find-parts.ts'
import { runOk } from '../support/machine/run-command.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { hashSha256 } from '../support/requests/push-content.ts'
import { CHECKOUT, PACK_TIMEOUT_MS } from './packages.ts'

it('two builds of the image have one digest, whoever makes them, wherever and whenever', {
  skip: skipReason('buildah', 'skopeo', 'tar', 'strip'),
}, async () => {
  await using temp = await makeTempFolder('twice')
  const build = async (name: string, umask: string, zone: string): Promise<string> => {
    const folder = join(temp.path, name)
    await mkdir(folder)
    const script = 'umask "$1"; exec "$0" "$2" image --output "$3"'
    const main = join(CHECKOUT, 'packaging/main.ts')
    const output = await runOk('sh', ['-c', script, process.execPath, umask, main, folder], {
      env: { ...process.env, TZ: zone },
      timeoutMs: PACK_TIMEOUT_MS,
    })
    return output.trim()
  }
  const first = await build('first', '022', 'UTC')
  const second = await build('another-folder', '077', 'Asia/Tokyo')
  const digests = await Promise.all([first, second].map(readDigest))
  assert.match(digests[0] ?? '', /^sha256:[0-9a-f]{64}$/)
  assert.equal(digests[1], digests[0])
  const sums = await Promise.all([first, second].map(async (file) => hashSha256(await readFile(file))))
  assert.equal(sums[1], sums[0], 'the files are the same, too')
})

async function readDigest(file: string): Promise<string> {
  return (await runOk('skopeo', ['inspect', '--format', '{{.Digest}}', `oci-archive:${file}:0.1.0`])).trim()
}
