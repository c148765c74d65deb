import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, it } from 'node:test'
import { databaseFile } from '../../src/app/folders/data-folder.ts'
import { skipReason } from '../parts/find-parts.ts'
import { type StartedDaemon, startDockerd } from '../parts/start-dockerd.ts'
import { type ClientRoom, openClientRoom } from '../support/clients/client-room.ts'
import { busyboxTree } from '../support/content/busybox.ts'
import { makeTar } from '../support/content/tar.ts'
import { until } from '../support/machine/until.ts'

describe('images that containers run', { skip: skipReason('docker', 'dockerd', 'busybox') }, () => {
  let room: ClientRoom
  let daemon: StartedDaemon
  const docker = (...args: string[]): Promise<string> => room.run('docker', args)
  const berth = (...args: string[]): Promise<string> => room.berth.command(args)
  const reference = (name: string): string => `${room.berth.host}/alice/${name}`

  before(async () => {
    daemon = await startDockerd()
    const url = `unix://${daemon.socket}`
    room = await openClientRoom({ flags: ['--docker-host', url] })
    room.env.DOCKER_HOST = url
    await room.run(
      'docker',
      ['login', '-u', 'alice', '--password-stdin', room.berth.host],
      room.berth.requirePassword('alice'),
    )
  })
  after(async () => {
    await daemon?.stop()
    await room?.[Symbol.asyncDispose]()
  })

  it('are kept without a tag, by the fastest collection, until the container ends', async () => {
    const digest = await push('app:1', 'one')
    await docker(
      'run',
      '-d',
      '--name',
      'web',
      '--network=none',
      reference('app:1'),
      '/bin/busybox',
      'sleep',
      '600',
    )
    await until(async () => (await readTags('app'))[0]?.inUse?.startsWith('runs in web on ') === true)
    await berth('tag', 'delete', 'alice/app', '1', '--yes')
    makeOld()
    await berth('gc', '--now', '--yes')
    const { entries } = JSON.parse(await berth('gc', '--now', '--dry-run', '--json'))
    assert.deepEqual(
      entries.map((entry: { digest: string; kept?: { why: string } }) => [
        entry.digest,
        entry.kept?.why.split(' on ')[0],
      ]),
      [[digest, 'runs in web']],
    )
    assert.equal(await countManifests('app'), 1)
    await docker('rm', '-f', 'web')
    await until(async () =>
      JSON.parse(await berth('gc', '--now', '--dry-run', '--json')).entries.every(
        ({ kept }: { kept?: { why: string } }) => !kept?.why.startsWith('runs'),
      ),
    )
    makeOld()
    await berth('gc', '--now', '--yes')
    assert.equal(await countManifests('app'), 0)
  })

  it('an immutable tag is not overwritten, and the client says why', async () => {
    await push('fixed:v1', 'one')
    await room.berth.command(
      ['policy', 'apply', '-'],
      'policies: [{repositories: [alice/*], immutable: [v*]}]',
    )
    await docker('push', reference('fixed:v1'))
    await importImage('fixed:v1', 'two')
    const message = await room.runFailing('docker', ['push', reference('fixed:v1')])
    assert.match(
      message,
      /denied: The tag v1 of alice\/fixed is immutable: the policy for alice\/\* protects v\*\. Push under another tag/,
    )
    await docker('tag', reference('fixed:v1'), reference('fixed:w1'))
    await docker('push', reference('fixed:w1'))
  })

  async function importImage(name: string, text: string): Promise<void> {
    const tree = [...busyboxTree(), { path: 'name', bytes: Buffer.from(`${name} ${text}`) }]
    await room.run('docker', ['import', '-', reference(name)], makeTar(tree))
  }

  async function push(name: string, text: string): Promise<string> {
    await importImage(name, text)
    return /digest: (sha256:[0-9a-f]{64})/.exec(await docker('push', reference(name)))?.[1] ?? assert.fail()
  }

  /** Without a pull, which would count as a use. */
  async function countManifests(name: string): Promise<number> {
    const { repositories } = JSON.parse(await berth('repo', 'list', '--json'))
    const found = repositories.find((one: { name: string }) => one.name === `alice/${name}`)
    return found?.manifestCount ?? 0
  }

  async function readTags(name: string): Promise<{ inUse: string | null }[]> {
    return JSON.parse(await berth('tag', 'list', `alice/${name}`, '--json')).tags
  }

  /** Nothing was pushed, pulled or tagged lately. */
  function makeOld(): void {
    using database = new DatabaseSync(databaseFile(join(room.berth.dataDir)))
    database.exec(`
      update manifest_uses set used_at = 0; update manifests set created_at = 0; update tag_history set ended_at = 0;
      update repository_blobs set created_at = 0, used_at = 0; update collection_queue set since = 0;
      update blob_claims set claimed_at = 0;
    `)
  }
})
