import type { Refusal, RefusalWords } from '../../front-door/visit/served.ts'

/** Words a refusal of the front door as clients of a registry read errors (distribution-spec "Error Codes"). */
export function wordRefusal(refusal: Refusal): RefusalWords {
  return { type: 'application/json', body: JSON.stringify({ errors: [toError(refusal)] }) }
}

function toError(refusal: Refusal): object {
  switch (refusal.kind) {
    case 'head':
      return { code: 'REQUEST_INVALID', message: refusal.reason }
    case 'body-too-large': {
      const { maxBytes, place } = refusal
      const message = `The body is larger than the ${maxBytes} bytes that client_max_body_size allows in ${place}`
      return { code: 'SIZE_INVALID', message, detail: { limit: maxBytes } }
    }
    default:
      return refusal satisfies never
  }
}
