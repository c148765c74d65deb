import { randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { CertificateManager } from '../../certificates/acme/certificate-manager.ts'
import { certificateFolders } from '../../certificates/folder/certificate-folders.ts'
import { WatchedFolder } from '../../files/watched-folder.ts'
import { withServersElsewhere } from '../data/require-data.ts'
import { AppError } from '../faults/app-error.ts'
import { isLocked } from '../folders/data-folder.ts'
import { readServerRecord } from '../folders/server-record.ts'

/** Longest wait of a command for the CA, in milliseconds: DNS challenges take minutes. */
const ANSWER_TIMEOUT_MS = 10 * 60_000
/** Time between two checks for the answer, in milliseconds. */
const LOOK_MS = 250
/** Checks for the answer between two checks that the server still runs: each of these opens its lock. */
const LOOKS_PER_SIGN_OF_LIFE = 8
/** Requests read in one turn. */
const MAX_REQUESTS = 100

/** Result of a renewal. */
interface RenewedCertificate {
  readonly names: readonly string[]
  readonly state: string
  /** ISO 8601; undefined: there is none. */
  readonly notAfter: string | undefined
  /** Fault and remedy; undefined: it succeeded. */
  readonly problem: string | undefined
}

/**
 * Has the running server renew certificates now: only a server can answer a CA's challenges. The request is a file in
 * the data folder, and so is the answer. Errors: `AppError` `NOT_RUNNING`, `RENEWAL_REFUSED`, `RENEWAL_UNANSWERED`.
 */
export async function requestRenewal(
  dataDir: string,
  names: readonly string[],
): Promise<RenewedCertificate[]> {
  if (!isLocked(dataDir)) {
    throw new AppError(
      'NOT_RUNNING',
      await withServersElsewhere(`No server runs on the data folder ${dataDir}`, dataDir),
      'Start it, as it alone can answer the CA; or name the folder of the one that runs with --data',
    )
  }
  refuseWithoutCa(dataDir)
  const folder = requestFolder(dataDir)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const id = randomUUID()
  const answerFile = join(folder, `.${id}.answer`)
  await writeAtOnce(join(folder, `${id}.request`), JSON.stringify({ names }))
  const deadline = Date.now() + ANSWER_TIMEOUT_MS
  for (let looks = 1; Date.now() < deadline; looks++) {
    const answer = await readIfThere(answerFile)
    if (answer !== undefined) {
      await rm(answerFile, { force: true })
      return readAnswer(answer)
    }
    if (looks % LOOKS_PER_SIGN_OF_LIFE === 0 && !isLocked(dataDir)) {
      await rm(join(folder, `${id}.request`), { force: true })
      throw new AppError(
        'RENEWAL_UNANSWERED',
        'The server has stopped before it answered',
        'Start it again: it goes on with the order by itself',
      )
    }
    await sleep(LOOK_MS)
  }
  await rm(join(folder, `${id}.request`), { force: true })
  throw new AppError('RENEWAL_UNANSWERED', 'The server did not answer in time', 'Look at its log')
}

/** Refuses a request to a server without ACME: it would stay unanswered. Errors: `AppError` `RENEWAL_REFUSED`. */
function refuseWithoutCa(dataDir: string): void {
  const settings = readServerRecord(dataDir)?.record.settings
  if (!settings) return
  if (settings.domain === undefined) {
    throw new AppError(
      'RENEWAL_REFUSED',
      `The server on the data folder ${dataDir} orders no certificates from a CA: it has no domain`,
      'Start it with --domain HOST; the files of --tls-cert are renewed by whoever made them, and read again when they change',
    )
  }
  if (settings.acme === 'off') {
    throw new AppError(
      'RENEWAL_REFUSED',
      `The server on the data folder ${dataDir} orders no certificates from a CA: acme is off`,
      'Start it without that setting, or put a certificate in place with "berth cert install"',
    )
  }
}

/** Accepts such requests while the server runs. */
export async function takeRenewRequests(
  dataDir: string,
  { manager, logger }: { manager: CertificateManager; logger: Logger },
): Promise<Disposable> {
  const folder = requestFolder(dataDir)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await removeAbandoned(folder)
  const taken = new Set<string>()
  const look = (): void => {
    const requests = [...watched.content.values()].filter(
      ({ name }) => name.endsWith('.request') && !taken.has(name),
    )
    for (const { name, path, text } of requests.slice(0, MAX_REQUESTS)) {
      taken.add(name)
      void answer(path, { text: text ?? '', manager, logger }).finally(() => taken.delete(name))
    }
  }
  const watched = await WatchedFolder.open(folder, {
    withText: true,
    onChange: look,
    onProblem: (problem) => logger.warn({ problem }, 'requests to renew certificates cannot be read'),
  })
  look()
  return { [Symbol.dispose]: () => watched.close() }
}

/** Removes requests of commands that were stopped: no command waits for the answer, and a CA counts orders. */
async function removeAbandoned(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => /\.(?:request|answer)~?$/.test(name))
  for (const file of names.map((name) => join(folder, name))) {
    const stats = await stat(file).catch(() => undefined)
    if (stats && Date.now() - stats.mtimeMs > ANSWER_TIMEOUT_MS) await rm(file, { force: true })
  }
}

async function answer(
  path: string,
  { text, manager, logger }: { text: string; manager: CertificateManager; logger: Logger },
): Promise<void> {
  try {
    const { names } = JSON.parse(text) as { names: string[] }
    const result = await renew(manager, names)
    const file = join(
      path,
      '..',
      `.${path.slice(path.lastIndexOf('/') + 1).replace(/\.request$/, '')}.answer`,
    )
    await writeAtOnce(file, JSON.stringify(result))
  } catch (err) {
    logger.warn({ err }, 'a request to renew certificates could not be answered')
  } finally {
    await rm(path, { force: true })
  }
}

type Answer =
  | { readonly certificates: RenewedCertificate[] }
  | { readonly refused: string; readonly remedy: string }

async function renew(manager: CertificateManager, names: readonly string[]): Promise<Answer> {
  try {
    const statuses = await manager.renewNow(names)
    return {
      certificates: statuses.map(({ names: all, state, certificate, lastError }) => ({
        names: all,
        state,
        notAfter: certificate && new Date(certificate.notAfter).toISOString(),
        problem: lastError && `${lastError.message}. ${lastError.remedy}`,
      })),
    }
  } catch (error) {
    const remedy =
      error instanceof Error && 'remedy' in error ? String(error.remedy) : 'Look at the log of the server'
    return { refused: error instanceof Error ? error.message : String(error), remedy }
  }
}

function readAnswer(text: string): RenewedCertificate[] {
  const answered = JSON.parse(text) as Answer
  if ('refused' in answered) throw new AppError('RENEWAL_REFUSED', answered.refused, answered.remedy)
  return answered.certificates
}

function requestFolder(dataDir: string): string {
  return join(certificateFolders(dataDir, undefined).acme, 'requests')
}

async function writeAtOnce(file: string, text: string): Promise<void> {
  await writeFile(`${file}~`, text, { mode: 0o600 })
  await rename(`${file}~`, file)
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
