import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { type JWK, SignJWT } from 'jose'
import { exportJWK } from 'jose/key/export'
import { generateKeyPair } from 'jose/key/generate/keypair'
import { makePaper } from '../certificates/paper-ca.ts'

/** A key pair of an issuer. */
interface IssuerKey {
  readonly kid: string
  readonly alg: string
  readonly privateKey: CryptoKey
  readonly publicJwk: JWK
}

/** Claims of a token beside those of every token; undefined leaves one of these out. */
type TokenClaims = Readonly<Record<string, unknown>>

/** Properties of a token that differ from those of a good one. */
interface TokenOptions {
  readonly key?: IssuerKey
  readonly header?: Readonly<Record<string, unknown>>
  /** Time of the issue, in milliseconds since 1970; now by default. */
  readonly issuedAt?: number
  readonly lifetimeS?: number
}

/** An issuer of ID tokens with a discovery document and keys, over TLS on loopback. */
export interface TokenIssuer extends AsyncDisposable {
  readonly issuer: string
  /** PEM of the authority of its certificate. */
  readonly ca: string
  /** Paths of all requests so far. */
  readonly requests: readonly string[]
  readonly key: IssuerKey
  /** Replaces the key that signs; the ones before it stay published unless `alone`. */
  rotate(options?: { alg?: string; alone?: boolean }): Promise<IssuerKey>
  /** Answers of paths that differ: a text, or a function that makes one. */
  readonly answers: Map<string, string>
  /** True: all requests fail with 503. */
  isDown: boolean
  keySet(): { keys: JWK[] }
  sign(claims: TokenClaims, options?: TokenOptions): Promise<string>
}

/** Starts an issuer whose first key is of this algorithm. */
export async function startIssuer(alg = 'RS256'): Promise<TokenIssuer> {
  const ca = makePaper('CA of an issuer')
  const paper = makePaper('localhost', { by: ca, names: ['localhost'] })
  const requests: string[] = []
  const answers = new Map<string, string>()
  let published = [await makeIssuerKey(alg)]
  const server = createServer({ cert: paper.pem, key: paper.keyPem }, ({ url = '' }, response) => {
    requests.push(url)
    const known = answers.get(url)
    if (made.isDown) response.writeHead(503).end()
    else if (known !== undefined) response.end(known)
    else if (url === '/.well-known/openid-configuration')
      response.end(JSON.stringify({ issuer: made.issuer, jwks_uri: `${made.issuer}/keys` }))
    else if (url === '/keys') response.end(JSON.stringify(made.keySet()))
    else response.writeHead(404).end()
  }).listen(0)
  await once(server, 'listening')
  const made = {
    issuer: `https://localhost:${(server.address() as AddressInfo).port}`,
    ca: ca.pem,
    requests,
    answers,
    isDown: false,
    get key() {
      return published.at(-1) as IssuerKey
    },
    async rotate({ alg: next = alg, alone = false } = {}) {
      const key = await makeIssuerKey(next)
      published = alone ? [key] : [...published, key]
      return key
    },
    keySet: () => ({ keys: published.map(({ publicJwk }) => publicJwk) }),
    sign: (claims: TokenClaims, options: TokenOptions = {}) =>
      sign({ iss: made.issuer, ...claims }, { key: made.key, ...options }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return made
}

/** Makes a key pair that no issuer has published. */
export async function makeIssuerKey(alg: string): Promise<IssuerKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  const kid = crypto.randomUUID()
  return { kid, alg, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } }
}

async function sign(
  claims: TokenClaims,
  { key, header = {}, issuedAt = Date.now(), lifetimeS = 300 }: TokenOptions & { key: IssuerKey },
): Promise<string> {
  const iat = Math.floor(issuedAt / 1_000)
  const all = { sub: 'a', iat, nbf: iat, exp: iat + lifetimeS, jti: crypto.randomUUID(), ...claims }
  return new SignJWT(all)
    .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: 'JWT', ...header })
    .sign(key.privateKey)
}
