import events from 'node:events'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect as connectTls, type SecureVersion, type TLSSocket } from 'node:tls'
import type { FrontDoorParts } from '../../../src/front-door/front-door.ts'
import { type ClientPaper, makeClient } from '../certificates/client-papers.ts'
import { openFolderCertificates } from '../certificates/folder-certificates.ts'
import { makePaper, type PaperCertificate } from '../certificates/paper-ca.ts'
import { requestDoor } from './request-door.ts'
import { makeTable, openTestDoor, type SiteWish, type TestDoor } from './test-door.ts'

/** The hosts' CA, and a foreign one. */
export const CA: PaperCertificate = makePaper('Staff CA')
export const OTHER_CA: PaperCertificate = makePaper('Other CA')
/** Visitors, named by the standing of their certificates with the first CA. */
export const STAFF: ClientPaper = makeClient('alice', CA)
export const REVOKED: ClientPaper = makeClient('mallory', CA)
export const EXPIRED: ClientPaper = makeClient('bob', CA, [-9, -1])
export const STRANGER: ClientPaper = makeClient('eve', OTHER_CA)
/** Names that the one certificate covers. */
const HOSTS: readonly string[] = ['a.test', 'b.test', 'open.test']

/** An open front door, and the folder of its certificates. */
interface ClientHosts extends AsyncDisposable {
  readonly door: TestDoor
  /** Writes or removes a file of the certificate folder, and waits until it counts. */
  put(name: string, text: string | undefined): Promise<void>
}

/** One certificate for all hosts, so that only the check of clients separates them. */
export async function openClientHosts(
  files: Readonly<Record<string, string>>,
  sites: readonly SiteWish[] = HOSTS.map((host) => ({ host })),
  parts: Partial<FrontDoorParts> = {},
): Promise<ClientHosts> {
  const resources = new AsyncDisposableStack()
  const certificates = resources.use(await openFolderCertificates({ shared: HOSTS }, { texts: files }))
  const door = resources.use(await openTestDoor(makeTable(...sites), { certificates, ...parts }))
  return {
    door,
    async put(name, text) {
      const path = join(certificates.folder, name)
      await (text === undefined ? rm(path) : writeFile(path, text))
      await certificates.refresh()
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
}

/** Options of a request. */
type RequestHostOptions = { client?: ClientPaper; maxVersion?: SecureVersion } & NonNullable<
  Parameters<typeof requestDoor>[2]
>

/** Status, and the sentence of an error. */
export async function requestHost(
  { door }: Pick<ClientHosts, 'door'>,
  url: string,
  { client, ...options }: RequestHostOptions = {},
): Promise<string> {
  const reply = await requestDoor(door, url, {
    ...options,
    ...(client && { cert: client.cert, key: client.key }),
  })
  if (typeof reply === 'string') return reply
  const [, text = ''] = reply.status < 400 ? [] : (/<p>(.*?)<\/p>/.exec(reply.text) ?? [])
  return `${reply.status} ${text}`.trim()
}

/** Expected answers. */
export const MISSING = '400 No required SSL certificate was sent.'
export const REFUSED = '400 The SSL certificate error.'
export const ELSEWHERE = '421 This site is not served over this connection.'
export const CLOSED = '503 Nothing serves this site now. It may be back in a moment.'

/** Options of a connection. */
export interface SecureOptions {
  readonly client?: ClientPaper
  readonly session?: Buffer
  readonly maxVersion?: 'TLSv1.2' | 'TLSv1.3'
}

/** Begins a connection. */
export function dial(door: TestDoor, servername: string, { client, ...options }: SecureOptions): TLSSocket {
  const own = client && { cert: client.cert, key: client.key }
  const to = { host: '127.0.0.1', port: door.httpsPort, servername, rejectUnauthorized: false }
  return connectTls({ ...to, ...own, ...options })
}

/** Opens a connection. */
export async function secure(
  door: TestDoor,
  servername: string,
  options: SecureOptions = {},
): Promise<TLSSocket> {
  const socket = dial(door, servername, options)
  await events.once(socket, 'secureConnect')
  return socket
}
