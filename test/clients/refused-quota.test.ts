import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { part, skipReason } from '../parts/find-parts.ts'
import { isolatedEnvironment } from '../support/clients/client-room.ts'
import { makeImage } from '../support/content/make-image.ts'
import { writeOciLayout } from '../support/content/oci-layout.ts'
import { runCommand } from '../support/machine/run-command.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { bootBerth } from '../support/program/boot-berth.ts'

/** A client that repeats a push does so for a minute and more. */
const AT_ONCE_MS = 25_000

const QUOTAS = [
  ['bytes: 10', /The quota of root is used up: 0 of 10 bytes are used, and \d+ more are wanted/],
  ['repositories: 0', /The quota of root is used up: it has 0 of 0 repositories, and root\/app would be one/],
] as const

test('skopeo shows the quota that refuses its push, and does not repeat it', {
  skip: skipReason('skopeo'),
}, async () => {
  await using folder = await makeTempFolder('quota')
  const layout = join(folder.path, 'layout')
  const tree = [{ path: 'file', bytes: Buffer.from('text') }]
  await writeOciLayout(layout, { one: makeImage({ layers: [tree] }) })
  await using berth = await bootBerth({ users: [{ name: 'root', isAdmin: true }] })
  const env = await isolatedEnvironment(folder.path)
  const login = `root:${berth.requirePassword('root')}`
  for (const [limit, message] of QUOTAS) {
    const file = join(berth.dataDir, 'policies.yaml')
    await writeFile(file, `quotas:\n  - { namespace: root, ${limit} }\n`)
    await berth.command(['policy', 'apply', file])
    const target = `docker://127.0.0.1:${berth.port}/root/app:1`
    const args = ['copy', '--dest-tls-verify=false', '--dest-creds', login, `oci:${layout}:one`, target]
    const beginMs = performance.now()
    const { code, stderr } = await runCommand(part('skopeo'), args, { env, timeoutMs: 300_000 })
    assert.notEqual(code, 0)
    assert.match(stderr, message)
    assert.ok(performance.now() - beginMs < AT_ONCE_MS)
  }
})
