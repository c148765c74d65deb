import type { Command } from 'commander'
import { formatLimit } from '../../../access/limits.ts'
import type { TokenManager } from '../../../accounts/secrets.ts'
import { type CommandContext, createContext, printResult } from '../../context/command-context.ts'
import { openDataOf, requireDataOf } from '../../context/open-data.ts'
import type { Io } from '../../io.ts'
import { formatTable } from '../../output/table.ts'
import { askConfirmation } from '../../prompts/ask.ts'
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

/** A person renews a token four times a year; a lost one ends by itself. */
const DEFAULT_EXPIRY = '90d'

const EXAMPLES = `
Examples:
  berth token create alice laptop                            all that alice may do, for 90 days
  berth token create alice deploy --allow "alice/app:pull"   may pull one repository
  berth token create alice ci | docker login -u alice --password-stdin HOST
  berth token rotate alice ci --overlap 24h                  the old one counts for one more day
  berth token revoke alice laptop                            counts at once

A token is the password of its user for docker login and other clients.
Changes count at once, also for a server that runs.`

/** `berth token …`. */
export function addTokenCommand(program: Command, io: Io): void {
  const token = program
    .command('token')
    .description('Manage personal tokens, which stand in for the password.')
    .addHelpText('after', EXAMPLES)
  addCreate(token, io)
  addList(token, io)
  addRotate(token, io)
  addRevoke(token, io)
}

function addCreate(token: Command, io: Io): void {
  addSecretFlags(token.command('create <user> <name>'), DEFAULT_EXPIRY)
    .description('Make a token of a user, and print it.')
    .action(async (user: string, name: string, _options, command: Command) => {
      const context = createContext(command, io)
      const limits = readLimits(context)
      const expiresAt = readExpiry(context)
      const secret = await withTokens(context, (tokens) => tokens.create({ user, name, limits, expiresAt }))
      const about = `Token ${name} of ${user} was made.`
      const value = { user, name, limits: limits?.map(formatLimit) ?? null }
      printSecret(context, { secret, about, value })
    })
}

function addList(token: Command, io: Io): void {
  token
    .command('list [user]')
    .description('List tokens, of one user or of all, with their last use.')
    .action(async (user: string | undefined, _options, command: Command) => {
      const context = createContext(command, io)
      const tokens = await withTokens(context, (manager) => manager.list(user))
      const rows = tokens.map((one) => [one.user, one.name, one.id, ...secretCells(one, one.limits)])
      const text = formatTable(['USER', 'NAME', 'ID', ...SECRET_HEADINGS], rows)
      const values = tokens.map((one) => ({
        user: one.user,
        name: one.name,
        limits: one.limits?.map(formatLimit) ?? null,
        ...toSecretJson(one),
      }))
      printResult(context, { tokens: values }, text)
    })
}

function addRotate(token: Command, io: Io): void {
  addRotationFlags(token.command('rotate <user> <token>'))
    .description('Replace the secret of a token, by its name or id, and print the new one.')
    .action(async (user: string, name: string, _options, command: Command) => {
      const context = createContext(command, io)
      const rotation = readRotation(context)
      const secret = await withTokens(context, (tokens) => tokens.rotate(user, name, rotation))
      const about = `Token ${name} of ${user} has a new secret.`
      printSecret(context, { secret, about, value: { user, token: name } })
    })
}

function addRevoke(token: Command, io: Io): void {
  token
    .command('revoke <user> <token>')
    .description('End a token, by its name or id, and the log-ins made with it, at once.')
    .option('--yes', 'do not ask')
    .action(async (user: string, name: string, _options, command: Command) => {
      const context = createContext(command, io)
      await requireDataOf(context)
      await askConfirmation(io, `Revoke the token ${name} of ${user}?`, context.flags.yes === true)
      await withTokens(context, (tokens) => tokens.revoke(user, name))
      printResult(context, { user, token: name }, `Token ${name} of ${user} was revoked`)
    })
}

async function withTokens<T>(context: CommandContext, act: (tokens: TokenManager) => Promise<T>): Promise<T> {
  await using data = await openDataOf(context)
  return await act(data.tokens)
}
