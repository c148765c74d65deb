import type { AccessLogFile } from './settings.ts'

/** Where nginx-proxy's container has its logs. */
const LOG_FOLDER = '/var/log/nginx/'
const FORMATS: readonly string[] = ['combined', 'vhost', 'json'] satisfies AccessLogFile['format'][]
/** What tunes nginx's writing. */
const TUNING = /^(?:buffer=|gzip(?:=|$)|flush=)/

/**
 * Reads what `access_log` says when it is not off. A path below nginx's log folder, or a relative one, is one below
 * the folder of `site-log`; no other can be meant, for a vhost file must not make Berth write any file of the machine.
 */
export function parseAccessLog([path = '', ...words]: readonly string[]): {
  readonly file: AccessLogFile
  /** What was passed over, a sentence without its subject each. */
  readonly oddities: readonly string[]
} {
  const name = nameOf(path)
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

/** Below the log folder; undefined: somewhere else, or nothing that can be told before there is a request. */
function nameOf(path: string): string | undefined {
  const inside = path.startsWith(LOG_FOLDER) ? path.slice(LOG_FOLDER.length) : path
  const isSafe = inside
    .split('/')
    .every((part) => part !== '' && part !== '.' && part !== '..' && /^[^\p{Cc}$:]{1,255}$/u.test(part))
  return isSafe ? inside : undefined
}
