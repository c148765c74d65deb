import type { IncomingMessage, ServerResponse } from 'node:http'
import type { DoorListener } from '../../../src/front-door/listen/door-listener.ts'
import { type LoneDoorParts, openLoneDoor } from '../../../src/front-door/listen/lone-door.ts'
import { servedBy } from './served-by.ts'

/** Opens a door on loopback whose only site answers by a function; plain HTTP unless there is a pair. */
export function openTestLoneDoor(
  serve: (request: IncomingMessage, response: ServerResponse) => void,
  parts: Partial<LoneDoorParts> = {},
): Promise<DoorListener> {
  let ids = 0
  return openLoneDoor(
    { host: '127.0.0.1', port: 0 },
    {
      served: servedBy(serve),
      pair: undefined,
      trustedProxies: [],
      newRequestId: () => String(++ids),
      logFailure: (error) => {
        throw error
      },
      ...parts,
    },
  )
}
