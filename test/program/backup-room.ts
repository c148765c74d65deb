import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before } from 'node:test'
import {
  type PostgresServer,
  postgresSkipReason,
  startPostgresServer,
} from '../support/database/postgres-server.ts'
import { findFreePort } from '../support/machine/free-port.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { BerthProcess } from '../support/program/berth-process.ts'
import { type CliResult, runCli } from '../support/program/run-cli.ts'
import { noteSecret } from '../support/program/secret-canary.ts'
import { basicLogin } from '../support/requests/basic-login.ts'
import { formatManifest, hashSha256, pushBlob, putManifest } from '../support/requests/push-content.ts'
import { RawClient } from '../support/requests/raw-request.ts'

const PASSWORD = 'a password of admin'
export const REPOSITORY = 'admin/app'
noteSecret(PASSWORD)

/** The engines of the facts that are backed up. */
export const ENGINES = ['sqlite', 'postgres'] as const
let postgres: PostgresServer | undefined
export const noPostgres = postgresSkipReason()
before(async () => {
  if (noPostgres === false) postgres = await startPostgresServer()
})
after(() => postgres?.[Symbol.asyncDispose]())

/** A server with its data folder, a folder for backups, and commands on both. */
export async function open(engine: (typeof ENGINES)[number]) {
  await using resources = new AsyncDisposableStack()
  const folder = resources.use(await makeTempFolder('backup'))
  const database = engine === 'postgres' ? resources.use(await postgresServer().createDatabase()) : undefined
  const dataDir = join(folder.path, 'data')
  const backups = join(folder.path, 'backups')
  const env = database ? { BERTH_DATABASE: database.url } : {}
  const berth = (args: readonly string[], stdin = ''): Promise<CliResult> => runCli(args, { env, stdin })
  const add = ['user', 'add', 'admin', '--admin', '--new', '--password-stdin', '--data', dataDir]
  done(await berth(add, PASSWORD))
  const server = resources.use(await serve(folder.path, { dataDir, databaseUrl: database?.url }))
  const kept = resources.move()
  return {
    ...{ path: folder.path, dataDir, backups, server, berth },
    backUp: (...flags: string[]) => berth(['backup', backups, '--data', dataDir, '--json', ...flags]),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

/** The server of this file of tests. */
export function postgresServer(): PostgresServer {
  return postgres ?? assert.fail('no server')
}

/** A server that is killed at the end. */
export async function serve(path: string, data: { dataDir: string; databaseUrl?: string | undefined }) {
  const site = { ...data, port: await findFreePort(), logFile: join(path, 'berth.log') }
  const server = await BerthProcess.start(site)
  const authorization = basicLogin('admin', PASSWORD)
  const http = new RawClient(site.port, { authorization })
  return {
    http,
    async push(tag: string, ...layers: string[]) {
      const blobs = [Buffer.from(`{"config":"${tag}"}`), ...layers.map((text) => Buffer.from(text))]
      for (const bytes of blobs) await pushBlob(http, REPOSITORY, bytes)
      const manifest = formatManifest(blobs, tag)
      assert.equal(await putManifest(http, { repository: REPOSITORY, reference: tag }, manifest), 201)
      return { digest: hashSha256(manifest), layers: blobs.map(hashSha256) }
    },
    async isWhole(tag: string): Promise<boolean> {
      const { status, body } = await http.send('GET', `/v2/${REPOSITORY}/manifests/${tag}`, {
        headers: { accept: 'application/vnd.oci.image.manifest.v1+json' },
      })
      if (status !== 200) return false
      const { config, layers } = JSON.parse(String(body)) as {
        config: { digest: string }
        layers: { digest: string }[]
      }
      for (const { digest } of [config, ...layers]) {
        const blob = await http.send('GET', `/v2/${REPOSITORY}/blobs/${digest}`)
        if (blob.status !== 200 || hashSha256(blob.body) !== digest) return false
      }
      return true
    },
    async [Symbol.asyncDispose]() {
      http[Symbol.dispose]()
      await server.kill()
    },
  }
}

/** The output of a command that has ended well. */
export function done(result: CliResult): string {
  assert.equal(result.code, 0, result.stderr)
  return result.stdout
}

/** The code of the error that a command printed. */
export function readErrorCode({ code, stderr }: CliResult): string | undefined {
  assert.equal(code, 1, stderr)
  return /"code":"(\w+)"|error\[(\w+)\]/.exec(stderr)?.slice(1).find(Boolean)
}
