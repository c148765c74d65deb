import { BOTH, type DirectiveEntry, defineDirectives, REWRITE } from './directive-entry.ts'

/** Directives that say what stands where. */
export const STRUCTURE_DIRECTIVES: readonly DirectiveEntry[] = defineDirectives([
  {
    name: 'location',
    class: 'routing',
    args: [1, 2],
    contexts: BOTH,
    block: () => 'location',
    structure: 'location',
  },
  {
    name: 'include',
    class: 'routing',
    support: 'part',
    args: 1,
    contexts: [...REWRITE, 'limit_except'],
    note: 'files of the vhost folder, no patterns',
    structure: 'include',
  },
])
