import { AppError } from '../faults/app-error.ts'
import { readGivenFile } from '../faults/read-given-file.ts'

/** Largest file of headers that is read, in bytes: a longer one is another file. */
const MAX_FILE_BYTES = 16 * 1024
/** Most headers of it. */
const MAX_HEADERS = 16
/** A header as a line, with printable characters only. */
const LINE = /^([A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}):[ \t]*([!-~](?:[ -~]*[!-~])?)[ \t]*$/
/** Headers that this program makes itself. */
const OWN = /^(?:content-length|content-type|transfer-encoding|host|connection|expect|upgrade|te|trailer)$/i

/**
 * Reads the headers for a collector: a line `Name: value` each; empty lines and those that begin with `#` are left out.
 * Errors: `AppError` `TRACES_HEADERS_UNUSABLE`, which shows the path and the number of a line, and nothing of the content.
 */
export async function readCollectorHeaders(path: string): Promise<Readonly<Record<string, string>>> {
  const headers: Record<string, string> = {}
  for (const [index, line] of (
    await readGivenFile(path, MAX_FILE_BYTES, (why, cause) => unusable(path, why, cause))
  )
    .split(/\r?\n/)
    .entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue
    const [, name, value] = LINE.exec(line) ?? []
    if (name === undefined || value === undefined) throw unusable(path, `line ${index + 1} is no header`)
    if (OWN.test(name)) throw unusable(path, `line ${index + 1} has a header that Berth makes itself`)
    headers[name.toLowerCase()] = value
  }
  if (Object.keys(headers).length > MAX_HEADERS)
    throw unusable(path, `it has more than ${MAX_HEADERS} headers`)
  return headers
}

function unusable(path: string, why: string, cause?: unknown): AppError {
  return new AppError(
    'TRACES_HEADERS_UNUSABLE',
    `The file of traces-headers-file, ${path}, cannot be used: ${why}`,
    'Write one header a line, such as "Authorization: Bearer TOKEN", readable by the user whom Berth runs as, or leave the setting out',
    cause,
  )
}
