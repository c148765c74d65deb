import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { openData } from '../../src/app/data/open-data.ts'
import { databaseFile } from '../../src/app/folders/data-folder.ts'
import { startBerth } from '../../src/app/start.ts'
import { blobPath, uploadFolder } from '../../src/blobs/disk/layout.ts'
import { loadConfig } from '../../src/config/load/load-config.ts'
import { createLogger } from '../../src/log/logger.ts'
import { hashContent, parseDigest } from '../../src/oci/digest.ts'
import { MEDIA_TYPES } from '../../src/oci/media-type.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { assertNoSecrets, noteSecret } from '../support/program/secret-canary.ts'
import { basicLogin } from '../support/requests/basic-login.ts'
import { Connection, type Reply } from './connection.ts'

/** Accounts of the registry under test. */
export type User = 'admin' | 'alice' | 'bob'

/** Counts of the registry's content; files are those of uploads under way. */
interface Inventory {
  readonly uploads: number
  readonly blobs: number
  readonly links: number
  readonly manifests: number
  readonly tags: number
  readonly files: number
}

/** A real registry in this process, on a folder of its own. Its log is kept and searched for secrets at the end. */
export class RegistryUnderTest implements AsyncDisposable {
  readonly url: string
  readonly dataDir: string
  readonly #config: ReturnType<typeof loadConfig>['config']
  readonly #passwords: ReadonlyMap<User, string>
  readonly #log: string[]
  readonly #resources: AsyncDisposableStack

  private constructor(parts: {
    url: string
    config: ReturnType<typeof loadConfig>['config']
    passwords: ReadonlyMap<User, string>
    log: string[]
    resources: AsyncDisposableStack
  }) {
    this.url = parts.url
    this.#config = parts.config
    this.dataDir = parts.config.dataDir
    this.#passwords = parts.passwords
    this.#log = parts.log
    this.#resources = parts.resources
  }

  static async start(flags: Readonly<Record<string, string>> = {}): Promise<RegistryUnderTest> {
    const resources = new AsyncDisposableStack()
    const folder = resources.use(await makeTempFolder('protocol'))
    const given = { data: folder.path, 'listen-http': '127.0.0.1:0', 'log-level': 'debug', ...flags }
    const { config } = loadConfig({ flags: given, env: {}, cwd: folder.path })
    const log: string[] = []
    const passwords = new Map<User, string>()
    {
      await using data = await openData(config)
      for (const name of ['admin', 'alice', 'bob'] as const) {
        const password = randomBytes(15).toString('base64url')
        passwords.set(name, password)
        noteSecret(password)
        await data.accounts.add({ name, password, isAdmin: name === 'admin' })
      }
    }
    const logger = createLogger({ level: 'debug', format: 'json' }, { write: (line) => void log.push(line) })
    const running = await startBerth(config, logger)
    resources.defer(() => running.stop())
    return new RegistryUnderTest({ url: running.urls[0] ?? '', config, passwords, log, resources })
  }

  requirePassword(user: User): string {
    return this.#passwords.get(user) ?? assert.fail(`no user ${user}`)
  }

  /** The header of a log-in by password. */
  basic(user: User): string
  basic(name: string, password: string): string
  basic(user: string, password: string = this.requirePassword(user as User)): string {
    return basicLogin(user, password)
  }

  /** A new connection, used for each of its requests; it sends the password of `user` unless a request says otherwise. */
  connect(user?: User): Connection {
    return new Connection(this.url, user === undefined ? {} : { authorization: this.basic(user) })
  }

  /** One request on a connection of its own. */
  async send(
    user: User | undefined,
    method: string,
    path: string,
    options: SendOptions = {},
  ): Promise<Reply> {
    using connection = this.connect(user)
    return await connection.send(method, path, options)
  }

  /** An access token for scopes such as `repository:alice/app:pull`. */
  async token(user: User | undefined, ...scopes: string[]): Promise<string> {
    const query = new URLSearchParams([
      ['service', 'test'],
      ...scopes.map((scope) => ['scope', scope] as [string, string]),
    ])
    const reply = await this.send(user, 'GET', `/token?${query}`)
    assert.equal(reply.status, 200, reply.text)
    return String(reply.json.token)
  }

  async pushBlob(user: User, repository: string, bytes: Uint8Array | string): Promise<string> {
    const digest = hashContent(bytes)
    const reply = await this.send(user, 'POST', `/v2/${repository}/blobs/uploads/?digest=${digest}`, {
      body: bytes,
    })
    assert.equal(reply.status, 201, reply.text)
    return digest
  }

  /** Pushes a manifest whose config and layers are there. @returns its digest. */
  async pushManifest(user: User, repository: string, push: ManifestPush): Promise<string> {
    const { document, reference } = push
    const body = JSON.stringify(document)
    const reply = await this.send(
      user,
      'PUT',
      `/v2/${repository}/manifests/${reference ?? hashContent(body)}`,
      {
        body,
        headers: { 'content-type': String(document.mediaType) },
      },
    )
    assert.equal(reply.status, 201, reply.text)
    return String(reply.headers['docker-content-digest'])
  }

  /** Runs a command of the operator while the server runs. */
  async manage(work: (data: Awaited<ReturnType<typeof openData>>) => Promise<unknown>): Promise<void> {
    await using data = await openData(this.#config)
    await work(data)
  }

  /** The line of the log about a request that is over; undefined while it is not. */
  findAccessLine(path: string, method: string): Record<string, unknown> | undefined {
    return this.#log
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .find((line) => line.msg === 'request' && line.path === path && line.method === method)
  }

  /** Lines of the log at level error, so far. */
  errorLines(): Record<string, unknown>[] {
    return this.#log
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter((line) => line.level === 'error')
  }

  /** The file of a blob's bytes. */
  toFile(digest: string): string {
    return blobPath(this.dataDir, parseDigest(digest))
  }

  /** Counts what is stored, read beside the server. */
  inventory(): Inventory {
    using database = new DatabaseSync(databaseFile(this.dataDir), { readOnly: true })
    const count = (table: string): number =>
      Number(database.prepare(`select count(*) as n from ${table}`).get()?.n)
    return {
      uploads: count('uploads'),
      blobs: count('blobs'),
      links: count('repository_blobs'),
      manifests: count('manifests'),
      tags: count('tags'),
      files: readdirSync(uploadFolder(this.dataDir)).length,
    }
  }

  /** Stops the server; fails if its log holds a secret that any connection of this process has sent or received. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync()
    const log = this.#log.join('')
    assert.ok(log.includes('"msg":"request"'), 'the log was captured')
    assertNoSecrets(log)
  }
}

/** Content of a request beside its method and path. */
type SendOptions = Parameters<Connection['send']>[2]

/** A manifest to push; without a reference under its digest. */
interface ManifestPush {
  readonly document: Readonly<Record<string, unknown>>
  readonly reference?: string
}

/** The blob that serves as config of test images: the empty JSON object. */
export const EMPTY_JSON = '{}'

/** A descriptor of bytes. */
export function describeBytes(mediaType: string, bytes: string): Record<string, unknown> {
  return { mediaType, digest: hashContent(bytes), size: Buffer.byteLength(bytes) }
}

/** An image of layers with these contents; `more` adds or replaces members. */
export function toImage(
  layers: readonly string[],
  more: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  return {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    config: describeBytes('application/vnd.oci.empty.v1+json', EMPTY_JSON),
    layers: layers.map((layer) => describeBytes('application/octet-stream', layer)),
    ...more,
  }
}
