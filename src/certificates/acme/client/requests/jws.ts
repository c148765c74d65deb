import {
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto'

/** Public part of an account's key, members in the order of their thumbprint (RFC 7638). */
interface AccountJwk {
  readonly crv: string
  readonly kty: string
  readonly x: string
  readonly y: string
}

/** The key of an ACME account: ECDSA on P-256. */
export interface AccountKey {
  readonly privateKey: KeyObject
  readonly jwk: AccountJwk
  /** RFC 7638, SHA-256, base64url: the second half of each key authorization. */
  readonly thumbprint: string
}

/** A signed request body (RFC 7515, flattened JSON). */
interface FlattenedJws {
  readonly protected: string
  readonly payload: string
  readonly signature: string
}

/** Content of a signed request. */
interface JwsInput {
  readonly url: string
  readonly nonce: string
  /** URL of the account; undefined before there is one: then the key itself is sent. */
  readonly accountUrl: string | undefined
  /** Sent as JSON; undefined is POST-as-GET, an empty payload (RFC 8555 section 6.3). */
  readonly payload: unknown
}

/** A new account key, as PEM (PKCS #8). */
export function makeAccountKey(): string {
  return generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  }).privateKey
}

/** Reads an account key. Errors: it is no private key on P-256. */
export function parseAccountKey(pem: string): AccountKey {
  const privateKey = createPrivateKey(pem)
  const { crv, kty, x, y } = createPublicKey(privateKey).export({ format: 'jwk' })
  if (kty !== 'EC' || crv !== 'P-256' || x === undefined || y === undefined)
    throw new TypeError('an account key is an ECDSA key on P-256')
  const jwk = { crv, kty, x, y }
  return { privateKey, jwk, thumbprint: createHash('sha256').update(JSON.stringify(jwk)).digest('base64url') }
}

/** Signs a request with ES256 (RFC 8555 section 6.2). */
export function signJws(key: AccountKey, input: JwsInput): FlattenedJws {
  const signer = input.accountUrl === undefined ? { jwk: key.jwk } : { kid: input.accountUrl }
  const header = encode({ alg: 'ES256', nonce: input.nonce, url: input.url, ...signer })
  const payload = input.payload === undefined ? '' : encode(input.payload)
  const signature = sign('sha256', Buffer.from(`${header}.${payload}`), {
    key: key.privateKey,
    dsaEncoding: 'ieee-p1363',
  })
  return { protected: header, payload, signature: signature.toString('base64url') }
}

/** External account binding: the account's key, signed with HS256 by the key the CA gave out (RFC 8555 section 7.3.4). */
export function bindAccount(
  key: AccountKey,
  eab: { readonly keyId: string; readonly hmacKey: string },
  url: string,
): FlattenedJws {
  const header = encode({ alg: 'HS256', kid: eab.keyId, url })
  const payload = encode(key.jwk)
  // CAs print it as base64url, some as base64; Buffer reads both.
  const mac = createHmac('sha256', Buffer.from(eab.hmacKey.trim(), 'base64url'))
  return { protected: header, payload, signature: mac.update(`${header}.${payload}`).digest('base64url') }
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
