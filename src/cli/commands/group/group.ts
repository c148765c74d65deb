import type { Command } from 'commander'
import { isAccountName } from '../../../access/account-name.ts'
import type { AccessDocument } from '../../../access/document/access-document.ts'
import { addGroup, changeMembers, removeGroup } from '../../../access/document/edit-document.ts'
import { createContext, printResult } from '../../context/command-context.ts'
import { findOperator } from '../../context/find-operator.ts'
import { openDataOf } from '../../context/open-data.ts'
import { CliError } from '../../errors/cli-error.ts'
import type { Io } from '../../io.ts'
import { formatTable } from '../../output/table.ts'
import { parseMemberName } from '../access/parse-arguments.ts'

const EXAMPLES = `
Examples:
  berth group add backend alice bob
  berth group add-member backend robot:ci
  berth access grant group:backend 'team/**' pull push
  berth group remove backend                  with the rules about it

A member is the name of a user, robot:NAME, or htpasswd:NAME for a line of a password file.`

/** `berth group …`. */
export function addGroupCommand(program: Command, io: Io): void {
  const group = program
    .command('group')
    .description('Manage groups, which rules of access refer to.')
    .addHelpText('after', EXAMPLES)
  addList(group, io)
  addChange(group, io, {
    usage: 'add <name> [members...]',
    description: 'Make a group.',
    edit: (document, name, members) =>
      changeMembers(addGroup(document, requireName(name)), name, { add: members.map(parseMemberName) }),
  })
  addChange(group, io, {
    usage: 'remove <name>',
    description: 'Remove a group with the rules about it.',
    edit: (document, name) => removeGroup(document, name),
  })
  addChange(group, io, {
    usage: 'add-member <name> <members...>',
    description: 'Add members to a group.',
    edit: (document, name, members) => changeMembers(document, name, { add: members.map(parseMemberName) }),
  })
  addChange(group, io, {
    usage: 'remove-member <name> <members...>',
    description: 'Remove members from a group.',
    edit: (document, name, members) =>
      changeMembers(document, name, { remove: members.map(parseMemberName) }),
  })
}

function addList(group: Command, io: Io): void {
  group
    .command('list')
    .description('List groups with their members.')
    .action(async (_options, command: Command) => {
      const context = createContext(command, io)
      await using data = await openDataOf(context)
      const { groups } = (await data.access.read()).document
      const rows = groups.map(({ name, members }) => [name, members.join(', ') || '-'])
      printResult(context, { groups }, formatTable(['NAME', 'MEMBERS'], rows))
    })
}

interface GroupChange {
  readonly usage: string
  readonly description: string
  edit(document: AccessDocument, name: string, members: readonly string[]): AccessDocument
}

function addChange(group: Command, io: Io, { usage, description, edit }: GroupChange): void {
  group
    .command(usage)
    .description(description)
    .action(async (name: string, ...rest: unknown[]) => {
      const command = rest.at(-1) as Command
      const members = Array.isArray(rest[0]) ? (rest[0] as string[]) : []
      const context = createContext(command, io)
      await using data = await openDataOf(context)
      const { after, version } = await data.access.change((document) => edit(document, name, members), {
        by: findOperator(),
      })
      const found = after.groups.find((other) => other.name === name)
      const text = found
        ? `Members of ${name}: ${found.members.join(', ') || 'none'}`
        : `The group ${name} was removed`
      printResult(context, { version, group: found ?? null }, text)
    })
}

function requireName(name: string): string {
  if (isAccountName(name)) return name
  throw new CliError(
    'USAGE',
    `"${name.slice(0, 100)}" cannot name a group: use lower-case letters and digits`,
  )
}
