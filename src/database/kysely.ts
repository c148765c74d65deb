import { createRequire } from 'node:module'

/**
 * Kysely's values; types are imported as ever. As CommonJS its 262 files load in half the time that they take as ES
 * modules, and hold 2 MB less.
 */
export const kysely: typeof import('kysely') = createRequire(import.meta.url)('kysely')
