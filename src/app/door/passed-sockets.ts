import { readFileSync, readlinkSync } from 'node:fs'
import { SocketAddress } from 'node:net'
import type { Config } from '../../config/config.ts'
import { ANY_ADDRESS, type ListenAddress } from '../../config/listen-address.ts'
import { formatAddress } from '../../config/show/describe.ts'
import { AppError } from '../faults/app-error.ts'

/** First descriptor that systemd passes. */
const FIRST_DESCRIPTOR = 3
/** Most sockets that are looked at: two are of use. */
const MAX_SOCKETS = 16
/** States in the tables of the kernel: a TCP socket that listens, and the flag of a Unix socket that does. */
const TCP_LISTENS = '0A'
const UNIX_LISTENS = '00010000'
const LISTENERS = ['listenHttp', 'listenHttps'] as const

/** A listening socket that was opened before this process. */
interface PassedSocket {
  readonly name: string | undefined
  readonly address: ListenAddress
}

/**
 * Takes over the listening sockets that systemd passes (`LISTEN_FDS`), so that connections wait in them while the
 * server starts anew. A socket named `http` or `https` (`FileDescriptorName=`) is that listener, any other the one with its
 * port or path. The variables are removed from `env`. Errors: `AppError` `PASSED_SOCKET_UNUSABLE`.
 * @returns the configuration, with the addresses of the sockets.
 */
export function takePassedSockets(config: Config, env: NodeJS.ProcessEnv): Config {
  const { LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES = '' } = env
  for (const name of ['LISTEN_FDS', 'LISTEN_PID', 'LISTEN_FDNAMES']) delete env[name]
  const count = /^\d+$/.test(LISTEN_FDS ?? '') ? Math.min(Number(LISTEN_FDS), MAX_SOCKETS) : 0
  if (Number(LISTEN_PID) !== process.pid || count < 1) return config
  const names = LISTEN_FDNAMES.split(':')
  let taken = config
  for (let index = 0; index < count; index++) {
    const socket = { name: names[index], address: readAddress(FIRST_DESCRIPTOR + index) }
    const listener = LISTENERS.find((each) => isFor(socket, each, taken[each]))
    if (!listener) throw noListenerFor(socket.address)
    taken = { ...taken, [listener]: socket.address }
  }
  return Object.freeze(taken)
}

/** True if a socket is that of a listener which has none yet. */
function isFor(
  { name, address }: PassedSocket,
  listener: (typeof LISTENERS)[number],
  wanted: ListenAddress | undefined,
): boolean {
  if (!wanted || wanted.fd !== undefined) return false
  if (name === 'http' || name === 'https')
    return listener === (name === 'http' ? 'listenHttp' : 'listenHttps')
  return address.path === undefined
    ? wanted.path === undefined && wanted.port === address.port
    : wanted.path === address.path
}

/** Finds the address of a descriptor in the tables of the kernel: Node knows it only once it accepts connections. */
function readAddress(fd: number): ListenAddress {
  const inode = readSystem(() => /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1])
  for (const table of ['tcp6', 'tcp'] as const) {
    const row = readRows(table).find((cells) => cells[9] === inode && cells[3] === TCP_LISTENS)
    if (row?.[1] !== undefined) return { ...parseAddress(row[1]), fd }
  }
  const row = readRows('unix').find((cells) => cells[6] === inode && cells[3] === UNIX_LISTENS)
  if (row?.[7] !== undefined) return { path: row[7], fd }
  throw new AppError(
    'PASSED_SOCKET_UNUSABLE',
    `The descriptor ${fd} that systemd passes is no TCP or Unix socket that listens`,
    'Use ListenStream= and Accept=no in the socket unit',
  )
}

function readRows(table: 'tcp' | 'tcp6' | 'unix'): string[][] {
  const text = readSystem(() => readFileSync(`/proc/self/net/${table}`, 'latin1')) ?? ''
  return text.split('\n').map((line) => line.trim().split(/\s+/))
}

/** Undefined if the file is missing, as that of IPv6 is on a machine without. */
function readSystem<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

/** Reads the address of a row, such as `0100007F:1F90`: words of 32 bits in the order of the processor. */
function parseAddress(text: string): { host: string; port: number } {
  const [hex = '', port = ''] = text.split(':')
  const words = Array.from(hex.matchAll(/.{8}/g), ([word]) => Buffer.from(word, 'hex').reverse())
  const bytes = Buffer.concat(words)
  return {
    host: bytes.every((byte) => byte === 0) ? anyOf(bytes) : formatHost(bytes),
    port: parseInt(port, 16),
  }
}

function anyOf(bytes: Buffer): string {
  return bytes.length === 4 ? '0.0.0.0' : ANY_ADDRESS
}

function formatHost(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.')
  const groups = Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(at * 2).toString(16))
  return new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address
}

function noListenerFor(address: ListenAddress): AppError {
  return new AppError(
    'PASSED_SOCKET_UNUSABLE',
    `systemd passes a socket at ${formatAddress(address)}, and no listener of Berth is for it`,
    'Give the same addresses in both: "systemctl edit berth.socket" sets ListenStream=, listen-http and listen-https are ' +
      'in berth.yaml; without sockets of systemd: "systemctl disable --now berth.socket"',
  )
}
