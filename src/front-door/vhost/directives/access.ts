import { createAddressTest } from '../settings/access.ts'
import { parseTemplate } from '../syntax/template.ts'
import {
  ANY,
  allWords,
  type DirectiveEntry,
  defineDirectives,
  LOCATION,
  type ReadSetting,
  WITH_LIMIT,
} from './directive-entry.ts'
import { isNetwork } from './read-words.ts'

/** Directives of the access phase: addresses, passwords, methods. */
export const ACCESS_DIRECTIVES: readonly DirectiveEntry[] = defineDirectives([
  { name: 'allow', class: 'access', args: 1, contexts: WITH_LIMIT, setting: address('allow') },
  { name: 'deny', class: 'access', args: 1, contexts: WITH_LIMIT, setting: address('deny') },
  {
    name: 'satisfy',
    class: 'access',
    args: 1,
    once: true,
    setting: ({ draft }, { args: [word] }) => {
      if (word !== 'all' && word !== 'any') return 'must be all or any'
      draft.access = { ...draft.access, satisfy: word }
      return undefined
    },
  },
  {
    name: 'auth_basic',
    class: 'access',
    args: 1,
    contexts: WITH_LIMIT,
    once: true,
    variables: allWords,
    setting: ({ draft }, { args: [realm = ''] }) => {
      const { access } = draft
      // The file counts whether it comes before or after, at this level or further out.
      const basic = realm === 'off' ? undefined : { realm: parseTemplate(realm), file: access.file }
      draft.access = { ...access, basic }
      return undefined
    },
  },
  {
    name: 'auth_basic_user_file',
    class: 'access',
    args: 1,
    contexts: WITH_LIMIT,
    note: 'a file of the password folders; on the registry its users are accounts',
    once: true,
    setting: ({ draft, context }, { args: [path = ''] }) => {
      if (path.includes('$')) return `has a variable in its name, which is not understood: ${path}`
      const file = context.resolvePath(path)
      if (file === undefined) return `names a file outside the password folder: ${path}`
      const { access } = draft
      draft.access = { ...access, file, basic: access.basic && { ...access.basic, file } }
      return undefined
    },
  },
  {
    name: 'limit_except',
    class: 'access',
    args: ANY,
    note: 'inside: allow, deny, auth_basic, auth_basic_user_file; outside of a location it counts for all of them',
    once: true,
    block: () => 'limit_except',
    // The access of other methods is made of all the other settings of this level.
    isLast: true,
    setting: ({ draft, inside }, { args, block = [] }) => {
      const methods = args.map((method) => method.toUpperCase())
      const { access, accessLog } = inside({ ...draft, limitExcept: undefined }, block)
      draft.limitExcept = {
        methods: methods.includes('GET') ? [...methods, 'HEAD'] : methods,
        others: access,
        accessLog,
      }
      return undefined
    },
  },
  {
    name: 'internal',
    class: 'access',
    args: 0,
    contexts: LOCATION,
    note: 'locations inside are internal, too',
    content: (draft) => {
      draft.isInternal = true
    },
  },
  {
    name: 'auth_request',
    class: 'access',
    support: 'part',
    args: 1,
    note: 'off only; with a URI it closes the host',
    setting: (_level, { args: [uri] }) =>
      uri === 'off' ? undefined : 'is not supported: what it protects would be open',
  },
])

function address(action: 'allow' | 'deny'): ReadSetting {
  return (level, { args: [network = ''] }) => {
    if (network !== 'all' && network !== 'unix:' && !isNetwork(network)) {
      return `has "${network}", which is no address or network`
    }
    const { access } = level.draft
    const before = level.own.has('addresses') ? access.addresses : []
    level.own.add('addresses')
    const rule = { action, network, fits: createAddressTest(network) }
    level.draft.access = { ...access, addresses: [...before, rule] }
    return undefined
  }
}
