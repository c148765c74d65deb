import type { IncomingMessage } from 'node:http'
import type { Visit } from '../../front-door/visit/visit.ts'
import { OciError } from '../../oci/errors.ts'

/**
 * Refuses a request whose target names another host than its header, since one of the two is wrong. Errors:
 * `REQUEST_INVALID`.
 */
export function requireOneHost({ headers }: IncomingMessage, { targetAuthority }: Visit): void {
  if (targetAuthority === undefined || targetAuthority.toLowerCase() === headers.host?.toLowerCase()) return
  throw new OciError('REQUEST_INVALID', {
    message: 'The request names two hosts: send the same one in its target and its Host header',
  })
}
