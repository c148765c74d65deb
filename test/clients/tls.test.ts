import assert from 'node:assert/strict'
import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { skipReason } from '../parts/find-parts.ts'
import { startContainerd } from '../parts/start-containerd.ts'
import { startDockerd } from '../parts/start-dockerd.ts'
import { type Certificates, makeCertificates } from '../support/certificates/make-certificates.ts'
import { type ClientRoom, openClientRoom } from '../support/clients/client-room.ts'
import { busyboxTree, makeRunnableImage } from '../support/content/busybox.ts'
import { makeImage } from '../support/content/make-image.ts'
import { makeOciArchive } from '../support/content/oci-archive.ts'
import { writeOciLayout } from '../support/content/oci-layout.ts'
import { makeTar } from '../support/content/tar.ts'
import { addLoopbackAddress } from '../support/machine/loopback-address.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'

const UNTRUSTED = /x509: certificate signed by unknown authority/
const PARTS = ['docker', 'dockerd', 'containerd', 'ctr', 'skopeo', 'crane', 'openssl', 'ip', 'busybox']

describe('TLS with an authority of the test’s own', { skip: skipReason(...PARTS) }, () => {
  const resources = new AsyncDisposableStack()
  let room: ClientRoom
  let certificates: Certificates
  const reference = (name: string): string => `${room.berth.host}/alice/${name}`

  before(async () => {
    const { address } = resources.use(await addLoopbackAddress())
    const folder = resources.use(await makeTempFolder('certificates'))
    certificates = await makeCertificates(folder.path, address)
    room = resources.use(await openClientRoom({ tls: certificates, address }))
  })
  after(() => resources.disposeAsync())

  it('lets Docker log in, push and pull once it knows the authority, and not before', async () => {
    await using closing = new AsyncDisposableStack()
    const daemon = await startDockerd()
    closing.defer(() => daemon.stop())
    room.env.DOCKER_HOST = `unix://${daemon.socket}`
    const login = ['login', '-u', 'alice', '--password-stdin', room.berth.host]
    assert.match(await room.runFailing('docker', login, room.berth.requirePassword('alice')), UNTRUSTED)
    closing.defer(await trustInDocker(room.berth.host))
    assert.match(await room.run('docker', login, room.berth.requirePassword('alice')), /Login Succeeded/)
    await room.run('docker', ['import', '-', reference('docker:1')], makeTar(busyboxTree()))
    await room.run('docker', ['push', reference('docker:1')])
    await room.run('docker', ['rmi', reference('docker:1')])
    await room.run('docker', ['pull', reference('docker:1')])
    const run = ['run', '--rm', '--network=none', reference('docker:1'), 'echo', 'sealed']
    assert.equal(await room.run('docker', run), 'sealed\n')
    await room.run('docker', ['logout', room.berth.host])
  })

  it('lets containerd push and pull once it knows the authority, and not before', async () => {
    await using closing = new AsyncDisposableStack()
    const daemon = await startContainerd()
    closing.defer(() => daemon.stop())
    const archive = join(room.folder, 'image.tar')
    await writeFile(archive, makeOciArchive(reference('containerd:1'), makeRunnableImage('sealed')))
    const ctr = ['--address', daemon.socket, 'images']
    await room.run('ctr', [...ctr, 'import', '--no-unpack', archive])
    const user = ['--user', `alice:${room.berth.requirePassword('alice')}`]
    assert.match(
      await room.runFailing('ctr', [...ctr, 'push', ...user, reference('containerd:1')]),
      UNTRUSTED,
    )
    const hosts = join(room.folder, 'hosts')
    await mkdir(join(hosts, room.berth.host), { recursive: true })
    const section = `[host."https://${room.berth.host}"]\ncapabilities = ["resolve", "pull", "push"]\n`
    const settings = `${section}ca = ${JSON.stringify(certificates.caFile)}\n`
    await writeFile(join(hosts, room.berth.host, 'hosts.toml'), settings)
    const trusting = ['--hosts-dir', hosts, ...user]
    await room.run('ctr', [...ctr, 'push', ...trusting, reference('containerd:1')])
    await room.run('ctr', [...ctr, 'remove', '--sync', reference('containerd:1')])
    const pull = ['pull', '--snapshotter', 'native', ...trusting, reference('containerd:1')]
    await room.run('ctr', [...ctr, ...pull])
  })

  it('lets skopeo push and pull once it knows the authority, and not before', async () => {
    const layout = join(room.folder, 'layout')
    await writeOciLayout(layout, { app: makeImage({ layers: [[{ path: 'a', bytes: Buffer.from('a') }]] }) })
    const trusted = join(room.folder, 'trusted')
    await mkdir(trusted)
    await copyFile(certificates.caFile, join(trusted, 'ca.crt'))
    const login = ['login', '--cert-dir', trusted, '-u', 'alice', '--password-stdin', room.berth.host]
    await room.run('skopeo', login, room.berth.requirePassword('alice'))
    const goal = `docker://${reference('skopeo:1')}`
    assert.match(await room.runFailing('skopeo', ['copy', `oci:${layout}:app`, goal]), UNTRUSTED)
    await room.run('skopeo', ['copy', '--dest-cert-dir', trusted, `oci:${layout}:app`, goal])
    await room.run('skopeo', ['copy', '--src-cert-dir', trusted, goal, `dir:${join(room.folder, 'out')}`])
  })

  it('lets crane list tags once it knows the authority, and not before', async () => {
    const login = ['auth', 'login', room.berth.host, '-u', 'alice', '--password-stdin']
    await room.run('crane', login, room.berth.requirePassword('alice'))
    assert.match(await room.runFailing('crane', ['catalog', room.berth.host]), UNTRUSTED)
    room.env.SSL_CERT_FILE = certificates.caFile
    await room.run('crane', ['catalog', room.berth.host])
  })

  /**
   * Docker looks for authorities in one place only, by host and port. @returns a function that takes the authority
   * away.
   */
  async function trustInDocker(host: string): Promise<() => Promise<void>> {
    const folder = join('/etc/docker/certs.d', host)
    await mkdir(folder, { recursive: true })
    await copyFile(certificates.caFile, join(folder, 'ca.crt'))
    return () => rm(folder, { recursive: true })
  }
})
