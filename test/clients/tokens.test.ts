import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { skipReason } from '../parts/find-parts.ts'
import { type StartedDaemon, startDockerd } from '../parts/start-dockerd.ts'
import { type ClientRoom, openClientRoom } from '../support/clients/client-room.ts'
import { makeTar } from '../support/content/tar.ts'
import { noteSecret } from '../support/program/secret-canary.ts'
import { startIssuer, type TokenIssuer } from '../support/registry/token-issuer.ts'

const DENIED = /denied|unauthorized|authentication required|no basic auth credentials/i

/** Docker with each kind of credential in the place of a password. */
describe('Docker with a token', { skip: skipReason('docker', 'dockerd') }, () => {
  let room: ClientRoom
  let daemon: StartedDaemon
  let issuer: TokenIssuer

  before(async () => {
    daemon = await startDockerd()
    issuer = await startIssuer()
    room = await openClientRoom({ flags: ['--outgoing-networks', '127.0.0.0/8,::1'] })
    room.env.DOCKER_HOST = `unix://${daemon.socket}`
  })
  after(async () => {
    await daemon?.stop()
    await issuer?.[Symbol.asyncDispose]()
    await room?.[Symbol.asyncDispose]()
  })

  async function make(...args: string[]): Promise<string> {
    const secret = (await room.berth.command(args)).trim()
    noteSecret(secret)
    return secret
  }

  /** Logs in, pushes and pulls one image, may not push another, and logs out. */
  async function use(user: string, secret: string, name: string): Promise<void> {
    const { host } = room.berth
    const run = (...args: string[]) => room.run('docker', args)
    assert.match(
      await room.run('docker', ['login', '-u', user, '--password-stdin', host], secret),
      /Login Succeeded/,
    )
    const image = `${host}/alice/${name}:1`
    for (const one of [image, `${host}/alice/other:1`])
      await room.run('docker', ['import', '-', one], makeTar([{ path: 'name', bytes: Buffer.from(name) }]))
    await run('push', image)
    await run('rmi', image)
    await run('pull', image)
    assert.match(await room.runFailing('docker', ['push', `${host}/alice/other:1`]), DENIED)
    await run('logout', host)
    assert.match(await room.runFailing('docker', ['push', image]), DENIED)
  }

  it('pushes and pulls by a personal token within its limits', async () => {
    const token = await make('token', 'create', 'alice', 'docker', '--allow', 'alice/pat:pull,push')
    await use('alice', token, 'pat')
  })

  it('pushes and pulls by the secret of a robot within its limits', async () => {
    const limits = ['--owner', 'alice', '--allow', 'alice/robot:pull,push']
    await use('ci', await make('robot', 'create', 'ci', ...limits), 'robot')
  })

  it('pushes and pulls by an ID token that a robot trusts', async () => {
    const ca = join(room.folder, 'issuer.pem')
    await writeFile(ca, issuer.ca)
    const limits = ['--owner', 'alice', '--allow', 'alice/oidc:pull,push']
    await room.berth.command(['robot', 'create', 'actions', '--no-secret', ...limits])
    const trust = [
      '--issuer',
      issuer.issuer,
      '--ca',
      ca,
      '--audience',
      'berth',
      '--claim',
      'sub=repo:org/app:*',
    ]
    await room.berth.command(['robot', 'trust', 'actions', 'main', ...trust])
    const token = await issuer.sign({ aud: 'berth', sub: 'repo:org/app:main' })
    noteSecret(token)
    await use('anyone', token, 'oidc')
  })
})
