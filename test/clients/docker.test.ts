import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { skipReason } from '../parts/find-parts.ts'
import { type StartedDaemon, startDockerd } from '../parts/start-dockerd.ts'
import { type ClientRoom, openClientRoom } from '../support/clients/client-room.ts'
import { busyboxTree } from '../support/content/busybox.ts'
import { makeTar } from '../support/content/tar.ts'

const DENIED = /denied|unauthorized|authentication required|no basic auth credentials/i

describe('Docker', { skip: skipReason('docker', 'dockerd', 'busybox') }, () => {
  let room: ClientRoom
  let daemon: StartedDaemon
  const docker = (...args: string[]): Promise<string> => room.run('docker', args)
  const reference = (name: string): string => `${room.berth.host}/alice/${name}`

  before(async () => {
    daemon = await startDockerd()
    room = await openClientRoom()
    room.env.DOCKER_HOST = `unix://${daemon.socket}`
    await logIn('alice')
  })
  after(async () => {
    await daemon?.stop()
    await room?.[Symbol.asyncDispose]()
  })

  it('pushes an image, loses it, pulls it and runs it', async () => {
    await importImage(reference('app:1'))
    assert.match(await docker('push', reference('app:1')), /digest: sha256:[0-9a-f]{64}/)
    await docker('rmi', reference('app:1'))
    assert.equal(await docker('images', '-q', reference('app')), '')
    await docker('pull', reference('app:1'))
    assert.equal(await runContainer(reference('app:1'), 'echo', 'made fast'), 'made fast\n')
  })

  it('pulls by digest', async () => {
    await importImage(reference('by-digest:1'))
    const digest = /sha256:[0-9a-f]{64}/.exec(await docker('push', reference('by-digest:1')))?.[0]
    await docker('rmi', reference('by-digest:1'))
    await docker('pull', reference(`by-digest@${digest}`))
    assert.equal(await runContainer(reference(`by-digest@${digest}`), 'echo', 'same'), 'same\n')
  })

  it('sends no layer twice: neither to the same repository, nor to another of the same owner', async () => {
    await importImage(reference('layers:1'))
    await docker('push', reference('layers:1'))
    await docker('tag', reference('layers:1'), reference('layers:2'))
    assert.match(await docker('push', reference('layers:2')), /Layer already exists/)
    await docker('tag', reference('layers:1'), reference('mounted:1'))
    assert.match(await docker('push', reference('mounted:1')), /Mounted from alice\/layers/)
  })

  it('builds an image, pushes it with all tags, and pulls them', async () => {
    const context = join(room.folder, 'context')
    await mkdir(context)
    await writeFile(join(context, 'tree.tar'), makeTar(busyboxTree()))
    await writeFile(join(context, 'Dockerfile'), 'FROM scratch\nADD tree.tar /\nRUN echo built > /made\n')
    await docker('build', '--network=none', '-t', reference('built:1'), '-t', reference('built:2'), context)
    await docker('push', '--all-tags', reference('built'))
    await docker('rmi', reference('built:1'), reference('built:2'))
    await docker('pull', '--all-tags', reference('built'))
    assert.equal(await runContainer(reference('built:2'), 'cat', '/made'), 'built\n')
  })

  it('is refused with a wrong password, and keeps the good log-in', async () => {
    const login = ['login', '-u', 'alice', '--password-stdin', room.berth.host]
    assert.match(await room.runFailing('docker', login, 'not her password'), DENIED)
    await importImage(reference('still:1'))
    await docker('push', reference('still:1'))
  })

  it('may neither push to nor pull from the repository of another', async () => {
    const foreign = `${room.berth.host}/bob/app:1`
    await importImage(foreign)
    const denial = await room.runFailing('docker', ['push', foreign])
    assert.match(denial, DENIED)
    assert.ok(denial.includes(`alice may push to ${room.berth.host}/alice/...`), denial)
    await logIn('bob')
    await docker('push', foreign)
    await logIn('alice')
    await docker('rmi', foreign)
    assert.match(await room.runFailing('docker', ['pull', foreign]), DENIED)
  })

  it('goes on with the refresh token that it keeps, beside a new log-in, until that is ended', async () => {
    const host = room.berth.host
    const file = join(String(room.env.DOCKER_CONFIG), 'config.json')
    const stored = async (): Promise<string> =>
      JSON.parse(await readFile(file, 'utf8')).auths[host].identitytoken
    await importImage(reference('kept:1'))
    const [first, settings] = [await stored(), await readFile(file, 'utf8')]
    for (let round = 0; round < 3; round++) await docker('push', reference('kept:1'))
    assert.equal(await stored(), first)
    await logIn('alice')
    assert.notEqual(await stored(), first)
    await docker('push', reference('kept:1'))
    const { logIns } = JSON.parse(await room.berth.command(['user', 'logins', 'alice', '--json']))
    assert.equal(logIns[0].client, 'docker', 'whose token does not rotate')
    // As on another machine with a copy of the file.
    await writeFile(file, settings)
    await docker('push', reference('kept:1'))
    await room.berth.command(['user', 'logout', 'alice', '--yes'])
    await docker('rmi', reference('kept:1'))
    assert.match(await room.runFailing('docker', ['pull', reference('kept:1')]), DENIED)
    await logIn('alice')
  })

  it('is refused once it has logged out', async () => {
    await importImage(reference('left:1'))
    await docker('push', reference('left:1'))
    await docker('logout', room.berth.host)
    await docker('rmi', reference('left:1'))
    assert.match(await room.runFailing('docker', ['pull', reference('left:1')]), DENIED)
    await logIn('alice')
    await docker('pull', reference('left:1'))
  })

  async function logIn(user: string): Promise<void> {
    const login = ['login', '-u', user, '--password-stdin', room.berth.host]
    assert.match(await room.run('docker', login, room.berth.requirePassword(user)), /Login Succeeded/)
  }

  async function importImage(name: string): Promise<void> {
    // A layer of its own for each name, so that no test depends on what another has pushed.
    const tree = [...busyboxTree(), { path: 'name', bytes: Buffer.from(name) }]
    await room.run('docker', ['import', '-', name], makeTar(tree))
  }

  function runContainer(image: string, ...command: string[]): Promise<string> {
    return docker('run', '--rm', '--network=none', image, ...command)
  }
})
