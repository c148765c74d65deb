import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { RuleSource } from '../../../src/access/rule-source.ts'
import { AccessRules, NO_RULES } from '../../../src/access/rules.ts'
import type { Visit } from '../../../src/front-door/visit/visit.ts'
import { createSharedBounds, type SharedBounds } from '../../../src/http/bounds/shared-bounds.ts'
import { createRegistryHost } from '../../../src/http/registry-host.ts'
import type { Registry } from '../../../src/registry/registry.ts'
import { ChunkCollector } from '../../../src/stream/chunk-collector.ts'
import { UnsentBytes } from '../../../src/stream/unsent-bytes.ts'
import { createTokenService } from '../../../src/tokens/access/token-service.ts'
import { createRefreshTokenService } from '../../../src/tokens/refresh/refresh-tokens.ts'
import { Connection, type Reply, type RequestOptions } from '../../protocol/connection.ts'
import { makeVisit } from '../door/served-by.ts'
import { RegistryRooms } from '../memory/registry-room.ts'
import { basicLogin } from '../requests/basic-login.ts'
import { MemoryAuthenticator } from './memory-authenticator.ts'

/** Accounts that a surface has from the start; the password of each is its name. Only `admin` administers. */
export type SurfaceUser = 'admin' | 'alice' | 'bob'

/** Settings of a surface that differ from the defaults of a server. */
interface SurfaceOptions {
  /** Puts another registry in the place of the one over the stores. */
  readonly wrap?: (registry: Registry) => Registry
  readonly rules?: RuleSource
  /** Facts of each visit that differ from those of a plain one. */
  readonly visit?: Partial<Visit>
  readonly host?: Partial<
    Pick<Parameters<typeof createRegistryHost>[0], 'publicUrl' | 'onDoubtedOrigin' | 'logAccess'>
  >
}

/** The HTTP surface of a registry without the program around it, over stores of its own. */
export interface HttpSurface extends AsyncDisposable {
  readonly url: string
  /** The registry over the stores, without what was put before it. */
  readonly registry: Registry
  readonly accounts: MemoryAuthenticator
  readonly bounds: SharedBounds
  /** Faults of the server, which would be logged. */
  readonly failures: readonly unknown[]
  /** One request on a connection of its own, with the password of `user` unless a header says otherwise. */
  send(user: SurfaceUser | undefined, method: string, path: string, options?: RequestOptions): Promise<Reply>
}

const NONE = new AccessRules(NO_RULES)

/** Opens a surface; disposing closes it and removes its stores. */
export async function openHttpSurface(options: SurfaceOptions = {}): Promise<HttpSurface> {
  const { wrap = (registry) => registry, rules = () => NONE } = options
  const resources = new AsyncDisposableStack()
  const rooms = resources.use(await RegistryRooms.open())
  const { database } = rooms
  const { registry } = rooms.enter()
  const accounts = new MemoryAuthenticator()
  for (const name of ['admin', 'alice', 'bob']) accounts.set({ name, isAdmin: name === 'admin' }, name)
  const bounds = createSharedBounds(new UnsentBytes(new ChunkCollector()))
  const failures: unknown[] = []
  const served = createRegistryHost({
    openConsole: () => Promise.reject(new Error('this surface has no admin API')),
    registry: wrap(registry),
    rules,
    bounds,
    accounts,
    tokens: await createTokenService({ database, lifetimeS: 300 }),
    refreshTokens: await createRefreshTokenService({
      database,
      findEnabled: (name) => accounts.findEnabled(name),
    }),
    publicUrl: undefined,
    relativeUrls: true,
    corsOrigins: [],
    responseHeaders: [],
    authRealm: 'test',
    isStopping: () => false,
    isTakenOut: () => false,
    warnings: async () => [],
    logAccess: () => {},
    logFailure: (error) => void failures.push(error),
    ...options.host,
  })
  const server = createServer((request, response) => {
    const { host } = request.headers
    const { url: target = '/' } = request
    served.serve(
      request,
      response,
      makeVisit({ requestId: 'test', target, scheme: 'http', origin: `http://${host}`, ...options.visit }),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  resources.defer(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  )
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    registry,
    accounts,
    bounds,
    failures,
    async send(user, method, path, requestOptions) {
      const headers = user === undefined ? {} : { authorization: basicLogin(user, user) }
      using connection = new Connection(url, headers)
      return await connection.send(method, path, requestOptions)
    },
    [Symbol.asyncDispose]: () => resources[Symbol.asyncDispose](),
  }
}
