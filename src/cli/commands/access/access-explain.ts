import type { Command } from 'commander'
import type { RepositoryAction, RuleAction } from '../../../access/actions.ts'
import { ACTION_WORDS } from '../../../access/document/parse-actions.ts'
import { explainAccess } from '../../../access/explain.ts'
import { ANONYMOUS, accountPrincipal, type Principal } from '../../../access/principal.ts'
import type { OpenData } from '../../../app/data/open-data.ts'
import { parseRepositoryName } from '../../../oci/repository-name.ts'
import { createContext, printResult } from '../../context/command-context.ts'
import { openDataOf } from '../../context/open-data.ts'
import { CliError } from '../../errors/cli-error.ts'
import type { Io } from '../../io.ts'
import { type Explained, ExplainWords } from './explain-words.ts'
import { parseWho } from './parse-arguments.ts'

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
      const explained = await findAccount(data, who, names)
      const principal: Principal = explained ? accountPrincipal(explained.account, undefined) : ANONYMOUS
      const demand = { repository, action: action as RepositoryAction | RuleAction }
      const explanation = explainAccess(principal, demand, rules)
      const { disabled = [] } = explained ?? {}
      const isAllowed = explanation.decision === 'allow' && disabled.length === 0
      const words = new ExplainWords(names, { who, name, action, explained })
      const because = isAllowed
        ? explanation.reasons.map((reason) => words.toReason(reason))
        : words.toRefusals(explanation)
      const changes = isAllowed
        ? explanation.reasons.map((reason) => words.toRemoval(reason))
        : words.toAdditions(explanation)
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
  if (account && (kind === 'user' || kind === 'htpasswd'))
    return { account, subject: who, disabled: account.isDisabled ? [who] : [] }
  throw new CliError(
    'USAGE',
    `There is no account ${who} to explain: name an account, or anonymous. "berth user list" lists them`,
  )
}

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
  const { limits, owner } = robot
  const disabled = robot.isDisabled ? [who] : []
  if (owner === undefined) {
    const account = { kind: 'robot' as const, id, name, isAdmin: false, owns: [], limits }
    return { account, subject: who, disabled, robot }
  }
  const account = (await data.accounts.list()).find((one) => one.name === owner && one.source !== 'htpasswd')
  const subject = `user:${owner}`
  return (
    account && {
      account: { ...account, limits },
      subject,
      disabled: account.isDisabled ? [...disabled, subject] : disabled,
      robot,
    }
  )
}
