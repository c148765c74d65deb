import { reach } from './exchange.ts'
import { readJson } from './read-body.ts'
import { RegistryError } from './registry-error.ts'
import { createCaTransport, fetchTransport } from './transport.ts'

/** Longest document that is read, in bytes: it has two short members. */
const MAX_DOCUMENT_BYTES = 64 * 1024
/** Longest wait for the answer and its end, in milliseconds. */
const TIMEOUT_MS = 10_000
/** Longest text of a member, in characters. */
const MAX_TEXT = 200

/** The newest version that a mirror knows. */
interface NewestVersion {
  readonly version: string
  /** Address of what is new; undefined: the mirror names none. */
  readonly notes: string | undefined
}

/**
 * Reads the document `{"version": "1.2.3", "notes": "https://…"}` of an operator's own mirror. Nothing about this Berth is sent, and
 * no redirect is followed. `ca`: certificates to trust in place of the system's, PEM.
 * Errors: `RegistryError`.
 */
export async function readNewestVersion(url: string, ca?: string): Promise<NewestVersion> {
  const send = ca === undefined ? fetchTransport : createCaTransport(ca)
  const document = await readDocument(url, send)
  const { version, notes } = document
  if (typeof version !== 'string' || version.length > MAX_TEXT) {
    throw new RegistryError('REGISTRY_ANSWER_INVALID', `The document at ${url} has no text "version"`)
  }
  const isShown = typeof notes === 'string' && notes.length <= MAX_TEXT && URL.canParse(notes)
  return { version, notes: isShown ? notes : undefined }
}

async function readDocument(url: string, send: typeof fetchTransport): Promise<Record<string, unknown>> {
  const headers = { accept: 'application/json' }
  const signal = AbortSignal.timeout(TIMEOUT_MS)
  return await reach(url, async () => {
    const response = await send(url, { method: 'GET', headers, signal })
    if (response.status === 200) return await readJson(response, MAX_DOCUMENT_BYTES)
    await response.body?.cancel()
    throw new RegistryError(
      'REGISTRY_ANSWER_INVALID',
      `${url} was answered with status ${response.status}, not 200`,
    )
  })
}
