import { after } from 'node:test'
import { EMPTY_JSON, RegistryUnderTest, toImage } from '../protocol/registry-under-test.ts'
import {
  type PostgresServer,
  postgresSkipReason,
  startPostgresServer,
} from '../support/database/postgres-server.ts'

/** A registry on an engine, with an image `alice/app:v1`. */
interface ApiEngine {
  readonly name: 'sqlite' | 'postgres'
  readonly skip: string | false
  start(flags?: Readonly<Record<string, string>>): Promise<RegistryUnderTest>
}

/** Both engines, for the tests of one file. The server of PostgreSQL starts with the first registry. */
export function apiEngines(): readonly ApiEngine[] {
  let postgres: Promise<PostgresServer> | undefined
  after(async () => {
    await (await postgres)?.[Symbol.asyncDispose]()
  })
  return [
    { name: 'sqlite', skip: false, start: (flags = {}) => startRegistry(flags) },
    {
      name: 'postgres',
      skip: postgresSkipReason(),
      async start(flags = {}) {
        postgres ??= startPostgresServer()
        const { url } = await (await postgres).createDatabase()
        return startRegistry({ database: url, ...flags })
      },
    },
  ]
}

async function startRegistry(flags: Readonly<Record<string, string>>): Promise<RegistryUnderTest> {
  const registry = await RegistryUnderTest.start(flags)
  for (const blob of [EMPTY_JSON, 'a layer']) await registry.pushBlob('alice', 'alice/app', blob)
  await registry.pushManifest('alice', 'alice/app', { document: toImage(['a layer']), reference: 'v1' })
  return registry
}
