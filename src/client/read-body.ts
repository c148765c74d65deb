import { isJsonObject, type JsonObject } from '../oci/descriptor.ts'
import { RegistryError } from './registry-error.ts'

/** Reads a body into memory. Errors: `REGISTRY_ANSWER_INVALID` if it is larger than `maxBytes`. */
export async function readBody(response: Response, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength
    if (size > maxBytes) {
      throw new RegistryError('REGISTRY_ANSWER_INVALID', `An answer is larger than ${maxBytes} bytes`)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Reads a body that is a JSON object. Errors: `REGISTRY_ANSWER_INVALID`. */
export async function readJson(response: Response, maxBytes: number): Promise<JsonObject> {
  const bytes = await readBody(response, maxBytes)
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'))
    if (isJsonObject(value)) return value
  } catch (cause) {
    throw new RegistryError('REGISTRY_ANSWER_INVALID', 'An answer is not JSON', { cause })
  }
  throw new RegistryError('REGISTRY_ANSWER_INVALID', 'An answer is not a JSON object')
}
