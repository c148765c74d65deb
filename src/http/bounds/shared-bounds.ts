import { MAX_MANIFEST_BYTES } from '../../oci/manifest.ts'
import type { UnsentBytes } from '../../stream/unsent-bytes.ts'
import { BodyRoom } from './body-room.ts'
import { Transfers } from './transfers.ts'

/** Bounds that all requests of a process share. */
export interface SharedBounds {
  readonly transfers: Transfers
  /** Memory of manifests that are being pushed. */
  readonly manifestRoom: BodyRoom
  /** Memory of forms of token requests: anyone may send them, on thousands of connections at once. */
  readonly formRoom: BodyRoom
  /** Memory of larger answers that wait for their clients to read them. */
  readonly answerRoom: BodyRoom
  /** Bytes read and not yet sent, of all answers of this process: those of other hosts, too. */
  readonly unsentBytes: UnsentBytes
}

/** Memory of manifests, in bytes: sixteen of the largest, or thousands of the usual ones. */
const MANIFEST_ROOM_BYTES = 16 * MAX_MANIFEST_BYTES
/** Largest form of a token request, in bytes: 64 scopes of the longest names stay below it. */
export const MAX_FORM_BYTES: number = 64 * 1024
const FORM_ROOM_BYTES = 128 * MAX_FORM_BYTES
/** Memory of answers, in bytes: sixteen of the largest manifests. */
const ANSWER_ROOM_BYTES = 16 * MAX_MANIFEST_BYTES

/** Creates the bounds with nothing counted in but what others count in `unsentBytes`. */
export function createSharedBounds(unsentBytes: UnsentBytes): SharedBounds {
  return {
    transfers: new Transfers(),
    manifestRoom: new BodyRoom(MANIFEST_ROOM_BYTES),
    formRoom: new BodyRoom(FORM_ROOM_BYTES),
    answerRoom: new BodyRoom(ANSWER_ROOM_BYTES),
    unsentBytes,
  }
}
