import { parseTemplate } from '../syntax/template.ts'
import { ANY, allWords, type DirectiveEntry, defineDirectives, LOCATION, MANY } from './directive-entry.ts'

/** Directives about files that are served. */
export const FILE_DIRECTIVES: readonly DirectiveEntry[] = defineDirectives([
  {
    name: 'root',
    class: 'routing',
    args: 1,
    once: true,
    variables: allWords,
    content: (draft, { args: [path = ''] }) => {
      draft.root ??= parseTemplate(path)
    },
  },
  {
    name: 'alias',
    class: 'routing',
    args: 1,
    contexts: LOCATION,
    once: true,
    variables: allWords,
    content: (draft, directive) => {
      draft.alias ??= { template: parseTemplate(directive.args[0] ?? ''), directive }
    },
  },
  {
    name: 'try_files',
    class: 'routing',
    args: [2, MANY],
    note: 'not beside proxy_pass',
    once: true,
    variables: allWords,
    content: (draft, directive) => {
      draft.tryFiles ??= { words: directive.args.map(parseTemplate), directive }
    },
  },
  {
    name: 'index',
    class: 'routing',
    args: ANY,
    content: (draft, { args }) => {
      draft.index ??= args
    },
  },
  {
    name: 'autoindex',
    class: 'access',
    support: 'part',
    args: 1,
    note: 'off only: folders are not listed',
    setting: (_level, { args: [word] }) =>
      word === 'off' ? undefined : 'can only be off: folders are not listed',
  },
  {
    name: 'default_type',
    class: 'tuning',
    args: 1,
    setting: ({ draft }, { args: [type = ''] }) => {
      draft.defaultType = type
      return undefined
    },
  },
])
