import type { Command } from 'commander'
import { formatLimit } from '../../../access/limits.ts'
import type { Robot, RobotManager } from '../../../accounts/secrets.ts'
import { type CommandContext, createContext, printResult } from '../../context/command-context.ts'
import { openDataOf, requireDataOf } from '../../context/open-data.ts'
import { CliError } from '../../errors/cli-error.ts'
import type { Io } from '../../io.ts'
import { formatTable } from '../../output/table.ts'
import { askConfirmation } from '../../prompts/ask.ts'
import { addDistrust, addTrust } from './robot-trust.ts'
import {
  addRotationFlags,
  addSecretFlags,
  printSecret,
  readExpiry,
  readLimits,
  readRotation,
  SECRET_HEADINGS,
  secretCells,
  toSecretJson,
} from './secret-flags.ts'

/** Longest description, in characters: it is shown in tables. */
const MAX_DESCRIPTION_LENGTH = 200

const EXAMPLES = `
Examples:
  berth robot create ci --owner alice --allow "alice/**:pull,push"   acts with the rights of alice, there
  berth robot create deploy                        may do what rules about robot deploy allow
  berth robot rotate ci --overlap 24h              the old secret counts for one more day
  berth robot trust ci actions --issuer https://token.actions.githubusercontent.com --claim sub=repo:org/app:ref:refs/heads/main
  berth robot disable ci                           its log-ins end at once

A robot logs in with its name and its secret: docker login -u ci HOST.
Changes count at once, also for a server that runs.`

/** `berth robot …`. */
export function addRobotCommand(program: Command, io: Io): void {
  const robot = program
    .command('robot')
    .description('Manage robots: accounts of machines.')
    .addHelpText('after', EXAMPLES)
  addCreate(robot, io)
  addList(robot, io)
  addRotate(robot, io)
  addSetDisabled(robot, io, 'disable')
  addSetDisabled(robot, io, 'enable')
  addRemove(robot, io)
  addTrust(robot, io)
  addDistrust(robot, io)
}

function addCreate(robot: Command, io: Io): void {
  addSecretFlags(robot.command('create <name>'), 'never')
    .description('Make a robot, and print its secret.')
    .option('--owner <user>', 'let it act with the rights of this user, and end with it')
    .option('--description <TEXT>', 'shown in lists')
    .option('--no-secret', 'make no secret: it logs in by ID tokens only')
    .action(async (name: string, _options, command: Command) => {
      const context = createContext(command, io)
      const limits = readLimits(context)
      const expiresAt = readExpiry(context)
      const owner = context.flags.owner as string | undefined
      const description = readDescription(context)
      const hasSecret = context.flags.secret !== false
      const secret = await withRobots(context, (robots) =>
        robots.create({ name, owner, description, limits, hasSecret, expiresAt }),
      )
      const value = { robot: name, owner: owner ?? null, limits: limits?.map(formatLimit) ?? null }
      const about = `Robot ${name} was made.`
      if (secret) printSecret(context, { secret, about, value })
      else printResult(context, { ...value, secret: null }, about)
    })
}

function readDescription({ flags }: CommandContext): string {
  const text = (flags.description as string | undefined) ?? ''
  if (text.length <= MAX_DESCRIPTION_LENGTH) return text
  throw new CliError('USAGE', `The description is longer than ${MAX_DESCRIPTION_LENGTH} characters`)
}

function addList(robot: Command, io: Io): void {
  robot
    .command('list')
    .description('List robots with their limits and their last use.')
    .action(async (_options, command: Command) => {
      const context = createContext(command, io)
      const robots = await withRobots(context, (manager) => manager.list())
      const rows = robots.map((one) => [
        one.name,
        one.owner ?? '-',
        one.isDisabled ? 'disabled' : 'enabled',
        ...secretCells(one.secret, one.limits),
        one.description,
      ])
      const text = formatTable(['NAME', 'OWNER', 'STATE', ...SECRET_HEADINGS, 'DESCRIPTION'], rows)
      printResult(context, { robots: robots.map(toJson) }, text)
    })
}

function toJson({ limits, owner, secret, ...robot }: Robot): object {
  return {
    ...robot,
    owner: owner ?? null,
    limits: limits?.map(formatLimit) ?? null,
    secret: toSecretJson(secret),
  }
}

function addRotate(robot: Command, io: Io): void {
  addRotationFlags(robot.command('rotate <name>'))
    .description('Replace the secret of a robot, or make its first one, and print it.')
    .action(async (name: string, _options, command: Command) => {
      const context = createContext(command, io)
      const rotation = readRotation(context)
      const secret = await withRobots(context, (robots) => robots.rotate(name, rotation))
      printSecret(context, { secret, about: `Robot ${name} has a new secret.`, value: { robot: name } })
    })
}

function addSetDisabled(robot: Command, io: Io, verb: 'disable' | 'enable'): void {
  const description =
    verb === 'disable' ? 'Lock a robot: its log-ins end at once.' : 'Unlock a disabled robot.'
  robot
    .command(`${verb} <name>`)
    .description(description)
    .action(async (name: string, _options, command: Command) => {
      const context = createContext(command, io)
      const isDisabled = verb === 'disable'
      await withRobots(context, (robots) => robots.setDisabled(name, isDisabled))
      printResult(context, { robot: name, isDisabled }, `Robot ${name} was ${verb}d`)
    })
}

function addRemove(robot: Command, io: Io): void {
  robot
    .command('remove <name>')
    .description('Remove a robot with its secret, its log-ins and its uploads under way.')
    .option('--yes', 'do not ask')
    .action(async (name: string, _options, command: Command) => {
      const context = createContext(command, io)
      await requireDataOf(context)
      await askConfirmation(io, `Remove the robot ${name}?`, context.flags.yes === true)
      await withRobots(context, (robots) => robots.remove(name))
      printResult(context, { robot: name }, `Robot ${name} was removed`)
    })
}

async function withRobots<T>(context: CommandContext, act: (robots: RobotManager) => Promise<T>): Promise<T> {
  await using data = await openDataOf(context)
  return await act(data.robots)
}
