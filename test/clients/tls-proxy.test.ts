import { copyFile, mkdir, readFile, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { skipReason } from '../parts/find-parts.ts'
import { startDockerd } from '../parts/start-dockerd.ts'
import { type Certificates, makeCertificates } from '../support/certificates/make-certificates.ts'
import { type ClientRoom, openClientRoom } from '../support/clients/client-room.ts'
import { busyboxTree } from '../support/content/busybox.ts'
import { makeImage } from '../support/content/make-image.ts'
import { writeOciLayout } from '../support/content/oci-layout.ts'
import { makeTar } from '../support/content/tar.ts'
import { addLoopbackAddress } from '../support/machine/loopback-address.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'

const PARTS = ['docker', 'dockerd', 'skopeo', 'crane', 'openssl', 'ip', 'busybox']

/** Berth has no setting for the proxy before it: no `public-url`, no `trusted-proxies`. */
describe('a proxy on the same machine that does TLS', { skip: skipReason(...PARTS) }, () => {
  const resources = new AsyncDisposableStack()
  let room: ClientRoom
  let certificates: Certificates
  let host = ''

  before(async () => {
    const { address } = resources.use(await addLoopbackAddress())
    const folder = resources.use(await makeTempFolder('proxy-certificates'))
    certificates = await makeCertificates(folder.path, address)
    room = resources.use(await openClientRoom())
    const port = await startProxy(address)
    host = `${address}:${port}`
  })
  after(() => resources.disposeAsync())

  /** An nginx with `proxy_set_header Host $http_host` and `X-Forwarded-Proto $scheme`. */
  async function startProxy(address: string): Promise<number> {
    const [cert, key] = await Promise.all([readFile(certificates.certFile), readFile(certificates.keyFile)])
    const proxy = createServer({ cert, key }, (incoming, outgoing) => {
      const { method, url, headers } = incoming
      const upstream = request(room.berth.url, {
        method,
        path: url,
        headers: { ...headers, 'x-forwarded-proto': 'https' },
      })
      upstream.on('response', (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
        answer.pipe(outgoing)
      })
      upstream.on('error', () => outgoing.destroy())
      incoming.pipe(upstream)
    })
    await new Promise<void>((resolve) => proxy.listen(0, address, resolve))
    resources.defer(() => {
      proxy.closeAllConnections()
      proxy.close()
    })
    return (proxy.address() as AddressInfo).port
  }

  it('lets Docker log in and push', async () => {
    await using closing = new AsyncDisposableStack()
    const daemon = await startDockerd()
    closing.defer(() => daemon.stop())
    room.env.DOCKER_HOST = `unix://${daemon.socket}`
    const trusted = join('/etc/docker/certs.d', host)
    await mkdir(trusted, { recursive: true })
    closing.defer(() => rm(trusted, { recursive: true }))
    await copyFile(certificates.caFile, join(trusted, 'ca.crt'))
    const login = ['login', '-u', 'alice', '--password-stdin', host]
    await room.run('docker', login, room.berth.requirePassword('alice'))
    await room.run('docker', ['import', '-', `${host}/alice/docker:1`], makeTar(busyboxTree()))
    await room.run('docker', ['push', `${host}/alice/docker:1`])
    await room.run('docker', ['logout', host])
  })

  it('lets skopeo log in and push', async () => {
    const layout = join(room.folder, 'layout')
    await writeOciLayout(layout, { app: makeImage({ layers: [[{ path: 'a', bytes: Buffer.from('a') }]] }) })
    const trusted = join(room.folder, 'trusted')
    await mkdir(trusted)
    await copyFile(certificates.caFile, join(trusted, 'ca.crt'))
    const login = ['login', '--cert-dir', trusted, '-u', 'alice', '--password-stdin', host]
    await room.run('skopeo', login, room.berth.requirePassword('alice'))
    const goal = `docker://${host}/alice/skopeo:1`
    await room.run('skopeo', ['copy', '--dest-cert-dir', trusted, `oci:${layout}:app`, goal])
  })

  it('lets crane list what there is', async () => {
    room.env.SSL_CERT_FILE = certificates.caFile
    const login = ['auth', 'login', host, '-u', 'alice', '--password-stdin']
    await room.run('crane', login, room.berth.requirePassword('alice'))
    await room.run('crane', ['catalog', host])
  })
})
