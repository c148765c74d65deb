import type { AccessRules } from './rules.ts'

/** Returns the rules in force: at once from memory unless they have changed. Called once for each request. */
export type RuleSource = () => AccessRules | Promise<AccessRules>
