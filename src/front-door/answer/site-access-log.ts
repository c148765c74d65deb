import { accessSync, closeSync, constants, openSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { stripControlCharacters } from '../../log/access-line.ts'
import type { LineTarget } from '../../log/line-file.ts'
import { LineOutputs, WHOLE_WRITE_BYTES } from '../../log/line-outputs.ts'
import type { AccessLogFile } from '../vhost/settings/settings.ts'
import { logFileName } from './log-file-name.ts'

/** Bytes gathered for a file before they are written. */
const MIN_WRITE_BYTES = 16 * 1024
/** Most bytes waiting for a slow disk, of all hosts; further lines are dropped and reported, requests never wait. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024
/** Longest wait before a line is written, in milliseconds. */
const FLUSH_MS = 1_000
/** Files of hosts kept open; a host beyond them costs an open and a close for each batch of its lines. */
const MAX_OPEN_FILES = 128
/** Longest text of a field, in characters. */
const MAX_FIELD_LENGTH = 2_048
const STANDARD_OUTPUT = 1

/** A request of a site, once it is over. */
export interface SiteLogLine {
  /** The requested host, which may belong to a wildcard or the default host. */
  readonly host: string
  readonly remoteAddress: string
  /** Name of the log-in, successful or not; undefined: none. */
  readonly user: string | undefined
  readonly method: string
  /** With the query, which the log of sites includes. */
  readonly target: string
  readonly protocol: string
  readonly status: number
  /** Of the body. */
  readonly bytes: number
  readonly ms: number
  readonly referer: string | undefined
  readonly agent: string | undefined
  readonly id: string
  /** Id of its trace, in JSON only; undefined: it is not traced. */
  readonly trace?: string | undefined
  /** Reason of a refused path, in JSON only; undefined: it was not refused. */
  readonly reason?: string | undefined
}

/** Owner of a line: it selects the file, if each host has one. */
interface SiteLogPlace {
  /** The host as declared; visitors choose names below a wildcard. */
  readonly site: string
  /** `access_log` of the vhost file; undefined: none. */
  readonly file: AccessLogFile | undefined
}

/** Log of the lines of sites. */
export interface SiteLog {
  write(line: SiteLogLine, place: SiteLogPlace): void
  /** Called with each request that is over, also those whose lines are turned off; undefined: nothing counts them. */
  readonly count?: ((line: Pick<SiteLogLine, 'status' | 'bytes' | 'ms'>, site: string) => void) | undefined
  /** Opens the files anew, after they were moved away; lines on their way go to the old ones. */
  reopen(): void
  /** Writes the waiting lines, and closes. */
  close(): Promise<void>
}

/** Format of lines without one in the vhost file. */
type SiteLogFormat = 'combined' | 'json'

/**
 * Opens the access log of sites: a file, standard output, or a folder in which each host has a file. `onProblem` is
 * called when lines cannot be written, once until they can again. `isShared`: other processes write there, too. Errors:
 * those of the system, such as `EACCES`.
 */
export function openSiteLog(
  target: string,
  format: SiteLogFormat,
  onProblem: (problem: string, file: string) => void,
  { isShared = false } = {},
): SiteLog {
  const outputs = new LineOutputs({
    maxWriteBytes: isShared ? WHOLE_WRITE_BYTES : undefined,
    minWriteBytes: MIN_WRITE_BYTES,
    flushMs: FLUSH_MS,
    maxWaitingBytes: MAX_WAITING_BYTES,
    maxOpenFiles: MAX_OPEN_FILES,
    onProblem: (file, problem) => onProblem(problem, file === STANDARD_OUTPUT ? 'stdout' : String(file)),
  })
  const place = placing(target, outputs)
  return {
    write: (line, { site, file }) =>
      outputs.write(place(site, file), `${FORMATS[file?.format ?? VHOST_OR_JSON[format]](line)}\n`),
    reopen: () => void outputs.reopen(),
    close: () => outputs.close(),
  }
}

/** Finds the output of a line. Checks at the start that it can be opened, while the error can still be reported. */
function placing(
  target: string,
  outputs: LineOutputs,
): (site: string, file: AccessLogFile | undefined) => LineTarget {
  if (target === 'stdout') return () => STANDARD_OUTPUT
  if (!isLogFolder(target)) {
    checkFile(target)
    void outputs.open(target)
    return () => target
  }
  accessSync(target, constants.W_OK | constants.X_OK)
  const names = new Map<string, string>()
  return (site, file) => {
    if (file?.name !== undefined) return join(target, file.name)
    const known = names.get(site) ?? join(target, logFileName(site))
    if (names.size >= MAX_KNOWN_NAMES) names.clear()
    names.set(site, known)
    return known
  }
}

/** Hosts whose file names are remembered. */
const MAX_KNOWN_NAMES = 10_000

/** True if a target is a folder; a slash at its end marks one. */
export function isLogFolder(target: string): boolean {
  if (target === 'off' || target === 'stdout') return false
  return target.endsWith('/') || (statSync(target, { throwIfNoEntry: false })?.isDirectory() ?? false)
}

function checkFile(path: string): void {
  try {
    closeSync(
      openSync(path, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK),
    )
  } catch (error) {
    // A named pipe, whose reader may still come.
    if (!(error instanceof Error && 'code' in error && error.code === 'ENXIO')) throw error
  }
}

/** The formats that `access_log` of a vhost file can name. */
const FORMATS: Readonly<Record<AccessLogFile['format'] & string, (line: SiteLogLine) => string>> = {
  combined: toCombined,
  vhost: toVhost,
  json: toJson,
}
const VHOST_OR_JSON = { combined: 'vhost', json: 'json' } as const

/** nginx-proxy's `vhost` format: nginx's `combined`, after the host and before the id of the request. */
function toVhost(line: SiteLogLine): string {
  return `${line.host} ${toCombined(line)} "${line.id}"`
}

/** nginx's own format. */
function toCombined(line: SiteLogLine): string {
  const { remoteAddress, method, target, protocol, status, bytes, referer, agent } = line
  const request = field(`${method} ${target} ${protocol}`)
  const user = field(line.user).replaceAll(' ', '\\x20')
  return `${remoteAddress} - ${user} [${commonTime(new Date())}] "${request}" ${status} ${bytes} "${field(referer)}" "${field(agent)}"`
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
