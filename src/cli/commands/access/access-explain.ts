import type { Command } from 'commander'
import type { RepositoryAction, RuleAction } from '../../../access/actions.ts'
import { ACTION_WORDS } from '../../../access/document/parse-actions.ts'
import { type Explanation, explainAccess, type Reason } from '../../../access/explain.ts'
import { ANONYMOUS, accountPrincipal, type Principal } from '../../../access/principal.ts'
import type { AccessRule, VisibilityRule } from '../../../access/rules.ts'
import type { Account } from '../../../accounts/accounts.ts'
import type { OpenData } from '../../../app/data/open-data.ts'
import { parseRepositoryName } from '../../../oci/repository-name.ts'
import { quoteWord } from '../../command-line/openssl-line.ts'
import { createContext, printResult } from '../../context/command-context.ts'
import { openDataOf } from '../../context/open-data.ts'
import { CliError } from '../../errors/cli-error.ts'
import type { Io } from '../../io.ts'
import { parseWho } from './parse-arguments.ts'

/** Rules of others that are shown: more would not be read. */
const MAX_OTHERS = 5

/** `berth access explain`. */
export function addAccessExplain(access: Command, io: Io): void {
  access
    .command('explain <who> <repository> <action>')
    .description('Show whether somebody may do something, by which rule, and what would change it.')
    .action(async (whoText: string, name: string, action: string, _options, command: Command) => {
      const context = createContext(command, io)
      const who = parseWho(whoText)
      const repository = parseRepositoryName(name)
      if (!ACTION_WORDS.includes(action))
        throw new CliError('USAGE', `"${action.slice(0, 100)}" is no action: use ${ACTION_WORDS.join(', ')}`)
      await using data = await openDataOf(context)
      const { rules, names } = await data.access.readRules()
      const account = await findAccount(data, who, names)
      const principal: Principal = account ? accountPrincipal(account, undefined) : ANONYMOUS
      const demand = { repository, action: action as RepositoryAction | RuleAction }
      const explanation = explainAccess(principal, demand, rules)
      const isAllowed = explanation.decision === 'allow' && account?.isDisabled !== true
      const words = new Words(names, { who, name, action })
      const because = account?.isDisabled
        ? [`${who} is disabled: no log-in is accepted`]
        : isAllowed || explanation.reasons.length === 0
          ? explanation.reasons.map((reason) => words.toReason(reason))
          : [`the limits of ${who} leave it out, although more would be allowed`]
      const changes = isAllowed
        ? explanation.reasons.map((reason) => words.toRemoval(reason))
        : words.toAdditions(explanation, account)
      const result = { who, repository, action, isAllowed, because, changes }
      printResult(
        context,
        result,
        [
          `${isAllowed ? 'allowed' : 'denied'}: ${who} ${isAllowed ? 'may' : 'may not'} ${action} in ${repository}`,
          ...(because.length > 0 ? because : ['no rule allows it']).map((line) => `  because  ${line}`),
          ...changes.map((line) => `  changes  ${line}`),
        ].join('\n'),
      )
    })
}

/** The account of a subject; undefined for everyone. Errors: `CliError` `USAGE`. */
async function findAccount(
  data: OpenData,
  who: string,
  names: ReadonlyMap<string, string>,
): Promise<Explained | undefined> {
  if (who === 'anonymous') return undefined
  if (who.startsWith('robot:')) return findRobot(data, who, names)
  const [kind = '', name = ''] = who.split(/:(.*)/s)
  const isLine = kind === 'htpasswd'
  const account = (await data.accounts.list()).find(
    (one) => one.name === name && (one.source === 'htpasswd') === isLine,
  )
  if (account && (kind === 'user' || kind === 'htpasswd')) return account
  throw new CliError(
    'USAGE',
    `There is no account ${who} to explain: name an account, or anonymous. "berth user list" lists them`,
  )
}

/** An account as far as it is explained. */
type Explained = Parameters<typeof accountPrincipal>[0] & Pick<Account, 'isDisabled'>

/** A robot, with the rights of its owner if it has one. */
async function findRobot(
  data: OpenData,
  who: string,
  names: ReadonlyMap<string, string>,
): Promise<Explained | undefined> {
  const name = who.slice('robot:'.length)
  const robot = (await data.robots.list()).find((one) => one.name === name)
  const [id] = [...names].find(([, known]) => known === who) ?? []
  if (!robot || id === undefined)
    throw new CliError('USAGE', `There is no ${who} to explain: "berth robot list" lists the robots`)
  const { limits, isDisabled, owner } = robot
  if (owner === undefined) return { kind: 'robot', id, name, isAdmin: false, owns: [], limits, isDisabled }
  const account = (await data.accounts.list()).find((one) => one.name === owner && one.source !== 'htpasswd')
  return account && { ...account, limits, isDisabled: isDisabled || account.isDisabled }
}

/** Words for what decides, with names in place of ids. */
class Words {
  readonly #names: ReadonlyMap<string, string>
  readonly #subject: { readonly who: string; readonly name: string; readonly action: string }

  constructor(
    names: ReadonlyMap<string, string>,
    subject: { readonly who: string; readonly name: string; readonly action: string },
  ) {
    this.#names = names
    this.#subject = subject
  }

  toReason(reason: Reason): string {
    const { who } = this.#subject
    switch (reason.kind) {
      case 'administrator':
        return `${who} is an administrator, who may do all`
      case 'owner':
        return `${who} owns ${reason.where}`
      case 'rule':
        return `rule: ${this.#formatRule(reason.rule)}`
      case 'visibility':
        return `visibility: ${reason.entry.where} is ${reason.entry.visibility}`
      default:
        return reason satisfies never
    }
  }

  /** The command that takes a reason away. */
  toRemoval(reason: Reason): string {
    const { action } = this.#subject
    switch (reason.kind) {
      case 'administrator':
        return 'nothing, as long as it is an administrator'
      case 'owner':
        return 'nothing, as long as it is the owner'
      case 'rule': {
        const { who, where, what } = reason.rule
        const taken = what.includes('administer') ? 'administer' : action
        return `berth access revoke ${quoteWord(this.#toName(who))} '${where}' ${taken}`
      }
      case 'visibility':
        return `berth access visibility '${reason.entry.where}' private`
      default:
        return reason satisfies never
    }
  }

  /** Commands by which a denied act would be allowed, and what is near. */
  toAdditions({ others, narrower, visibility }: Explanation, account: Explained | undefined): string[] {
    const { who, name, action } = this.#subject
    if (account?.isDisabled)
      return [`berth ${who.startsWith('robot:') ? 'robot' : 'user'} enable ${account.name}`]
    const groups = others.filter((rule) => account && rule.who.startsWith('group:')).slice(0, MAX_OTHERS)
    const isForAll = account !== undefined || action === 'pull'
    return [
      ...narrower
        .slice(0, MAX_OTHERS)
        .map((rule) => `nothing by itself: ${this.#formatRule(rule)}, which is less`),
      ...groups.map(
        ({ who: group, where }) =>
          `berth group add-member ${this.#toName(group).slice('group:'.length)} ${quoteWord(who)}   (its rule: ${where})`,
      ),
      ...(isForAll
        ? [`berth access grant ${quoteWord(who)} ${name} ${action}`]
        : ['nothing: without an account only pull can be allowed']),
      ...(action === 'pull' ? [toVisibility(name, account, visibility)] : []),
    ]
  }

  #formatRule({ who, where, what }: AccessRule): string {
    return `${this.#toName(who)} may ${what.join(', ')} in ${where}`
  }

  #toName(id: string): string {
    return this.#names.get(id) ?? id
  }
}

function toVisibility(
  name: string,
  account: Explained | undefined,
  visibility: VisibilityRule | undefined,
): string {
  const level = account ? 'internal' : 'public'
  const now = visibility ? `${visibility.visibility} by ${visibility.where}` : 'private, as no pattern has it'
  return `berth access visibility ${name} ${level}   (now ${now})`
}
