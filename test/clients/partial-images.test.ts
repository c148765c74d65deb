import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { SmallDisk } from '../faults/small-disk.ts'
import { part, skipReason } from '../parts/find-parts.ts'
import { type ClientRoom, openClientRoom } from '../support/clients/client-room.ts'
import { makeTar, type TarEntry } from '../support/content/tar.ts'

/** Files of the image, bytes of each, and how many of them the second version keeps. */
const FILES = 300
const FILE_BYTES = 100_000
const KEPT_OF_TEN = 9
/** Most bytes of the second pull: the changed tenth, the table of contents, and as much again. */
const MOST_BYTES = (2 * FILES * FILE_BYTES) / 10
/** Longest wait for a line of the log, in ms. */
const LOG_MS = 10_000
/** Room for both stores, in MiB. */
const DISK_MIB = 400

describe('podman with partial images', { skip: skipReason('podman') }, () => {
  let room: ClientRoom
  // Overlay, which partial pulls need, does not work on every file system that tests run on; on this disk it does.
  let disk: SmallDisk
  let marks = 0
  const reference = (tag: string): string => `${room.berth.host}/alice/partial:${tag}`

  before(async () => {
    room = await openClientRoom()
    disk = await SmallDisk.mount(DISK_MIB)
    for (const store of ['pusher', 'puller']) {
      const paths = `graphroot = "${join(disk.path, store)}"\nrunroot = "${join(room.folder, `run-${store}`)}"`
      const options = 'pull_options = { enable_partial_images = "true" }'
      const text = `[storage]\ndriver = "overlay"\n${paths}\n[storage.options]\n${options}\n`
      await writeFile(join(room.folder, `${store}.conf`), text)
    }
    const login = ['login', '--tls-verify=false', '-u', 'alice', '--password-stdin', room.berth.host]
    await podman('pusher', login, room.berth.requirePassword('alice'))
  })
  after(async () => {
    for (const store of room && disk ? ['pusher', 'puller'] : [])
      await podman(store, ['rmi', '--all', '--force'])
    await disk?.[Symbol.asyncDispose]()
    await room?.[Symbol.asyncDispose]()
  })

  it('fetches only the files that changed, by several ranges in one request', async () => {
    const first = Array.from({ length: FILES }, (_, index): TarEntry => fileAt(index))
    const second = first.map((entry, index) => (index % 10 < KEPT_OF_TEN ? entry : fileAt(index)))
    for (const [tag, tree] of Object.entries({ 1: first, 2: second })) {
      const archive = join(room.folder, 'tree.tar')
      await writeFile(archive, makeTar(tree))
      await podman('pusher', ['import', archive, reference(tag)])
      const chunked = ['--compression-format', 'zstd:chunked']
      await podman('pusher', ['push', '--tls-verify=false', ...chunked, reference(tag)])
    }
    await podman('puller', ['pull', '--tls-verify=false', reference('1')])
    const before = await sentBytes()
    assert.ok(before > FILES * FILE_BYTES, `${before} bytes of the first pull`)
    await podman('puller', ['pull', '--tls-verify=false', reference('2')])
    const fetched = (await sentBytes()) - before
    assert.ok(fetched < MOST_BYTES, `the second pull fetched ${fetched} bytes`)
    const root = (await podman('puller', ['image', 'mount', reference('2')])).trim()
    for (const entry of second) {
      if (!('bytes' in entry)) continue
      assert.ok((await readFile(join(root, entry.path))).equals(entry.bytes), entry.path)
    }
    await podman('puller', ['image', 'unmount', reference('2')])
  })

  function podman(store: string, args: readonly string[], input?: string): Promise<string> {
    const flags = [
      '--tmpdir',
      join(room.folder, 'tmp'),
      '--cgroup-manager',
      'cgroupfs',
      '--events-backend',
      'file',
    ]
    const command = [part('podman'), ...flags, ...args]
    return room.run(
      'env',
      [`CONTAINERS_STORAGE_CONF=${join(room.folder, `${store}.conf`)}`, ...command],
      input,
    )
  }

  /** Bytes of blobs that Berth has sent so far, by its access log, whose lines are written a moment later. */
  async function sentBytes(): Promise<number> {
    const mark = `/mark-${++marks}`
    await fetch(`${room.berth.url}${mark}`)
    const deadline = Date.now() + LOG_MS
    for (;;) {
      const lines = (await readFile(room.berth.logFile, 'utf8')).split('\n')
      if (lines.some((line) => line.includes(`"path":"${mark}"`))) return sumBlobBytes(lines)
      assert.ok(Date.now() < deadline, 'the access log does not go on')
      await sleep(20)
    }
  }
})

function fileAt(index: number): TarEntry {
  return { path: `file-${index}`, bytes: randomBytes(FILE_BYTES) }
}

function sumBlobBytes(lines: readonly string[]): number {
  return lines
    .filter((line) => line.includes('"method":"GET"') && line.includes('/blobs/'))
    .reduce((sum, line) => sum + Number(JSON.parse(line).bytes), 0)
}
