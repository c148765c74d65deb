import { closeSync, openSync } from 'node:fs'
import type { DestinationStream } from 'pino'
import { stripControlCharacters } from '../log/access-line.ts'
import { type LineOutput, openOutput } from '../log/open-output.ts'

/** Bytes gathered before a write; at most so many are written at once. */
const MIN_WRITE_BYTES = 16 * 1024
const MAX_WRITE_BYTES = 64 * 1024
/** Most bytes waiting for a slow disk; further lines are dropped and counted, requests never wait. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024
/** Longest wait before a line is written, in milliseconds. */
const FLUSH_MS = 1_000
/** Longest text of a field, in characters. */
const MAX_FIELD_LENGTH = 2_048

/** A request of a site, once it is over. */
export interface SiteLogLine {
  readonly host: string
  readonly remoteAddress: string
  /** Who logged in, or tried to; undefined: nobody. */
  readonly user: string | undefined
  readonly method: string
  /** With the query, as sites log it. */
  readonly target: string
  readonly protocol: string
  readonly status: number
  /** Of the body. */
  readonly bytes: number
  readonly ms: number
  readonly referer: string | undefined
  readonly agent: string | undefined
  readonly id: string
}

/** Where the lines of sites go. */
export interface SiteLog {
  write(line: SiteLogLine): void
  /** Opens the file anew, after it was moved away; lines on their way are in the old one. */
  reopen(): void
  /** Writes what waits, and ends. */
  close(): Promise<void>
}

/**
 * Opens the access log of sites: a file, or standard output. `onProblem` is told when lines cannot be written, once
 * until they can again. Errors: those of the system, such as `EACCES`.
 */
export function openSiteLog(
  target: string,
  format: 'combined' | 'json',
  onProblem: (problem: string) => void,
): SiteLog {
  const dest = target === 'stdout' ? 1 : target
  // The stream opens its file later, when nobody is there to be told.
  if (typeof dest === 'string') closeSync(openSync(dest, 'a'))
  let problem: string | undefined
  const tell = (text: string): void => {
    if (problem !== text) onProblem(text)
    problem = text
  }
  const destination = openOutput({
    dest,
    minLength: MIN_WRITE_BYTES,
    maxWrite: MAX_WRITE_BYTES,
    maxLength: MAX_WAITING_BYTES,
    periodicFlush: FLUSH_MS,
    onError: ({ code }) => tell(`it cannot be written (${code})`),
  })
  destination.on('drop', () => tell('lines come faster than they can be written, and are dropped'))
  destination.on('write', () => {
    problem = undefined
  })
  const formatLine = format === 'json' ? toJson : toCombined
  return {
    write: (line) => (destination as DestinationStream).write(`${formatLine(line)}\n`),
    reopen() {
      if (target !== 'stdout') destination.reopen()
    },
    close: () => close(destination),
  }
}

/** Waits for a file that is only being opened, too: a server may end as soon as it began. */
async function close(destination: LineOutput): Promise<void> {
  await new Promise<void>((resolve) => {
    destination.once('close', resolve)
    // What cannot be written now will not be written later.
    destination.once('error', () => {
      destination.destroy()
      resolve()
    })
    destination.end()
  })
}

/** nginx-proxy's `vhost` format: nginx's `combined` with the host before it. */
function toCombined(line: SiteLogLine): string {
  const { host, remoteAddress, method, target, protocol, status, bytes, referer, agent } = line
  const request = field(`${method} ${target} ${protocol}`)
  const user = field(line.user).replaceAll(' ', '\\x20')
  return `${host} ${remoteAddress} - ${user} [${commonTime(new Date())}] "${request}" ${status} ${bytes} "${field(referer)}" "${field(agent)}" "${line.id}"`
}

function toJson(line: SiteLogLine): string {
  const { referer, agent, target, user, ...rest } = line
  return JSON.stringify({
    time: new Date().toISOString(),
    ...rest,
    target: cut(target),
    user: user && cut(user),
    ms: Math.round(line.ms * 10) / 10,
    referer: referer && cut(referer),
    agent: agent && cut(agent),
  })
}

function field(text: string | undefined): string {
  return text === undefined || text === ''
    ? '-'
    : cut(text).replace(/["\\]/g, (sign) => `\\x${sign.charCodeAt(0).toString(16)}`)
}

function cut(text: string): string {
  return stripControlCharacters(text.slice(0, MAX_FIELD_LENGTH))
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** `24/Nov/2026:10:00:00 +0000`. */
function commonTime(date: Date): string {
  const iso = date.toISOString()
  return `${iso.slice(8, 10)}/${MONTHS[date.getUTCMonth()]}/${iso.slice(0, 4)}:${iso.slice(11, 19)} +0000`
}
