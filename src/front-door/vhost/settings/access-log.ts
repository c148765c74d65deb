import type { AccessLogFile } from './settings.ts'

/** Folder of logs in nginx-proxy's container. */
const LOG_FOLDER = '/var/log/nginx/'
const FORMATS: readonly string[] = ['combined', 'vhost', 'json'] satisfies AccessLogFile['format'][]
/** Parameters that only tune nginx's writing. */
const TUNING = /^(?:buffer=|gzip(?:=|$)|flush=)/

/**
 * Reads an `access_log` that is not off. A path below nginx's log folder, or a relative one, is taken as below the
 * folder of `site-log`; others are refused, for a vhost file must not make Berth write any file of the machine.
 */
export function parseAccessLog([path = '', ...words]: readonly string[]): {
  readonly file: AccessLogFile
  /** Ignored parts, a sentence without its subject each. */
  readonly oddities: readonly string[]
} {
  const name = toLogName(path)
  const [format] = words.filter((word) => !TUNING.test(word) && !word.startsWith('if='))
  const isKnown = format === undefined || FORMATS.includes(format)
  return {
    file: { name, format: isKnown ? (format as AccessLogFile['format']) : undefined },
    oddities: [
      ...(name === undefined
        ? [`names no file below ${LOG_FOLDER}: ${path}; the host's own log file is used`]
        : []),
      ...(isKnown
        ? []
        : [`has the format "${format}", not one of ${FORMATS.join(', ')}; that of site-log-format is used`]),
      ...(words.some((word) => word.startsWith('if='))
        ? ['has a condition, which is passed over: all is logged']
        : []),
    ],
  }
}

/** Path below the log folder; undefined: outside of it, or dependent on the request. */
function toLogName(path: string): string | undefined {
  const inside = path.startsWith(LOG_FOLDER) ? path.slice(LOG_FOLDER.length) : path
  const isSafe = inside
    .split('/')
    .every((part) => part !== '' && part !== '.' && part !== '..' && /^[^\p{Cc}$:]{1,255}$/u.test(part))
  return isSafe ? inside : undefined
}
