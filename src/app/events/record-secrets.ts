import type { RobotManager, TokenManager } from '../../accounts/secrets.ts'
import type { NewEvent } from '../../events/event.ts'

/** Records an event outside of the transaction that it announces. */
type Record = (event: NewEvent) => Promise<void>

/** Personal tokens whose changes are events. No event has a secret. */
export function recordTokenChanges(tokens: TokenManager, record: Record, who: string): TokenManager {
  return {
    ...tokens,
    async create(token) {
      const made = await tokens.create(token)
      const after = { limits: token.limits, expiresAt: token.expiresAt }
      await record({ action: 'token.issue', who, target: `${token.user}/${token.name}`, after })
      return made
    },
    async revoke(user, token) {
      await tokens.revoke(user, token)
      await record({ action: 'token.revoke', who, target: `${user}/${token}` })
    },
    async rotate(user, token, rotation) {
      const made = await tokens.rotate(user, token, rotation)
      await record({ action: 'token.issue', who, target: `${user}/${token}`, reason: 'rotated' })
      return made
    },
  }
}

/** Robots whose changes are events. */
export function recordRobotChanges(robots: RobotManager, record: Record, who: string): RobotManager {
  return {
    ...robots,
    async create(robot) {
      const made = await robots.create(robot)
      const { name: target, owner, limits, hasSecret, expiresAt } = robot
      await record({ action: 'user.add', who, target, after: { owner, limits, hasSecret, expiresAt } })
      return made
    },
    async setDisabled(name, isDisabled) {
      await robots.setDisabled(name, isDisabled)
      await record({ action: isDisabled ? 'user.disable' : 'user.enable', who, target: name })
    },
    async rotate(name, rotation) {
      const made = await robots.rotate(name, rotation)
      await record({ action: 'token.issue', who, target: name, reason: 'rotated' })
      return made
    },
    async remove(name) {
      await robots.remove(name)
      await record({ action: 'user.remove', who, target: name })
    },
    async trust(name, trust) {
      await robots.trust(name, trust)
      const { name: trustName, issuer, audience, requiredClaims } = trust
      const after = { trust: trustName, issuer, audience, requiredClaims }
      await record({ action: 'access.change', who, target: name, after })
    },
    async distrust(name, trust) {
      await robots.distrust(name, trust)
      await record({ action: 'access.change', who, target: name, before: { trust } })
    },
  }
}
