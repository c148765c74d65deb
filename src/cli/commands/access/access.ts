import type { Command } from 'commander'
import { grantRule, revokeRule, setVisibility } from '../../../access/document/edit-document.ts'
import { VISIBILITIES, type Visibility } from '../../../access/rules.ts'
import { createContext, printResult } from '../../context/command-context.ts'
import { findOperator } from '../../context/find-operator.ts'
import { openDataOf } from '../../context/open-data.ts'
import { CliError } from '../../errors/cli-error.ts'
import type { Io } from '../../io.ts'
import { formatTable, formatTime } from '../../output/table.ts'
import { addAccessApply } from './access-apply.ts'
import { addAccessExplain } from './access-explain.ts'
import { formatAccess } from './access-file.ts'
import { parseWhat, parseWhere, parseWho } from './parse-arguments.ts'

const EXAMPLES = `
Examples:
  berth access visibility 'open/**' public          everyone may pull, without a log-in
  berth access grant group:backend 'team/**' pull push
  berth access grant robot:ci team/app pull create   new tags only, none is moved
  berth access explain alice team/app push           the decision, and the rule behind it
  berth access export > access.yaml                  all of it as a file, for git
  berth access apply access.yaml --dry-run

A user owns the repositories below the own name, and administrators may do all, without a rule.
Changes count at once, also for a server that runs.`

/** `berth access …`. */
export function addAccessCommand(program: Command, io: Io): void {
  const access = program
    .command('access')
    .description('Show and set who may do what.')
    .addHelpText('after', EXAMPLES)
  addList(access, io)
  addGrant(access, io)
  addRevoke(access, io)
  addVisibility(access, io)
  addExport(access, io)
  addAccessApply(access, io)
  addAccessExplain(access, io)
}

function addList(access: Command, io: Io): void {
  access
    .command('list')
    .description('List rules and visibility.')
    .action(async (_options, command: Command) => {
      const context = createContext(command, io)
      await using data = await openDataOf(context)
      const { document, version, changedAt, changedBy } = await data.access.read()
      const { rules, visibility } = document
      const rows = [
        ...rules.map(({ who, where, what }) => [who, where, what.join(', ')]),
        ...visibility.map(({ where, visibility: level }) => [WHO_OF[level], where, `pull (${level})`]),
      ]
      const heading =
        version === 0
          ? 'No rule was ever set: users own what is below their names, administrators may do all.'
          : `Version ${version}, set ${formatTime(changedAt)} by ${changedBy ?? '-'}`
      const table = rows.length > 0 ? [formatTable(['WHO', 'WHERE', 'WHAT'], rows)] : []
      printResult(context, { version, changedAt, changedBy, ...document }, [heading, ...table].join('\n'))
    })
}

const WHO_OF: Readonly<Record<Visibility, string>> = {
  private: '(no more)',
  internal: '(signed-in)',
  public: '(anonymous)',
}

function addGrant(access: Command, io: Io): void {
  access
    .command('grant <who> <repositories> <actions...>')
    .description(
      'Allow somebody actions in repositories: pull, create, overwrite, push for both, delete, administer.',
    )
    .action(async (whoText: string, whereText: string, words: string[], _options, command: Command) => {
      const context = createContext(command, io)
      const rule = { who: parseWho(whoText), where: parseWhere(whereText), what: parseWhat(words) }
      await using data = await openDataOf(context)
      const { after, version } = await data.access.change((document) => grantRule(document, rule), {
        by: findOperator(),
      })
      const set = after.rules.find(({ who, where }) => who === rule.who && where === rule.where)
      printResult(context, { version, rule: set }, `${rule.who} may ${set?.what.join(', ')} in ${rule.where}`)
    })
}

function addRevoke(access: Command, io: Io): void {
  access
    .command('revoke <who> <repositories> [actions...]')
    .description('Take back actions of a rule, or all of it.')
    .action(async (whoText: string, whereText: string, words: string[], _options, command: Command) => {
      const context = createContext(command, io)
      const all = ['pull', 'push', 'delete', 'administer']
      const rule = {
        who: parseWho(whoText),
        where: parseWhere(whereText),
        what: parseWhat(words.length === 0 ? all : words),
      }
      await using data = await openDataOf(context)
      const { after, version } = await data.access.change((document) => revokeRule(document, rule), {
        by: findOperator(),
      })
      const left = after.rules.find(({ who, where }) => who === rule.who && where === rule.where)
      const text = left
        ? `${rule.who} may still ${left.what.join(', ')} in ${rule.where}`
        : `No rule is left for ${rule.who} in ${rule.where}`
      printResult(context, { version, rule: left ?? null }, text)
    })
}

function addVisibility(access: Command, io: Io): void {
  access
    .command('visibility <repositories> <visibility>')
    .description(
      'Set who may pull without a rule: private, internal for every account, public for everyone; default removes the entry.',
    )
    .action(async (whereText: string, level: string, _options, command: Command) => {
      const context = createContext(command, io)
      const where = parseWhere(whereText)
      const words: readonly string[] = [...VISIBILITIES, 'default']
      if (!words.includes(level))
        throw new CliError('USAGE', `"${level.slice(0, 100)}" is no visibility: use ${words.join(', ')}`)
      const visibility = level === 'default' ? undefined : (level as Visibility)
      await using data = await openDataOf(context)
      const { version } = await data.access.change((document) => setVisibility(document, where, visibility), {
        by: findOperator(),
      })
      const text = visibility
        ? `${where} is ${visibility}`
        : `For ${where} the visibility of wider patterns counts`
      printResult(context, { version, where, visibility: visibility ?? null }, text)
    })
}

function addExport(access: Command, io: Io): void {
  access
    .command('export')
    .description(
      'Print groups, rules and visibility as a file for apply; its line "version" protects changes of others.',
    )
    .action(async (_options, command: Command) => {
      const context = createContext(command, io)
      await using data = await openDataOf(context)
      const { version, document } = await data.access.read()
      printResult(context, { version, ...document }, formatAccess(document, version).trimEnd())
    })
}
