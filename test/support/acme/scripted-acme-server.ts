import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Pkcs10CertificateRequest } from '@peculiar/x509'
import { calculateJwkThumbprint, type FlattenedJWSInput, flattenedVerify, importJWK, type JWK } from 'jose'
import { type Authority, type Forgery, makeAuthority, namesOf, signRequest } from './scripted-authority.ts'

/** A request as the script sees it: signature and nonce are checked already. */
interface AcmeCall {
  /**
   * Kind of resource: `directory`, `nonce`, `account`, `order`, `authz`, `challenge`, `finalize`, `cert`, `renewal`.
   */
  readonly resource: string
  /** Further segments of the path. */
  readonly rest: readonly string[]
  readonly method: string
  readonly payload: Record<string, unknown> | undefined
  readonly jwk: JWK | undefined
  readonly kid: string | undefined
}

/** An answer in place of the server's own. */
export interface ScriptedReply {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON unless it is text. */
  readonly body?: unknown
  /** Awaited before the answer. */
  readonly wait?: Promise<unknown>
}

/** Answers a call, or leaves it to the server. */
type Script = (call: AcmeCall) => ScriptedReply | undefined

/** Subject of a challenge. */
interface ScriptedChallenge {
  readonly name: string
  readonly type: string
  readonly token: string
  readonly keyAuthorization: string
}

interface Order {
  readonly id: string
  readonly names: readonly string[]
  readonly authorizations: readonly Authorization[]
  readonly replaces: unknown
  readonly profile: unknown
  isBroken: boolean
  chain: string | undefined
}

interface Authorization {
  readonly id: string
  readonly name: string
  readonly isWildcard: boolean
  readonly token: string
  status: 'pending' | 'valid' | 'invalid'
  problem: unknown
}

const ERROR = 'urn:ietf:params:acme:error:'
const DAY_MS = 24 * 3600 * 1000

/** A problem document as a scripted answer. */
export function problemReply(type: string, detail: string, more: Partial<ScriptedReply> = {}): ScriptedReply {
  const status = more.status ?? 400
  const headers = { 'content-type': 'application/problem+json', ...more.headers }
  return {
    ...more,
    status,
    headers,
    body: { type: `${ERROR}${type}`, detail, ...(more.body as object | undefined) },
  }
}

/**
 * An ACME CA in this process (RFC 8555, RFC 9773), on plain HTTP and a port of loopback. It checks signatures, nonces
 * and requests with libraries other than Berth's own code. Scripts of a test may replace its answers.
 */
export class ScriptedAcmeServer implements AsyncDisposable {
  /** Tried in turn for each call; the first answer counts. */
  readonly scripts: Script[] = []
  /** All calls with a good signature, in order. */
  readonly calls: AcmeCall[] = []
  /** Lifetime of certificates, in ms. */
  validityMs: number = 90 * DAY_MS
  /** Judges a challenge: undefined is right, else its problem document. */
  judge: (challenge: ScriptedChallenge) => unknown = () => undefined
  /** Members of the directory's `meta`. */
  meta: Record<string, unknown> = {}
  /** The answer about renewals; undefined: not offered. */
  renewalWindow: { start: Date; end: Date; explanationURL?: string } | undefined
  /** Changes the names of a certificate, its key, or the chain after it. */
  forge: Forgery = {}
  /** Unix time in ms. */
  clock: () => number = Date.now
  readonly accounts = new Map<string, JWK>()
  readonly #server = createServer((request, response) => void this.#serve(request, response))
  readonly #nonces = new Set<string>()
  readonly #orders = new Map<string, Order>()
  readonly #authority: Promise<Authority> = makeAuthority('Scripted')
  #origin = ''

  static async start(): Promise<ScriptedAcmeServer> {
    const server = new ScriptedAcmeServer()
    server.#server.listen(0, '127.0.0.1')
    await once(server.#server, 'listening')
    const address = server.#server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    server.#origin = `http://127.0.0.1:${address.port}`
    return server
  }

  get directoryUrl(): string {
    return `${this.#origin}/directory`
  }

  /** Calls of one resource. */
  callsOf(resource: string): AcmeCall[] {
    return this.calls.filter((call) => call.resource === resource)
  }

  /** Answers the next calls of a resource in this way, `times` of them. */
  script(resource: string, reply: ScriptedReply | Script, times: number = Number.POSITIVE_INFINITY): void {
    let left = times
    this.scripts.push((call) => {
      if (call.resource !== resource || left-- <= 0) return undefined
      return typeof reply === 'function' ? reply(call) : reply
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const nonce = randomBytes(12).toString('base64url')
    this.#nonces.add(nonce)
    const reply = await this.#answer(request).catch((error) =>
      problemReply('serverInternal', `${error}`, { status: 500 }),
    )
    await reply.wait
    const body =
      reply.body === undefined || typeof reply.body === 'string'
        ? (reply.body ?? '')
        : JSON.stringify(reply.body)
    const headers = { 'replay-nonce': nonce, 'content-type': 'application/json', ...reply.headers }
    response.writeHead(reply.status ?? 200, headers).end(body)
  }

  async #answer(request: IncomingMessage): Promise<ScriptedReply> {
    const [, resource = '', ...rest] = (request.url ?? '').split('/')
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const signed =
      request.method === 'POST' ? await this.#verify(request.url ?? '', Buffer.concat(chunks)) : {}
    if ('status' in signed) return signed
    const call: AcmeCall = {
      ...{ resource, rest, method: request.method ?? '' },
      ...{ payload: undefined, jwk: undefined, kid: undefined },
      ...signed,
    }
    this.calls.push(call)
    for (const script of this.scripts) {
      const scripted = script(call)
      if (scripted !== undefined) return scripted
    }
    return await this.#own(call)
  }

  async #verify(path: string, body: Buffer): Promise<ScriptedReply | Partial<AcmeCall>> {
    const jws: FlattenedJWSInput = JSON.parse(body.toString())
    const header = JSON.parse(Buffer.from(jws.protected ?? '', 'base64url').toString())
    if (!this.#nonces.delete(header.nonce)) return problemReply('badNonce', 'unknown nonce')
    if (header.url !== `${this.#origin}${path}`)
      return problemReply('unauthorized', 'wrong url', { status: 401 })
    const jwk: JWK | undefined = header.jwk ?? this.accounts.get(header.kid)
    if (jwk === undefined) return problemReply('accountDoesNotExist', 'no such account')
    const { payload } = await flattenedVerify(jws, await importJWK(jwk, 'ES256'))
    const text = Buffer.from(payload).toString()
    return { payload: text === '' ? undefined : JSON.parse(text), jwk, kid: header.kid }
  }

  async #own(call: AcmeCall): Promise<ScriptedReply> {
    const [id = '', type = ''] = call.rest
    switch (call.resource) {
      case 'directory':
        return { body: this.#directory() }
      case 'nonce':
        return {}
      case 'account':
        return this.#account(call, id)
      case 'order':
        return id === '' ? this.#newOrder(call) : this.#withOrder(id, (order) => this.#orderReply(order))
      case 'authz':
        return this.#withAuthorization(id, (authorization) => ({ body: this.#authorization(authorization) }))
      case 'challenge':
        return await this.#challenge(call, id, type)
      case 'finalize':
        return await this.#finalize(call, id)
      case 'cert':
        return this.#withOrder(id, (order) => ({
          headers: {
            'content-type': 'application/pem-certificate-chain',
            link: `<${this.#origin}/directory>;rel="index"`,
          },
          body: order.chain ?? '',
        }))
      case 'renewal':
        return this.#renewal()
      default:
        return problemReply('malformed', 'no such page', { status: 404 })
    }
  }

  #directory(): Record<string, unknown> {
    const at = (path: string): string => `${this.#origin}/${path}`
    const renewal = this.renewalWindow === undefined ? {} : { renewalInfo: at('renewal') }
    return {
      newNonce: at('nonce'),
      newAccount: at('account'),
      newOrder: at('order'),
      ...renewal,
      meta: this.meta,
    }
  }

  #account(call: AcmeCall, id: string): ScriptedReply {
    if (id !== '') return { body: { status: 'valid' } }
    const url = `${this.#origin}/account/${this.accounts.size + 1}`
    const known = [...this.accounts].find(([, jwk]) => jwk.x === call.jwk?.x)?.[0]
    if (known === undefined && call.jwk !== undefined) this.accounts.set(url, call.jwk)
    return {
      status: known === undefined ? 201 : 200,
      headers: { location: known ?? url },
      body: { status: 'valid' },
    }
  }

  #newOrder(call: AcmeCall): ScriptedReply {
    const identifiers = call.payload?.identifiers
    const names = Array.isArray(identifiers) ? identifiers.map(({ value }) => String(value)) : []
    const id = randomBytes(6).toString('hex')
    const authorizations = names.map(
      (name, index): Authorization => ({
        ...{ id: `${id}-${index}`, name: name.replace(/^\*\./, ''), isWildcard: name.startsWith('*.') },
        ...{ token: randomBytes(16).toString('base64url'), status: 'pending', problem: undefined },
      }),
    )
    const { replaces, profile } = call.payload ?? {}
    const order: Order = { id, names, authorizations, replaces, profile, isBroken: false, chain: undefined }
    this.#orders.set(id, order)
    const reply = this.#orderReply(order)
    return { ...reply, status: 201, headers: { location: `${this.#origin}/order/${id}` } }
  }

  #orderReply(order: Order): ScriptedReply {
    const states = order.authorizations.map(({ status }) => status)
    const isReady = states.every((status) => status === 'valid')
    const open = states.includes('invalid') ? 'invalid' : isReady ? 'ready' : 'pending'
    const status = order.chain === undefined ? open : 'valid'
    const certificate = order.chain === undefined ? {} : { certificate: `${this.#origin}/cert/${order.id}` }
    const error =
      open === 'invalid' ? { error: order.authorizations.find((each) => each.problem)?.problem } : {}
    return {
      body: {
        ...{ status, ...certificate, ...error },
        identifiers: order.names.map((value) => ({ type: 'dns', value })),
        authorizations: order.authorizations.map(({ id }) => `${this.#origin}/authz/${id}`),
        finalize: `${this.#origin}/finalize/${order.id}`,
      },
    }
  }

  #authorization(each: Authorization): Record<string, unknown> {
    const types = each.isWildcard ? ['dns-01'] : ['http-01', 'tls-alpn-01', 'dns-01']
    const problem = each.problem === undefined ? {} : { error: each.problem }
    return {
      status: each.status,
      identifier: { type: 'dns', value: each.name },
      ...(each.isWildcard ? { wildcard: true } : {}),
      challenges: types.map((type) => ({
        ...{
          type,
          token: each.token,
          status: each.status,
          url: `${this.#origin}/challenge/${each.id}/${type}`,
        },
        ...problem,
      })),
    }
  }

  async #challenge(call: AcmeCall, id: string, type: string): Promise<ScriptedReply> {
    const thumbprint = await calculateJwkThumbprint(call.jwk ?? {})
    return this.#withAuthorization(id, (each) => {
      const { name, token } = each
      each.problem = this.judge({ name, type, token, keyAuthorization: `${token}.${thumbprint}` })
      each.status = each.problem === undefined ? 'valid' : 'invalid'
      return { body: { type, token, status: each.status } }
    })
  }

  async #finalize(call: AcmeCall, id: string): Promise<ScriptedReply> {
    const order = this.#orders.get(id)
    if (order === undefined) return problemReply('malformed', 'no such order', { status: 404 })
    const request = new Pkcs10CertificateRequest(Buffer.from(String(call.payload?.csr), 'base64url'))
    if (!(await request.verify())) return problemReply('badCSR', 'the signature is wrong')
    const names = namesOf(request)
    if (names.toSorted().join() !== order.names.toSorted().join())
      return problemReply('badCSR', `names ${names}`)
    const { forge, validityMs } = this
    const notBefore = new Date(this.clock() - 1000)
    const notAfter = new Date(notBefore.getTime() + validityMs)
    order.chain = await signRequest(request, {
      names,
      notBefore,
      notAfter,
      forge,
      authority: await this.#authority,
    })
    return this.#orderReply(order)
  }

  #renewal(): ScriptedReply {
    if (this.renewalWindow === undefined) return problemReply('malformed', 'not offered', { status: 404 })
    const { explanationURL, ...suggestedWindow } = this.renewalWindow
    return {
      headers: { 'retry-after': '21600' },
      body: { suggestedWindow, ...(explanationURL && { explanationURL }) },
    }
  }

  #withOrder(id: string, use: (order: Order) => ScriptedReply): ScriptedReply {
    const order = this.#orders.get(id)
    return order === undefined ? problemReply('malformed', 'no such order', { status: 404 }) : use(order)
  }

  #withAuthorization(id: string, use: (authorization: Authorization) => ScriptedReply): ScriptedReply {
    const all = [...this.#orders.values()].flatMap(({ authorizations }) => authorizations)
    const found = all.find((each) => each.id === id)
    return found === undefined
      ? problemReply('malformed', 'no such authorization', { status: 404 })
      : use(found)
  }
}
