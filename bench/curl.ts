import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './command.ts'
import type { Workspace } from './workspace.ts'

/** A request by curl. */
interface CurlRequest {
  readonly url: string
  /** Not on the command line, where every user of the machine could read it. */
  readonly authorization: string | undefined
}

/** curl over HTTP/1.1, which is faster than HTTP/2 with every server here, with the run's certificate trusted. */
export interface Curl {
  /** Reads a body and throws it away. */
  pull(request: CurlRequest): Promise<void>
  /** Reads a body and returns its digest; too slow to be timed. */
  pullDigest(request: CurlRequest): Promise<string>
  /** Sends a file with its length (`PUT`), or in chunks as Docker does (`PATCH`); returns the `Location`. */
  send(request: CurlRequest, upload: { method: 'PUT' | 'PATCH'; file: string }): Promise<string>
}

/** Makes a curl for the run. */
export function createCurl(workspace: Workspace): Curl {
  let headerFiles = 0
  const common = async ({ authorization }: CurlRequest): Promise<string[]> => {
    const args = ['--silent', '--show-error', '--fail', '--http1.1', '--cacert', workspace.certFile]
    if (authorization === undefined) return args
    headerFiles += 1
    const file = join(workspace.path, `headers-${headerFiles % 64}`)
    await writeFile(file, `Authorization: ${authorization}\n`, { mode: 0o600 })
    return [...args, '--header', `@${file}`]
  }
  return {
    async pull(request) {
      await run('curl', [...(await common(request)), '--output', '/dev/null', request.url])
    },
    async pullDigest(request) {
      const child = spawn('curl', [...(await common(request)), request.url], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const ended = once(child, 'close')
      const hash = createHash('sha256')
      for await (const chunk of child.stdout) hash.update(chunk)
      const [code] = await ended
      if (code !== 0) throw new Error(`curl ended with ${code} while it read ${request.url}`)
      return `sha256:${hash.digest('hex')}`
    },
    async send(request, { method, file }) {
      const framing = method === 'PATCH' ? ['--header', 'Transfer-Encoding: chunked'] : []
      const output = await run('curl', [
        ...(await common(request)),
        // No `Expect: 100-continue`: servers that do not know it cost a second's wait.
        ...['--request', method, '--upload-file', file, '--header', 'Expect:', ...framing],
        ...['--header', 'Content-Type: application/octet-stream'],
        ...['--output', '/dev/null', '--write-out', '%{http_code} %header{location}', request.url],
      ])
      const [status = '', location = ''] = output.trim().split(' ')
      const expected = method === 'PUT' ? '201' : '202'
      if (status !== expected)
        throw new Error(`${method} ${request.url} was answered ${status}, not ${expected}`)
      return location
    },
  }
}
