import { ANY, type DirectiveEntry, defineDirectives, WITH_IF } from './directive-entry.ts'
import { flag, size } from './read-words.ts'

/** Directives about compressed answers. */
export const GZIP_DIRECTIVES: readonly DirectiveEntry[] = defineDirectives([
  {
    name: 'gzip',
    class: 'tuning',
    args: 1,
    contexts: WITH_IF,
    note: 'blobs are never compressed',
    // The level fills in types and length once all of it is read.
    setting: flag((draft, on) => {
      draft.gzip = on ? { types: [], minLengthBytes: 0 } : undefined
    }),
  },
  {
    name: 'gzip_types',
    class: 'tuning',
    args: ANY,
    setting: ({ draft }, { args }) => {
      const gzipTypes = [...new Set(['text/html', ...args.map((type) => type.toLowerCase())])]
      draft.latent = { ...draft.latent, gzipTypes }
      return undefined
    },
  },
  {
    name: 'gzip_min_length',
    class: 'tuning',
    args: 1,
    setting: size((draft, gzipMinLengthBytes) => {
      draft.latent = { ...draft.latent, gzipMinLengthBytes }
    }),
  },
])
