import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject, sign } from 'node:crypto'
import { promisify } from 'node:util'
import { der, derBitString, derInteger, derOid, TAG } from '../der.ts'
import { subjectAltName } from './x509-extensions.ts'

/** Kinds of keys a certificate may have. */
export type CertificateKeyType = 'ec-256' | 'ec-384' | 'rsa-2048' | 'rsa-3072' | 'rsa-4096'

const makeKeyPair = promisify(generateKeyPair)
const COMMON_NAME = derOid('2.5.4.3')
const EXTENSION_REQUEST = derOid('1.2.840.113549.1.9.14')
const ECDSA_WITH_SHA256 = der(TAG.sequence, derOid('1.2.840.10045.4.3.2'))
const ECDSA_WITH_SHA384 = der(TAG.sequence, derOid('1.2.840.10045.4.3.3'))
const RSA_WITH_SHA256 = der(TAG.sequence, derOid('1.2.840.113549.1.1.11'), Buffer.of(0x05, 0x00))
/** Longest common name (RFC 5280, ub-common-name); a longer first name is only among the alternative names. */
const MAX_COMMON_NAME_LENGTH = 64
const TAG_ATTRIBUTES = 0xa0

/** A new private key as PEM (PKCS #8); made off the event loop. */
export async function makeCertificateKey(type: CertificateKeyType): Promise<string> {
  const pair =
    type === 'ec-256' || type === 'ec-384'
      ? await makeKeyPair('ec', { namedCurve: type === 'ec-256' ? 'P-256' : 'P-384' })
      : await makeKeyPair('rsa', { modulusLength: Number(type.slice('rsa-'.length)) })
  return pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

/**
 * A certificate request (PKCS #10, RFC 2986) in DER: the names as alternative names, the first that fits also as common
 * name, which old readers still read. Addresses are alternative names only.
 */
export function makeCertificateRequest(names: readonly string[], keyPem: string): Buffer {
  const key = createPrivateKey(keyPem)
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' })
  const extensions = der(TAG.sequence, subjectAltName(names))
  const attribute = der(TAG.sequence, EXTENSION_REQUEST, der(TAG.set, extensions))
  const version = derInteger(Buffer.of(0))
  const body = der(TAG.sequence, version, encodeSubject(names), publicKey, der(TAG_ATTRIBUTES, attribute))
  return signDer(body, key)
}

/** Appends a signature to an encoding, as in certificates and requests. */
export function signDer(body: Buffer, key: KeyObject): Buffer {
  const algorithm = signatureAlgorithm(key)
  const signature = sign(algorithm === ECDSA_WITH_SHA384 ? 'sha384' : 'sha256', body, key)
  return der(TAG.sequence, body, algorithm, derBitString(signature))
}

/** The algorithm of {@link signDer} for a key, as an `AlgorithmIdentifier`. */
export function signatureAlgorithm(key: KeyObject): Buffer {
  if (key.asymmetricKeyType === 'rsa') return RSA_WITH_SHA256
  return key.asymmetricKeyDetails?.namedCurve === 'secp384r1' ? ECDSA_WITH_SHA384 : ECDSA_WITH_SHA256
}

/** A name with a common name, or an empty one. */
export function commonName(name: string | undefined): Buffer {
  if (name === undefined) return der(TAG.sequence)
  const attribute = der(TAG.sequence, COMMON_NAME, der(TAG.utf8String, Buffer.from(name)))
  return der(TAG.sequence, der(TAG.set, attribute))
}

function encodeSubject(names: readonly string[]): Buffer {
  const isAddress = (name: string): boolean => name.includes(':') || /^[\d.]+$/.test(name)
  return commonName(names.find((name) => name.length <= MAX_COMMON_NAME_LENGTH && !isAddress(name)))
}
