import { randomUUID } from 'node:crypto'
import type { Command } from 'commander'
import { readVersion } from '../../../app/product.ts'
import { createContext, printResult } from '../../context/command-context.ts'
import { findOperator } from '../../context/find-operator.ts'
import { loadWithoutDomain } from '../../context/load-without-domain.ts'
import { openDataOf } from '../../context/open-data.ts'
import { CliError } from '../../errors/cli-error.ts'
import type { Io } from '../../io.ts'
import { formatTable } from '../../output/table.ts'
import { addWebhookAdd } from './webhook-add.ts'
import { addWebhookDeliveries, addWebhookRedeliver } from './webhook-deliveries.ts'

const EXAMPLES = `
Examples:
  berth webhook add deploy https://deploy.example.com/hook --repository 'team/**' --action manifest.push
  berth webhook test deploy                  sends a test event now, and shows the answer
  berth webhook list
  berth webhook deliveries --state dead      what could not be delivered, and why
  berth webhook redeliver --webhook deploy   sends all of that again
  berth webhook remove deploy`

/** `berth webhook …`. */
export function addWebhookCommand(program: Command, io: Io): void {
  const webhook = program
    .command('webhook')
    .description('Announce pushes, deletes and more to other services.')
    .addHelpText('after', EXAMPLES)
  addWebhookAdd(webhook, io)
  addList(webhook, io)
  addRemove(webhook, io)
  addTest(webhook, io)
  addWebhookDeliveries(webhook, io)
  addWebhookRedeliver(webhook, io)
}

function addList(webhook: Command, io: Io): void {
  webhook
    .command('list')
    .description('List webhooks; keys, values of headers and paths of URLs are not shown.')
    .action(async (_options, command: Command) => {
      const context = createContext(command, io)
      await using data = await openDataOf(context)
      const webhooks = await data.webhooks.list()
      const rows = webhooks.map(
        ({ name, origin, format, repositories, actions, isSigned, waiting, dead, source }) => [
          name,
          origin,
          format,
          repositories.join(' '),
          actions.join(' ') || 'all',
          isSigned ? 'yes' : 'no',
          String(waiting),
          String(dead),
          source,
        ],
      )
      const headings = [
        'NAME',
        'TARGET',
        'FORMAT',
        'REPOSITORIES',
        'ACTIONS',
        'SIGNED',
        'WAITING',
        'DEAD',
        'MADE BY',
      ]
      printResult(context, { webhooks }, formatTable(headings, rows))
    })
}

function addRemove(webhook: Command, io: Io): void {
  webhook
    .command('remove <name>')
    .description('Remove a webhook, with what waits for it.')
    .action(async (name: string, _options, command: Command) => {
      const context = createContext(command, io)
      await using data = await openDataOf(context)
      const removed = await data.webhooks.remove(name, findOperator())
      if (removed === false) throw unknownWebhook(name)
      if (removed === 'settings')
        throw new CliError(
          'WEBHOOK_FROM_SETTINGS',
          `The webhook ${name} comes from the settings of the server`,
        )
      printResult(context, { removed: name }, `The webhook ${name} is removed`)
    })
}

function addTest(webhook: Command, io: Io): void {
  webhook
    .command('test <name>')
    .description('Send a test event to a webhook, once, and show the answer.')
    .action(async (name: string, _options, command: Command) => {
      const context = createContext(command, io)
      await using data = await openDataOf(context)
      const endpoint = await data.webhooks.find(name)
      if (!endpoint) throw unknownWebhook(name)
      const { testWebhook } = await import('../../../app/events/test-webhook.ts')
      const userAgent = `Berth/${readVersion()}`
      const attempt = await testWebhook(loadWithoutDomain(context), endpoint, { id: randomUUID(), userAgent })
      if (!attempt.isDelivered)
        throw new CliError(
          'WEBHOOK_FAILED',
          `The webhook ${name} did not take a test event: ${attempt.reason}`,
        )
      printResult(context, attempt, `The webhook ${name} took a test event: status ${attempt.status}`)
    })
}

/** The error of a webhook that there is not. */
function unknownWebhook(name: string): CliError {
  return new CliError('WEBHOOK_UNKNOWN', `There is no webhook ${name}`)
}
