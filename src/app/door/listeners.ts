import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Config } from '../../config/config.ts'
import { isEveryAddress, type ListenAddress, LOOPBACK_ADDRESSES } from '../../config/listen-address.ts'
import { isPlainHttpSafe } from '../../config/plain-http.ts'
import { formatAddress } from '../../config/show/describe.ts'
import type { DoorListener } from '../../front-door/listen/door-listener.ts'
import { type LoneDoorParts, openLoneDoor } from '../../front-door/listen/lone-door.ts'
import { removeLeftSocket } from '../../front-door/listen/sockets/door-address.ts'
import type { TlsPairWatch } from '../certificates/tls-pair-watch.ts'
import { AppError } from '../faults/app-error.ts'
import { toAppError } from '../faults/system-fault.ts'

/**
 * Refuses settings that would send passwords in the clear: accounts over plain HTTP beyond this machine. Errors:
 * `AppError` `PLAIN_HTTP_REFUSED`, `NOTHING_TO_LISTEN_ON`, `TLS_FILES_UNUSABLE`, `PORT_IN_USE`.
 */
export function checkListeners(config: Config): void {
  const { listenHttp, listenHttps, tls, frontDoor } = config
  requireOwnAddresses(config)
  if (!listenHttp && !listenHttps) {
    throw new AppError(
      'NOTHING_TO_LISTEN_ON',
      'No address is given to listen on',
      'Set --listen-http or --listen-https',
    )
  }
  // The front door has certificates of its own, and answers plain HTTP to the registry with redirects only.
  if (frontDoor) return
  if (listenHttps && !tls) {
    throw new AppError(
      'TLS_FILES_UNUSABLE',
      'TLS needs a certificate and its key',
      'Set --tls-cert and --tls-key, or turn it off with --listen-https off',
    )
  }
  if (!listenHttp || isPlainHttpSafe(config)) return
  throw new AppError(
    'PLAIN_HTTP_REFUSED',
    `Passwords would cross the network in the clear: plain HTTP is set on ${formatAddress(listenHttp)}`,
    'Use --tls-cert and --tls-key, listen on 127.0.0.1, or set --insecure-http if a proxy before it does TLS',
  )
}

/** Refuses two listeners at one address: the second one would fail once the server is half made. Errors: `AppError` `PORT_IN_USE`. */
function requireOwnAddresses({ listenHttp, listenHttps, listenMetrics }: Config): void {
  const set = [
    ['--listen-http', listenHttp],
    ['--listen-https', listenHttps],
    ['--listen-metrics', listenMetrics],
  ] as const
  for (const [index, [flag, address]] of set.entries())
    for (const [otherFlag, other] of set.slice(index + 1))
      if (address && other && isSameAddress(address, other))
        throw new AppError(
          'PORT_IN_USE',
          `${flag} and ${otherFlag} name the same address: ${formatAddress(address)} and ${formatAddress(other)}`,
          'Give each a port of its own',
        )
}

function isSameAddress(one: ListenAddress, other: ListenAddress): boolean {
  if (one.path !== undefined || other.path !== undefined) return one.path === other.path
  // With port 0 the system chooses one that is free.
  if (one.port !== other.port || one.port === 0) return false
  return one.host === other.host || isEveryAddress(one.host) || isEveryAddress(other.host)
}

/** Starts the listeners of a registry without a front door. Errors: `AppError`; none is left open then. */
export async function openLoneDoors(
  config: Config,
  tls: TlsPairWatch | undefined,
  parts: Omit<LoneDoorParts, 'pair'>,
): Promise<DoorListener[]> {
  const pair = tls && (() => tls.pair)
  return listenAll(config, (address, isTls) =>
    openLoneDoor(address, { ...parts, pair: isTls ? pair : undefined }),
  )
}

/** Longest wait for another program to take a connection on this machine, in milliseconds. */
const CONNECT_TIMEOUT_MS = 1_000

/**
 * Checks that no other program listens on the addresses of a configuration, before a first start makes a data folder: a
 * failed start would leave a second folder behind. It connects and does not listen, since clients that wait for the
 * port would take that for the server. Errors: `AppError` `PORT_IN_USE`, `PORT_FORBIDDEN`.
 */
export async function requireFreePorts({ listenHttp, listenHttps, listenMetrics }: Config): Promise<void> {
  for (const address of [listenHttp, listenHttps, listenMetrics]) {
    if (address?.path !== undefined || !address?.port || address.fd !== undefined) continue
    if (await isForbidden(address.port)) {
      const reason = { code: 'EACCES', syscall: 'listen' }
      throw toListenError(Object.assign(new Error('the system refuses this port'), reason), address)
    }
    if (!(await isTaken(address))) continue
    const reason = { code: 'EADDRINUSE', syscall: 'listen' }
    const cause = Object.assign(new Error('another program takes connections there'), reason)
    throw toListenError(cause, address)
  }
}

/** By a socket of UDP, whose ports need the same right: no client of TCP takes it for the server. */
async function isForbidden(port: number): Promise<boolean> {
  const socket = createSocket('udp4')
  try {
    const bound = once(socket, 'listening')
    socket.bind({ port, address: '127.0.0.1', exclusive: true })
    await bound
    return false
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EACCES'
  } finally {
    socket.close()
  }
}

async function isTaken({ host, port }: { host: string; port: number }): Promise<boolean> {
  const taken = (isEveryAddress(host) ? LOOPBACK_ADDRESSES : [host]).map((each) =>
    takesConnections(each, port),
  )
  return (await Promise.all(taken)).includes(true)
}

async function takesConnections(host: string, port: number): Promise<boolean> {
  const socket = connect({ host, port })
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(CONNECT_TIMEOUT_MS) })
    return true
  } catch {
    // Refused, no such address, no answer: if there is a fault, listening itself reports it.
    return false
  } finally {
    socket.destroy()
  }
}

/** Opens a listener for each address of a configuration. Errors: `AppError`; none is left open then. */
export async function listenAll(
  { listenHttp, listenHttps }: Config,
  listenOne: (address: ListenAddress, isTls: boolean) => Promise<DoorListener>,
): Promise<DoorListener[]> {
  const open: DoorListener[] = []
  try {
    if (listenHttp) open.push(await openOne(listenHttp, () => listenOne(listenHttp, false)))
    if (listenHttps) open.push(await openOne(listenHttps, () => listenOne(listenHttps, true)))
    return open
  } catch (error) {
    await Promise.all(open.map((listener) => listener.stop(AbortSignal.abort())))
    throw error
  }
}

/** Removes the sockets that a killed server left, once, before several workers listen there. Errors: `AppError`. */
export async function removeLeftSockets({ listenHttp, listenHttps }: Config): Promise<void> {
  for (const address of [listenHttp, listenHttps]) {
    if (address?.path === undefined || address.fd !== undefined) continue
    const { path } = address
    await openOne(address, () => removeLeftSocket(path))
  }
}

async function openOne<T>(address: ListenAddress, listenHere: () => Promise<T>): Promise<T> {
  try {
    return await listenHere()
  } catch (cause) {
    throw toListenError(cause, address)
  }
}

function toListenError(cause: unknown, address: ListenAddress): unknown {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  if (code.startsWith('ERR_SSL') || code.startsWith('ERR_OSSL')) {
    return new AppError(
      'TLS_FILES_UNUSABLE',
      'The certificate and the key do not work together',
      'Check both files',
      cause,
    )
  }
  return address.path === undefined
    ? toAppError(cause, 'port', formatAddress(address))
    : toAppError(cause, 'socket', address.path)
}
