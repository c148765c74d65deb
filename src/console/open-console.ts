import type { Console } from './console.ts'
import type { ConsoleParts } from './console-parts.ts'
import { createConsole } from './frame/create-console.ts'
import { toOpenApi } from './frame/open-api.ts'
import type { Route } from './frame/route.ts'
import { accessRoutes } from './resources/access.ts'
import { eventRoutes } from './resources/events.ts'
import { manifestRoutes } from './resources/manifests.ts'
import { pinRoutes } from './resources/pins.ts'
import { policyRoutes } from './resources/policies.ts'
import { repositoryRoutes } from './resources/repositories.ts'
import { retentionRoutes } from './resources/retention.ts'
import { serverRoutes } from './resources/server.ts'
import { serviceRoutes } from './resources/service.ts'
import { switchRoutes } from './resources/switches.ts'
import { tagRoutes } from './resources/tags.ts'
import { trashRoutes } from './resources/trash.ts'
import { upkeepRoutes } from './resources/upkeep.ts'
import { userRoutes } from './resources/users.ts'

/** All routes of the admin API. */
function createRoutes(parts: ConsoleParts): readonly Route[] {
  let document: unknown
  const routes: Route[] = [
    ...serviceRoutes(parts.version, () => {
      document ??= toOpenApi(routes, parts.version)
      return document
    }),
    ...repositoryRoutes(parts),
    ...tagRoutes(parts),
    ...manifestRoutes(parts),
    ...trashRoutes(parts),
    ...userRoutes(parts),
    ...accessRoutes(parts),
    ...policyRoutes(parts),
    ...retentionRoutes(parts),
    ...switchRoutes(parts),
    ...pinRoutes(parts),
    ...upkeepRoutes(parts),
    ...serverRoutes(parts),
    ...eventRoutes(parts),
  ]
  return routes
}

/** Opens the admin API over the use-cases of a server. */
export function openConsole(parts: ConsoleParts): Console {
  return createConsole({ routes: createRoutes(parts), rules: parts.rules })
}
