import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findPart } from '../parts/find-parts.ts'
import { startPostgresServer } from '../support/database/postgres-server.ts'
import { runCommand } from '../support/machine/run-command.ts'
import { type BootedBerth, bootBerth } from '../support/program/boot-berth.ts'
import { readJunit, type SuiteResult } from './suite-result.ts'

/** Versions of distribution-spec the suite is run for: the released one, and the draft that follows it. */
const VERSIONS = ['1.1', 'dev']
/** The whole suite takes seconds; in ms. */
const SUITE_TIMEOUT_MS = 300_000
const USER = 'conformance'

/** Every switch of the suite, on: by default it leaves out features that few registries have. */
const SWITCHES = [
  ...['PING', 'PULL', 'PUSH', 'REFERRER'].map((name) => `API_${name}`),
  ...['ATOMIC', 'DELETE', 'DIGEST_HEADER', 'MOUNT_ANONYMOUS', 'UPLOAD_CANCEL'].map(
    (name) => `API_BLOBS_${name}`,
  ),
  ...['ATOMIC', 'DELETE', 'DIGEST_HEADER', 'TAG_PARAM'].map((name) => `API_MANIFESTS_${name}`),
  ...['ATOMIC', 'DELETE', 'LIST'].map((name) => `API_TAGS_${name}`),
  ...['IMAGE', 'INDEX', 'INDEX_LIST', 'SPARSE', 'ARTIFACT', 'SUBJECT', 'SUBJECT_MISSING'].map(
    (name) => `DATA_${name}`,
  ),
  ...['ARTIFACT_LIST', 'SUBJECT_LIST', 'DATA_FIELD', 'NONDISTRIBUTABLE'].map((name) => `DATA_${name}`),
  ...['CUSTOM_FIELDS', 'NO_LAYERS', 'EMPTY_BLOB', 'SHA512'].map((name) => `DATA_${name}`),
]

const suite = findPart('conformance')
if (suite === undefined) {
  console.error('conformance: the suite "conformance" is not built: run .ci/install-parts')
  process.exit(1)
}

const startedAt = performance.now()
const results: SuiteResult[] = []
await using postgres = await startPostgresServer()
for (const engine of ['sqlite', 'postgres'])
  for (const version of VERSIONS) results.push(await runOnEngine(suite, { version, engine }))
reportAll(results)

async function runOnEngine(
  program: string,
  { version, engine }: { version: string; engine: string },
): Promise<SuiteResult> {
  await using database = engine === 'postgres' ? await postgres.createDatabase() : undefined
  const databaseUrl = database?.url
  await using berth = await bootBerth({ users: [{ name: USER }], flags: ['--sparse-manifests'], databaseUrl })
  const result = await runSuite(program, version, berth)
  console.log(
    `OCI ${version}, ${engine}: ${result.passed} passed, ${result.failed} failed, ${result.skipped} skipped or disabled`,
  )
  for (const complaint of result.complaints) console.log(`  ${complaint}`)
  return result
}

async function runSuite(program: string, version: string, berth: BootedBerth): Promise<SuiteResult> {
  const folder = join(fileURLToPath(new URL('results', import.meta.url)), version)
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const { stderr } = await runCommand(program, [], {
    cwd: folder,
    env: {
      OCI_VERSION: version,
      OCI_REGISTRY: berth.host,
      OCI_TLS: 'disabled',
      OCI_REPO1: `${USER}/repo1`,
      OCI_REPO2: `${USER}/repo2`,
      OCI_USERNAME: USER,
      OCI_PASSWORD: berth.requirePassword(USER),
      OCI_RESULTS_DIR: folder,
      OCI_LOG: 'error',
      ...Object.fromEntries(SWITCHES.map((name) => [`OCI_${name}`, 'true'])),
    },
    timeoutMs: SUITE_TIMEOUT_MS,
  })
  try {
    return readJunit(await readFile(join(folder, 'junit.xml'), 'utf8'))
  } catch (cause) {
    throw new Error(`no result for OCI ${version}: ${stderr}`, { cause })
  }
}

/** Ends with the lines that Node's test runner ends with, so that one tool can add up all suites. */
function reportAll(all: readonly SuiteResult[]): void {
  const total = (member: 'passed' | 'failed' | 'skipped'): number =>
    all.reduce((sum, one) => sum + one[member], 0)
  console.log(`ℹ tests ${total('passed') + total('failed') + total('skipped')}`)
  console.log(`ℹ pass ${total('passed')}`)
  console.log(`ℹ fail ${total('failed')}`)
  console.log(`ℹ skipped ${total('skipped')}`)
  console.log(`ℹ duration_ms ${Math.round(performance.now() - startedAt)}`)
  if (total('failed') > 0 || total('skipped') > 0) process.exitCode = 1
}
