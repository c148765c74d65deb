import type { Command } from 'commander'
import { createContext, printResult } from '../../context/command-context.ts'
import { findOperator } from '../../context/find-operator.ts'
import { openDataOf } from '../../context/open-data.ts'
import { CliError } from '../../errors/cli-error.ts'
import type { Io } from '../../io.ts'
import { formatTable, formatTime } from '../../output/table.ts'

/** Deliveries shown at most: the newest. */
const MAX_DELIVERIES = 1_000

/** `berth webhook deliveries`. */
export function addWebhookDeliveries(webhook: Command, io: Io): void {
  webhook
    .command('deliveries')
    .description('List deliveries: those that wait, dead ones, and those of the last day.')
    .option('--webhook <NAME>', 'only those of this webhook')
    .option('--state <STATE>', 'only waiting, delivered or dead ones')
    .action(async (_options, command: Command) => {
      const context = createContext(command, io)
      const { webhook: name, state } = context.flags
      if (state !== undefined && !['waiting', 'delivered', 'dead'].includes(String(state)))
        throw new CliError('USAGE', '--state must be "waiting", "delivered" or "dead"')
      await using data = await openDataOf(context)
      const selection = { webhook: toText(name), state: toText(state) }
      const deliveries = await data.webhooks.listDeliveries(selection, MAX_DELIVERIES)
      const rows = deliveries.map((delivery) => [
        String(delivery.id),
        delivery.webhook,
        String(delivery.position),
        delivery.repository,
        delivery.state,
        String(delivery.attempts),
        formatTime(delivery.dueAt),
        delivery.reason ?? (delivery.status === undefined ? '-' : `status ${delivery.status}`),
      ])
      const headings = ['ID', 'WEBHOOK', 'EVENT', 'REPOSITORY', 'STATE', 'ATTEMPTS', 'NEXT', 'RESULT']
      printResult(context, { deliveries }, formatTable(headings, rows))
    })
}

/** `berth webhook redeliver`. */
export function addWebhookRedeliver(webhook: Command, io: Io): void {
  webhook
    .command('redeliver [id]')
    .description('Send a delivery again, or all of a webhook that are dead or wait.')
    .option('--webhook <NAME>', 'all of this webhook that are dead or wait')
    .action(async (id: string | undefined, _options, command: Command) => {
      const context = createContext(command, io)
      const name = toText(context.flags.webhook)
      if ((id === undefined) === (name === undefined))
        throw new CliError('USAGE', 'Give the id of a delivery, or --webhook NAME')
      const number = id === undefined ? undefined : Number(id)
      if (number !== undefined && !Number.isSafeInteger(number))
        throw new CliError(
          'USAGE',
          'The id of a delivery is a whole number: "berth webhook deliveries" lists them',
        )
      await using data = await openDataOf(context)
      const count = await data.webhooks.redeliver({ id: number, webhook: name }, findOperator())
      if (count === 0 && number !== undefined)
        throw new CliError('DELIVERY_UNKNOWN', `There is no delivery ${number}`)
      printResult(context, { count }, `${count} deliveries are sent again by the server`)
    })
}

function toText(value: unknown): string | undefined {
  return value === undefined ? undefined : String(value)
}
