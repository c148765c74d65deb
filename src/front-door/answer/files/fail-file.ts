import type { ServerResponse } from 'node:http'
import { DESCRIPTORS_RETRY_AFTER_S, isOutOfDescriptors } from '../../../stream/descriptors.ts'
import { breakOff } from '../../listen/http/messages/break-off.ts'

/**
 * Ends the answer with a file that could not be read, or whose client went away.
 * @returns the status to answer with if nothing was sent; undefined: the answer was broken off, as it is not whole.
 */
export function failFile(response: ServerResponse, error: unknown): number | undefined {
  if (response.headersSent) {
    breakOff(response)
    return undefined
  }
  if (!isOutOfDescriptors(error)) return 403
  response.setHeader('retry-after', DESCRIPTORS_RETRY_AFTER_S)
  return 503
}
